package dhcp

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	self  = netip.MustParsePrefix("192.168.77.1/24")
	first = netip.MustParseAddr("192.168.77.100")
	mac   = net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 0x10}
)

// lab is a configuration with two addresses to lease.
func lab(mode spec.Mode, changes ...func(*spec.DHCP)) spec.DHCP {
	c := spec.DHCP{Mode: mode, Ranges: []spec.Range{{First: first, Last: first.Next()}}}
	c.Lease = spec.Duration(time.Hour)
	c.Router = netip.MustParseAddr("192.168.77.254")
	c.DNS = []netip.Addr{netip.MustParseAddr("192.168.77.253"), netip.MustParseAddr("192.168.77.252")}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func settings(mode spec.Mode, changes ...func(*spec.DHCP)) *Settings {
	return NewSettings(lab(mode, changes...), self, []net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}, Pools{})
}

// message makes a client's packet. It applies the changes in order.
func message(t dhcpv4.MessageType, changes ...func(*dhcpv4.DHCPv4)) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, ClientHWAddr: mac,
		TransactionID: dhcpv4.TransactionID{1, 2, 3, 4}, Options: dhcpv4.Options{},
	}
	m.UpdateOption(dhcpv4.OptMessageType(t))
	for _, change := range changes {
		change(m)
	}
	return m
}

type change = func(*dhcpv4.DHCPv4)

func option(code uint8, v ...byte) change {
	return func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), v)) }
}

func pxeArch(n byte) change {
	return func(m *dhcpv4.DHCPv4) {
		option(60, []byte("PXEClient:Arch:00000:UNDI:002001")...)(m)
		option(93, 0, n)(m)
		option(97, make([]byte, 17)...)(m)
	}
}

var bios = pxeArch(0)

func from(hw ...byte) change { return func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = hw } }
func flags(f uint16) change  { return func(m *dhcpv4.DHCPv4) { m.Flags = f } }
func ciaddr(a netip.Addr) change {
	return func(m *dhcpv4.DHCPv4) { m.ClientIPAddr = a.AsSlice() }
}
func giaddr(a string) change {
	return func(m *dhcpv4.DHCPv4) { m.GatewayIPAddr = netip.MustParseAddr(a).AsSlice() }
}
func wish(a netip.Addr) change   { return option(50, a.AsSlice()...) }
func server(a netip.Addr) change { return option(54, a.AsSlice()...) }

var unset = netip.MustParseAddrPort("0.0.0.0:68")

// ask sends one packet to port 67, from its proper source: a relay agent, the
// client's address, or the link.
func ask(s *Settings, m *dhcpv4.DHCPv4) Answer {
	return Decide(t0, s, NewQuestion(m, ServerPort, source(m)))
}

func source(m *dhcpv4.DHCPv4) netip.AddrPort {
	for _, ip := range []net.IP{m.GatewayIPAddr, m.ClientIPAddr} {
		if a := address(ip); a.IsValid() {
			return netip.AddrPortFrom(a, ClientPort)
		}
	}
	return unset
}

// bind gives the first address to the client of message.
func bind(t *testing.T, s *Settings) {
	t.Helper()
	ask(s, message(dhcpv4.MessageTypeDiscover))
	a := ask(s, message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(first)))
	if a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck || !a.Commit {
		t.Fatalf("no lease to begin with: %+v", a)
	}
}

func TestServerDecides(t *testing.T) {
	const (
		offer = dhcpv4.MessageTypeOffer
		ack   = dhcpv4.MessageTypeAck
		nak   = dhcpv4.MessageTypeNak
		none  = dhcpv4.MessageTypeNone
	)
	second, third := first.Next(), first.Next().Next()
	elsewhere := netip.MustParseAddr("10.0.0.7")
	toClient := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, ClientPort) }
	toAll := toClient(broadcast)

	for _, tc := range []struct {
		situation string
		before    func(*testing.T, *Settings)
		question  *dhcpv4.DHCPv4
		want      dhcpv4.MessageType
		yiaddr    netip.Addr
		to        netip.AddrPort
		byLink    bool
	}{
		{situation: "discover", question: message(dhcpv4.MessageTypeDiscover), want: offer, yiaddr: first,
			to: toClient(first), byLink: true},
		{situation: "discover, broadcast flag", question: message(dhcpv4.MessageTypeDiscover, flags(0x8000)),
			want: offer, yiaddr: first, to: toAll},
		{situation: "discover, wishes for a free address", question: message(dhcpv4.MessageTypeDiscover, wish(second)),
			want: offer, yiaddr: second, to: toClient(second), byLink: true},
		{situation: "discover, wishes for one outside the range",
			question: message(dhcpv4.MessageTypeDiscover, wish(third)), want: offer, yiaddr: first,
			to: toClient(first), byLink: true},
		{situation: "discover again while bound", before: bind,
			question: message(dhcpv4.MessageTypeDiscover, wish(second)), want: offer, yiaddr: first,
			to: toClient(first), byLink: true},
		{situation: "discover by another machine", before: bind,
			question: message(dhcpv4.MessageTypeDiscover, from(2, 2, 2, 2, 2, 2), wish(first)), want: offer,
			yiaddr: second, to: toClient(second), byLink: true},

		{situation: "selecting us", before: bind,
			question: message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(first)), want: ack, yiaddr: first,
			to: toClient(first), byLink: true},
		{situation: "selecting another server",
			question: message(dhcpv4.MessageTypeRequest, server(elsewhere), wish(first)), want: none, to: toAll},
		{situation: "selecting an offer that was forgotten, or taken over in a flood",
			question: message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(first)), want: ack, yiaddr: first,
			to: toClient(first), byLink: true},
		{situation: "selecting what another machine has", before: bind,
			question: message(dhcpv4.MessageTypeRequest, from(2, 2, 2, 2, 2, 2), server(self.Addr()), wish(first)),
			want:     nak, to: toAll},
		{situation: "selecting an address outside the range",
			question: message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(third)), want: nak, to: toAll},
		{situation: "selecting an address other than offered", before: bind,
			question: message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(second)), want: nak, to: toAll},

		{situation: "init-reboot, on record", before: bind, question: message(dhcpv4.MessageTypeRequest, wish(first)),
			want: ack, yiaddr: first, to: toClient(first), byLink: true},
		{situation: "init-reboot, another address than on record", before: bind,
			question: message(dhcpv4.MessageTypeRequest, wish(second)), want: nak, to: toAll},
		{situation: "init-reboot, not known here: MUST be silent",
			question: message(dhcpv4.MessageTypeRequest, wish(first)), want: none, to: toAll},
		{situation: "init-reboot, from another network", question: message(dhcpv4.MessageTypeRequest, wish(elsewhere)),
			want: nak, to: toAll},

		{situation: "renewing", before: bind, question: message(dhcpv4.MessageTypeRequest, ciaddr(first)), want: ack,
			yiaddr: first, to: toClient(first)},
		{situation: "renewing what another machine has", before: bind,
			question: message(dhcpv4.MessageTypeRequest, ciaddr(second)), want: nak, to: toAll},
		{situation: "renewing, not known here", question: message(dhcpv4.MessageTypeRequest, ciaddr(first)),
			want: none, to: toAll},
		{situation: "a request for nothing", question: message(dhcpv4.MessageTypeRequest), want: none, to: toAll},

		{situation: "inform", question: message(dhcpv4.MessageTypeInform, ciaddr(third)), want: ack,
			to: toClient(third)},
		{situation: "inform from another network", question: message(dhcpv4.MessageTypeInform, ciaddr(elsewhere)),
			want: none, to: toAll},

		{situation: "no message type (BOOTP)", question: message(dhcpv4.MessageTypeNone), want: none, to: toAll},
		{situation: "a reply", question: message(offer, func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }),
			want: none, to: toAll},
		{situation: "hardware address of 16 bytes",
			question: message(dhcpv4.MessageTypeDiscover, from(make([]byte, 16)...)), want: none, to: toAll},
		{situation: "Infiniband", question: message(dhcpv4.MessageTypeDiscover,
			func(m *dhcpv4.DHCPv4) { m.HWType = iana.HWTypeInfiniband }), want: none, to: toAll},
		{situation: "the box's own DHCP client", question: message(dhcpv4.MessageTypeDiscover, from(2, 0, 0, 0, 0, 1)),
			want: none, to: toAll},
		{situation: "the box's own search for other servers",
			question: message(dhcpv4.MessageTypeDiscover, from(2, 0, 0, 0, 0, 2)), want: none, to: toAll},
		{situation: "relayed from a subnet that is not configured",
			question: message(dhcpv4.MessageTypeDiscover, giaddr("10.0.0.1")), want: none, to: toAll},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s := settings(spec.ModeServer)
			if tc.before != nil {
				tc.before(t, s)
			}
			a := ask(s, tc.question)
			if tc.want == none {
				if a.Msg != nil || a.Why == "" {
					t.Fatalf("got %v (%q); want silence, with a reason", a.Msg, a.Why)
				}
				return
			}
			if a.Msg == nil || a.Msg.MessageType() != tc.want {
				t.Fatalf("got %v (%q), want %v", a.Msg, a.Why, tc.want)
			}
			if got := address(a.Msg.YourIPAddr); got != tc.yiaddr {
				t.Errorf("yiaddr %v, want %v", got, tc.yiaddr)
			}
			if a.To != tc.to || (a.Link != nil) != tc.byLink {
				t.Errorf("sent to %v (by hardware address: %v), want %v (%v)", a.To, a.Link != nil, tc.to, tc.byLink)
			}
			// RFC 2131 table 3: what every reply must have, and what none may
			// have.
			if a.Msg.TransactionID != tc.question.TransactionID || a.Msg.Flags != tc.question.Flags ||
				a.Msg.OpCode != dhcpv4.OpcodeBootReply ||
				a.Msg.ClientHWAddr.String() != tc.question.ClientHWAddr.String() {
				t.Errorf("header does not repeat the question's: %+v", a.Msg)
			}
			if address(a.Msg.ServerIdentifier()) != self.Addr() {
				t.Errorf("option 54 is %v", a.Msg.ServerIdentifier())
			}
			hasTime := a.Msg.Options.Has(dhcpv4.OptionIPAddressLeaseTime)
			if wantTime := tc.yiaddr.IsValid(); hasTime != wantTime {
				t.Errorf("option 51 there: %v, want %v", hasTime, wantTime)
			}
			if mask := a.Msg.SubnetMask(); (mask != nil) != (tc.want != nak) {
				t.Errorf("option 1 is %v in a %v", mask, tc.want)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	a := ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeDiscover, option(61, 1, 9, 9)))
	for code, want := range map[uint8]string{
		1:  "\xff\xff\xff\x00",
		3:  "\xc0\xa8\x4d\xfe",
		6:  "\xc0\xa8\x4d\xfd\xc0\xa8\x4d\xfc",
		28: "\xc0\xa8\x4d\xff",
		51: "\x00\x00\x0e\x10",
		58: "\x00\x00\x07\x08",
		59: "\x00\x00\x0c\x4e",
		61: "\x01\x09\x09", // RFC 6842
	} {
		if got := a.Msg.Options.Get(dhcpv4.GenericOptionCode(code)); string(got) != want {
			t.Errorf("option %d is % x, want % x", code, got, want)
		}
	}
	for _, code := range []uint8{43, 60, 66, 67, 97} {
		if a.Msg.Options.Has(dhcpv4.GenericOptionCode(code)) {
			t.Errorf("option %d given to a machine that does not network-boot", code)
		}
	}
}

func TestRangeRunsOut(t *testing.T) {
	s := settings(spec.ModeServer)
	stranger := func(n byte) change { return from(2, 9, 9, 9, 9, n) }
	for n := range byte(200) {
		if a := ask(s, message(dhcpv4.MessageTypeDiscover, stranger(n))); a.Msg == nil {
			t.Fatalf("stranger %d: %s; offers that no one takes must not use the range up", n, a.Why)
		}
	}
	for n, a := range []netip.Addr{first, first.Next()} {
		if a := ask(s, message(dhcpv4.MessageTypeRequest, stranger(byte(n)), server(self.Addr()),
			wish(a))); a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck {
			t.Fatalf("got %+v", a)
		}
	}
	if a := ask(s, message(dhcpv4.MessageTypeDiscover)); a.Msg != nil || !a.Trouble {
		t.Fatalf("with all leased a machine gets %+v; want a silence that is reported", a)
	}
	late := Decide(t0.Add(time.Hour), s, NewQuestion(message(dhcpv4.MessageTypeDiscover), ServerPort, unset))
	if late.Msg == nil {
		t.Errorf("leases that ran out are still held: %q", late.Why)
	}
}

func TestDeclineAndRelease(t *testing.T) {
	other := from(2, 2, 2, 2, 2, 2)
	t.Run("a declined address rests, and the client gets another", func(t *testing.T) {
		s := settings(spec.ModeServer)
		bind(t, s)
		if a := ask(s, message(dhcpv4.MessageTypeDecline, server(self.Addr()), wish(first))); a.Msg != nil ||
			!a.Trouble {
			t.Errorf("decline got %+v", a)
		}
		a := ask(s, message(dhcpv4.MessageTypeDiscover, wish(first)))
		if a.Msg == nil || address(a.Msg.YourIPAddr) != first.Next() {
			t.Errorf("offered %+v", a)
		}
	})
	t.Run("another machine cannot decline it", func(t *testing.T) {
		s := settings(spec.ModeServer)
		bind(t, s)
		ask(s, message(dhcpv4.MessageTypeDecline, other, server(self.Addr()), wish(first)))
		if a := ask(s, message(dhcpv4.MessageTypeRequest, ciaddr(first))); a.Msg == nil ||
			a.Msg.MessageType() != dhcpv4.MessageTypeAck {
			t.Errorf("renewal got %+v", a)
		}
	})
	t.Run("a released address is free", func(t *testing.T) {
		s := settings(spec.ModeServer)
		bind(t, s)
		ask(s, message(dhcpv4.MessageTypeRelease, server(self.Addr()), ciaddr(first)))
		a := ask(s, message(dhcpv4.MessageTypeDiscover, other, wish(first)))
		if a.Msg == nil || address(a.Msg.YourIPAddr) != first {
			t.Errorf("offered %+v", a)
		}
	})
	t.Run("a release meant for another server", func(t *testing.T) {
		s := settings(spec.ModeServer)
		bind(t, s)
		ask(s, message(dhcpv4.MessageTypeRelease, server(first), ciaddr(first)))
		a := ask(s, message(dhcpv4.MessageTypeDiscover, other, wish(first)))
		if a.Msg == nil || address(a.Msg.YourIPAddr) == first {
			t.Errorf("offered %+v", a)
		}
	})
}

func TestClientIdentity(t *testing.T) {
	s := settings(spec.ModeServer)
	given := func(m *dhcpv4.DHCPv4) netip.Addr { return address(ask(s, m).Msg.YourIPAddr) }
	byID := given(message(dhcpv4.MessageTypeDiscover, option(61, 0, 7, 7)))
	if again := given(message(dhcpv4.MessageTypeDiscover, option(61, 0, 7, 7), from(4, 4, 4, 4, 4, 4))); again != byID {
		t.Errorf("the same option 61 from another card got %v, not %v", again, byID)
	}
	if byMAC := given(message(dhcpv4.MessageTypeDiscover)); byMAC == byID {
		t.Errorf("the card without option 61 got the other client's %v", byMAC)
	}
}

func TestModes(t *testing.T) {
	for _, tc := range []struct {
		situation string
		mode      spec.Mode
		question  *dhcpv4.DHCPv4
		port      int
		want      dhcpv4.MessageType
	}{
		{situation: "auto, BIOS client", mode: spec.ModeAuto, question: message(dhcpv4.MessageTypeDiscover, bios),
			port: ServerPort, want: dhcpv4.MessageTypeOffer},
		{situation: "auto never leases", mode: spec.ModeAuto, question: message(dhcpv4.MessageTypeDiscover),
			port: ServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "proxy, BIOS client", mode: spec.ModeProxy, question: message(dhcpv4.MessageTypeDiscover, bios),
			port: ServerPort, want: dhcpv4.MessageTypeOffer},
		{situation: "proxy, not a network boot", mode: spec.ModeProxy, question: message(dhcpv4.MessageTypeDiscover),
			port: ServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "proxy, the client's request is the other server's", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, bios, wish(first)), port: ServerPort,
			want: dhcpv4.MessageTypeNone},
		{situation: "proxy, a firmware that there is no file for", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover, pxeArch(6)), port: ServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "proxy, boot server request", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), port: BootServerPort,
			want: dhcpv4.MessageTypeAck},
		{situation: "proxy, boot server request by INFORM", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeInform, bios, ciaddr(first)), port: BootServerPort,
			want: dhcpv4.MessageTypeAck},
		{situation: "server, boot server request", mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), port: BootServerPort,
			want: dhcpv4.MessageTypeAck},
		{situation: "4011, not a network boot", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, ciaddr(first)), port: BootServerPort,
			want: dhcpv4.MessageTypeNone},
		{situation: "4011, a discover", mode: spec.ModeProxy, question: message(dhcpv4.MessageTypeDiscover, bios),
			port: BootServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "4011, a WDS boot program gone astray", mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first), option(250, 1, 2, 0, 6)),
			port:     BootServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "off, BIOS client", mode: spec.ModeOff, question: message(dhcpv4.MessageTypeDiscover, bios),
			port: ServerPort, want: dhcpv4.MessageTypeNone},
		{situation: "off, boot server request", mode: spec.ModeOff,
			question: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), port: BootServerPort,
			want: dhcpv4.MessageTypeNone},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			a := Decide(t0, settings(tc.mode), NewQuestion(tc.question, tc.port, netip.AddrPortFrom(first, ClientPort)))
			got := dhcpv4.MessageTypeNone
			if a.Msg != nil {
				got = a.Msg.MessageType()
			}
			if got != tc.want {
				t.Errorf("got %v (%q), want %v", got, a.Why, tc.want)
			}
		})
	}
	t.Run("no address yet: silent", func(t *testing.T) {
		s := settings(spec.ModeProxy)
		s.Self = netip.Prefix{}
		if a := ask(s, message(dhcpv4.MessageTypeDiscover, bios)); a.Msg != nil {
			t.Errorf("got %+v", a)
		}
	})
}

// A machine that the box receives but cannot serve must not look like one that
// it never received.
func TestNoBootFile(t *testing.T) {
	none := func(c *spec.DHCP) { c.BootFiles = map[firmware.Kind]string{"uefi-ia32": ""} }
	for _, tc := range []struct {
		situation string
		arch      byte
		change    func(*spec.DHCP)
		trouble   bool
	}{
		{situation: "a firmware that nothing is built in for", arch: 6, change: func(*spec.DHCP) {}, trouble: true},
		{situation: "one that the settings do not know", arch: 2, change: none, trouble: true},
		{situation: "one that the settings want left alone", arch: 6, change: none},
	} {
		for port, m := range map[int]*dhcpv4.DHCPv4{
			ServerPort:     message(dhcpv4.MessageTypeDiscover, pxeArch(tc.arch)),
			BootServerPort: message(dhcpv4.MessageTypeRequest, pxeArch(tc.arch), ciaddr(first)),
		} {
			a := Decide(t0, settings(spec.ModeProxy, tc.change),
				NewQuestion(m, port, netip.AddrPortFrom(first, ClientPort)))
			if a.Msg != nil || a.Trouble != tc.trouble || !strings.HasPrefix(a.Why, "no boot file for ") {
				t.Errorf("%s, on port %d: %+v", tc.situation, port, a)
			}
		}
	}
}

// BIOS firmware must find these in each answer.
func TestPXEShapes(t *testing.T) {
	file := func(m *dhcpv4.DHCPv4) (netip.Addr, string, string, string) {
		return address(m.ServerIPAddr), m.BootFileName,
			string(m.Options.Get(dhcpv4.OptionClassIdentifier)),
			string(m.Options.Get(dhcpv4.OptionVendorSpecificInformation))
	}
	check := func(t *testing.T, a Answer, wantFile, want43 string) {
		t.Helper()
		if a.Msg == nil {
			t.Fatalf("silent: %s", a.Why)
		}
		siaddr, name, class, vendor := file(a.Msg)
		if siaddr != self.Addr() || name != wantFile || class != "PXEClient" || vendor != want43 {
			t.Errorf("siaddr %v, file %q, option 60 %q, option 43 % x; want %v, %q, PXEClient, % x",
				siaddr, name, class, vendor, self.Addr(), wantFile, want43)
		}
		if guid := a.Msg.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(guid) != 17 {
			t.Errorf("the GUID came back as % x", guid)
		}
	}
	t.Run("server's offer names the file and ends discovery", func(t *testing.T) {
		check(t, ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeDiscover, bios)), "pxelinux.0",
			"\x06\x01\x08\xff")
	})
	t.Run("server's offer to a firmware without a file is a plain lease", func(t *testing.T) {
		a := ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeDiscover, pxeArch(6)))
		if siaddr, name, class, vendor := file(a.Msg); siaddr.IsValid() || name+class+vendor != "" {
			t.Errorf("got siaddr %v, file %q, option 60 %q, option 43 % x", siaddr, name, class, vendor)
		}
	})
	t.Run("proxy's offer has no address, no file, and is broadcast", func(t *testing.T) {
		a := ask(settings(spec.ModeProxy), message(dhcpv4.MessageTypeDiscover, bios))
		check(t, a, "", "")
		if hasAddr(a.Msg.YourIPAddr) || a.To.Addr() != broadcast || a.Msg.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
			t.Errorf("yiaddr %v to %v", a.Msg.YourIPAddr, a.To)
		}
	})
	for situation, source := range map[string]string{
		"iPXE asks 4011 from port 68":   "192.168.77.115:68",
		"EDK2 asks 4011 from port 4011": "192.168.77.115:4011",
	} {
		t.Run(situation, func(t *testing.T) {
			q := NewQuestion(message(dhcpv4.MessageTypeRequest, bios, ciaddr(netip.MustParseAddr("192.168.77.115"))),
				BootServerPort, netip.MustParseAddrPort(source))
			a := Decide(t0, settings(spec.ModeProxy), q)
			check(t, a, "pxelinux.0", "")
			if a.To.String() != source || address(a.Msg.YourIPAddr).String() != "192.168.77.115" {
				t.Errorf("yiaddr %v to %v; pxechn -W hands on yiaddr", a.Msg.YourIPAddr, a.To)
			}
		})
	}
	t.Run("the boot item asked for comes back", func(t *testing.T) {
		q := NewQuestion(message(dhcpv4.MessageTypeRequest, bios, option(43, 71, 4, 0x80, 0, 0, 0, 255)),
			BootServerPort, unset)
		check(t, Decide(t0, settings(spec.ModeProxy), q), "pxelinux.0", "\x47\x04\x80\x00\x00\x00\xff")
	})
}
