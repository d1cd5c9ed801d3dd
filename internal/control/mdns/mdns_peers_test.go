//go:build peers

package mdns_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/control/mdns"
	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/internal/tool/find"
	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/netns"
)

const (
	// boxDir makes this program a box, with that run directory. finder makes it
	// one that looks for boxes.
	boxDir = "PXEBOX_MDNS_TEST_BOX"
	finder = "PXEBOX_MDNS_TEST_FIND"
	link   = "eth0"
	// patience limits the wait for events that must happen.
	patience = 40 * time.Second

	avahi = "../../../build/peers-lan/usr/sbin/avahi-daemon"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(boxDir)
	switch {
	case os.Getenv(finder) != "":
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		boxes, err := find.Boxes(ctx)
		fmt.Println(boxes, err)
		return
	case dir == "":
		os.Exit(m.Run())
	}
	r, err := mdns.ForPage(":443", filepath.Join(dir, "https.pem"), dir, slog.New(slog.NewTextHandler(os.Stdout, nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r.Run(context.Background())
}

// lan is a network for boxes and hosts with avahi.
type lan struct {
	t   *testing.T
	lan *netns.LAN
}

func newLAN(t *testing.T) *lan {
	l, err := netns.NewLAN()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &lan{t, l}
}

// host adds a host with an address.
func (l *lan) host(addr string) *netns.Namespace {
	l.t.Helper()
	n, err := netns.New()
	if err == nil {
		l.t.Cleanup(func() { n.Kill(); n.Close() })
		err = errors.Join(l.lan.Plug(n, link, ""), n.Run("ip", "addr", "add", addr, "dev", link))
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// runningBox is a box, its log and its run directory.
type runningBox struct {
	t     *testing.T
	dir   string
	lines journal.Journal[string]
	seen  int
}

func (l *lan) box(n *netns.Namespace) *runningBox {
	l.t.Helper()
	b := &runningBox{t: l.t, dir: l.t.TempDir()}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), boxDir+"="+b.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = n.Start(cmd)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := bufio.NewScanner(out); s.Scan(); {
			b.lines.Add(s.Text())
		}
	}()
	l.t.Cleanup(func() { cmd.Process.Kill(); <-done; cmd.Wait() })
	return b
}

// logs waits for a line of the box's log.
func (b *runningBox) logs(part string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	_, next, err := b.lines.Await(ctx, b.seen, func(s string) bool { return strings.Contains(s, part) })
	if err != nil {
		b.t.Fatalf("waiting for %q: %v; its log:\n%s", part, err, strings.Join(b.lines.From(0), "\n"))
	}
	b.seen = next
}

// avahiHost is a host with avahi.
type avahiHost struct {
	t   *testing.T
	cmd *exec.Cmd
}

// privately runs avahi-daemon without D-Bus, with a private /run. It insists on a
// user called avahi, although it does not use that one here.
const privately = `set -e
mount -t tmpfs tmpfs /run
mkdir /run/avahi-daemon
for f in passwd group; do
	cp /etc/$f /run/$f
	echo avahi:x:0:0::/:/bin/false >>/run/$f
	mount --bind /run/$f /etc/$f
done
exec "$0" -f "$1" --no-drop-root --no-chroot --no-proc-title`

// avahi starts avahi-daemon on a host.
func (l *lan) avahi(n *netns.Namespace, name string) *avahiHost {
	l.t.Helper()
	if _, err := os.Stat(avahi); err != nil {
		l.t.Fatalf("this test needs avahi-daemon: %v; make build/peers-lan unpacks it", err)
	}
	conf := filepath.Join(l.t.TempDir(), "avahi.conf")
	text := fmt.Sprintf("[server]\nhost-name=%s\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=%s\n", name, link)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	program, err := filepath.Abs(avahi)
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", privately, program, conf)
	if cmd.Env, err = fileserver.Environment(program); err != nil {
		l.t.Fatal(err)
	}
	cmd.Stderr, cmd.Stdout = l.t.Output(), l.t.Output()
	if err := n.Start(cmd); err != nil {
		l.t.Fatal(err)
	}
	a := &avahiHost{l.t, cmd}
	l.t.Cleanup(a.stop)
	return a
}

func (a *avahiHost) stop() {
	if a.cmd.ProcessState == nil {
		a.cmd.Process.Kill()
		a.cmd.Wait()
	}
}

// resolves waits until avahi resolves a name to an address. It may have cached
// another one.
func (a *avahiHost) resolves(name, addr string) {
	a.t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = a.ask("RESOLVE-HOSTNAME-IPV4 " + name); strings.HasSuffix(got, " "+name+" "+addr) {
			return
		}
	}
	a.t.Fatalf("avahi resolves %s as %q, want %s", name, got, addr)
}

// ask sends a line of avahi's own protocol, which the C library's resolver uses
// too, and returns the answer.
func (a *avahiHost) ask(line string) string {
	c, err := net.Dial("unix", fmt.Sprintf("/proc/%d/root/run/avahi-daemon/socket", a.cmd.Process.Pid))
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintln(c, line)
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(answer)
}

func TestAvahiResolvesBox(t *testing.T) {
	l := newLAN(t)
	a := l.avahi(l.host("192.0.2.7/24"), "reader")
	n := l.host("192.0.2.1/24")
	b := l.box(n)
	b.logs("name=pxebox.local")
	a.resolves("pxebox.local", "192.0.2.1")

	// The box's address changes, and avahi has the old one in its cache.
	if err := errors.Join(n.Run("ip", "addr", "del", "192.0.2.1/24", "dev", link),
		n.Run("ip", "addr", "add", "192.0.2.5/24", "dev", link)); err != nil {
		t.Fatal(err)
	}
	b.logs("name=pxebox.local")
	a.resolves("pxebox.local", "192.0.2.5")
}

// The name is avahi's before the box starts, and while it runs.
func TestAvahiHasName(t *testing.T) {
	l := newLAN(t)
	a := l.avahi(l.host("192.0.2.7/24"), "pxebox")
	a.resolves("pxebox.local", "192.0.2.7")
	b := l.box(l.host("192.0.2.1/24"))
	b.logs("name=pxebox-2.local")
	a.resolves("pxebox-2.local", "192.0.2.1")
	a.resolves("pxebox.local", "192.0.2.7")

	// avahi takes the name that the box has: avahi yields, and adds its own
	// number.
	other := l.avahi(l.host("192.0.2.8/24"), "pxebox-2")
	other.resolves("pxebox-2.local", "192.0.2.1")
}

func TestTwoBoxesOnWire(t *testing.T) {
	l := newLAN(t)
	a := l.avahi(l.host("192.0.2.7/24"), "reader")
	one := l.box(l.host("192.0.2.1/24"))
	one.logs("name=pxebox.local")
	two := l.box(l.host("192.0.2.2/24"))
	two.logs("name=pxebox-2.local")
	a.resolves("pxebox.local", "192.0.2.1")
	a.resolves("pxebox-2.local", "192.0.2.2")

	// A computer with two networks finds both, and the box of the other one.
	elsewhere := newLAN(t)
	third := elsewhere.box(elsewhere.host("198.51.100.3/24"))
	third.logs("name=pxebox.local")
	n := l.host("192.0.2.9/24")
	if err := errors.Join(elsewhere.lan.Plug(n, "eth1", ""),
		n.Run("ip", "addr", "add", "198.51.100.9/24", "dev", "eth1")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), finder+"=1")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := errors.Join(n.Start(cmd), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	want := "[{pxebox-2.local 192.0.2.2 443 } {pxebox.local 192.0.2.1 443 } {pxebox.local 198.51.100.3 443 }] <nil>\n"
	if out.String() != want {
		t.Errorf("it finds %swant %s", &out, want)
	}
}

// On a host with avahi the box stays silent, and begins when avahi has ended.
func TestSilentNextToAvahi(t *testing.T) {
	l := newLAN(t)
	n := l.host("192.0.2.1/24")
	a := l.avahi(n, "reader")
	a.resolves("reader.local", "192.0.2.1")
	b := l.box(n)
	b.logs("another program answers on UDP port 5353")
	a.stop()
	b.logs("name=pxebox.local")
	a = l.avahi(n, "reader")
	b.logs("another program answers on UDP port 5353")
	a.resolves("reader.local", "192.0.2.1")
}
