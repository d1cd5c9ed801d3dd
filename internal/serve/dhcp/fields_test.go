package dhcp

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// meaning is the table of the fields that matter in each state of the
// client (RFC 2131 §4.3.2, tables 4 and 5; PXE 2.1 §2.2.4):
//
//	x  the decision changes: what, where to, or why
//	e  only the reply changes: it repeats the field, or gives what it asks for
//	.  nothing changes: no client in this state fills it in
//
// A DISCOVER and a REQUEST are the columns "proxy" and "proxy req" in mode
// "proxy", where the REQUEST gets no answer but says who has which address.
const meaning = `
field                          discover selecting reboot renew inform decline release bootp proxy proxy-req 4011
ciaddr-of-the-network          .        .         .      x     x      .       x       e     .     .         x
ciaddr-of-elsewhere            .        .         .      x     x      .       x       e     .     .         x
yiaddr                         .        .         .      .     .      .       .       .     .     .         .
siaddr                         .        .         .      .     .      .       .       .     .     .         .
giaddr                         x        x         x      x     x      x       x       x     x     x         e
flags-broadcast                x        x         x      e     e      .       .       x     e     .         e
flags-reserved                 e        e         e      e     e      .       .       e     e     .         e
secs                           .        .         .      .     .      .       .       .     .     .         .
hops                           .        .         .      .     .      .       .       .     .     .         .
xid                            e        e         e      e     e      .       .       e     e     .         e
sname                          .        .         .      .     .      .       .       .     .     .         .
file                           .        .         .      .     .      .       .       e     .     .         .
50-requested-address           x        x         x      x     .      x       .       .     .     x         .
54-another-server              .        x         x      x     .      x       x       .     .     .         .
54-zero                        .        x         .      .     .      x       x       .     .     .         .
51-lease-time                  e        e         e      e     .      .       .       .     .     .         .
82-snooping-with-another-link  e        e         e      e     e      .       .       e     e     .         e
118-subnet-selection           .        .         .      .     .      .       .       .     .     .         .
43-boot-item                   .        .         .      .     .      .       .       .     .     .         e
61-of-the-hardware-address     e        e         e      e     e      .       .       e     e     .         e
60-no-boot-client              x        x         x      x     x      x       x       .     x     x         x
93-another-type                x        x         x      x     x      x       x       .     x     x         x
97-guid                        x        x         x      x     x      x       x       .     x     x         x
77-ipxe                        e        e         e      e     e      .       .       .     .     .         e
175-ipxe                       e        e         e      e     e      .       .       .     .     .         e
`

// plants are the fields, with values that mislead code that reads them too
// early.
var plants = map[string]change{
	"ciaddr-of-the-network":         ciaddr(first.Next()),
	"ciaddr-of-elsewhere":           ciaddr(netip.MustParseAddr("172.16.9.9")),
	"yiaddr":                        func(m *dhcpv4.DHCPv4) { m.YourIPAddr = first.Next().AsSlice() },
	"siaddr":                        func(m *dhcpv4.DHCPv4) { m.ServerIPAddr = []byte{192, 168, 77, 3} },
	"giaddr":                        giaddr("10.1.0.1"),
	"flags-broadcast":               flags(0x8000),
	"flags-reserved":                flags(0x0001),
	"secs":                          func(m *dhcpv4.DHCPv4) { m.NumSeconds = 0xffff },
	"hops":                          func(m *dhcpv4.DHCPv4) { m.HopCount = 3 },
	"xid":                           func(m *dhcpv4.DHCPv4) { m.TransactionID = dhcpv4.TransactionID{9, 9, 9, 9} },
	"sname":                         func(m *dhcpv4.DHCPv4) { m.ServerHostName = "other" },
	"file":                          func(m *dhcpv4.DHCPv4) { m.BootFileName = "other.0" },
	"50-requested-address":          wish(first.Next()),
	"54-another-server":             server(netip.MustParseAddr("192.168.77.3")),
	"54-zero":                       option(54, 0, 0, 0, 0),
	"51-lease-time":                 option(51, 0, 0, 0, 60),
	"82-snooping-with-another-link": option(82, 5, 4, 10, 1, 0, 0),
	"118-subnet-selection":          option(118, 10, 1, 0, 0),
	"43-boot-item":                  option(43, 71, 4, 0x80, 0, 0, 0, 255),
	"61-of-the-hardware-address":    option(61, append([]byte{1}, mac...)...),
	"60-no-boot-client":             option(60, []byte("MSFT 5.0")...),
	"93-another-type":               option(93, 0, 7),
	"97-guid":                       option(97, append([]byte{0}, "bexpxoaL\x80\x00\x00\x00\x00\x00\x00\x10"...)...),
	"77-ipxe":                       option(77, []byte("iPXE")...),
	"175-ipxe":                      option(175, 0xb1, 1, 1),
}

// situation is a client in one state.
type situation struct {
	mode spec.Mode
	port int
	from netip.AddrPort
	msg  func(...change) *dhcpv4.DHCPv4
}

func situations() map[string]situation {
	atFirst := netip.AddrPortFrom(first, ClientPort)
	with := func(t dhcpv4.MessageType, changes ...change) func(...change) *dhcpv4.DHCPv4 {
		return func(more ...change) *dhcpv4.DHCPv4 {
			return message(t, append(append([]change{bios}, changes...), more...)...)
		}
	}
	bootp := func(more ...change) *dhcpv4.DHCPv4 {
		m := message(dhcpv4.MessageTypeNone, append([]change{from(2, 0, 0, 0, 0, 0x99)}, more...)...)
		delete(m.Options, optMessageType)
		return m
	}
	takes := []change{server(self.Addr()), wish(first)}
	const server, proxy = spec.ModeServer, spec.ModeProxy
	return map[string]situation{
		"discover":  {mode: server, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeDiscover)},
		"selecting": {mode: server, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeRequest, takes...)},
		"reboot":    {mode: server, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeRequest, wish(first))},
		"renew": {mode: server, port: ServerPort, from: atFirst,
			msg: with(dhcpv4.MessageTypeRequest, ciaddr(first))},
		"inform": {mode: server, port: ServerPort, from: atFirst,
			msg: with(dhcpv4.MessageTypeInform, ciaddr(first))},
		"decline": {mode: server, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeDecline, takes...)},
		"release": {mode: server, port: ServerPort, from: atFirst,
			msg: with(dhcpv4.MessageTypeRelease, takes[0], ciaddr(first))},
		"bootp":     {mode: server, port: ServerPort, from: unset, msg: bootp},
		"proxy":     {mode: proxy, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeDiscover)},
		"proxy-req": {mode: proxy, port: ServerPort, from: unset, msg: with(dhcpv4.MessageTypeRequest, wish(first))},
		"4011": {mode: proxy, port: BootServerPort, from: atFirst,
			msg: with(dhcpv4.MessageTypeRequest, ciaddr(first))},
	}
}

// decide answers a client that holds the first address, unless it looks for
// one, and returns the decision without the bytes of the reply.
func (s situation) decide(t *testing.T, more ...change) (decided Answer, reply []byte) {
	t.Helper()
	settings := settings(s.mode, behindRelays, func(c *spec.DHCP) {
		c.BootFiles = map[firmware.Kind]string{"ipxe": "boot.ipxe"}
		c.Reservations = append(c.Reservations,
			spec.Reservation{MAC: ether.MustParseMAC("02:00:00:00:00:99"),
				Address: netip.MustParseAddr("192.168.77.20")})
	})
	m := s.msg(more...)
	if s.mode.Leases() && m.MessageType() != dhcpv4.MessageTypeDiscover {
		bind(t, settings)
	}
	a := Decide(t0, settings, NewQuestion(m, s.port, s.from))
	if a.Msg != nil {
		reply = Encode(a.Msg, m)
		a.Msg = nil
	}
	return a, reply
}

func same(a, b Answer) bool {
	return a.To == b.To && bytes.Equal(a.Link, b.Link) && a.Why == b.Why && a.Trouble == b.Trouble &&
		a.Refused == b.Refused &&
		a.Addr == b.Addr && a.Probe == b.Probe && a.Commit == b.Commit && a.Firmware == b.Firmware &&
		a.Machine == b.Machine &&
		a.Has == b.Has && a.Relayed == b.Relayed && a.Handoff == b.Handoff && a.Other == b.Other
}

func TestFieldsCountInTheirStateOnly(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(meaning), "\n")
	states, all := strings.Fields(lines[0])[1:], situations()
	if len(lines)-1 != len(plants) || len(states) != len(all) {
		t.Fatalf("the table has %d fields and %d states, the test %d and %d",
			len(lines)-1, len(states), len(plants), len(all))
	}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		plant := plants[cells[0]]
		if plant == nil || len(cells) != len(states)+1 {
			t.Fatalf("row %q", line)
		}
		for i, state := range states {
			was, wasReply := all[state].decide(t)
			now, reply := all[state].decide(t, plant)
			got := "."
			switch {
			case !same(was, now):
				got = "x"
			case !bytes.Equal(wasReply, reply):
				got = "e"
			}
			if got != cells[i+1] {
				t.Errorf("%s in %s: %q, want %q; without %+v, with %+v", cells[0], state, got, cells[i+1], was, now)
			}
		}
	}
}

// A client that has no address yet receives the answer at its hardware address
// or by broadcast, whatever is left of an earlier address in its packet. RFC
// 2131 §4.1.
func TestOldAddressInCiaddr(t *testing.T) {
	old := map[string]netip.Addr{"of the network": first.Next(), "of elsewhere": netip.MustParseAddr("172.16.9.9"),
		"of a subnet": netip.MustParseAddr("10.1.0.100")}
	for situation, a := range old {
		for name, m := range map[string]*dhcpv4.DHCPv4{
			"discover":  message(dhcpv4.MessageTypeDiscover, ciaddr(a)),
			"selecting": message(dhcpv4.MessageTypeRequest, ciaddr(a), server(self.Addr()), wish(first)),
			"reboot":    message(dhcpv4.MessageTypeRequest, ciaddr(a), wish(first)),
		} {
			s := settings(spec.ModeServer, behindRelays)
			bind(t, s)
			got := Decide(t0, s, NewQuestion(m, ServerPort, unset))
			if got.Msg == nil || address(got.Msg.YourIPAddr) != first ||
				got.Msg.MessageType() == dhcpv4.MessageTypeNak {
				t.Errorf("%s, ciaddr %s: %+v", name, situation, got)
				continue
			}
			if got.To != netip.AddrPortFrom(first, ClientPort) || !bytes.Equal(got.Link, mac) ||
				hasAddr(got.Msg.ClientIPAddr) {
				t.Errorf("%s, ciaddr %s: to %v at %v, ciaddr %v",
					name, situation, got.To, got.Link, got.Msg.ClientIPAddr)
			}
		}
	}
}

// Values that sloppy clients put elsewhere are still understood.
func TestSloppyRequests(t *testing.T) {
	atFirst := netip.AddrPortFrom(first, ClientPort)
	for situation, tc := range map[string]struct {
		from   netip.AddrPort
		msg    *dhcpv4.DHCPv4
		to     netip.AddrPort
		byLink bool
	}{
		"takes the offer, its address in ciaddr": {
			from: unset, msg: message(dhcpv4.MessageTypeRequest, server(self.Addr()), ciaddr(first)),
			to: atFirst, byLink: true,
		},
		"renews, and repeats its address as option 50": {
			from: atFirst, msg: message(dhcpv4.MessageTypeRequest, ciaddr(first), wish(first)), to: atFirst,
		},
		"renews, and repeats the server's address": {
			from: atFirst, msg: message(dhcpv4.MessageTypeRequest, ciaddr(first), server(self.Addr())), to: atFirst,
		},
		"takes the offer, an empty option 54": {
			from: unset, msg: message(dhcpv4.MessageTypeRequest, option(54), wish(first)), to: atFirst, byLink: true,
		},
		"informs itself without ciaddr": {
			from: atFirst, msg: message(dhcpv4.MessageTypeInform), to: atFirst,
		},
	} {
		s := settings(spec.ModeServer)
		bind(t, s)
		a := Decide(t0, s, NewQuestion(tc.msg, ServerPort, tc.from))
		if a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck || a.To != tc.to ||
			(a.Link != nil) != tc.byLink {
			t.Errorf("%s: %+v", situation, a)
		}
	}
}

// Without yiaddr an agent can only broadcast the answer: RFC 1542 §4.1.2.
func TestRelayedWithoutYiaddrIsBroadcast(t *testing.T) {
	relayed := giaddr("10.1.0.1")
	for situation, tc := range map[string]struct {
		mode spec.Mode
		msg  *dhcpv4.DHCPv4
		want bool
	}{
		"proxy offer": {mode: spec.ModeProxy,
			msg: message(dhcpv4.MessageTypeDiscover, bios, relayed), want: true},
		"NAK": {mode: spec.ModeServer,
			msg: message(dhcpv4.MessageTypeRequest, relayed, wish(first)), want: true},
		"an offer of a lease": {mode: spec.ModeServer, msg: message(dhcpv4.MessageTypeDiscover, relayed)},
		"the same, flag set": {mode: spec.ModeServer,
			msg: message(dhcpv4.MessageTypeDiscover, relayed, flags(0x8000)), want: true},
		"proxy offer, on link": {mode: spec.ModeProxy, msg: message(dhcpv4.MessageTypeDiscover, bios)},
	} {
		a := ask(settings(tc.mode, behindRelays), tc.msg)
		if a.Msg == nil || a.Msg.IsBroadcast() != tc.want {
			t.Errorf("%s: %+v", situation, a)
		}
	}
	// The answer to INFORM bypasses the agent: RFC 2131 §4.3.5.
	a := ask(settings(spec.ModeServer, behindRelays),
		message(dhcpv4.MessageTypeInform, relayed, ciaddr(netip.MustParseAddr("10.1.0.7"))))
	if a.Msg == nil || a.To.String() != "10.1.0.7:68" {
		t.Errorf("INFORM: %+v", a)
	}
	for _, no := range []string{"10.1.0.255", "10.1.0.0", "10.2.0.7", "192.168.77.1"} {
		m := message(dhcpv4.MessageTypeInform, relayed, ciaddr(netip.MustParseAddr(no)))
		if a := ask(settings(spec.ModeServer, behindRelays), m); a.Msg != nil {
			t.Errorf("INFORM with ciaddr %s is answered: %+v", no, a)
		}
	}
}
