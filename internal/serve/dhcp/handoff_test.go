package dhcp

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

var (
	wds      = netip.MustParseAddr("192.168.77.2")
	byBOOTP  = netip.MustParseAddr("192.168.77.20")
	programs = map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`, "uefi-x64": `boot\x64\wdsmgfw.efi`}
	targets  = map[string]handoff.Target{"wds": {Server: wds, Programs: programs}}
	toWDS    = clients.Rule{Machine: spec.Machine{Boot: "wds"}, Handoff: "wds"}
)

// handingOver are settings under which machines with that rule boot from WDS.
func handingOver(mode spec.Mode, rules ...clients.Rule) (*Settings, *handoff.Table) {
	asked := handoff.NewTable(4)
	s := settings(mode, withUEFI, behindRelays, func(c *spec.DHCP) {
		c.Reservations = []spec.Reservation{{MAC: ether.MustParseMAC("02:00:00:00:00:99"), Address: byBOOTP}}
	})
	s.Plan = handoff.NewPlan(rules, targets, asked, clients.NewOnce(4))
	return s, asked
}

// loads returns what firmware reads from an answer: server and file.
func loads(a Answer) string {
	if a.Msg == nil {
		return "silence"
	}
	return address(a.Msg.ServerIPAddr).String() + " " + a.Msg.BootFileName
}

const (
	efiFromWDS  = `192.168.77.2 boot\x64\wdsmgfw.efi`
	biosFromWDS = `192.168.77.2 boot\x64\wdsnbp.com`
	efiFromBox  = "192.168.77.1 shimx64.efi"
	biosFromBox = "192.168.77.1 pxelinux.0"
)

// TestFlowsToWDS answers each packet that real firmware sent as if its machine
// boots from WDS.
func TestFlowsToWDS(t *testing.T) {
	for _, file := range flows(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			for _, p := range flow(t, file) {
				client, boots := pxe.Classify(p.msg)
				if p.msg.OpCode != dhcpv4.OpcodeBootRequest || !boots || client.WDS {
					continue
				}
				want := wds.String() + " " + programs[client.Firmware]
				if client.HTTP {
					want = "192.168.77.1 http://192.168.77.1/shimx64.efi"
				}
				q := NewQuestion(p.msg, int(p.Dst.Port()), p.Src)
				discover := p.msg.MessageType() == dhcpv4.MessageTypeDiscover

				s, _ := handingOver(spec.ModeProxy, toWDS)
				a := Decide(t0, s, q)
				switch {
				case q.Port == ServerPort && !discover:
					if a.Msg != nil || !client.HTTP && (a.Handoff.Server != wds ||
						a.Has != addressOption(p.msg, optRequested)) {
						t.Errorf("proxy, the request to the site's server: %+v", a)
					}
				case q.Port == ServerPort && !client.HTTP:
					// A client that asks siaddr next finds WDS; one that asks
					// option 54 finds us.
					if loads(a) != "192.168.77.2 " || a.Msg.Options.Has(dhcpv4.OptionVendorSpecificInformation) ||
						address(a.Msg.ServerIdentifier()) != self.Addr() {
						t.Errorf("proxy's offer: %s, %+v", loads(a), a)
					}
				default:
					if loads(a) != want {
						t.Errorf("proxy on port %d: %s, want %s", q.Port, loads(a), want)
					}
				}
				if q.Port == BootServerPort && a.Has != address(p.msg.ClientIPAddr) {
					t.Errorf("4011: the machine has %v", a.Has)
				}

				s, _ = handingOver(spec.ModeServer, toWDS)
				if a := Decide(t0, s, q); q.Port == ServerPort && discover {
					if loads(a) != want || !client.HTTP && string(a.Msg.Options[optVendor]) != "\x06\x01\x08\xff" {
						t.Errorf("server: %s, option 43 % x; want %s", loads(a), a.Msg.Options[optVendor], want)
					}
				}
			}
		})
	}
}

// The box itself is the server of an entry that its firmware starts, in each mode
// and packet. iPXE that was loaded this way does not load itself again.
func TestHandoffToTheBox(t *testing.T) {
	own := map[string]handoff.Target{"own": {Self: true, Programs: map[firmware.Kind]string{
		"bios": "win/pxeboot.n12", "uefi-x64": "ipxe/snponly-shimx64.efi",
	}}}
	toOwn := clients.Rule{Machine: spec.Machine{Boot: "own"}, Handoff: "own"}
	isIPXE := func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptUserClass("iPXE")) }
	for situation, tc := range map[string]struct {
		client []change
		want   string
	}{
		"UEFI":            {client: []change{pxeArch(7)}, want: "192.168.77.1 ipxe/snponly-shimx64.efi"},
		"BIOS":            {client: []change{pxeArch(0)}, want: "192.168.77.1 win/pxeboot.n12"},
		"iPXE, by itself": {client: []change{pxeArch(7), isIPXE}, want: efiFromBox},
	} {
		t.Run(situation, func(t *testing.T) {
			s, _ := handingOver(spec.ModeServer, toOwn)
			s.Plan = handoff.NewPlan([]clients.Rule{toOwn}, own, handoff.NewTable(4), clients.NewOnce(4))
			if a := ask(s, message(dhcpv4.MessageTypeDiscover, tc.client...)); loads(a) != tc.want {
				t.Errorf("server: %s, want %s", loads(a), tc.want)
			}
			s.Mode = spec.ModeProxy
			a := ask(s, message(dhcpv4.MessageTypeDiscover, tc.client...))
			if loads(a) != "192.168.77.1 " {
				t.Errorf("proxy's offer: %s", loads(a))
			}
		})
	}
}

// A visit ends with the firmware's next boot, and not with what the program does.
func TestVisitEndsWithTheNextBoot(t *testing.T) {
	const shim, ipxe = "ubuntu/shimx64.efi", "ipxe/snponly-shimx64.efi"
	isIPXE := func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptUserClass("iPXE")) }
	own := map[string]handoff.Target{
		"own": {Self: true, Programs: map[firmware.Kind]string{"uefi-x64": shim}},
	}
	toOwn := clients.Rule{Machine: spec.Machine{Boot: "own"}, Handoff: "own"}
	for situation, tc := range map[string]struct {
		program string
		client  []change
		rules   []clients.Rule
		ends    bool
	}{
		"the firmware boots again": {program: shim, client: []change{pxeArch(7)}, ends: true},
		"the firmware, to the same program": {program: shim, client: []change{pxeArch(7)},
			rules: []clients.Rule{toOwn}},
		"the firmware, to another program": {program: ipxe, client: []change{pxeArch(7)},
			rules: []clients.Rule{toOwn}, ends: true},
		"GRUB or a system asks":              {program: shim},
		"iPXE that was started asks":         {program: ipxe, client: []change{pxeArch(7), isIPXE}},
		"firmware that is iPXE, boots again": {program: shim, client: []change{pxeArch(7), isIPXE}, ends: true},
	} {
		t.Run(situation, func(t *testing.T) {
			for _, mode := range []spec.Mode{spec.ModeProxy, spec.ModeServer} {
				s, asked := handingOver(mode, tc.rules...)
				m := message(dhcpv4.MessageTypeDiscover, tc.client...)
				mac, _ := ether.ParseMAC(m.ClientHWAddr.String())
				v := handoff.NewVisits(4, asked)
				v.Enter(t0, mac, netip.MustParseAddr("192.168.77.100"), tc.program)
				s.Plan = handoff.NewPlan(tc.rules, own, asked, clients.NewOnce(4)).WithVisits(v)
				ask(s, m)
				if got := v.Program(mac) == ""; got != tc.ends {
					t.Errorf("%s: the visit has ended: %v", mode, got)
				}
			}
		})
	}
}

// A machine that has requested it boots from WDS once.
func TestHandoffInServerMode(t *testing.T) {
	for situation, tc := range map[string]struct {
		firmware     change
		wds, thenBox string
	}{
		"BIOS":                             {firmware: bios, wds: biosFromWDS, thenBox: biosFromBox},
		"UEFI":                             {firmware: pxeArch(7), wds: efiFromWDS, thenBox: efiFromBox},
		"UEFI that calls itself byte code": {firmware: pxeArch(9), wds: efiFromWDS, thenBox: efiFromBox},
	} {
		t.Run(situation, func(t *testing.T) {
			s, asked := handingOver(spec.ModeServer)
			asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
			at := func(after time.Duration, xid byte, m *dhcpv4.DHCPv4) Answer {
				m.TransactionID = [4]byte{xid}
				return Decide(t0.Add(after), s, NewQuestion(m, ServerPort, unset))
			}
			discover := func() *dhcpv4.DHCPv4 { return message(dhcpv4.MessageTypeDiscover, tc.firmware) }
			request := func() *dhcpv4.DHCPv4 {
				return message(dhcpv4.MessageTypeRequest, tc.firmware, server(self.Addr()), wish(first))
			}
			if a := at(20*time.Second, 1, discover()); loads(a) != tc.wds || a.Handoff.Entry != "" {
				t.Errorf("the offer: %s, already on its way: %+v", loads(a), a.Handoff)
			}
			for _, after := range []time.Duration{24 * time.Second, 28 * time.Second} { // and its retry
				if a := at(after, 1, request()); loads(a) != tc.wds || a.Handoff.Server != wds || a.Has != first {
					t.Errorf("the ACK: %s, %+v", loads(a), a)
				}
			}
			if a := at(29*time.Second, 2, message(dhcpv4.MessageTypeDiscover)); a.Msg == nil ||
				a.Msg.BootFileName != "" {
				t.Errorf("its system is told about a boot file: %s", loads(a))
			}
			if a := at(60*time.Second, 3, discover()); loads(a) != tc.thenBox {
				t.Errorf("the boot after that: %s", loads(a))
			}
		})
	}
}

func TestHandoffInProxyMode(t *testing.T) {
	guid := option(97, append([]byte{0}, "bexpxoaL\x80\x00\x00\x00\x00\x00\x00\x10"...)...)
	s, asked := handingOver(spec.ModeProxy)
	asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
	at := func(after time.Duration, port int, m *dhcpv4.DHCPv4) Answer {
		return Decide(t0.Add(after), s, NewQuestion(m, port, netip.AddrPortFrom(first, ClientPort)))
	}
	if a := at(20*time.Second, ServerPort, message(dhcpv4.MessageTypeDiscover, bios)); loads(a) != "192.168.77.2 " {
		t.Errorf("the offer: %s", loads(a))
	}
	site := netip.MustParseAddr("192.168.77.3")
	a := at(21*time.Second, ServerPort, message(dhcpv4.MessageTypeRequest, bios, guid, server(site), wish(first)))
	if a.Msg != nil || a.Handoff.Server != wds || a.Has != first {
		t.Errorf("the request to the site's server: %+v", a)
	}
	if want := (clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10"),
		GUID: "70786562-6f78-4c61-8000-000000000010", Firmware: "bios"}); a.Machine != want {
		t.Errorf("it is from %+v", a.Machine)
	}
	ask4011 := func() *dhcpv4.DHCPv4 {
		return message(dhcpv4.MessageTypeRequest, bios, ciaddr(first),
			func(m *dhcpv4.DHCPv4) { m.TransactionID = [4]byte{} })
	}
	if a := at(25*time.Second, BootServerPort, ask4011()); loads(a) != biosFromWDS || a.Has != first {
		t.Errorf("on port 4011: %s", loads(a))
	}
	if a := at(50*time.Second, BootServerPort, ask4011()); loads(a) != biosFromBox {
		t.Errorf("on port 4011, long after: %s", loads(a))
	}
}

// Next to another PXE server, a machine that is handed over gets everything in
// the offer, so that it asks no other server.
func TestHandoffBesideAnotherPXEServer(t *testing.T) {
	http := func(m *dhcpv4.DHCPv4) {
		option(60, []byte("HTTPClient:Arch:00016:UNDI:003001")...)(m)
		option(93, 0, 16)(m)
	}
	for situation, tc := range map[string]struct {
		mode        spec.Mode
		client      change
		rival, goes bool // to WDS
		want        string
		vendor      string // option 43
	}{
		"UEFI, on its way to WDS": {mode: spec.ModeProxy, client: pxeArch(7), rival: true, goes: true,
			want: efiFromWDS, vendor: "\x06\x01\x08\xff"},
		"UEFI that calls itself byte code": {mode: spec.ModeProxy, client: pxeArch(9), rival: true, goes: true,
			want: efiFromWDS, vendor: "\x06\x01\x08\xff"},
		"UEFI, no other PXE server": {mode: spec.ModeProxy, client: pxeArch(7), goes: true,
			want: "192.168.77.2 "},
		"UEFI, to the menu": {mode: spec.ModeProxy, client: pxeArch(7), rival: true,
			want: "192.168.77.1 "},
		"BIOS, on its way to WDS": {mode: spec.ModeProxy, client: bios, rival: true, goes: true,
			want: "192.168.77.2 "},
		"HTTP boot": {mode: spec.ModeProxy, client: http, rival: true, goes: true,
			want: "192.168.77.1 http://192.168.77.1/shimx64.efi"},
		"a server that leases": {mode: spec.ModeServer, client: pxeArch(7), rival: true, goes: true,
			want: efiFromWDS, vendor: "\x06\x01\x08\xff"},
	} {
		t.Run(situation, func(t *testing.T) {
			s, asked := handingOver(tc.mode)
			s.Rival = tc.rival
			if tc.goes {
				asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
			}
			a := ask(s, message(dhcpv4.MessageTypeDiscover, tc.client))
			if loads(a) != tc.want || string(a.Msg.Options[optVendor]) != tc.vendor {
				t.Errorf("%s, option 43 % x; want %s, % x", loads(a), a.Msg.Options[optVendor], tc.want, tc.vendor)
			}
			if tc.mode == spec.ModeProxy && hasAddr(a.Msg.YourIPAddr) {
				t.Errorf("a proxy gives %v", a.Msg.YourIPAddr)
			}
		})
	}
}

func TestNotHandedOver(t *testing.T) {
	http := func(m *dhcpv4.DHCPv4) {
		option(60, []byte("HTTPClient:Arch:00016:UNDI:003001")...)(m)
		option(93, 0, 16)(m)
	}
	// It sends PXE's architecture with HTTP's class.
	muddled := func(m *dhcpv4.DHCPv4) { http(m); option(93, 0, 7)(m) }
	for situation, tc := range map[string]struct {
		client change
		want   string
	}{
		"HTTP boot":                              {http, "192.168.77.1 http://192.168.77.1/shimx64.efi"},
		"HTTP boot that says PXE's architecture": {muddled, "192.168.77.1 http://192.168.77.1/shimx64.efi"},
		"a firmware that WDS has no program for": {pxeArch(6), "silence"},
	} {
		t.Run(situation, func(t *testing.T) {
			s, asked := handingOver(spec.ModeProxy, toWDS)
			asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
			if a := ask(s, message(dhcpv4.MessageTypeDiscover, tc.client)); loads(a) != tc.want ||
				a.Handoff.Entry != "" {
				t.Errorf("%s, %+v", loads(a), a.Handoff)
			}
			if a := ask(s, message(dhcpv4.MessageTypeRequest, tc.client, wish(first))); a.Handoff.Entry != "" {
				t.Errorf("on its way to %+v", a.Handoff)
			}
			if _, ok := asked.Answer(t0.Add(time.Minute), clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")},
				[4]byte{9}); !ok {
				t.Error("what the machine asked for is used up")
			}
		})
	}
	t.Run("a client that took another server's address", func(t *testing.T) {
		s, asked := handingOver(spec.ModeServer)
		asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
		a := ask(s, message(dhcpv4.MessageTypeRequest, bios, server(netip.MustParseAddr("192.168.77.3")), wish(first)))
		if a.Msg != nil || a.Handoff.Entry != "" || a.Has.IsValid() {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a WDS boot program that asks here", func(t *testing.T) {
		s, _ := handingOver(spec.ModeProxy, toWDS)
		q := NewQuestion(message(dhcpv4.MessageTypeRequest, bios, ciaddr(first), option(250, 1, 2, 0, 6)),
			BootServerPort, unset)
		if a := Decide(t0, s, q); a.Msg != nil || !a.Trouble {
			t.Errorf("%+v", a)
		}
	})
}

// A host that is neither on the link nor on a served subnet uses up no other
// machine's boot, and is not taken for another machine.
func TestStrangerUsesNothingUp(t *testing.T) {
	stranger, behind := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("10.1.0.100")
	zero := netip.IPv4Unspecified()
	for situation, tc := range map[string]struct {
		mode spec.Mode
		port int
		from netip.Addr
		msg  *dhcpv4.DHCPv4
		uses bool
		has  netip.Addr
	}{
		"4011: the machine itself": {mode: spec.ModeProxy, port: BootServerPort, from: first,
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), uses: true, has: first},
		"4011: its address in 16 bytes": {mode: spec.ModeProxy, port: BootServerPort,
			from: netip.AddrFrom16(first.As16()), msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)),
			uses: true, has: first},
		"4011: behind a router": {mode: spec.ModeProxy, port: BootServerPort, from: behind,
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(behind)), uses: true, has: behind},
		"4011: without an address yet": {mode: spec.ModeProxy, port: BootServerPort, from: zero,
			msg: message(dhcpv4.MessageTypeRequest, bios), uses: true},
		"4011: no address, and yet it says so": {mode: spec.ModeProxy, port: BootServerPort, from: zero,
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), uses: true},
		"4011: from afar": {mode: spec.ModeProxy, port: BootServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(stranger))},
		"4011: from afar, in another's name": {mode: spec.ModeProxy, port: BootServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first))},
		"4011: from the link, with another's": {mode: spec.ModeProxy, port: BootServerPort, from: first.Next(),
			msg: message(dhcpv4.MessageTypeRequest, bios, ciaddr(first))},
		"4011: by INFORM": {mode: spec.ModeServer, port: BootServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeInform, bios, ciaddr(first))},
		"67: the machine itself": {mode: spec.ModeProxy, port: ServerPort, from: zero,
			msg: message(dhcpv4.MessageTypeRequest, bios, wish(first)), uses: true, has: first},
		"67: through a relay agent": {mode: spec.ModeProxy, port: ServerPort, from: first,
			msg: message(dhcpv4.MessageTypeRequest, bios, wish(behind), giaddr("10.1.0.1")), uses: true, has: behind},
		"67: through an agent from afar": {mode: spec.ModeProxy, port: ServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeRequest, bios, wish(behind), giaddr("10.1.0.1"))},
		"67: from afar": {mode: spec.ModeProxy, port: ServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeRequest, bios, wish(first))},
		"67, server: the machine itself": {mode: spec.ModeServer, port: ServerPort, from: zero,
			msg: message(dhcpv4.MessageTypeRequest, bios, server(self.Addr()), wish(first)), uses: true, has: first},
		"67, server: from afar": {mode: spec.ModeServer, port: ServerPort, from: stranger,
			msg: message(dhcpv4.MessageTypeRequest, bios, server(self.Addr()), wish(first))},
	} {
		t.Run(situation, func(t *testing.T) {
			s, asked := handingOver(tc.mode)
			asked.Arm(t0, clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, "wds")
			a := Decide(t0, s, NewQuestion(tc.msg, tc.port, netip.AddrPortFrom(tc.from, ClientPort)))
			if (a.Handoff.Entry != "") != tc.uses || a.Has != tc.has {
				t.Errorf("%+v", a)
			}
			if tc.port == BootServerPort && (a.Msg != nil) != tc.uses {
				t.Errorf("answered: %v", a.Msg)
			}
			_, left := asked.Answer(t0.Add(time.Minute),
				clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10")}, [4]byte{9})
			if left == tc.uses {
				t.Errorf("what the machine asked for is left: %v", left)
			}
		})
	}
}

func TestHandoffByBOOTP(t *testing.T) {
	s, _ := handingOver(spec.ModeServer,
		clients.Rule{Machine: spec.Machine{Firmware: []firmware.Kind{"bios"}, Boot: "wds", Once: true}, Handoff: "wds"})
	bootp := message(dhcpv4.MessageTypeNone, from(2, 0, 0, 0, 0, 0x99))
	delete(bootp.Options, optMessageType)
	at := func(after time.Duration, xid byte) Answer {
		bootp.TransactionID = [4]byte{xid}
		return Decide(t0.Add(after), s, NewQuestion(bootp, ServerPort, unset))
	}
	if a := at(0, 1); loads(a) != biosFromWDS || a.Handoff.Server != wds || a.Has != byBOOTP ||
		a.Machine.MAC != ether.MustParseMAC("02:00:00:00:00:99") {
		t.Errorf("%s, %+v", loads(a), a)
	}
	if a := at(time.Minute, 2); loads(a) != biosFromBox {
		t.Errorf("the boot after that: %s", loads(a))
	}
}

// A one-time boot is used up by a machine, not by a packet.
func TestRuleWithOnce(t *testing.T) {
	once := toWDS
	once.Once = true
	s, _ := handingOver(spec.ModeServer, once)
	at := func(after time.Duration, xid byte, mt dhcpv4.MessageType, changes ...change) Answer {
		m := message(mt, append(changes, pxeArch(7))...)
		m.TransactionID = [4]byte{xid}
		return Decide(t0.Add(after), s, NewQuestion(m, ServerPort, unset))
	}
	for range 3 { // cancelled in the firmware's boot menu
		if a := at(0, 1, dhcpv4.MessageTypeDiscover); loads(a) != efiFromWDS {
			t.Errorf("an offer: %s", loads(a))
		}
	}
	if a := at(time.Second, 2, dhcpv4.MessageTypeRequest, server(self.Addr()), wish(first)); loads(a) != efiFromWDS {
		t.Errorf("the ACK: %s", loads(a))
	}
	if a := at(time.Minute, 3, dhcpv4.MessageTypeDiscover); loads(a) != efiFromBox {
		t.Errorf("the boot after that: %s", loads(a))
	}
	if a := at(time.Minute, 3, dhcpv4.MessageTypeDiscover, from(2, 2, 2, 2, 2, 2)); loads(a) != efiFromWDS {
		t.Errorf("another machine: %s", loads(a))
	}
}

// A machine that boots from a server of another network gets its router,
// whatever its option 55 asks for.
func TestRouterToServerOfAnotherNetwork(t *testing.T) {
	for situation, tc := range map[string]struct {
		server string
		router bool
	}{
		"on the machine's network": {"192.168.77.2", false},
		"elsewhere":                {"10.9.0.5", true},
	} {
		s, _ := handingOver(spec.ModeServer)
		there := map[string]handoff.Target{"wds": {Server: netip.MustParseAddr(tc.server), Programs: programs}}
		s.Plan = handoff.NewPlan([]clients.Rule{toWDS}, there, handoff.NewTable(4), clients.NewOnce(4))
		a := ask(s, message(dhcpv4.MessageTypeDiscover, bios, option(55, 1, 43, 60)))
		if got := a.Msg.Options.Has(dhcpv4.OptionRouter); got != tc.router || a.Msg.ServerIPAddr.String() != tc.server {
			t.Errorf("%s: option 3 there: %v; boots from %v", situation, got, a.Msg.ServerIPAddr)
		}
	}
}
