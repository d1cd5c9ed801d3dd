package dhcp

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The addresses of a packet on port 67 decide what it may say.
func TestAdmit(t *testing.T) {
	const (
		discover = dhcpv4.MessageTypeDiscover
		request  = dhcpv4.MessageTypeRequest
		inform   = dhcpv4.MessageTypeInform
		decline  = dhcpv4.MessageTypeDecline
		release  = dhcpv4.MessageTypeRelease
	)
	at := netip.MustParseAddr
	ci := func(a string) change { return ciaddr(at(a)) }
	for situation, tc := range map[string]struct {
		from  string
		msg   *dhcpv4.DHCPv4
		admit bool
	}{
		"the link, without an address": {from: "0.0.0.0", msg: message(discover), admit: true},
		"the link, its own address in ciaddr": {from: "0.0.0.0",
			msg: message(discover, ci("192.168.77.100")), admit: true},
		"the link, an address of elsewhere in ciaddr": {from: "0.0.0.0", msg: message(request, ci("10.9.0.7"))},
		"the link, one behind a relay in ciaddr":      {from: "0.0.0.0", msg: message(request, ci("10.1.0.100"))},
		"the link, the broadcast address in ciaddr": {from: "0.0.0.0",
			msg: message(request, ci("192.168.77.255"))},
		"the link, a group in ciaddr": {from: "0.0.0.0", msg: message(request, ci("239.1.1.1"))},
		"the link, the box in ciaddr": {from: "0.0.0.0", msg: message(request, ci("192.168.77.1"))},
		"the link, an old address in ciaddr": {from: "0.0.0.0",
			msg: message(discover, ci("10.9.0.7")), admit: true},
		"the link, takes an offer, the same": {from: "0.0.0.0",
			msg: message(request, ci("10.9.0.7"), server(self.Addr()), wish(first)), admit: true},
		"the link, a group as hardware address": {from: "0.0.0.0",
			msg: message(discover, from(1, 0, 0x5e, 0, 0, 1))},
		"a machine of the link asks again": {from: "192.168.77.9", msg: message(discover), admit: true},
		"a machine of the link renews": {from: "192.168.77.9",
			msg: message(request, ci("192.168.77.9")), admit: true},
		"a machine of the link, by its second address": {from: "192.168.77.8",
			msg: message(request, ci("192.168.77.9")), admit: true},
		"a machine of the link, for one behind a relay": {from: "192.168.77.9",
			msg: message(request, ci("10.1.0.100"))},
		"a machine of the link informs itself": {from: "192.168.77.9",
			msg: message(inform, ci("192.168.77.9")), admit: true},
		"the link's broadcast address as source": {from: "192.168.77.255",
			msg: message(request, ci("192.168.77.255"))},
		"behind a router, renews": {from: "10.1.0.100",
			msg: message(request, ci("10.1.0.100")), admit: true},
		"behind a router, asks for an address": {from: "10.1.0.100", msg: message(discover)},
		"behind a router, asks, with its own ciaddr": {from: "10.1.0.100",
			msg: message(discover, ci("10.1.0.100"))},
		"behind a router, informs itself, no ciaddr": {from: "10.1.0.100", msg: message(inform), admit: true},
		"behind a router, takes an address of the link": {from: "10.1.0.100",
			msg: message(request, server(self.Addr()), wish(first))},
		"behind a router, renews another subnet's": {from: "10.2.0.100", msg: message(request, ci("10.1.0.100"))},
		"behind a router, renews one of the link": {from: "10.1.0.100",
			msg: message(request, ci("192.168.77.100"))},
		"elsewhere, asks":                      {from: "10.9.0.66", msg: message(discover)},
		"elsewhere, asks, with its own ciaddr": {from: "10.9.0.66", msg: message(discover, ci("10.9.0.66"))},
		"elsewhere, a served ciaddr": {from: "10.9.0.66",
			msg: message(request, ci("192.168.77.100"))},
		"elsewhere, the link's broadcast in ciaddr": {from: "10.9.0.66",
			msg: message(discover, ci("192.168.77.255"))},
		"elsewhere, informs itself": {from: "10.9.0.66",
			msg: message(inform, ci("192.168.77.100"))},
		"elsewhere, BOOTP": {from: "10.9.0.66", msg: message(dhcpv4.MessageTypeNone)},
		"RELEASE by the machine itself": {from: "192.168.77.100",
			msg: message(release, ci("192.168.77.100")), admit: true},
		"RELEASE behind a router": {from: "10.1.0.100",
			msg: message(release, ci("10.1.0.100")), admit: true},
		"RELEASE by a neighbor": {from: "192.168.77.9",
			msg: message(release, ci("192.168.77.100"))},
		"RELEASE without an address": {from: "0.0.0.0",
			msg: message(release, ci("192.168.77.100"))},
		"RELEASE from elsewhere": {from: "10.9.0.66",
			msg: message(release, ci("192.168.77.100"))},
		"RELEASE by a relay agent (RFC 5107)": {from: "192.168.77.2",
			msg: message(release, ci("10.1.0.100"), giaddr("10.1.0.1")), admit: true},
		"DECLINE by broadcast": {from: "0.0.0.0",
			msg: message(decline, wish(first)), admit: true},
		"DECLINE by a relay agent": {from: "192.168.77.2",
			msg: message(decline, wish(first), giaddr("10.1.0.1")), admit: true},
		"DECLINE by a neighbor":  {from: "192.168.77.9", msg: message(decline, wish(first))},
		"DECLINE from elsewhere": {from: "10.9.0.66", msg: message(decline, wish(first))},
		"relayed by a router of the link": {from: "192.168.77.2",
			msg: message(discover, giaddr("10.1.0.1")), admit: true},
		"relayed by an agent that sends from its giaddr": {from: "10.1.0.1",
			msg: message(discover, giaddr("10.1.0.1")), admit: true},
		"relayed by way of another subnet": {from: "10.2.0.1",
			msg: message(discover, giaddr("10.1.0.1")), admit: true},
		"relayed on the link, for the link": {from: "192.168.77.2",
			msg: message(discover, giaddr("192.168.77.2")), admit: true},
		"relayed from elsewhere": {from: "10.9.0.66",
			msg: message(discover, giaddr("10.1.0.1"))},
		"relayed from elsewhere, for the link": {from: "10.9.0.66",
			msg: message(discover, giaddr("192.168.77.2"))},
		"relayed from a subnet, for the link": {from: "10.1.0.66",
			msg: message(discover, giaddr("192.168.77.2"))},
		"relayed, option 82 names the link": {from: "10.1.0.1",
			msg: message(discover, giaddr("10.1.0.1"), option(82, 5, 4, 192, 168, 77, 0))},
		"relayed, giaddr is in no subnet": {from: "192.168.77.2",
			msg: message(discover, giaddr("10.9.0.1"))},
		"relayed, so is giaddr next to option 82": {from: "192.168.77.2",
			msg: message(discover, giaddr("10.9.0.1"), option(82, 5, 4, 10, 1, 0, 0))},
		"relayed, giaddr is a broadcast address": {from: "192.168.77.2",
			msg: message(discover, giaddr("10.1.0.255"))},
		"relayed, giaddr is the box": {from: "192.168.77.2",
			msg: message(discover, giaddr("192.168.77.1"))},
		"relayed by no one": {from: "0.0.0.0", msg: message(discover, giaddr("10.1.0.1"))},
	} {
		t.Run(situation, func(t *testing.T) {
			for _, mode := range []spec.Mode{spec.ModeServer, spec.ModeProxy} {
				bios(tc.msg)
				q := NewQuestion(tc.msg, ServerPort, netip.AddrPortFrom(at(tc.from), ClientPort))
				a := Decide(t0, settings(mode, behindRelays), q)
				if a.Refused == tc.admit {
					t.Errorf("%s: refused: %v (%s)", mode, a.Refused, a.Why)
				}
				if a.Refused && (a.Msg != nil || a.Has.IsValid() || a.Commit || a.Why == "") {
					t.Errorf("%s: refused, and %+v", mode, a)
				}
			}
		})
	}
}

// A host of another network leases no address, releases none, and spoils none.
func TestStrangerTakesNoLease(t *testing.T) {
	stranger := netip.MustParseAddrPort("10.9.0.66:68")
	wide := func(c *spec.DHCP) {
		c.Ranges = []spec.Range{{First: first, Last: netip.MustParseAddr("192.168.77.119")}}
	}
	s := settings(spec.ModeServer, wide, behindRelays)
	bind(t, s)
	for n := range byte(19) {
		a := netip.AddrFrom4([4]byte{192, 168, 77, 101 + n})
		for _, more := range [][]change{{ciaddr(a)}, {giaddr("192.168.77.2")}, nil} {
			m := message(dhcpv4.MessageTypeRequest,
				append(more, from(2, 6, 6, 6, 6, n), server(self.Addr()), wish(a))...)
			Decide(t0, s, NewQuestion(m, ServerPort, stranger))
		}
	}
	for _, m := range []*dhcpv4.DHCPv4{
		message(dhcpv4.MessageTypeRelease, server(self.Addr()), ciaddr(first)),
		message(dhcpv4.MessageTypeDecline, server(self.Addr()), wish(first)),
		message(dhcpv4.MessageTypeRelease, server(self.Addr()), ciaddr(first), giaddr("192.168.77.2")),
		message(dhcpv4.MessageTypeDecline, server(self.Addr()), wish(first), giaddr("192.168.77.2")),
	} {
		Decide(t0, s, NewQuestion(m, ServerPort, stranger))
	}
	if n := s.local.pool.Leases(t0); n != 1 {
		t.Errorf("%d addresses are leased, want the one of the machine on the link", n)
	}
	if a := ask(s, message(dhcpv4.MessageTypeRequest, ciaddr(first))); a.Msg == nil ||
		a.Msg.MessageType() != dhcpv4.MessageTypeAck {
		t.Errorf("its renewal got %+v", a)
	}
}

// Only some packets show who has an address, and a relay agent vouches only for
// some of these.
func TestLearned(t *testing.T) {
	behind := netip.MustParseAddr("10.1.0.100")
	for situation, tc := range map[string]struct {
		from    string
		msg     *dhcpv4.DHCPv4
		has     netip.Addr
		relayed bool
	}{
		"on the link": {from: "0.0.0.0",
			msg: message(dhcpv4.MessageTypeRequest, wish(first)), has: first},
		"on the link, an address of elsewhere": {from: "0.0.0.0",
			msg: message(dhcpv4.MessageTypeRequest, wish(behind))},
		"on the link, the box's address": {from: "0.0.0.0",
			msg: message(dhcpv4.MessageTypeRequest, wish(self.Addr()))},
		"relayed": {from: "192.168.77.2",
			msg: message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.1.0.1")), has: behind, relayed: true},
		"relayed, an address outside of giaddr's subnet": {from: "192.168.77.2",
			msg: message(dhcpv4.MessageTypeRequest, wish(first), giaddr("10.1.0.1"))},
		"relayed, one of another agent's subnet": {from: "192.168.77.2",
			msg: message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.2.0.1"))},
		"relayed, giaddr in the box's own network": {from: "192.168.77.2",
			msg: message(dhcpv4.MessageTypeRequest, wish(first), giaddr("192.168.77.2"))},
		"relayed from elsewhere": {from: "10.9.0.66",
			msg: message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.1.0.1"))},
		"a router in no setting, giaddr served by chance": {from: "10.9.0.66",
			msg: message(dhcpv4.MessageTypeRequest, wish(first), giaddr("192.168.77.2"))},
	} {
		t.Run(situation, func(t *testing.T) {
			bios(tc.msg)
			a := Decide(t0, settings(spec.ModeProxy, behindRelays),
				NewQuestion(tc.msg, ServerPort, netip.AddrPortFrom(netip.MustParseAddr(tc.from), ClientPort)))
			if a.Has != tc.has || a.Relayed != tc.relayed {
				t.Errorf("it has %v, relayed %v; want %v, %v (%s)", a.Has, a.Relayed, tc.has, tc.relayed, a.Why)
			}
		})
	}
}

// TFTP and HTTP answer these sources too: no address stands for more than one
// machine.
func TestServes(t *testing.T) {
	s := settings(spec.ModeServer, behindRelays)
	for a, want := range map[string]bool{
		"192.168.77.9": true, "10.1.0.100": true, "192.168.77.1": true, // the box tests itself
		"192.168.77.0": false, "192.168.77.255": false, "10.1.0.0": false, "10.1.0.255": false,
		"10.9.0.66": false, "0.0.0.0": false, "255.255.255.255": false, "239.1.1.1": false,
	} {
		if got := s.Serves(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
}
