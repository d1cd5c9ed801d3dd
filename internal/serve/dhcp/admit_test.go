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
		"the link, without an address":                   {"0.0.0.0", message(discover), true},
		"the link, its own address in ciaddr":            {"0.0.0.0", message(discover, ci("192.168.77.100")), true},
		"the link, an address of elsewhere in ciaddr":    {"0.0.0.0", message(request, ci("10.9.0.7")), false},
		"the link, one behind a relay in ciaddr":         {"0.0.0.0", message(request, ci("10.1.0.100")), false},
		"the link, the broadcast address in ciaddr":      {"0.0.0.0", message(request, ci("192.168.77.255")), false},
		"the link, a group in ciaddr":                    {"0.0.0.0", message(request, ci("239.1.1.1")), false},
		"the link, the box in ciaddr":                    {"0.0.0.0", message(request, ci("192.168.77.1")), false},
		"the link, an old address in ciaddr":             {"0.0.0.0", message(discover, ci("10.9.0.7")), true},
		"the link, takes an offer, the same":             {"0.0.0.0", message(request, ci("10.9.0.7"), server(self.Addr()), wish(first)), true},
		"the link, a group as hardware address":          {"0.0.0.0", message(discover, from(1, 0, 0x5e, 0, 0, 1)), false},
		"a machine of the link asks again":               {"192.168.77.9", message(discover), true},
		"a machine of the link renews":                   {"192.168.77.9", message(request, ci("192.168.77.9")), true},
		"a machine of the link, by its second address":   {"192.168.77.8", message(request, ci("192.168.77.9")), true},
		"a machine of the link, for one behind a relay":  {"192.168.77.9", message(request, ci("10.1.0.100")), false},
		"a machine of the link informs itself":           {"192.168.77.9", message(inform, ci("192.168.77.9")), true},
		"the link's broadcast address as source":         {"192.168.77.255", message(request, ci("192.168.77.255")), false},
		"behind a router, renews":                        {"10.1.0.100", message(request, ci("10.1.0.100")), true},
		"behind a router, asks for an address":           {"10.1.0.100", message(discover), false},
		"behind a router, asks, with its own ciaddr":     {"10.1.0.100", message(discover, ci("10.1.0.100")), false},
		"behind a router, informs itself, no ciaddr":     {"10.1.0.100", message(inform), true},
		"behind a router, takes an address of the link":  {"10.1.0.100", message(request, server(self.Addr()), wish(first)), false},
		"behind a router, renews another subnet's":       {"10.2.0.100", message(request, ci("10.1.0.100")), false},
		"behind a router, renews one of the link":        {"10.1.0.100", message(request, ci("192.168.77.100")), false},
		"elsewhere, asks":                                {"10.9.0.66", message(discover), false},
		"elsewhere, asks, with its own ciaddr":           {"10.9.0.66", message(discover, ci("10.9.0.66")), false},
		"elsewhere, a served ciaddr":                     {"10.9.0.66", message(request, ci("192.168.77.100")), false},
		"elsewhere, the link's broadcast in ciaddr":      {"10.9.0.66", message(discover, ci("192.168.77.255")), false},
		"elsewhere, informs itself":                      {"10.9.0.66", message(inform, ci("192.168.77.100")), false},
		"elsewhere, BOOTP":                               {"10.9.0.66", message(dhcpv4.MessageTypeNone), false},
		"RELEASE by the machine itself":                  {"192.168.77.100", message(release, ci("192.168.77.100")), true},
		"RELEASE behind a router":                        {"10.1.0.100", message(release, ci("10.1.0.100")), true},
		"RELEASE by a neighbor":                          {"192.168.77.9", message(release, ci("192.168.77.100")), false},
		"RELEASE without an address":                     {"0.0.0.0", message(release, ci("192.168.77.100")), false},
		"RELEASE from elsewhere":                         {"10.9.0.66", message(release, ci("192.168.77.100")), false},
		"RELEASE by a relay agent (RFC 5107)":            {"192.168.77.2", message(release, ci("10.1.0.100"), giaddr("10.1.0.1")), true},
		"DECLINE by broadcast":                           {"0.0.0.0", message(decline, wish(first)), true},
		"DECLINE by a relay agent":                       {"192.168.77.2", message(decline, wish(first), giaddr("10.1.0.1")), true},
		"DECLINE by a neighbor":                          {"192.168.77.9", message(decline, wish(first)), false},
		"DECLINE from elsewhere":                         {"10.9.0.66", message(decline, wish(first)), false},
		"relayed by a router of the link":                {"192.168.77.2", message(discover, giaddr("10.1.0.1")), true},
		"relayed by an agent that sends from its giaddr": {"10.1.0.1", message(discover, giaddr("10.1.0.1")), true},
		"relayed by way of another subnet":               {"10.2.0.1", message(discover, giaddr("10.1.0.1")), true},
		"relayed on the link, for the link":              {"192.168.77.2", message(discover, giaddr("192.168.77.2")), true},
		"relayed from elsewhere":                         {"10.9.0.66", message(discover, giaddr("10.1.0.1")), false},
		"relayed from elsewhere, for the link":           {"10.9.0.66", message(discover, giaddr("192.168.77.2")), false},
		"relayed from a subnet, for the link":            {"10.1.0.66", message(discover, giaddr("192.168.77.2")), false},
		"relayed, option 82 names the link":              {"10.1.0.1", message(discover, giaddr("10.1.0.1"), option(82, 5, 4, 192, 168, 77, 0)), false},
		"relayed, giaddr is in no subnet":                {"192.168.77.2", message(discover, giaddr("10.9.0.1")), false},
		"relayed, so is giaddr next to option 82":        {"192.168.77.2", message(discover, giaddr("10.9.0.1"), option(82, 5, 4, 10, 1, 0, 0)), false},
		"relayed, giaddr is a broadcast address":         {"192.168.77.2", message(discover, giaddr("10.1.0.255")), false},
		"relayed, giaddr is the box":                     {"192.168.77.2", message(discover, giaddr("192.168.77.1")), false},
		"relayed by no one":                              {"0.0.0.0", message(discover, giaddr("10.1.0.1")), false},
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
			m := message(dhcpv4.MessageTypeRequest, append(more, from(2, 6, 6, 6, 6, n), server(self.Addr()), wish(a))...)
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
	if a := ask(s, message(dhcpv4.MessageTypeRequest, ciaddr(first))); a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck {
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
		"on the link":                                     {"0.0.0.0", message(dhcpv4.MessageTypeRequest, wish(first)), first, false},
		"on the link, an address of elsewhere":            {"0.0.0.0", message(dhcpv4.MessageTypeRequest, wish(behind)), netip.Addr{}, false},
		"on the link, the box's address":                  {"0.0.0.0", message(dhcpv4.MessageTypeRequest, wish(self.Addr())), netip.Addr{}, false},
		"relayed":                                         {"192.168.77.2", message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.1.0.1")), behind, true},
		"relayed, an address outside of giaddr's subnet":  {"192.168.77.2", message(dhcpv4.MessageTypeRequest, wish(first), giaddr("10.1.0.1")), netip.Addr{}, false},
		"relayed, one of another agent's subnet":          {"192.168.77.2", message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.2.0.1")), netip.Addr{}, false},
		"relayed, giaddr in the box's own network":        {"192.168.77.2", message(dhcpv4.MessageTypeRequest, wish(first), giaddr("192.168.77.2")), netip.Addr{}, false},
		"relayed from elsewhere":                          {"10.9.0.66", message(dhcpv4.MessageTypeRequest, wish(behind), giaddr("10.1.0.1")), netip.Addr{}, false},
		"a router in no setting, giaddr served by chance": {"10.9.0.66", message(dhcpv4.MessageTypeRequest, wish(first), giaddr("192.168.77.2")), netip.Addr{}, false},
	} {
		t.Run(situation, func(t *testing.T) {
			bios(tc.msg)
			a := Decide(t0, settings(spec.ModeProxy, behindRelays), NewQuestion(tc.msg, ServerPort, netip.AddrPortFrom(netip.MustParseAddr(tc.from), ClientPort)))
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
