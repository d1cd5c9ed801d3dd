//go:build peers

package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/netns"
)

// strangerAddr is a host behind the router, in a network that is in no setting.
// It reaches the box, and the box reaches it.
var strangerAddr = netip.MustParseAddr("10.3.0.66")

// stranger sends packets from strangerAddr to ports of the box, by unicast.
type stranger struct {
	*relaySite
	conn *net.UDPConn
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	s := &stranger{relaySite: newRelaySite(t)}
	host := s.hostAt(s.behind[2], "02:70:78:65:00:66", strangerAddr.String()+"/24", "10.3.0.1")
	s.must(host.Do(func() (err error) {
		s.conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: dhcpv4.ClientPort})
		return err
	}))
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// hostAt makes a host with an address on a segment, and with a gateway unless
// gateway is empty.
func (s *relaySite) hostAt(g *segment, mac, prefix, gateway string) *netns.Namespace {
	s.t.Helper()
	host := g.plug(mac)
	s.must(host.Run("ip", "addr", "add", prefix, "dev", link))
	if gateway != "" {
		s.must(host.Run("ip", "route", "add", "default", "via", gateway))
	}
	return host
}

// says sends a message in the name of a machine, and waits until it is on the
// box's segment.
func (s *stranger) says(port int, m *dhcpv4.DHCPv4) {
	s.t.Helper()
	place := s.wire.Len()
	if _, err := s.conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: boxAddr.AsSlice(), Port: port}); err != nil {
		s.t.Fatal(err)
	}
	s.await("packet of the stranger", place, func(p capture.Packet) bool {
		return p.DHCP != nil && p.DHCP.TransactionID == m.TransactionID && p.Src.Addr() == strangerAddr
	})
}

func message(t *testing.T, mac string, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	hw, err := net.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(hw), dhcpv4.WithMessageType(kind)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func byServer() dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(boxAddr.AsSlice()))
}

func giaddr(a string) dhcpv4.Modifier { return dhcpv4.WithGatewayIP(net.ParseIP(a).To4()) }

// TestStrangerAndLeases lets a host from another network exhaust the pool and
// release a machine's lease.
func TestStrangerAndLeases(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	s.startBox(withGateway(server + "range = [\"192.168.77.100-192.168.77.119\"]\nprobe = false\n" + behindRouter))
	const held = "02:70:78:65:00:10"
	k := s.talker(held)
	a := address(k.ask(k.message(dhcpv4.MessageTypeDiscover)).DHCP.YourIPAddr)
	k.ask(k.message(dhcpv4.MessageTypeRequest, byServer(), wish(a)))

	attack := s.wire.Len()
	for n := range byte(19) {
		a := netip.AddrFrom4([4]byte{192, 168, 77, 101 + n})
		mac := fmt.Sprintf("02:66:00:00:00:%02x", n)
		s.says(67, message(t, mac, dhcpv4.MessageTypeRequest, byServer(), dhcpv4.WithClientIP(a.AsSlice())))
		s.says(67, message(t, mac, dhcpv4.MessageTypeRequest, byServer(), wish(a), giaddr(routerAddr)))
		s.says(67, message(t, mac, dhcpv4.MessageTypeRequest, byServer(),
			wish(netip.AddrFrom4([4]byte{10, 1, 0, 100 + n})), giaddr("10.1.0.1")))
	}
	for _, more := range [][]dhcpv4.Modifier{nil, {giaddr(routerAddr)}} {
		s.says(67,
			message(t, held, dhcpv4.MessageTypeRelease, append(more, byServer(), dhcpv4.WithClientIP(a.AsSlice()))...))
		s.says(67, message(t, held, dhcpv4.MessageTypeDecline, append(more, byServer(), wish(a))...))
	}
	s.roundTrip()
	acks := 0
	for _, p := range s.wire.From(attack) {
		if p.Src == boxPort && p.DHCP != nil && strings.HasPrefix(p.DHCP.ClientHWAddr.String(), "02:66:") {
			acks++
		}
	}
	if acks > 0 {
		t.Errorf("the stranger got %d answers to 57 requests", acks)
	}
	if line := s.logged("released"); line != "" {
		t.Errorf("the stranger gave back a machine's lease: %s", line)
	}
	// The machine still has its address, and others get theirs.
	if got := address(k.ask(k.message(dhcpv4.MessageTypeRequest, wish(a))).DHCP.YourIPAddr); got != a {
		t.Errorf("%v is %v after its restart", a, got)
	}
	real := s.talker("02:70:78:65:00:11")
	if got := address(real.ask(real.message(dhcpv4.MessageTypeDiscover, wish(a))).DHCP.YourIPAddr); got == a ||
		!got.IsValid() {
		t.Errorf("another machine is offered %v; %v is leased", got, a)
	}
	if s.logged("from an address outside the configured networks") == "" {
		t.Error("the box's log does not say that it was asked from elsewhere")
	}
}

// logged returns the first line of the box's log that contains a text.
func (s *site) logged(text string) string {
	lines := s.box.Log.From(0)
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, text) }); i >= 0 {
		return lines[i]
	}
	return ""
}

// TestStrangerAndProxy lets it trigger a proxy's answers to addresses of its
// choice.
func TestStrangerAndProxy(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	s.startBox(withGateway(proxy + behindRouter))
	for i, to := range []string{"192.168.77.255", "192.168.77.60", "239.1.1.1", "10.1.0.255", strangerAddr.String()} {
		s.says(67, message(t, fmt.Sprintf("02:66:00:00:00:%02x", i), dhcpv4.MessageTypeDiscover, biosROM,
			dhcpv4.WithClientIP(net.ParseIP(to).To4())))
		s.says(4011, message(t, fmt.Sprintf("02:66:00:00:01:%02x", i), dhcpv4.MessageTypeRequest, biosROM,
			dhcpv4.WithClientIP(net.ParseIP(to).To4())))
	}
	k := s.talker("02:70:78:65:00:10")
	checkProxyOffer(t, k.ask(k.message(dhcpv4.MessageTypeDiscover, biosROM)).DHCP)
	for _, p := range s.wire.From(0) {
		if p.Src.Addr() == boxAddr && p.DHCP != nil && strings.HasPrefix(p.DHCP.ClientHWAddr.String(), "02:66:") {
			t.Errorf("the stranger drew %v", p)
		}
	}
}

// TestStrangerAndMenus lets it name another machine for a victim's address. The
// rule of that machine starts a boot without a menu.
func TestStrangerAndMenus(t *testing.T) {
	t.Parallel()
	const ruled = "02:70:78:65:00:aa"
	s := newStranger(t)
	s.start(s.router, "dhcrelay", agents[0].command[0], agents[0].command[1:]...)
	s.startBox(withGateway(proxy + behindRouter + `
[menu]
timeout = "30s"

[[entry]]
name = "wipe"
grub = "echo this wipes the disk"
listed = false

[[entry]]
name = "disk"
disk = true

[[machine]]
mac = ["` + ruled + `"]
boot = "wipe"
`))
	uefi := func(m *dhcpv4.DHCPv4) {
		biosROM(m)
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 7}))
	}
	victim := s.hostAt(s.segment, "02:70:78:65:00:10", "192.168.77.60/24", routerAddr)
	remote := s.hostAt(s.behind[0], "02:70:78:65:00:11", "10.1.0.60/24", "10.1.0.1")
	// barrier returns when the box has decided on every earlier packet.
	other := s.talker("02:70:78:65:00:20")
	barrier := func() { other.ask(other.message(dhcpv4.MessageTypeDiscover, biosROM)) }
	// A general menu that counts down, in place of one that waits, could cost a
	// machine the rule that protects it.
	taken, counts := 0, 0
	for range 5 {
		for _, via := range []string{routerAddr, "192.168.77.1", "10.1.0.1", "10.2.0.1"} {
			for _, a := range []string{"192.168.77.60", "10.1.0.60"} {
				s.says(67, message(t, ruled, dhcpv4.MessageTypeRequest, uefi, giaddr(via),
					wish(netip.MustParseAddr(a))))
			}
		}
		s.says(67, message(t, ruled, dhcpv4.MessageTypeRequest, uefi, wish(netip.MustParseAddr("192.168.77.60"))))
		s.says(4011, message(t, ruled, dhcpv4.MessageTypeRequest, uefi, dhcpv4.WithClientIP(net.IP{192, 168, 77, 60})))
		s.says(4011, message(t, ruled, dhcpv4.MessageTypeRequest, uefi, dhcpv4.WithClientIP(net.IP{10, 1, 0, 60})))
		barrier()
		for _, host := range []*netns.Namespace{victim, remote} {
			menu := s.menu(host)
			if strings.Contains(menu, "wipes the disk") {
				taken++
			}
			if host == remote && strings.Contains(menu, "set timeout=30") {
				counts++
			}
		}
	}
	if taken > 0 || counts > 0 {
		t.Errorf("%d of 10 boots were another machine's; %d of 5 behind the router have a menu that counts down",
			taken, counts)
	}

	// The machine itself gets what its rule says: on the link by its MAC,
	// behind the relay agent by what the agent forwarded.
	if menu := s.menu(s.hostAt(s.segment, ruled, "192.168.77.61/24", "")); !strings.Contains(menu, "wipes the disk") {
		t.Errorf("the machine on the link gets:\n%s", menu)
	}
	k := s.behind[0].talker(ruled)
	m := k.message(dhcpv4.MessageTypeRequest, uefi, wish(netip.MustParseAddr("10.1.0.61")))
	k.send(m)
	s.await("request from the relay agent", 0, func(p capture.Packet) bool {
		return p.Is(dhcpv4.MessageTypeRequest) && p.DHCP.TransactionID == m.TransactionID && p.Dst == boxPort
	})
	barrier()
	if menu := s.menu(s.hostAt(s.behind[0], "", "10.1.0.61/24", "10.1.0.1")); !strings.Contains(menu,
		"wipes the disk") {
		t.Errorf("the machine behind the relay agent gets:\n%s", menu)
	}
}

// menu returns the menu that GRUB on a host reads.
func (s *site) menu(host *netns.Namespace) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "curl", "--silent", "--show-error", "tftp://"+boxAddr.String()+"//grub/grub.cfg")
	cmd.Stdout, cmd.Stderr = &out, &out
	s.must(host.Start(cmd))
	if err := cmd.Wait(); err != nil {
		s.t.Fatalf("curl: %v: %s", err, &out)
	}
	return out.String()
}

// TestStrangerAndGuard lets it forge the offer of another DHCP server.
func TestStrangerAndGuard(t *testing.T) {
	t.Parallel()
	s := newStranger(t)
	s.startBox(withGateway(server + range100to102 + "probe = false\n" + behindRouter))
	k := s.talker("02:70:78:65:00:10")
	k.ask(k.message(dhcpv4.MessageTypeDiscover))
	for range 5 {
		offer := message(t, "02:66:00:00:00:01", dhcpv4.MessageTypeOffer, dhcpv4.WithYourIP(net.IP{192, 168, 77, 105}),
			dhcpv4.WithLeaseTime(3600),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IP{192, 168, 77, 3})))
		offer.OpCode = dhcpv4.OpcodeBootReply
		s.says(68, offer)
	}
	// A NAK that is broadcast on the link makes the box search for other
	// servers at once. By then it has processed every earlier packet.
	other := s.hostAt(s.segment, "02:70:78:65:00:03", foreignAddr.String()+"/24", "")
	from := s.broadcaster(other)
	nak := message(t, "02:70:78:65:00:12", dhcpv4.MessageTypeNak,
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(foreignAddr.AsSlice())))
	nak.OpCode = dhcpv4.OpcodeBootReply
	place := s.wire.Len()
	_, err := from.WriteTo(nak.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
	s.must(err)
	s.await("the box's search for other servers", place, func(p capture.Packet) bool {
		return p.Is(dhcpv4.MessageTypeDiscover) && p.From.String() == boxMAC
	})
	if line := s.logged("not offering addresses"); line != "" {
		t.Errorf("the box stands back: %s", line)
	}
	m := k.message(dhcpv4.MessageTypeDiscover)
	place = s.wire.Len()
	k.send(m)
	s.roundTrip()
	if !slices.ContainsFunc(s.wire.From(place), answers(m)) {
		t.Error("the box offers nothing any more")
	}
}
