//go:build e2e

package e2e

import (
	"bytes"
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
	"github.com/pxebox/pxebox/internal/base/verdict"
)

const (
	instance = "pxebox-amd64"
	// updates is how long gok may take to build an update and send it.
	updates = 5 * time.Minute
	// isKept is how long after gok the box may take to keep a new root.
	isKept = 2 * time.Minute
	// fallsBack is how long it takes to try a root, give it up and start the
	// old one.
	fallsBack = 6 * time.Minute
)

// What the appliance writes to the console about an update.
const (
	keeps   = `msg="` + verdict.Kept + `"[^\n]*root=%d`
	wentFor = `msg="` + verdict.FellBack + `"[^\n]*root=%d`
)

// bootFile is one of the site's own boot files, which an update must not
// change.
var bootFile = []byte("the site's own kernel\n")

// updated is a box that receives updates.
type updated struct {
	*powered
	instance string
	config   map[string]any // the instance as it was built
	page     *http.Client   // for gokrazy's page
	addr     net.Addr       // the page's address on this machine
	leases   map[uint32]netip.Addr
	// known is the file of known boxes: another test may use the port on this
	// machine for another box.
	known string
	read  int // offset up to which the console was read
}

// prepare changes the box's machine before it is powered on.
func newUpdated(t *testing.T, name, firmware string, prepare ...func(*lab.Power)) *updated {
	t.Helper()
	p := &powered{site: newSite(t, name)}
	var err error
	if p.Power, err = p.PowerBox(image(t), diskSize, updatePerm()); err != nil {
		t.Fatal(err)
	}
	if firmware == "UEFI" {
		f := p.firmware(qemu.Debian13)
		t.Log("firmware of the box:", f.OVMF())
		state := filepath.Join(t.TempDir(), "firmware")
		b, err := os.ReadFile(f.State(false))
		if err == nil {
			err = os.WriteFile(state, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.More = f.Flash(state, false)
	}
	for _, change := range prepare {
		change(p.Power)
	}
	return p.toUpdate(instance)
}

// updatePerm returns the files that an update must not change. The leases are
// not among them.
func updatePerm() map[string]lab.File {
	settings := powerSettings + lab.Menu(0, "disk", true) + lab.DiskEntry
	return map[string]lab.File{
		lab.SettingsFile: {Content: []byte(settings)}, lab.BootDir + "/site.bin": {Content: bootFile},
	}
}

// toUpdate boots a box that was built from an instance, and lets machines get
// leases from it.
func (p *powered) toUpdate(instance string) *updated {
	p.t.Helper()
	u := &updated{
		powered: p, instance: instance, config: readInstance(p.t, instance),
		known: filepath.Join(p.t.TempDir(), "known_boxes"),
	}
	var err error
	if u.page, err = p.PageClient(lab.BoxAddr); err != nil {
		p.t.Fatal(err)
	}
	u.addr = u.forward()
	u.on()
	u.waitBox(lab.BoxAddr)
	c := newCrowd(p)
	defer c.conn.Close()
	c.askAll(p.within(boxBoots))
	u.leases = c.leases
	return u
}

// readInstance reads the instance that an image was built from.
func readInstance(t *testing.T, name string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(buildDir, "gokrazy", name, "config.json"))
	if err != nil {
		t.Fatalf("%v: run make image image-rpi", err)
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// forward makes the box's page available on this machine, for programs that
// send updates.
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
				out, err := u.Observer.DialContext(u.t.Context(), "tcp",
					netip.AddrPortFrom(lab.BoxAddr, lab.PagePort).String())
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

// makeUpdate sends the build as a person does.
func (u *updated) makeUpdate(ctx context.Context) error {
	image, update := "image", "update"
	if u.instance == piInstance {
		image, update = "image-rpi", "update-rpi"
	}
	// The image is the one that the box was made from.
	return u.run(ctx, "make", "-o", image, update, "HOST="+u.addr.String(), "KNOWN="+u.known)
}

// without removes a package from an instance.
func without(name string) func(config map[string]any) {
	return func(config map[string]any) {
		config["Packages"] = slices.DeleteFunc(slices.Clone(config["Packages"].([]any)), func(p any) bool {
			return path.Base(p.(string)) == name
		})
	}
}

// overlaid returns a change to an instance: the programs that read settings are
// built with old replaced by new in a file of the checkout.
func overlaid(t *testing.T, file, old, new string) func(config map[string]any) {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(b, []byte(old)) != 1 {
		t.Fatalf("%s has not got %q once", file, old)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err := errors.Join(err, os.WriteFile(changed, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600),
		os.WriteFile(overlay, list, 0o600)); err != nil {
		t.Fatal(err)
	}
	return func(config map[string]any) {
		packages := maps.Clone(config["PackageConfig"].(map[string]any))
		for _, p := range config["Packages"].([]any) {
			if name := path.Base(p.(string)); name == "menuwatch" || name == "appliance" {
				packages[p.(string)] = map[string]any{"GoBuildFlags": []string{"-overlay=" + overlay}}
			}
		}
		config["PackageConfig"] = packages
	}
}

// gok sends a build of the same instance, with a change.
func (u *updated) gok(ctx context.Context, change func(config map[string]any)) error {
	config := maps.Clone(u.config)
	change(config)
	return u.run(ctx, "go", "run", "./cmd/pxebox", "update", "--known-boxes", u.known,
		"--instances", writeInstance(u.t, u.instance, config), "--instance", u.instance, u.addr.String())
}

// writeInstance makes an instance for gok, and returns its folder.
func writeInstance(t *testing.T, name string, config map[string]any) string {
	t.Helper()
	instances := t.TempDir()
	dir := filepath.Join(instances, name)
	builddir, err := filepath.Abs("../gokrazy/builddir")
	if err != nil {
		t.Fatal(err)
	}
	build, err := filepath.Abs(buildDir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte("../../"), []byte(build+"/"))
	if err := errors.Join(
		os.Mkdir(dir, 0o755),
		os.Symlink(builddir, filepath.Join(dir, "builddir")),
		os.WriteFile(filepath.Join(dir, "config.json"), b, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return instances
}

// run runs a program in the checkout.
func (s *site) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = ".."
	// make itself may run the tests.
	cmd.Env = append(os.Environ(), "GOWORK=off", "MAKEFLAGS=", "MAKELEVEL=", "PXEBOX_PASSWORD="+lab.BoxPassword)
	// A grandchild does the work.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// wait waits for the next line on the box's console that matches.
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

// checkIntact checks that settings, leases and boot files are unchanged, and
// that machines get them.
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
				if err := u.makeUpdate(u.within(updates + isKept)); err != nil {
					t.Fatal(err)
				}
				u.wait(isKept, keeps, root)
				u.checkIntact()
			}
			// The kept root boots from now on, and is no longer a trial.
			u.Off()
			u.on()
			u.checkIntact()
			if strings.Contains(u.box.Console.Text(), "on trial") {
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

// boxFromBefore returns an image with lab.BoxPassword in its root, as all images
// had it that were built before boxes generated theirs: the file
// PXEBOX_OLD_IMAGE, or the present programs built to read it there.
func (s *site) boxFromBefore() string {
	s.t.Helper()
	if image := os.Getenv("PXEBOX_OLD_IMAGE"); image != "" {
		return image
	}
	const file = "/etc/pxebox/password"
	config := readInstance(s.t, instance)
	flags := config["PackageConfig"].(map[string]any)[module+"cmd/menuwatch"].(map[string]any)["CommandLineFlags"]
	overlaid(s.t, "internal/box/owner/owner.go", `filepath.Join(dir, "keys", "first-password.txt")`,
		fmt.Sprintf("%q", file))(config)
	packages := config["PackageConfig"].(map[string]any)
	packages[module+"cmd/menuwatch"].(map[string]any)["CommandLineFlags"] =
		append(slices.Clone(flags.([]any)), "-first-password="+file)
	packages[module+"cmd/appliance"].(map[string]any)["ExtraFileContents"] = map[string]string{file: lab.BoxPassword}
	image := filepath.Join(s.t.TempDir(), "before.img")
	if err := s.run(s.within(updates), "go", "tool", "-modfile=tools/go.mod", "gok",
		"--parent_dir", writeInstance(s.t, instance, config), "-i", instance,
		"overwrite", "--full", image, "--target_storage_bytes=1258299392"); err != nil {
		s.t.Fatal(err)
	}
	return image
}

// module is the path of the programs' packages in an instance.
const module = "github.com/pxebox/pxebox/"

// TestUpdateOfBoxFromBefore updates a box that has its password from its image,
// and then updates the resulting box. Nothing but that image has the password. The
// box then goes back to that image, with /perm as the new one left it, and forward
// again.
func TestUpdateOfBoxFromBefore(t *testing.T) {
	p := &powered{site: newSite(t, "update-from-before")}
	perm := updatePerm()
	perm[lab.PasswordFile] = lab.File{} // only the image has it
	before := p.boxFromBefore()
	var err error
	if p.Power, err = p.PowerBox(before, diskSize, perm); err != nil {
		t.Fatal(err)
	}
	u := p.toUpdate(instance)
	for _, root := range []int{3, 2} {
		if err := u.makeUpdate(u.within(updates + isKept)); err != nil {
			t.Fatal(err)
		}
		if root == 3 {
			u.wait(isKept, `msg="the box keeps the password of the image that it was updated from"`)
		}
		restart := u.read
		u.wait(isKept, keeps, root)
		u.checkIntact()
		if shown := generated.FindString(u.box.Console.Text()[restart:]); shown != "" {
			t.Errorf("the box shows a password: %s", shown)
		}
	}

	parts, err := readParts(before)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.sendUpdate(u.within(updates), parts); err != nil {
		t.Fatal(err)
	}
	u.wait(boxBoots+isKept, keeps, 3)
	u.checkIntact()
	u.startClient(qemu.Debian13, lab.ClientConfig{})
	u.waitMenu("This computer's own disk")

	// With the same password, and the same record of known boxes.
	if err := u.makeUpdate(u.within(updates + isKept)); err != nil {
		t.Fatal(err)
	}
	u.wait(isKept, keeps, 2)
	u.checkIntact()
}

func TestBrokenUpdateFallsBack(t *testing.T) {
	for _, tt := range []struct {
		situation, name string
		change          func(config map[string]any)
		why             string // the reason, as known to the old root
	}{
		{situation: "a root whose pxed is missing", name: "without-pxed", change: without("pxed"),
			why: "the box has no address on a network"},
		{situation: "a root that nothing looks after", name: "without-appliance", change: without("appliance")},
		// The settings of the lab have this key. The box would still answer,
		// with its built-in settings.
		{situation: "a root that refuses the settings", name: "refuses-settings",
			change: overlaid(t, "config/parser/schema.go", `{"serial", `, `{"serial_port", `),
			why:    "the new program refuses the settings: pxebox.toml:\\d+: menu.serial: is not known"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			u := newUpdated(t, "update-"+tt.name, "BIOS")
			ctx, cancel := context.WithCancel(u.within(updates))
			done := make(chan error)
			go func() { done <- u.gok(ctx, tt.change) }()
			u.wait(updates+fallsBack, wentFor+`[^\n]*why=[^\n]*%s`, 2, tt.why)
			// gok waits for a page that never came up, or that is gone again.
			cancel()
			<-done
			u.checkIntact()
		})
	}
}

// request sends gokrazy a request, as gok does.
func (u *updated) request(method, path string, body io.Reader, header http.Header) []byte {
	u.t.Helper()
	b, err := askPage(u.within(updates), u.page, lab.BoxPassword, method, path, body, header)
	if err != nil {
		u.t.Fatal(err)
	}
	return b
}

// askPage sends a request to gokrazy's page, and returns its answer.
func askPage(
	ctx context.Context, client *http.Client, password, method, path string, body io.Reader, header http.Header,
) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, lab.Page+path, body)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("gokrazy", password)
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s\n%s", method, path, resp.Status, b)
	}
	return b, err
}
