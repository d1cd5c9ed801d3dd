//go:build peers

package peers

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/internal/test/tftpclient"
	"github.com/pxebox/pxebox/peers/netns"
)

// packageUser is the ID of the package's user and group on the test's host.
const packageUser = 64995

// installed is a host on which the Debian package or the container image is unpacked.
// The package's programs run as the units say: their command lines, the user and its
// capabilities. What else systemd adds, it alone can.
type installed struct {
	*site
	root    string
	user    int
	command func(name string) *exec.Cmd
}

// newInstalled unpacks the package that make peers built.
func newInstalled(s *site) *installed {
	s.t.Helper()
	debs, err := filepath.Glob(filepath.Join(buildDir, "deb-peers", "pxebox_*_amd64.deb"))
	s.must(err)
	if len(debs) != 1 {
		s.t.Fatalf("there are %q, want one package: run make peers, which builds it", debs)
	}
	i := &installed{site: s, root: s.t.TempDir(), user: packageUser}
	i.command = i.ofUnit
	if out, err := exec.Command("dpkg-deb", "-x", debs[0], i.root).CombinedOutput(); err != nil {
		s.t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
	i.prepare()
	return i
}

// prepare does what postinst and systemd, or a container engine and its volumes do.
func (i *installed) prepare() {
	s := i.site
	s.t.Helper()
	// The temporary folder is root's; the programs' user has to get through.
	for dir := i.root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		s.must(os.Chmod(dir, 0o755))
	}
	for dir, mode := range map[string]os.FileMode{
		"proc": 0o555, "srv/pxebox": 0o755, "run/systemd": 0o755, "run/pxebox": 0o755, "var/lib/pxebox": 0o750,
	} {
		s.must(os.MkdirAll(i.file(dir), 0o755))
		s.must(os.Chmod(i.file(dir), mode))
	}
	for _, dir := range []string{"run/pxebox", "var/lib/pxebox"} {
		s.must(os.Chown(i.file(dir), i.user, i.user))
	}
	s.must(os.WriteFile(i.file("etc/pxebox/password"), []byte("correct horse battery\n"), 0o640))
	s.must(os.Chown(i.file("etc/pxebox/password"), 0, i.user))
	s.must(unix.Mount("proc", i.file("proc"), "proc", 0, ""))
	s.t.Cleanup(func() { s.must(unix.Unmount(i.file("proc"), unix.MNT_DETACH)) })
}

func (i *installed) file(name string) string { return filepath.Join(i.root, name) }

// capabilities are those that the units may name.
var capabilities = map[string]uintptr{
	"CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "CAP_NET_RAW": unix.CAP_NET_RAW,
}

// unit reads the [Service] section of one of the package's units.
func (i *installed) unit(name string) map[string]string {
	i.t.Helper()
	b, err := os.ReadFile(i.file("usr/lib/systemd/system/" + name + ".service"))
	i.must(err)
	service := map[string]string{}
	section := ""
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		key, value, ok := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			section = line
		case section == "[Service]" && ok && !strings.HasPrefix(line, "#"):
			service[key] = value
		}
	}
	return service
}

// ofUnit returns the program of a unit, with its user and capabilities.
func (i *installed) ofUnit(name string) *exec.Cmd {
	i.t.Helper()
	unit := i.unit(name)
	for key, want := range map[string]string{
		"Type": "notify", "User": "pxebox", "NoNewPrivileges": "yes", "RuntimeDirectory": "pxebox",
		"StateDirectory": "pxebox", "CapabilityBoundingSet": unit["AmbientCapabilities"],
	} {
		if unit[key] != want {
			i.t.Errorf("%s: %s is %q, want %q", name, key, unit[key], want)
		}
	}
	words := strings.Fields(unit["ExecStart"])
	cmd := i.program(name, words)
	for _, c := range strings.Fields(unit["AmbientCapabilities"]) {
		number, ok := capabilities[c]
		if !ok {
			i.t.Fatalf("%s: this test does not know %s", name, c)
		}
		cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, number)
	}
	return cmd
}

// program returns a command in the unpacked system, as the user, and keeps its log.
func (i *installed) program(name string, words []string) *exec.Cmd {
	id := uint32(i.user)
	cmd := &exec.Cmd{Path: words[0], Args: words, Dir: "/", Env: []string{"NOTIFY_SOCKET=/run/systemd/" + name}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: i.root, Credential: &syscall.Credential{Uid: id, Gid: id}, Pdeathsig: syscall.SIGKILL,
	}
	if i.notes[name] == nil {
		i.notes[name] = &journal.Journal[string]{}
	}
	cmd.Stderr = journal.Lines(i.notes[name])
	return cmd
}

// startUnit starts a unit, and returns when it has told systemd that it is ready.
func (i *installed) startUnit(name string) {
	i.t.Helper()
	cmd := i.command(name)
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: i.file("run/systemd/" + name), Net: "unixgram"})
	i.must(err)
	i.t.Cleanup(func() { systemd.Close() })
	i.must(os.Chmod(i.file("run/systemd/"+name), 0o777))
	i.must(i.host.Start(cmd))
	i.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // killed
	})
	i.must(systemd.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 100)
	for range 2 { // the watchdog's message comes again and again
		n, err := systemd.Read(b)
		if got, want := string(b[:n]), "READY=1\nWATCHDOG=1"; err != nil || got != want {
			i.t.Fatalf("%s tells systemd %q, %v; want %q", name, got, err, want)
		}
	}
	go func() {
		for err := systemd.SetReadDeadline(time.Time{}); err == nil; {
			_, err = systemd.Read(b)
		}
	}()
}

// says waits for a line of a unit's log.
func (i *installed) says(unit string, words ...string) {
	i.t.Helper()
	_, _, err := i.notes[unit].Await(i.within(patience), 0, func(line string) bool {
		for _, w := range words {
			if !strings.Contains(line, w) {
				return false
			}
		}
		return true
	})
	if err != nil {
		i.t.Fatalf("%s does not log %q: %v", unit, words, err)
	}
}

// configure replaces the settings.
func (i *installed) configure(text string) {
	i.t.Helper()
	i.must(os.WriteFile(i.file("etc/pxebox/new"), []byte(text), 0o644))
	i.must(os.Rename(i.file("etc/pxebox/new"), i.file("etc/pxebox/pxebox.toml")))
}

// fetch loads a file by TFTP.
func (i *installed) fetch(client *netns.Namespace, name string) string {
	i.t.Helper()
	var file []byte
	i.must(client.Do(func() error {
		c, err := net.ListenPacket("udp4", "0.0.0.0:0")
		if err != nil {
			return err
		}
		defer c.Close()
		file, err = tftpclient.Fetch(c, &net.UDPAddr{IP: boxAddr.AsSlice(), Port: 69}, name,
			tftpclient.Options{}, tftpclient.Retry{After: time.Second, Tries: 20})
		return err
	}))
	return string(file)
}

// The Debian package serves a machine with a BIOS to its menu, on a host whose
// address the system has set, with the comments-only configuration, and next to a
// web server and, later, another DHCP server.
func TestPackage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.must(s.host.Run("ip", "addr", "add", netip.PrefixFrom(boxAddr, 24).String(), "dev", link))
	i := newInstalled(s)
	var web net.Listener
	s.must(s.host.Do(func() (err error) { web, err = net.Listen("tcp4", ":80"); return err }))
	defer web.Close()
	i.startUnit("menuwatch")
	i.startUnit("pxed")
	i.says("menuwatch", "menuwatch starts", `version="0~peers (commit `)
	i.says("pxed", "pxed starts", `version="0~peers (commit `)

	client := s.plug("02:70:78:65:00:10")
	k := &talker{s.segment, net.HardwareAddr{2, 0x70, 0x78, 0x65, 0, 0x10}, s.broadcaster(client)}
	offer := k.ask(k.message(dhcpv4.MessageTypeDiscover, biosROM, dhcpv4.WithBroadcast(true)))
	if got := address(offer.DHCP.ServerIPAddr); got != boxAddr || !offer.DHCP.YourIPAddr.IsUnspecified() {
		t.Errorf("the offer names %v, and the address %v", got, offer.DHCP.YourIPAddr)
	}
	s.must(client.Run("ip", "addr", "add", "192.168.77.240/24", "dev", link))
	if file := i.fetch(client, "pxelinux.0"); len(file) < 10000 {
		t.Errorf("pxelinux.0 has %d bytes", len(file))
	}
	menu := i.fetch(client, "pxelinux.cfg/default")
	if !strings.Contains(menu, "This computer's own disk") {
		t.Errorf("the menu is %q", menu)
	}

	// The page, and HTTP next to the web server.
	curl := func(more ...string) error {
		return client.Run("curl", append([]string{"-sk", "-m", "10", "--retry", "60", "--retry-connrefused",
			"--retry-delay", "1"}, more...)...)
	}
	s.must(curl("-o", "/dev/null", "https://192.168.77.1/"))
	i.says("pxed", "HTTP is off until its port is free", "has it")
	i.configure("[http]\nport = 8080\n[page]\nport = 8443\n[menu]\ntitle = \"Another\"\n")
	for url, want := range map[string]string{
		"http://192.168.77.1:8080/metrics": "pxebox_", "https://192.168.77.1:8443/": "password",
	} {
		out := filepath.Join(t.TempDir(), "out")
		s.must(curl("-Lo", out, url))
		if b, err := os.ReadFile(out); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s is %q, %v", url, b, err)
		}
	}
	if err := client.Run("curl", "-sk", "-m", "5", "https://192.168.77.1/"); err == nil {
		t.Error("the page is still at port 443")
	}
	// A boot file of the administrator.
	s.must(os.WriteFile(i.file("srv/pxebox/note.txt"), []byte("hello"), 0o644))
	if got := i.fetch(client, "note.txt"); got != "hello" {
		t.Errorf("note.txt is %q", got)
	}
	i.noPrivileges("menuwatch")
	i.noPrivileges("pxed")
}

// denied matches what a program logs that lacks a right.
var denied = regexp.MustCompile(`(?i)not permitted|permission denied|read-only`)

// noPrivileges checks that a unit's program did not miss any.
func (i *installed) noPrivileges(unit string) {
	i.t.Helper()
	for _, line := range i.notes[unit].From(0) {
		if denied.MatchString(line) {
			i.t.Errorf("%s: %s", unit, line)
		}
	}
}

// A DHCP server that stays on the host keeps its port: without DHCP, pxed serves
// the files.
func TestPackageNextToDHCPServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.must(s.host.Run("ip", "addr", "add", netip.PrefixFrom(boxAddr, 24).String(), "dev", link))
	i := newInstalled(s)
	var other net.PacketConn
	s.must(s.host.Do(func() (err error) { other, err = net.ListenPacket("udp4", ":67"); return err }))
	defer other.Close()
	i.startUnit("menuwatch")
	cmd := i.command("pxed")
	var exit *exec.ExitError
	if err := s.host.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("with a taken port it ends with %v", err)
	}
	i.says("pxed", "pxed exits", "address already in use", "has it: stop it", `mode = \"off\" in [dhcp]`)

	i.configure("[dhcp]\nmode = \"off\"\n[menu]\ntitle = \"Files only\"\n")
	i.says("menuwatch", "configuration published", "mode=off")
	i.startUnit("pxed")
	client := s.plug("02:70:78:65:00:10")
	s.must(client.Run("ip", "addr", "add", "192.168.77.240/24", "dev", link))
	if menu := i.fetch(client, "pxelinux.cfg/default"); !strings.Contains(menu, "Files only") {
		t.Errorf("the menu is %q", menu)
	}
	i.says("pxed", "another program has the DHCP server's ports")
}
