//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
)

const (
	instance = "pxebox-amd64"
	// updates is how long gok may take to build an update and send it.
	updates = 5 * time.Minute
	// isKept is how long after gok a new root may take to be kept.
	isKept = 2 * time.Minute
	// fallsBack is how long it takes to try a root, give it up and start the
	// old one.
	fallsBack = 6 * time.Minute
	// daemonsBack is how long a daemon that hangs may be away: three looks of
	// ten seconds, and a fourth that was just missed.
	daemonsBack = 90 * time.Second
)

// What the appliance writes to the console about an update.
const (
	keeps   = `msg="healthy: this root is kept"[^\n]*root=%d`
	wentFor = `msg="the other root was tried and was not healthy: this is the old one"[^\n]*root=%d`
)

// bootFile is one of the site's own, which an update must leave alone.
var bootFile = []byte("the site's own kernel\n")

// updated is a box that is updated.
type updated struct {
	*powered
	config map[string]any // the instance as it was built
	url    string         // of the update page, from this machine
	leases map[uint32]netip.Addr
	read   int // of the console
}

func newUpdated(t *testing.T, name, firmware string) *updated {
	t.Helper()
	p := &powered{site: newSite(t, name)}
	settings := powerSettings + lab.Menu(0, "disk", true) + lab.DiskEntry
	var err error
	p.Power, err = p.PowerBox(image(t), diskSize, map[string]lab.File{
		lab.SettingsFile: {Content: []byte(settings)}, lab.BootDir + "/site.bin": {Content: bootFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	if firmware == "UEFI" {
		state := filepath.Join(t.TempDir(), "firmware")
		b, err := os.ReadFile(qemu.FirmwareState)
		if err == nil {
			err = os.WriteFile(state, b, 0o600)
		}
		if err != nil {
			t.Fatalf("%v: run make deps", err)
		}
		p.More = []string{
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + qemu.Firmware,
			"-drive", "if=pflash,format=raw,unit=1,file=" + state,
		}
	}
	u := &updated{powered: p, config: readInstance(t)}
	password := u.config["Update"].(map[string]any)["HTTPPassword"].(string)
	u.url = fmt.Sprintf("http://gokrazy:%s@%s/", password, u.forward())
	u.on()
	u.waitBox(lab.BoxAddr)
	c := newCrowd(p)
	defer c.conn.Close()
	c.askAll(p.within(boxBoots))
	u.leases = c.leases
	return u
}

// readInstance reads the instance that the image was built of.
func readInstance(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(buildDir, "gokrazy", instance, "config.json"))
	if err != nil {
		t.Fatalf("%v: run make image", err)
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// forward makes the box's update page one of this machine's, for gok.
func (u *updated) forward() net.Addr {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer in.Close()
				out, err := u.Observer.DialContext(u.t.Context(), "tcp", netip.AddrPortFrom(lab.BoxAddr, updatePort).String())
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					io.Copy(out, in)
					out.Close()
				}()
				io.Copy(in, out)
			}()
		}
	}()
	return l.Addr()
}

// gok runs gok update with the instance as it was built, without the named
// packages.
func (u *updated) gok(ctx context.Context, without ...string) error {
	dir := filepath.Join(u.t.TempDir(), instance)
	builddir, err := filepath.Abs("../gokrazy/builddir")
	if err != nil {
		return err
	}
	licenses, err := filepath.Abs(filepath.Join(buildDir, "licenses"))
	if err != nil {
		return err
	}
	config := maps.Clone(u.config)
	config["InternalCompatibilityFlags"] = map[string]any{"Update": u.url}
	config["Packages"] = slices.DeleteFunc(slices.Clone(config["Packages"].([]any)), func(p any) bool {
		return slices.Contains(without, path.Base(p.(string)))
	})
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	b = bytes.ReplaceAll(b, []byte("../../licenses"), []byte(licenses))
	if err := errors.Join(
		os.Mkdir(dir, 0o755),
		os.Symlink(builddir, filepath.Join(dir, "builddir")),
		os.WriteFile(filepath.Join(dir, "config.json"), b, 0o600),
	); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=../tools/go.mod", "gok", "--parent_dir", filepath.Dir(dir), "-i", instance, "update")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	// gok is the go command's child.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gok update: %w\n%s", err, out)
	}
	return nil
}

// wait waits for the next such line on the box's console.
func (u *updated) wait(d time.Duration, expression string, args ...any) {
	u.t.Helper()
	start := time.Now()
	expression = fmt.Sprintf(expression, args...)
	m, err := u.box.Console.WaitForAfter(u.within(d), u.read, expression)
	if err != nil {
		u.t.Fatal(err)
	}
	u.read += regexp.MustCompile(expression).FindStringIndex(u.box.Console.Text()[u.read:])[1]
	u.t.Logf("%v later: %s", time.Since(start).Round(time.Second), strings.TrimSpace(m.Text))
}

// checkIntact checks that settings, leases and boot files are what they were,
// and that machines get them.
func (u *updated) checkIntact() {
	u.t.Helper()
	u.waitBox(lab.BoxAddr) // the menu has the settings' title
	if b, err := u.Read(lab.BoxAddr, "site.bin"); err != nil || !bytes.Equal(b, bootFile) {
		u.t.Errorf("the site's boot file is %q, %v", b, err)
	}
	checkLeases(u.powered, u.leases)
}

func TestUpdateForthAndBack(t *testing.T) {
	for _, firmware := range []string{"BIOS", "UEFI"} {
		t.Run(firmware, func(t *testing.T) {
			u := newUpdated(t, "update-"+firmware, firmware)
			for _, root := range []int{3, 2} {
				if err := u.gok(u.within(updates)); err != nil {
					t.Fatal(err)
				}
				u.wait(isKept, keeps, root)
				// make update looks there.
				if err := u.logs("this root is kept"); err != nil {
					t.Errorf("the appliance's log does not tell that the root is kept: %v", err)
				}
				u.checkIntact()
			}
			// What was kept boots from now on, and is no trial any more.
			u.Off()
			u.on()
			u.checkIntact()
			if grep(u.box.Console.Text(), "on trial") != "" {
				t.Error("the root that was kept is tried again")
			}
			u.read = 0
			noise := make([]byte, 1<<20)
			rand.Read(noise)
			if err := u.sendUpdate(u.within(updates), []part{{"root", noise}}); err != nil {
				t.Fatal(err)
			}
			u.wait(fallsBack, wentFor, 2)
			u.checkIntact()
		})
	}
}

func TestBrokenUpdateFallsBack(t *testing.T) {
	for _, tt := range []struct{ situation, without string }{
		{"a root whose pxed is missing", "pxed"},
		{"a root that nothing looks after", "appliance"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel() // for most of the time they wait
			u := newUpdated(t, "update-without-"+tt.without, "BIOS")
			ctx, cancel := context.WithCancel(u.within(updates))
			done := make(chan error)
			go func() { done <- u.gok(ctx, tt.without) }()
			u.wait(updates+fallsBack, wentFor, 2)
			// It waits for a page that never came, or that is gone again.
			cancel()
			<-done
			u.checkIntact()
		})
	}
}

// logs waits until the appliance's log, as gokrazy sends it, contains text.
func (u *updated) logs(text string) error {
	req, err := http.NewRequestWithContext(u.within(handsOver), http.MethodGet, u.url+"log?path=/user/appliance&stream=stderr", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return nil
		}
	}
	return cmp.Or(lines.Err(), fmt.Errorf("%s, and it ends", resp.Status))
}

// request asks gokrazy for something, as gok does.
func (u *updated) request(method, path string, body io.Reader, header http.Header) []byte {
	u.t.Helper()
	req, err := http.NewRequestWithContext(u.within(updates), method, u.url+path, body)
	if err != nil {
		u.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		u.t.Fatalf("%s %s: %s %v\n%s", method, path, resp.Status, err, b)
	}
	return b
}

func TestDaemonsThatHangComeBack(t *testing.T) {
	u := newUpdated(t, "hang", "BIOS")
	program := filepath.Join(t.TempDir(), "hang")
	build := exec.Command("go", "build", "-o", program, "./cmd/hang")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	// As gok run does it.
	u.request(http.MethodPut, "uploadtemp/hang/hang", bytes.NewReader(b), nil)
	ask, err := json.Marshal(map[string]any{"Path": "/user/hang", "Diversion": "hang/hang", "Flags": []string{"pxed", "menuwatch"}})
	if err != nil {
		t.Fatal(err)
	}
	u.request(http.MethodPost, "divert", bytes.NewReader(ask), http.Header{"Content-Type": {"application/json"}})
	for _, name := range []string{"pxed", "menuwatch"} {
		u.wait(boxBoots, `hang: %s, process \d+: <nil>`, name)
	}
	u.wait(daemonsBack, `msg="does not answer and is ended[^\n]*daemon=pxed`)
	u.wait(daemonsBack, `msg="does not answer and is ended[^\n]*daemon=menuwatch`)
	u.checkIntact()
}
