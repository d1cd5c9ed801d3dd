//go:build peers

package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/net/sock"
	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/netns"
)

const (
	link     = "eth0" // the interface of every host
	buildDir = "../build"
	boxMAC   = "02:70:78:65:00:01"
)

// patience is how long a test waits for an event that must happen. It bounds a
// hang and measures nothing: the machine may be busy.
const patience = time.Minute

var (
	boxAddr = netip.MustParseAddr("192.168.77.1")
	boxPort = netip.AddrPortFrom(boxAddr, dhcpv4.ServerPort)
)

// server is the start of a configuration for a box that leases addresses; the
// keys of [dhcp] follow.
const server = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode = "server"
`

const range100to102 = `range = ["192.168.77.100-192.168.77.102"]
`

// proxy is the same for a box that does not lease addresses.
const proxy = `
[network]
address = "192.168.77.1/24"

[dhcp]
mode = "auto"
`

// site is a box, its segment, and the segments behind relay agents.
type site struct {
	*segment // the box's own
	host     *netns.Namespace
	box      *box.Box
	notes    map[string]*journal.Journal[string] // output of other programs
}

// segment is a LAN with a record of its packets.
type segment struct {
	t    *testing.T
	lan  *netns.LAN
	wire *capture.Capture
}

// newSegment makes a LAN. It writes the packets to build/peers-NAME.pcap and,
// if the test fails, to the test's log, except those for which skip returns
// true.
func newSegment(t *testing.T, more string, skip func(capture.Packet) bool) *segment {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("network namespaces need root: run make peers, which asks sudo for it")
	}
	g := &segment{t: t}
	var err error
	if g.lan, err = netns.NewLAN(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.lan.Close() })
	name := strings.NewReplacer("/", "-", " ", "-", "_", "-", ",", "").Replace(strings.TrimPrefix(t.Name(), "Test"))
	g.wire, err = capture.Start(g.lan, filepath.Join(buildDir, "peers-"+name+more+".pcap"), skip)
	g.must(err)
	t.Cleanup(func() {
		if err := g.wire.Close(); err != nil {
			t.Errorf("capture: %v", err)
		}
		if t.Failed() {
			var packets []string
			for _, p := range g.wire.From(0) {
				packets = append(packets, p.String())
			}
			tell(t, "packets"+more, packets)
		}
	})
	return g
}

// newSite makes a segment with a host for the box.
func newSite(t *testing.T, skip func(capture.Packet) bool) *site {
	t.Helper()
	s := &site{segment: newSegment(t, "", skip), notes: map[string]*journal.Journal[string]{}}
	s.host = s.plug(boxMAC)
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		if s.box != nil {
			tell(t, "the box", s.box.Log.From(0))
		}
		for name, j := range s.notes {
			tell(t, name, j.From(0))
		}
	})
	return s
}

// tell logs what a technician needs to find out why a test failed.
func tell(t *testing.T, title string, lines []string) {
	const most = 200
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", title)
	if n := len(lines) - most; n > 0 {
		fmt.Fprintf(&b, "  (%d before these)\n", n)
		lines = lines[n:]
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	t.Log(b.String())
}

// plug makes a host on the segment. If mac is empty, the kernel chooses one.
func (g *segment) plug(mac string) *netns.Namespace {
	g.t.Helper()
	n, err := netns.New()
	g.must(err)
	g.t.Cleanup(func() { n.Close() })
	g.must(g.lan.Plug(n, link, mac))
	return n
}

// startBox starts pxed and menuwatch.
func (s *site) startBox(configuration string) {
	s.t.Helper()
	b, err := box.Start(s.within(patience), s.host, link, filepath.Join(buildDir, "bin"), s.t.TempDir(), configuration)
	s.box = b
	s.must(err)
	s.t.Cleanup(func() { s.must(b.Stop()) })
}

func (g *segment) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// within returns a context for an event that must happen within d.
func (g *segment) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, fmt.Errorf("not within %v", d))
	g.t.Cleanup(cancel)
	return ctx
}

// await waits for a packet from a place in the record on.
func (g *segment) await(what string, place int, match func(capture.Packet) bool) (capture.Packet, int) {
	g.t.Helper()
	p, next, err := g.wire.Await(g.within(patience), place, match)
	if err != nil {
		g.t.Fatalf("no %s: %v", what, err)
	}
	return p, next
}

// start starts a program on a host and keeps its output. The program ends with
// the test.
func (s *site) start(host *netns.Namespace, title string, name string, args ...string) *exec.Cmd {
	s.t.Helper()
	return s.startCmd(host, title, exec.Command(name, args...))
}

func (s *site) startCmd(host *netns.Namespace, title string, cmd *exec.Cmd) *exec.Cmd {
	s.t.Helper()
	if _, err := exec.LookPath(cmd.Path); err != nil {
		s.t.Fatalf("%s is missing: run make peers, which installs it", cmd.Path)
	}
	j := s.notes[title]
	if j == nil {
		j = &journal.Journal[string]{}
		s.notes[title] = j
	}
	out := journal.Lines(j)
	cmd.Stdout, cmd.Stderr = out, out
	if err := host.Start(cmd); err != nil {
		s.t.Fatalf("%v: %v", cmd, err)
	}
	s.t.Cleanup(func() {
		s.must(host.Kill())
		if cmd.ProcessState == nil { // Wait was not called
			cmd.Wait()
		}
	})
	return cmd
}

// talker sends packets that the test makes, as firmware does: from a host
// without an address.
type talker struct {
	*segment
	mac  net.HardwareAddr
	conn *net.UDPConn
}

// talker makes a host whose packets the test sends.
func (g *segment) talker(mac string) *talker {
	g.t.Helper()
	hw, err := net.ParseMAC(mac)
	g.must(err)
	return &talker{g, hw, g.broadcaster(g.plug(mac))}
}

// broadcaster opens a socket on a host that can send broadcasts although the
// host has no address.
func (g *segment) broadcaster(host *netns.Namespace) *net.UDPConn {
	g.t.Helper()
	var conn net.PacketConn
	g.must(host.Do(func() error {
		lc := net.ListenConfig{Control: sock.Control(func(fd int) error {
			return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				sock.OnInterface(link)(fd))
		})}
		var err error
		conn, err = lc.ListenPacket(context.Background(), "udp4", ":68")
		return err
	}))
	g.t.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

var everybody = &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}

// send broadcasts a message.
func (k *talker) send(m *dhcpv4.DHCPv4) {
	k.t.Helper()
	if _, err := k.conn.WriteTo(m.ToBytes(), everybody); err != nil {
		k.t.Fatal(err)
	}
}

// message makes a message as most firmware sends it: without an address, and
// without the broadcast flag.
func (k *talker) message(t dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	k.t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithHwAddr(k.mac), dhcpv4.WithMessageType(t),
	}, more...)...)
	k.must(err)
	return m
}

// ask broadcasts a message every second until a server answers it, as clients
// do: a server may have just started, or may be checking whether an address is
// free. ask returns the answer.
func (k *talker) ask(m *dhcpv4.DHCPv4) capture.Packet {
	k.t.Helper()
	place := k.wire.Len()
	deadline := k.within(patience)
	for {
		k.send(m)
		turn, cancel := context.WithTimeout(deadline, time.Second)
		p, next, err := k.wire.Await(turn, place, answers(m))
		cancel()
		if err == nil {
			return p
		}
		if deadline.Err() != nil {
			k.t.Fatalf("no answer to the %v of %v", m.MessageType(), k.mac)
		}
		place = next
	}
}

// answers matches the replies to a message from any server.
func answers(m *dhcpv4.DHCPv4) func(capture.Packet) bool {
	return func(p capture.Packet) bool {
		return p.DHCP != nil && p.DHCP.OpCode == dhcpv4.OpcodeBootReply && p.DHCP.TransactionID == m.TransactionID &&
			slices.Equal(p.DHCP.ClientHWAddr, m.ClientHWAddr)
	}
}

// wish returns option 50.
func wish(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.AsSlice()))
}

// address converts the codec's form into ours; 0.0.0.0 becomes the zero Addr.
func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
