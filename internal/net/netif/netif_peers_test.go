//go:build peers

package netif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/netns"
)

// The tests run in a copy of this program with its own network namespace:
// netlink uses the namespace of the calling thread, and the code under test has
// many threads.
const inside = "PXEBOX_NETIF_TEST_INSIDE"

// home is the namespace of the tests.
var home *os.File

// homeName is a name for home that the ip command accepts. The ID of this
// process would not work: its first thread may be in the site's namespace at
// that moment.
func homeName() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), home.Fd()) }

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		var err error
		if home, err = os.Open("/proc/self/ns/net"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	for _, tool := range []string{"ip", "dnsmasq", "busybox"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Fprintf(os.Stderr, "these tests need the program %q: make deps installs it\n", tool)
			os.Exit(1)
		}
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "these tests need root, for a network namespace: %v\n", err)
		os.Exit(1)
	}
}

const (
	boxIf  = "eth0"  // in the namespace of the test
	siteIf = "site0" // at the other end of the wire
	siteIP = "192.168.77.2/24"
)

// patience limits the wait for events that must happen.
const patience = 40 * time.Second

// bench is a box on a wire, with a site at the other end.
type bench struct {
	t            *testing.T
	site         *netns.Namespace
	links        journal.Journal[Link]
	log          journal.Journal[string]
	seen         int
	problems     journal.Journal[string]
	seenProblems int
	// substitute is the Keeper's.
	substitute bool
	settings   chan spec.Network
	runDir     string
	stop       func()
}

// newBench connects box and site; the Keeper is not running yet.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, settings: make(chan spec.Network), runDir: t.TempDir(), stop: func() {}}
	var err error
	if b.site, err = netns.New(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.site.Close() })
	b.wire(boxIf)
	b.ok("ip", "addr", "add", siteIP, "dev", siteIf)
	t.Cleanup(func() {
		b.stop()
		run("ip", "link", "del", boxIf)
		if t.Failed() {
			t.Logf("the box's log:\n%s", strings.Join(b.log.From(0), "\n"))
		}
	})
	return b
}

// wire makes the pair of interfaces; the box's end is switched off.
func (b *bench) wire(name string) {
	b.t.Helper()
	b.ok("ip", "link", "add", siteIf, "type", "veth", "peer", "name", name)
	b.ok("ip", "link", "set", name, "netns", homeName())
	b.ok("ip", "link", "set", siteIf, "up")
}

// ok runs a command at the site.
func (b *bench) ok(name string, args ...string) {
	b.t.Helper()
	if err := b.site.Run(name, args...); err != nil {
		b.t.Fatal(err)
	}
}

// here runs a command on the box.
func (b *bench) here(name string, args ...string) {
	b.t.Helper()
	if err := run(name, args...); err != nil {
		b.t.Fatal(err)
	}
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return nil
}

// start runs a Keeper, which finds the interface by itself.
func (b *bench) start(s spec.Network) {
	ctx, cancel := context.WithCancel(context.Background())
	k := &Keeper{RunDir: b.runDir, Substitute: b.substitute, Problem: b.problems.Add,
		Log: slog.New(slog.NewTextHandler(journal.Lines(&b.log), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	var done sync.WaitGroup
	done.Go(func() { k.Run(ctx, b.settings, func(_ context.Context, l Link) { b.links.Add(l) }) })
	b.stop = func() { cancel(); done.Wait() }
	b.settings <- s
}

// await waits for a matching report of the link, from now on.
func (b *bench) await(what string, match func(Link) bool) Link {
	b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience,
		fmt.Errorf("no report of the link %s", what))
	defer cancel()
	l, next, err := b.links.Await(ctx, b.seen, match)
	if err != nil {
		b.t.Fatalf("%v; reported: %+v", err, b.links.From(0))
	}
	b.seen = next
	return l
}

// logged waits for a log line that contains all words.
func (b *bench) logged(words ...string) {
	b.t.Helper()
	b.loggedAfter(0, words...)
}

func (b *bench) loggedAfter(place int, words ...string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience,
		fmt.Errorf("the box does not say %q", words))
	defer cancel()
	_, _, err := b.log.Await(ctx, place, func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// server is dnsmasq at the site.
type server struct {
	b   *bench
	cmd *exec.Cmd
	log journal.Journal[string]
}

// serve starts dnsmasq with a range, and returns once it listens.
func (b *bench) serve(dhcpRange string, more ...string) *server {
	b.t.Helper()
	dir := b.t.TempDir()
	s := &server{b: b}
	s.cmd = exec.Command("dnsmasq", append([]string{
		"--conf-file=/dev/null", "--keep-in-foreground", "--port=0", "--log-facility=-", "--log-dhcp", "--user=root",
		"--no-ping", "--dhcp-authoritative", "--leasefile-ro",
		"--pid-file=" + filepath.Join(dir, "pid"), "--interface=" + siteIf, "--bind-interfaces",
		"--dhcp-range=" + dhcpRange,
	}, more...)...)
	s.cmd.Stderr = journal.Lines(&s.log)
	if err := b.site.Start(s.cmd); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.stop)
	s.says("DHCP, sockets bound exclusively")
	return s
}

// serveBriefly starts busybox's udhcpd, which grants leases of 6 s; dnsmasq's
// leases last at least two minutes.
func (b *bench) serveBriefly() *server {
	b.t.Helper()
	dir := b.t.TempDir()
	conf := filepath.Join(dir, "udhcpd.conf")
	text := fmt.Sprintf(`interface %s
start 192.168.77.100
end 192.168.77.110
option subnet 255.255.255.0
option lease 6
min_lease 1
lease_file %s
pidfile %s
`, siteIf, filepath.Join(dir, "leases"), filepath.Join(dir, "pid"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "leases"), nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
	s := &server{b: b, cmd: exec.Command("busybox", "udhcpd", "-f", conf)}
	s.cmd.Stderr = journal.Lines(&s.log)
	if err := b.site.Start(s.cmd); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(s.stop)
	s.says("started")
	return s
}

func (s *server) stop() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// says waits for a line in the server's log, from its beginning, and returns
// the position after it.
func (s *server) says(what string) int { s.b.t.Helper(); return s.saysAfter(0, what) }

func (s *server) saysAfter(place int, what string) int {
	s.b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("dnsmasq does not say %q", what))
	defer cancel()
	_, next, err := s.log.Await(ctx, place, func(line string) bool { return strings.Contains(line, what) })
	if err != nil {
		s.b.t.Fatalf("%v; it said:\n%s", err, strings.Join(s.log.From(0), "\n"))
	}
	return next
}

func leasedFrom(prefix string) func(Link) bool {
	p := netip.MustParsePrefix(prefix)
	return func(l Link) bool { return l.Up && p.Contains(l.Addr.Addr()) }
}

func linkLocal(l Link) bool { return l.Up && l.Addr.IsValid() && l.Addr.Addr().IsLinkLocalUnicast() }

// addresses returns the box's addresses, as the kernel has them.
func (b *bench) addresses() []string {
	b.t.Helper()
	l, err := netlink.LinkByName(boxIf)
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, a := range all {
		out = append(out, a.IPNet.String())
	}
	slices.Sort(out)
	return out
}

// routers returns the routers of the box's default routes.
func (b *bench) routers() []string {
	b.t.Helper()
	all, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		if r.Gw != nil {
			out = append(out, r.Gw.String())
		}
	}
	return out
}

// have waits until the box has exactly these addresses.
func (b *bench) have(addrs ...string) {
	b.t.Helper()
	b.haveThat(fmt.Sprintf("%q", addrs), func(got []string) bool { return slices.Equal(got, addrs) })
}

// haveThat waits until the box's addresses match.
func (b *bench) haveThat(what string, match func(addrs []string) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	changes := make(chan netlink.AddrUpdate)
	if err := netlink.AddrSubscribeWithOptions(changes, ctx.Done(),
		netlink.AddrSubscribeOptions{ListExisting: true}); err != nil {
		b.t.Fatal(err)
	}
	reached := false
	for range changes { // until cancel closes it
		if !reached && match(b.addresses()) {
			reached = true
			cancel()
		}
	}
	if !reached {
		b.t.Fatalf("the interface has %q, want %s", b.addresses(), what)
	}
}

// questions records the destinations of the packets to port 67 that the site
// receives.
func (b *bench) questions() *journal.Journal[netip.Addr] {
	b.t.Helper()
	j := &journal.Journal[netip.Addr]{}
	var conn *packet.Conn
	err := b.site.Do(func() error {
		i, err := net.InterfaceByName(siteIf)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(i, packet.Datagram, unix.ETH_P_IP, nil)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			// No IP options here: UDP begins at byte 20.
			if n > 28 && buf[9] == unix.IPPROTO_UDP && buf[22] == 0 && buf[23] == 67 {
				j.Add(netip.AddrFrom4([4]byte(buf[16:20])))
			}
		}
	})
	b.t.Cleanup(func() { conn.Close(); done.Wait() })
	return j
}

func TestALeaseIsTakenAndRenewedAtItsServer(t *testing.T) {
	b := newBench(t)
	s := b.serve("192.168.77.100,192.168.77.110,2m", "--dhcp-option=3,192.168.77.2", "--dhcp-option=58,4",
		"--dhcp-option=59,8")
	q := b.questions()
	b.start(spec.Network{})
	l := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	b.awaitRouter("192.168.77.2")
	place := s.says("DHCPACK")
	// T1 is 4 s away.
	s.saysAfter(s.saysAfter(place, "DHCPREQUEST"), "DHCPACK")
	// DISCOVER and REQUEST go to all, and are repeated on a busy machine; the
	// second REQUEST goes to the server (RFC 2131 §4.4.5).
	server, all := netip.MustParseAddr("192.168.77.2"), netip.MustParseAddr("255.255.255.255")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, n, err := q.Await(ctx, 0, func(a netip.Addr) bool { return a != all })
	if err != nil || got != server || n < 3 {
		t.Fatalf("asked %v, %v; want all at least twice, then the server", q.From(0), err)
	}
	b.have(l.Addr.String())
}

func TestALeaseIsReboundWhereItsServerIsSilent(t *testing.T) {
	b := newBench(t)
	b.serveBriefly()
	q := b.questions()
	b.start(spec.Network{})
	l := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	// From now on only its broadcasts reach the server.
	b.here("ip", "neigh", "replace", "192.168.77.2", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", boxIf)
	server, all := netip.MustParseAddr("192.168.77.2"), netip.MustParseAddr("255.255.255.255")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, next, err := q.Await(ctx, 0, func(a netip.Addr) bool { return a == server })
	if err == nil {
		_, _, err = q.Await(ctx, next, func(a netip.Addr) bool { return a == all })
	}
	if err != nil {
		t.Fatalf("asked %v, want the server first, then all: %v", q.From(0), err)
	}
	b.logged("not renewed yet")
	b.logged("level=INFO", "address leased", l.Addr.String())
	b.have(l.Addr.String())
	for _, line := range b.log.From(0) {
		if strings.Contains(line, "lease lost") {
			t.Fatal(line)
		}
	}
}

func TestNoServerThenOne(t *testing.T) {
	b := newBench(t)
	b.start(spec.Network{})
	l := b.await("with a link-local address", linkLocal)
	b.logged("no DHCP server answers")
	b.have(l.Addr.String())
	b.serve("192.168.77.100,192.168.77.110,1h")
	got := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	b.have(got.Addr.String())
}

func TestTheLinkLocalAddressIsTaken(t *testing.T) {
	b := newBench(t)
	l, err := net.InterfaceByName(boxIf)
	if err != nil {
		t.Fatal(err)
	}
	first, second := linkLocalAddr(l.HardwareAddr, 0), linkLocalAddr(l.HardwareAddr, 1)
	b.ok("ip", "addr", "add", first.String()+"/16", "dev", siteIf)
	b.start(spec.Network{})
	if got := b.await("with a link-local address", linkLocal); got.Addr.Addr() != second {
		t.Fatalf("took %v, want %v, as %v is in use", got.Addr, second, first)
	}
}

func TestTheServerGoesAndComesBack(t *testing.T) {
	b := newBench(t)
	s := b.serveBriefly()
	b.start(spec.Network{})
	b.await("with a lease", leasedFrom("192.168.77.0/24"))
	s.stop()
	b.await("without an address", func(l Link) bool { return l.Up && !l.Addr.IsValid() })
	b.logged("lease lost")
	b.await("with a link-local address", linkLocal)
	b.serveBriefly()
	l := b.await("with a lease again", leasedFrom("192.168.77.0/24"))
	b.have(l.Addr.String())
}

func TestTheCarrierGoesAndComesBack(t *testing.T) {
	b := newBench(t)
	s := b.serve("192.168.77.100,192.168.77.110,1h")
	b.start(spec.Network{})
	l := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	place := s.says("DHCPACK")
	b.ok("ip", "link", "set", siteIf, "down")
	b.await("without a carrier", func(l Link) bool { return !l.Up })
	b.ok("ip", "link", "set", siteIf, "up")
	b.await("up again", func(n Link) bool { return n.Up && n.Addr == l.Addr })
	s.saysAfter(s.saysAfter(place, "DHCPREQUEST"), "DHCPACK")
}

func TestTheCableMovesToAnotherNetwork(t *testing.T) {
	b := newBench(t)
	s := b.serve("192.168.77.100,192.168.77.110,1h")
	b.start(spec.Network{})
	b.await("with a lease", leasedFrom("192.168.77.0/24"))
	b.ok("ip", "link", "set", siteIf, "down")
	b.await("without a carrier", func(l Link) bool { return !l.Up })
	s.stop()
	b.ok("ip", "addr", "flush", "dev", siteIf)
	b.ok("ip", "addr", "add", "10.9.0.1/16", "dev", siteIf)
	b.ok("ip", "link", "set", siteIf, "up")
	b.serve("10.9.0.100,10.9.0.110,1h")
	l := b.await("with a lease of the other network", leasedFrom("10.9.0.0/16"))
	b.have(l.Addr.String())
}

func TestTheInterfaceVanishesAndComesBack(t *testing.T) {
	b := newBench(t)
	s := b.serve("192.168.77.100,192.168.77.110,1h")
	b.start(spec.Network{})
	old := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	s.stop()
	b.here("ip", "link", "del", boxIf)
	b.await("gone", func(l Link) bool { return !l.Up && !l.Addr.IsValid() })
	b.wire(boxIf)
	b.ok("ip", "addr", "add", siteIP, "dev", siteIf)
	b.serve("192.168.77.100,192.168.77.110,1h")
	l := b.await("with a lease again", leasedFrom("192.168.77.0/24"))
	if l.Index == old.Index {
		t.Fatalf("interface %d as before: it has not been away", l.Index)
	}
}

func TestARestartKeepsTheLease(t *testing.T) {
	b := newBench(t)
	s := b.serve("192.168.77.100,192.168.77.110,1h")
	b.start(spec.Network{})
	l := b.await("with a lease", leasedFrom("192.168.77.0/24"))
	b.stop()
	b.have(l.Addr.String())
	place := s.says("DHCPACK")
	b.start(spec.Network{})
	s.saysAfter(s.saysAfter(place, "DHCPREQUEST"), "DHCPACK")
	for _, line := range s.log.From(place) {
		if strings.Contains(line, "DHCPDISCOVER") {
			t.Fatalf("began again: %s", line)
		}
	}
	b.have(l.Addr.String())
}

func TestAFixedAddress(t *testing.T) {
	b := newBench(t)
	fixed := func(s string) spec.Network { return spec.Network{Address: netip.MustParsePrefix(s)} }
	is := func(s string) func(Link) bool {
		return func(l Link) bool { return l.Up && l.Addr == netip.MustParsePrefix(s) }
	}
	b.here("ip", "addr", "add", "10.1.1.1/24", "dev", boxIf) // set by another program
	s := fixed("192.168.77.1/24")
	s.Gateway = netip.MustParseAddr("192.168.77.2")
	b.start(s)
	b.await("with the address", is("192.168.77.1/24"))
	b.have("10.1.1.1/24", "192.168.77.1/24")

	b.awaitRouter("192.168.77.2")

	// Another address in the same subnet, without a router.
	b.settings <- fixed("192.168.77.3/24")
	b.await("with the address", is("192.168.77.3/24"))
	b.logged("fixed address", "192.168.77.3/24")
	b.have("10.1.1.1/24", "192.168.77.3/24")
	if r := b.routers(); len(r) > 0 {
		t.Errorf("default routers %q left behind", r)
	}

	// An unreachable router must not prevent the address.
	s = fixed("192.168.77.4/24")
	s.Gateway = netip.MustParseAddr("172.16.0.1")
	b.settings <- s
	b.await("with the address", is("192.168.77.4/24"))
	b.logged("cannot set the default route", "172.16.0.1")
	b.have("10.1.1.1/24", "192.168.77.4/24")

	// Neither must a missing interface.
	s.Interface = "eth9"
	b.settings <- s
	b.logged("no network interface", "eth9", boxIf)
	b.have("10.1.1.1/24", "192.168.77.4/24")

	// An address that the system has set is used as it is, and ours is
	// removed.
	b.settings <- fixed("10.1.1.1/24")
	b.await("with the system's address", is("10.1.1.1/24"))
	b.have("10.1.1.1/24")

	// Another program removes the address that the box has set: it is set
	// again.
	b.settings <- fixed("192.168.77.5/24")
	b.await("with the address", is("192.168.77.5/24"))
	b.here("ip", "addr", "del", "192.168.77.5/24", "dev", boxIf)
	b.await("without the address", func(l Link) bool { return !l.Addr.IsValid() })
	b.await("with the address again", is("192.168.77.5/24"))
}

// The host's kernel decides which half of this runs: the box's interface and
// traffic on the VLAN, or the reason why there is none.
func TestAVLANOfTheSettings(t *testing.T) {
	b := newBench(t)
	s := spec.Network{Interface: boxIf + ".10", Address: netip.MustParsePrefix("192.168.78.1/24")}
	supported := b.site.Run("ip", "link", "add", "link", siteIf, "name", siteIf+".10", "type", "vlan", "id", "10") == nil
	t.Log("the host's kernel supports VLANs:", supported)
	b.substitute = true
	b.start(s)
	if !supported {
		b.logged("network: setup failed", "create VLAN 10 on "+boxIf, "this kernel does not support VLANs")
		b.reachableOnly("this kernel does not support VLANs")
		// Corrected settings apply.
		s.Interface = boxIf
		b.settings <- s
		b.await("with the address", func(l Link) bool { return l.Addr == s.Address })
		return
	}
	b.ok("ip", "link", "set", siteIf+".10", "up")
	b.ok("ip", "addr", "add", "192.168.78.2/24", "dev", siteIf+".10")
	b.logged("network: VLAN created", "interface="+s.Interface)
	l := b.await("with the address", func(l Link) bool { return l.Up && l.Addr == s.Address })
	if l.Name != s.Interface {
		t.Fatalf("the address is on %s, want %s", l.Name, s.Interface)
	}
	b.ok("busybox", "ping", "-c", "3", "-W", "5", "192.168.78.1")
	s.Address = netip.MustParsePrefix("192.168.77.1/24")
	b.settings <- spec.Network{Address: s.Address}
	if l := b.await("on the interface itself", func(l Link) bool { return l.Addr == s.Address }); l.Name != boxIf {
		t.Fatalf("the address is on %s, want %s", l.Name, boxIf)
	}
	b.have("192.168.77.1/24")
}

// A box whose settings name an interface that is not there stays reachable, and
// serves nothing until the interface is there.
func TestTheInterfaceOfTheSettingsIsMissing(t *testing.T) {
	b := newBench(t)
	b.substitute = true
	s := spec.Network{Interface: "eth9", Address: netip.MustParsePrefix("192.168.78.1/24")}
	b.start(s)
	b.reachableOnly(`no network interface "eth9"`)
	// Now it is plugged in.
	b.second("eth9")
	b.ok("ip", "link", "set", "far", "up")
	b.await("of the interface", func(l Link) bool { return l.Name == "eth9" && l.Up && l.Addr == s.Address })
	b.have()
	b.problem("")
	// And pulled out again.
	b.here("ip", "link", "del", "eth9")
	b.reachableOnly(`no network interface "eth9"`)
}

// An address of earlier settings keeps the box reachable, and what it served.
func TestTheInterfaceOfNewSettingsIsMissing(t *testing.T) {
	b := newBench(t)
	b.substitute = true
	b.serve("192.168.77.100,192.168.77.110,1h")
	s := spec.Network{Address: netip.MustParsePrefix("192.168.77.1/24")}
	b.start(s)
	b.await("with the address", func(l Link) bool { return l.Up && l.Addr == s.Address })
	s.Interface = "eth9"
	b.settings <- s
	// It keeps trying, which it does not while there is a substitute.
	for range appears/retryEvery + 2 {
		b.problem(`no network interface "eth9"`)
	}
	b.have("192.168.77.1/24")
	if last := b.links.From(0); last[len(last)-1].Addr != s.Address {
		t.Errorf("reported: %+v", last)
	}
}

// reachableOnly waits until the box has leased an address from the site, and
// checks that it reports no link to serve on.
func (b *bench) reachableOnly(problem string) {
	b.t.Helper()
	b.problem(problem)
	s := b.serve("192.168.77.100,192.168.77.110,1h")
	b.haveThat("a lease", func(addrs []string) bool {
		return len(addrs) == 1 && strings.HasPrefix(addrs[0], "192.168.77.1")
	})
	s.stop()
	if l := b.links.From(0); len(l) > 0 && !l[len(l)-1].Equal(Link{}) {
		b.t.Errorf("reported: %+v", l)
	}
}

// problem waits for the reason why the settings' interface cannot be used, from
// now on.
func (b *bench) problem(want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("no problem %q", want))
	defer cancel()
	_, next, err := b.problems.Await(ctx, b.seenProblems, func(why string) bool {
		return why == want || want != "" && strings.Contains(why, want)
	})
	if err != nil {
		b.t.Fatalf("%v; there were %q", err, b.problems.From(0))
	}
	b.seenProblems = next
}

func TestTheInterfaceIsSwitchedOffAndOn(t *testing.T) {
	b := newBench(t)
	b.start(spec.Network{Address: netip.MustParsePrefix("192.168.77.1/24"),
		Gateway: netip.MustParseAddr("192.168.77.2")})
	b.logged("fixed address")
	b.await("up", func(l Link) bool { return l.Up && l.Addr.IsValid() })
	b.here("ip", "link", "set", boxIf, "down")
	b.await("down", func(l Link) bool { return !l.Up })
	b.here("ip", "link", "set", boxIf, "up")
	b.await("up again", func(l Link) bool { return l.Up && l.Addr.IsValid() })
	b.awaitRouter("192.168.77.2")
}

func TestOfTwoInterfacesTheOneWithACarrier(t *testing.T) {
	b := newBench(t)
	b.second("a0") // first by name
	b.serve("192.168.77.100,192.168.77.110,1h")
	b.start(spec.Network{})
	if l := b.await("with a lease", leasedFrom("192.168.77.0/24")); l.Name != boxIf {
		t.Fatalf("lease on %s, want %s", l.Name, boxIf)
	}
	b.logged("several wired interfaces", "using="+boxIf, "[network]")
}

func TestOfTwoInterfacesTheOneThatGetsACarrier(t *testing.T) {
	b := newBench(t)
	b.second("a0")
	b.ok("ip", "link", "set", siteIf, "down")
	b.start(spec.Network{})
	b.await("of the first by name", func(l Link) bool { return l.Name == "a0" && !l.Up })
	b.ok("ip", "link", "set", siteIf, "up")
	b.await("of the one with a carrier", func(l Link) bool { return l.Name == boxIf && l.Up })
	// From now on it stays, whatever the other interface does.
	b.ok("ip", "link", "set", siteIf, "down")
	b.await("without a carrier", func(l Link) bool { return l.Name == boxIf && !l.Up })
	b.ok("ip", "link", "set", "far", "up")
	b.ok("ip", "link", "set", siteIf, "up")
	if l := b.await("up again", func(l Link) bool { return l.Up }); l.Name != boxIf {
		t.Fatalf("moved to %s", l.Name)
	}
}

// second gives the box another interface, without a carrier.
func (b *bench) second(name string) {
	b.t.Helper()
	b.ok("ip", "link", "add", "far", "type", "veth", "peer", "name", name)
	b.ok("ip", "link", "set", name, "netns", homeName())
	b.t.Cleanup(func() { b.stop(); run("ip", "link", "del", name) })
}

// awaitRouter waits for a default route via a router.
func (b *bench) awaitRouter(want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	routes := make(chan netlink.RouteUpdate)
	if err := netlink.RouteSubscribeWithOptions(routes, ctx.Done(),
		netlink.RouteSubscribeOptions{ListExisting: true}); err != nil {
		b.t.Fatal(err)
	}
	found := false
	for u := range routes { // until cancel closes it
		if u.Gw != nil && u.Gw.String() == want {
			found = true
			cancel()
		}
	}
	if !found {
		b.t.Fatalf("no default route by %s; there are %q", want, b.routers())
	}
}

// The kernel knows who has an address once packets were sent there. All
// questions go over one socket.
func TestNeighbour(t *testing.T) {
	const siteMAC = "02:00:00:00:77:02"
	b := newBench(t)
	b.ok("ip", "link", "set", siteIf, "address", siteMAC)
	b.here("ip", "addr", "add", "192.168.77.1/24", "dev", boxIf)
	b.here("ip", "link", "set", boxIf, "up")
	link, err := netlink.LinkByName(boxIf)
	if err != nil {
		t.Fatal(err)
	}
	var neighbours Neighbours
	expect := func(situation, addr, want string) {
		t.Helper()
		hw, err := neighbours.look(link.Attrs().Index, netip.MustParseAddr(addr))
		if err != nil || hw.String() != want {
			t.Errorf("%s: %v is %q (%v), want %q", situation, addr, hw, err, want)
		}
	}
	expect("before any packet", "192.168.77.2", "")
	b.ok("busybox", "ping", "-c", "1", "-W", "5", "192.168.77.1")
	expect("after a packet", "192.168.77.2", siteMAC)
	if run("busybox", "ping", "-c", "1", "-W", "1", "192.168.77.9") == nil {
		t.Fatal("someone has 192.168.77.9")
	}
	expect("no one has it", "192.168.77.9", "")
	expect("on another link", "127.0.0.1", "")

	// If asked to, it resolves the address.
	for situation, resolve := range map[string]func(int, netip.Addr) error{
		"looked for": Resolve, "looked for without CAP_NET_ADMIN": poke,
	} {
		b.here("ip", "neigh", "flush", "dev", boxIf)
		expect("forgotten", "192.168.77.2", "")
		for _, a := range []string{"192.168.77.2", "192.168.77.9"} {
			if err := resolve(link.Attrs().Index, netip.MustParseAddr(a)); err != nil {
				t.Errorf("%s: %s: %v", situation, a, err)
			}
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			hw, err := neighbours.look(link.Attrs().Index, netip.MustParseAddr("192.168.77.2"))
			if err != nil || hw.IsValid() || time.Now().After(end) {
				break
			}
		}
		expect(situation, "192.168.77.2", siteMAC)
		expect(situation+", and no one has it", "192.168.77.9", "")
	}
}
