package dhcp

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// untidy are settings that remember what machines said.
func untidy(mode spec.Mode, changes ...func(*spec.DHCP)) *Settings {
	s := settings(mode, changes...)
	s.Stages = &Stages{}
	return s
}

func boots(key firmware.Kind, file string) func(*spec.DHCP) {
	return func(c *spec.DHCP) {
		if c.BootFiles == nil {
			c.BootFiles = map[firmware.Kind]string{}
		}
		c.BootFiles[key] = file
	}
}

func siteOption(code uint8, v string) func(*spec.DHCP) {
	return func(c *spec.DHCP) { c.Options = append(c.Options, spec.Option{Code: code, Value: []byte(v)}) }
}

func reserveFirst(c *spec.DHCP) {
	c.Reservations = []spec.Reservation{{MAC: ether.From(mac), Address: first}}
}

// without removes options from a packet.
func without(codes ...uint8) change {
	return func(m *dhcpv4.DHCPv4) {
		for _, c := range codes {
			delete(m.Options, c)
		}
	}
}

func arch(n uint16) change {
	return func(m *dhcpv4.DHCPv4) { option(93, binary.BigEndian.AppendUint16(nil, n)...)(m) }
}

var (
	ipxe  = option(77, []byte("iPXE")...)
	uboot = option(60, []byte("U-Boot.armv8")...)
)

// file returns the file that an answer names, and the server that has it.
func file(a Answer) string {
	if a.Msg == nil {
		return "silence"
	}
	if f := a.Msg.BootFileName; f != "" {
		return address(a.Msg.ServerIPAddr).String() + " " + f
	}
	return address(a.Msg.ServerIPAddr).String()
}

const (
	fromBox  = "192.168.77.1"
	noServer = "invalid IP"
)

// If iPXE is answered with iPXE, it loads itself in an endless loop.
func TestIPXEIsNotToldToLoadIPXE(t *testing.T) {
	byName, renamed := boots("bios", "undionly.kpxe"), boots("bios", "lab.0")
	for situation, tc := range map[string]struct {
		mode  spec.Mode
		boot  func(*spec.DHCP)
		first bool // the firmware has asked before
		want  string
	}{
		"iPXE's own name":    {mode: spec.ModeServer, boot: byName, want: noServer},
		"the same, by proxy": {mode: spec.ModeProxy, boot: byName, want: "silence"},
		"another name, and the firmware had it": {mode: spec.ModeServer, boot: renamed, first: true,
			want: noServer},
		"another name, and iPXE is in the ROM": {mode: spec.ModeServer, boot: renamed, want: fromBox + " lab.0"},
		"PXELINUX, from whose menu iPXE came": {mode: spec.ModeServer, boot: boots("bios", "lpxelinux.0"),
			first: true, want: fromBox + " lpxelinux.0"},
		"what is built in, from whose menu it came": {mode: spec.ModeServer, boot: func(*spec.DHCP) {}, first: true,
			want: fromBox + " pxelinux.0"},
		"a script for it": {mode: spec.ModeServer,
			boot: func(c *spec.DHCP) { byName(c); boots("ipxe", "boot.ipxe")(c) }, first: true,
			want: fromBox + " boot.ipxe"},
		"a script on a web server": {mode: spec.ModeProxy,
			boot: func(c *spec.DHCP) { byName(c); boots("ipxe", "http://a/b")(c) }, first: true,
			want: fromBox},
		"nothing for it, as [boot] says": {mode: spec.ModeServer, boot: boots("ipxe", ""), want: noServer},
		"a script as option 67": {mode: spec.ModeServer,
			boot: func(c *spec.DHCP) { byName(c); siteOption(67, "boot.ipxe")(c) }, first: true,
			want: fromBox + " boot.ipxe"},
		"iPXE as option 67": {mode: spec.ModeServer,
			boot: func(c *spec.DHCP) { boots("bios", "")(c); siteOption(67, "ipxe.pxe")(c) }, first: true,
			want: noServer},
	} {
		t.Run(situation, func(t *testing.T) {
			s := untidy(tc.mode, tc.boot)
			if tc.first {
				ask(s, message(dhcpv4.MessageTypeDiscover, bios))
				if tc.mode == spec.ModeProxy {
					Decide(t0, s, NewQuestion(message(dhcpv4.MessageTypeRequest, bios, ciaddr(first)), BootServerPort,
						netip.AddrPortFrom(first, ClientPort)))
				}
			}
			a := ask(s, message(dhcpv4.MessageTypeDiscover, bios, ipxe))
			if got := file(a); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if told := a.Trouble || a.Notable || a.Lacks != ""; told != (tc.want == noServer || tc.want == "silence") {
				t.Errorf("the log gets: %+v", a)
			}
		})
	}
	t.Run("the next boot, which begins with the firmware", func(t *testing.T) {
		s := untidy(spec.ModeServer, renamed)
		for range 2 {
			if got := file(ask(s, message(dhcpv4.MessageTypeDiscover, bios))); got != fromBox+" lab.0" {
				t.Errorf("the firmware got %s", got)
			}
			if got := file(ask(s, message(dhcpv4.MessageTypeDiscover, bios, ipxe))); got != noServer {
				t.Errorf("iPXE got %s", got)
			}
		}
	})
	t.Run("another name, as option 67", func(t *testing.T) {
		s := untidy(spec.ModeServer, boots("bios", ""), siteOption(67, "lab.0"))
		if got := file(ask(s, message(dhcpv4.MessageTypeDiscover, bios))); got != fromBox+" lab.0" {
			t.Errorf("the firmware got %s", got)
		}
		if got := file(ask(s, message(dhcpv4.MessageTypeDiscover, bios, ipxe))); got != noServer {
			t.Errorf("iPXE got %s", got)
		}
	})
	t.Run("as option 67, with a class of the site's", func(t *testing.T) {
		s := untidy(spec.ModeServer, siteOption(67, "undionly.kpxe"))
		a := ask(s, message(dhcpv4.MessageTypeDiscover, ipxe, option(60, []byte("lab")...)))
		if file(a) != fromBox || a.Msg.Options.Has(dhcpv4.OptionBootfileName) {
			t.Errorf("got %s and option 67 %q", file(a), a.Msg.Options[optBootFile])
		}
	})
	t.Run("on port 4011", func(t *testing.T) {
		q := NewQuestion(message(dhcpv4.MessageTypeRequest, bios, ipxe, ciaddr(first)), BootServerPort,
			netip.AddrPortFrom(first, ClientPort))
		if a := Decide(t0, untidy(spec.ModeProxy, byName), q); a.Msg != nil || !strings.Contains(a.Why, "ipxe") {
			t.Errorf("got %+v", a)
		}
	})
}

// The DISCOVER before a packet supplies what the packet omits.
func TestRequestSaysLessThanDiscover(t *testing.T) {
	discover := message(dhcpv4.MessageTypeDiscover, pxeArch(7))
	request := func(changes ...change) *dhcpv4.DHCPv4 {
		return message(dhcpv4.MessageTypeRequest,
			append([]change{pxeArch(7), server(self.Addr()), wish(first)}, changes...)...)
	}
	const shim = fromBox + " shimx64.efi"
	uefi := boots("uefi-x64", "shimx64.efi")
	for situation, tc := range map[string]struct {
		request *dhcpv4.DHCPv4
		want    string
	}{
		"all of it":                 {request(), shim},
		"no class":                  {request(without(60)), shim},
		"no class and no type":      {request(without(60, 93, 97)), shim},
		"a bare class, and no type": {request(option(60, []byte("PXEClient")...), without(93)), shim},
		"another transaction": {request(without(60), func(m *dhcpv4.DHCPv4) { m.TransactionID[0]++ }),
			shim},
		"another class: a system":           {request(option(60, []byte("MSFT 5.0")...), without(93, 97)), noServer},
		"a renewal: a system":               {message(dhcpv4.MessageTypeRequest, ciaddr(first)), noServer},
		"a lease that a system remembers":   {message(dhcpv4.MessageTypeRequest, wish(first)), noServer},
		"firmware's type with U-Boot's own": {request(uboot), fromBox},
	} {
		t.Run(situation, func(t *testing.T) {
			s := untidy(spec.ModeServer, uefi)
			discoverAnd(t, s, pxeArch(7))
			ask(s, discover)
			if a := ask(s, tc.request); a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck ||
				file(a) != tc.want {
				t.Errorf("got %s (%s), want %s", file(a), a.Why, tc.want)
			}
		})
	}
	t.Run("a system asks from the start in between", func(t *testing.T) {
		s := untidy(spec.ModeServer, uefi)
		ask(s, discover)
		if a := discoverAnd(t, s); a != first {
			t.Fatalf("got %v", a)
		}
		if a := ask(s, request(without(60, 93, 97))); file(a) != noServer {
			t.Errorf("the system got %s", file(a))
		}
	})
	t.Run("long after", func(t *testing.T) {
		s := untidy(spec.ModeServer, uefi)
		ask(s, discover)
		q := NewQuestion(request(without(60, 93, 97)), ServerPort, unset)
		if a := Decide(t0.Add(stageLasts), s, q); file(a) != noServer {
			t.Errorf("got %s", file(a))
		}
	})
	t.Run("on port 4011", func(t *testing.T) {
		s := untidy(spec.ModeProxy, uefi)
		ask(s, discover)
		m := message(dhcpv4.MessageTypeRequest, pxeArch(7), without(60, 93), ciaddr(first))
		a := Decide(t0, s, NewQuestion(m, BootServerPort, netip.AddrPortFrom(first, ClientPort)))
		if file(a) != shim || a.Firmware != "uefi-x64" {
			t.Errorf("got %s for %q", file(a), a.Firmware)
		}
	})
}

// A flood of machines does not take unlimited memory, and recent machines are
// still known during it.
func TestStagesAreBounded(t *testing.T) {
	s := untidy(spec.ModeProxy)
	for n := range 5 * maxStages {
		ask(s, message(dhcpv4.MessageTypeDiscover, bios, from(2, 1, 0, 0, byte(n>>8), byte(n))))
		if n%maxStages == 0 {
			ask(s, message(dhcpv4.MessageTypeDiscover, bios))
		}
	}
	if n := len(s.Stages.now) + len(s.Stages.before); n > 2*maxStages {
		t.Errorf("%d machines are remembered", n)
	}
	if _, ok := s.Stages.get(t0, NewQuestion(message(dhcpv4.MessageTypeRequest), ServerPort, unset)); !ok {
		t.Error("the machine of a moment ago is forgotten")
	}
	if _, ok := s.Stages.get(t0.Add(time.Hour),
		NewQuestion(message(dhcpv4.MessageTypeRequest), ServerPort, unset)); ok {
		t.Error("an hour later it is still remembered")
	}
}

// Firmware with several types gets the first available program.
func TestSeveralTypes(t *testing.T) {
	several := func(types ...byte) change {
		return func(m *dhcpv4.DHCPv4) { pxeArch(0)(m); option(60, []byte("PXEClient")...)(m); option(93, types...)(m) }
	}
	for situation, tc := range map[string]struct {
		client change
		boot   func(*spec.DHCP)
		want   string
		as     firmware.Kind
	}{
		"the first has none": {client: several(0, 0x0e, 0, 7), boot: boots("uefi-x64", "shim.efi"),
			want: fromBox + " shim.efi", as: "uefi-x64"},
		"both have one": {client: several(0, 0x0e, 0, 7), boot: boots("arch-0x0e", "petitboot"),
			want: fromBox + " petitboot", as: "arch-0x0e"},
		"none has one": {client: several(0, 0x0e, 0, 2), boot: func(*spec.DHCP) {}, want: noServer,
			as: "arch-0x0e"},
		"by its number": {client: several(0, 0x0a), boot: boots("arch-0x0a", "bootarm.efi"),
			want: fromBox + " bootarm.efi", as: "arch-0x0a"},
		"an address for a machine that loads by TFTP": {client: several(0, 0x77),
			boot: boots("arch-0x77", "http://a/b"), want: noServer, as: "arch-0x77"},
	} {
		t.Run(situation, func(t *testing.T) {
			a := ask(untidy(spec.ModeServer, tc.boot), message(dhcpv4.MessageTypeDiscover, tc.client))
			if file(a) != tc.want || a.Firmware != string(tc.as) || a.Machine.Firmware != tc.as {
				t.Errorf("%s got %s", a.Firmware, file(a))
			}
		})
	}
}

// A client that is not PXE firmware reads siaddr and the file field.
func TestNextServer(t *testing.T) {
	sixtySix, sixtySeven := siteOption(66, "192.168.77.9"), siteOption(67, "board.img")
	asks := option(55, 1, 3, 66, 67)
	for situation, tc := range map[string]struct {
		client change
		site   []func(*spec.DHCP)
		want   string
	}{
		"U-Boot, and nothing for it":      {client: uboot, want: fromBox},
		"a board that says its type only": {client: arch(0x16), want: fromBox},
		"U-Boot, a file by its type": {client: func(m *dhcpv4.DHCPv4) { uboot(m); arch(0x16)(m) },
			site: []func(*spec.DHCP){boots("arch-0x16", "boot.scr")}, want: fromBox + " boot.scr"},
		"the same, before option 67": {client: func(m *dhcpv4.DHCPv4) { uboot(m); arch(0x16)(m) },
			site: []func(*spec.DHCP){boots("arch-0x16", "boot.scr"), sixtySix, sixtySeven},
			want: fromBox + " boot.scr"},
		"U-Boot on a PC, and no PC's program": {client: func(m *dhcpv4.DHCPv4) { uboot(m); arch(0)(m) },
			site: []func(*spec.DHCP){boots("bios", "lpxelinux.0")}, want: fromBox},
		"a file that it does not ask for": {client: option(55, 1, 3),
			site: []func(*spec.DHCP){sixtySeven}, want: fromBox + " board.img"},
		"a file that it asks for as an option": {client: asks,
			site: []func(*spec.DHCP){sixtySeven}, want: fromBox},
		"a file on another server": {client: option(55, 1, 3),
			site: []func(*spec.DHCP){sixtySix, sixtySeven}, want: "192.168.77.9 board.img"},
		"a server by option 150": {client: option(55, 1),
			site: []func(*spec.DHCP){siteOption(150, "\xc0\xa8\x4d\x08\xc0\xa8\x4d\x07")}, want: "192.168.77.8"},
		"a server by its name": {client: option(55, 1),
			site: []func(*spec.DHCP){siteOption(66, "tftp.example.org"), sixtySeven}, want: noServer + " board.img"},
		"a system, and no boot file": {client: option(60, []byte("MSFT 5.0")...), want: noServer},
		"firmware that [boot] has nothing for": {client: pxeArch(6),
			site: []func(*spec.DHCP){sixtySix, sixtySeven}, want: "192.168.77.9 board.img"},
		"firmware that it has something for": {client: bios, site: []func(*spec.DHCP){sixtySix, sixtySeven},
			want: fromBox + " pxelinux.0"},
		"iPXE with a class of the site's, and a script": {client: func(m *dhcpv4.DHCPv4) {
			ipxe(m)
			option(60,
				[]byte("lab")...)(m)
		}, site: []func(*spec.DHCP){boots("ipxe", "boot.ipxe")}, want: fromBox + " boot.ipxe"},
	} {
		t.Run(situation, func(t *testing.T) {
			s := untidy(spec.ModeServer, tc.site...)
			o := ask(s, message(dhcpv4.MessageTypeDiscover, tc.client))
			r := ask(s, message(dhcpv4.MessageTypeRequest, tc.client, server(self.Addr()), wish(first)))
			for _, a := range []Answer{o, r} {
				if got := file(a); got != tc.want {
					t.Errorf("%s: got %s, want %s", a.Why, got, tc.want)
				}
			}
		})
	}
	t.Run("a proxy does not answer U-Boot, which would take it for a server", func(t *testing.T) {
		a := ask(untidy(spec.ModeProxy, boots("arch-0x16", "boot.scr")),
			message(dhcpv4.MessageTypeDiscover, uboot, arch(0x16)))
		if a.Msg != nil || !a.Notable {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("BOOTP that names its file", func(t *testing.T) {
		m := message(dhcpv4.MessageTypeNone, func(m *dhcpv4.DHCPv4) { m.BootFileName = "unix" })
		if a := ask(untidy(spec.ModeServer, reserveFirst), m); file(a) != fromBox+" unix" {
			t.Errorf("got %s", file(a))
		}
	})
}

// A machine that asks the box and gets no answer, or nothing to boot, is
// logged. A packet that needs no answer is not.
func TestNoSilenceIsUnheard(t *testing.T) {
	none := boots("bios", "")
	for situation, tc := range map[string]struct {
		mode     spec.Mode
		question *dhcpv4.DHCPv4
		port     int
		boot     func(*spec.DHCP)
		logged   bool
	}{
		"server, firmware without a boot file": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeDiscover, pxeArch(0x0b)), port: ServerPort, logged: true},
		"server, the same at its REQUEST": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeRequest, pxeArch(0x0b), server(self.Addr()), wish(first)),
			port:     ServerPort, logged: true},
		"server, a boot file that [boot] takes away": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeDiscover, bios), port: ServerPort, boot: none, logged: true},
		"server, firmware with one": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeDiscover, bios), port: ServerPort},
		"server, a system": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeDiscover), port: ServerPort},
		"server, firmware that takes the site's file": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeDiscover, pxeArch(0x0b)), port: ServerPort, boot: siteOption(67, "x")},
		"server, a renewal of an unknown lease": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeRequest, ciaddr(first)), port: ServerPort, logged: true},
		"server, a request for nothing": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeRequest), port: ServerPort, logged: true},
		"server, BOOTP without a reservation": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeNone), port: ServerPort, logged: true},
		"server, a message type that nothing asks with": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageType(13)), port: ServerPort, logged: true},
		"server, a request to another server": {mode: spec.ModeServer,
			question: message(dhcpv4.MessageTypeRequest, server(first), wish(first)), port: ServerPort},
		"proxy, a boot file that [boot] takes away": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover, bios), port: ServerPort, boot: none, logged: true},
		"proxy, U-Boot": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover, uboot), port: ServerPort, logged: true},
		"proxy, firmware with another class": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover, pxeArch(0), option(60, []byte("Acme")...)),
			port:     ServerPort, logged: true},
		"proxy, BOOTP": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeNone), port: ServerPort, logged: true},
		"proxy, a system": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover), port: ServerPort},
		"proxy, a system's renewal": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, ciaddr(first)), port: ServerPort},
		"proxy, the REQUEST to the site's server": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, bios, server(first), wish(first)), port: ServerPort},
		"4011, no class": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeRequest, ciaddr(first)), port: BootServerPort, logged: true},
		"4011, a DISCOVER": {mode: spec.ModeProxy,
			question: message(dhcpv4.MessageTypeDiscover, bios), port: BootServerPort, logged: true},
		"off, firmware": {mode: spec.ModeOff,
			question: message(dhcpv4.MessageTypeDiscover, bios), port: ServerPort, logged: true},
		"off, a system": {mode: spec.ModeOff,
			question: message(dhcpv4.MessageTypeDiscover), port: ServerPort},
	} {
		t.Run(situation, func(t *testing.T) {
			if tc.boot == nil {
				tc.boot = func(*spec.DHCP) {}
			}
			a := Decide(t0, untidy(tc.mode, tc.boot), NewQuestion(tc.question, tc.port, source(tc.question)))
			if logged := a.Notable || a.Trouble || a.Lacks != ""; logged != tc.logged {
				t.Errorf("logged: %v; %+v", logged, a)
			}
		})
	}
	t.Run("the box has no address yet", func(t *testing.T) {
		s := untidy(spec.ModeProxy)
		s.Self = netip.Prefix{}
		if a := ask(s, message(dhcpv4.MessageTypeDiscover, bios)); !a.Notable {
			t.Errorf("got %+v", a)
		}
	})
}
