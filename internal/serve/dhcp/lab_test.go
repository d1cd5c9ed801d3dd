package dhcp

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// discoverAnd runs a whole exchange and returns the address that the client
// ends up with.
func discoverAnd(t *testing.T, s *Settings, changes ...change) netip.Addr {
	t.Helper()
	o := ask(s, message(dhcpv4.MessageTypeDiscover, changes...))
	if o.Msg == nil {
		t.Fatalf("no offer: %s", o.Why)
	}
	a := address(o.Msg.YourIPAddr)
	r := ask(s, message(dhcpv4.MessageTypeRequest, append(changes, server(self.Addr()), wish(a))...))
	if r.Msg == nil || r.Msg.MessageType() != dhcpv4.MessageTypeAck || address(r.Msg.YourIPAddr) != a {
		t.Fatalf("offered %v, then %+v", a, r)
	}
	return a
}

func TestReservations(t *testing.T) {
	outside, inside, byID := netip.MustParseAddr("192.168.77.20"), first, netip.MustParseAddr("192.168.77.21")
	reserve := func(c *spec.DHCP) {
		c.Reservations = []spec.Reservation{
			{MAC: ether.MustParseMAC("52:54:00:77:00:10"), Address: outside, Hostname: "pc1"},
			{MAC: ether.MustParseMAC("02:00:00:00:00:99"), Address: inside},
			{Client: "00:07:07", Address: byID},
		}
	}
	s := settings(spec.ModeServer, reserve)
	t.Run("by MAC, outside the range", func(t *testing.T) {
		if a := discoverAnd(t, s); a != outside {
			t.Errorf("got %v", a)
		}
	})
	t.Run("by MAC, though firmware and system send other client identifiers", func(t *testing.T) {
		for _, id := range []string{"\x01\x52\x54\x00\x77\x00\x10", "\xff\x01\x02\x03\x04"} {
			if a := discoverAnd(t, s, option(61, []byte(id)...)); a != outside {
				t.Errorf("with option 61 % x got %v", id, a)
			}
		}
	})
	t.Run("by client identifier, whatever the card", func(t *testing.T) {
		if a := discoverAnd(t, s, option(61, 0, 7, 7), from(2, 8, 8, 8, 8, 8)); a != byID {
			t.Errorf("got %v", a)
		}
	})
	t.Run("no one else gets it", func(t *testing.T) {
		for n := range byte(3) {
			a := ask(s, message(dhcpv4.MessageTypeDiscover, from(2, 7, 7, 7, 7, n), wish(inside)))
			if a.Msg != nil && address(a.Msg.YourIPAddr) == inside {
				t.Error("the reserved address was offered to a stranger")
			}
		}
	})
	t.Run("its host name", func(t *testing.T) {
		a := ask(s, message(dhcpv4.MessageTypeDiscover))
		if got := a.Msg.Options.Get(dhcpv4.OptionHostName); string(got) != "pc1" {
			t.Errorf("option 12 is %q", got)
		}
	})
	t.Run("it is known without a lease: after a power cut of an empty database", func(t *testing.T) {
		s := settings(spec.ModeServer, reserve)
		for situation, m := range map[string]*dhcpv4.DHCPv4{
			"init-reboot": message(dhcpv4.MessageTypeRequest, wish(outside)),
			"renewing":    message(dhcpv4.MessageTypeRequest, ciaddr(outside)),
			"selecting":   message(dhcpv4.MessageTypeRequest, server(self.Addr()), wish(outside)),
		} {
			if a := ask(s, m); a.Msg == nil || a.Msg.MessageType() != dhcpv4.MessageTypeAck {
				t.Errorf("%s got %+v", situation, a)
			}
		}
	})
	t.Run("one written later moves its machine, and who had the address", func(t *testing.T) {
		pools := Pools{}
		before := NewSettings(lab(spec.ModeServer), self, nil, pools)
		discoverAnd(t, before) // the first address, which will go to another machine
		after := NewSettings(lab(spec.ModeServer, reserve), self, nil, pools)
		if a := ask(after, message(dhcpv4.MessageTypeRequest, ciaddr(first))); a.Msg == nil ||
			a.Msg.MessageType() != dhcpv4.MessageTypeNak {
			t.Errorf("the renewal of what is another's got %+v", a)
		}
		if a := discoverAnd(t, after); a != outside {
			t.Errorf("then it got %v", a)
		}
	})
	t.Run("BOOTP client", func(t *testing.T) {
		bootp := message(dhcpv4.MessageTypeNone)
		delete(bootp.Options, optMessageType)
		a := ask(s, bootp)
		if a.Msg == nil || address(a.Msg.YourIPAddr) != outside || a.Msg.BootFileName != "pxelinux.0" {
			t.Fatalf("got %+v", a)
		}
		for _, code := range []uint8{51, 53, 54, 58, 59} {
			if a.Msg.Options.Has(dhcpv4.GenericOptionCode(code)) {
				t.Errorf("option %d in a BOOTP reply", code)
			}
		}
		from(2, 7, 7, 7, 7, 7)(bootp)
		if a := ask(s, bootp); a.Msg != nil {
			t.Errorf("a BOOTP client without a reservation got %v", a.Msg)
		}
	})
	// It can neither give an address back nor find it in use.
	t.Run("BOOTP client, whose address is not to be had", func(t *testing.T) {
		bootp := message(dhcpv4.MessageTypeNone, from(2, 0, 0, 0, 0, 0x99))
		delete(bootp.Options, optMessageType)
		for situation, meanwhile := range map[string]func(*Settings){
			"a probe finds it in use":                   func(s *Settings) { InUse(t0, s, inside) },
			"another server is on the link":             func(s *Settings) { s.Hold = "192.168.77.3 is there" },
			"another machine leased it, and still does": nil,
		} {
			pools := Pools{}
			before := NewSettings(lab(spec.ModeServer), self, nil, pools)
			if meanwhile == nil {
				discoverAnd(t, before)
			}
			after := NewSettings(lab(spec.ModeServer, reserve), self, nil, pools)
			if meanwhile != nil {
				if a := ask(after, bootp); a.Msg == nil || address(a.Msg.YourIPAddr) != inside {
					t.Errorf("before: %+v", a)
				}
				meanwhile(after)
			}
			if a := ask(after, bootp); a.Msg != nil || a.Trouble != (after.Hold != "") {
				t.Errorf("%s: got %+v", situation, a)
			}
		}
	})
}

func TestParametersAreThoseAskedFor(t *testing.T) {
	full := func(c *spec.DHCP) {
		c.Domain, c.Search, c.MTU = "lab.example", []string{"lab.example", "example"}, 1400
		c.NTP = []netip.Addr{self.Addr()}
		c.Routes = []spec.Route{{To: netip.MustParsePrefix("10.0.0.0/8"), Via: first},
			{To: netip.MustParsePrefix("172.16.12.0/22"), Via: first}}
		c.Options = []spec.Option{{Code: 150, Value: []byte{1, 2, 3, 4}}, {Code: 66, Value: []byte("tftp")},
			{Code: 67, Value: []byte("file")}, {Code: 19, Value: nil}}
	}
	s := settings(spec.ModeServer, full)
	want := map[uint8]string{
		1: "ffffff00", 3: "c0a84dfe", 6: "c0a84dfdc0a84dfc", 15: hex.EncodeToString([]byte("lab.example")), 19: "",
		26: "0578", 28: "c0a84dff", 42: "c0a84d01", 66: "74667470", 67: "66696c65",
		119: "036c6162076578616d706c6500" + "076578616d706c6500",
		// each prefix with its router, and the default route of option 3
		121: "080a" + "c0a84d64" + "16ac100c" + "c0a84d64" + "00" + "c0a84dfe",
		150: "01020304",
	}
	times := []uint8{51, 53, 54, 58, 59}
	check := func(t *testing.T, m *dhcpv4.DHCPv4, codes ...uint8) {
		t.Helper()
		got := map[uint8]bool{}
		for code, v := range m.Options {
			got[code] = true
			if w, ok := want[code]; ok && hex.EncodeToString(v) != w {
				t.Errorf("option %d is % x, want %s", code, v, w)
			}
		}
		for _, code := range append(codes, times...) {
			if !got[code] {
				t.Errorf("option %d is missing", code)
			}
			delete(got, code)
		}
		if len(got) > 0 {
			t.Errorf("options %v were not asked for", got)
		}
	}
	t.Run("a list: those and the mask", func(t *testing.T) {
		check(t, ask(s, message(dhcpv4.MessageTypeDiscover, option(55, 121, 15, 42, 99))).Msg, 1, 15, 42, 121)
	})
	t.Run("a machine of the box's network needs no router to boot", func(t *testing.T) {
		check(t, ask(s, message(dhcpv4.MessageTypeDiscover, bios, option(55, 43, 60, 66))).Msg, 1, 43, 60, 97)
	})
	t.Run("one behind a router does: a Raspberry Pi 3's list lacks it", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		for what, pi := range map[string][]change{"firmware": {bios}, "a board that names no class": nil} {
			m := message(dhcpv4.MessageTypeDiscover, append(pi, option(55, 43, 60, 66), giaddr("10.1.0.1"))...)
			if got := ask(s, m).Msg.Options.Get(dhcpv4.OptionRouter); !bytes.Equal(got, []byte{10, 1, 0, 1}) {
				t.Errorf("%s: option 3 is % x", what, got)
			}
		}
	})
	t.Run("no list: all there is", func(t *testing.T) {
		check(t, ask(s, message(dhcpv4.MessageTypeDiscover)).Msg, 1, 3, 6, 15, 19, 26, 28, 42, 66, 67, 119, 121, 150)
	})
	t.Run("firmware that boots from here is told about no other server", func(t *testing.T) {
		m := ask(s, message(dhcpv4.MessageTypeDiscover, bios, option(55, 1, 3, 43, 60, 66, 67))).Msg
		check(t, m, 1, 3, 43, 60, 97)
		if m.BootFileName != "pxelinux.0" {
			t.Errorf("file %q", m.BootFileName)
		}
	})
	t.Run("firmware that there is nothing for gets the site's own options", func(t *testing.T) {
		check(t, ask(s, message(dhcpv4.MessageTypeDiscover, pxeArch(6), option(55, 1, 66, 67))).Msg, 1, 66, 67)
	})
}

func TestLeaseTime(t *testing.T) {
	for situation, tc := range map[string]struct{ asks, want uint32 }{
		"less than configured": {600, 600},
		"more than configured": {86400, 3600},
		"forever":              {0xffffffff, 3600},
		"next to nothing":      {1, 5},
	} {
		t.Run(situation, func(t *testing.T) {
			v := []byte{byte(tc.asks >> 24), byte(tc.asks >> 16), byte(tc.asks >> 8), byte(tc.asks)}
			a := ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeDiscover, option(51, v...)))
			if got := a.Msg.IPAddressLeaseTime(0); got != time.Duration(tc.want)*time.Second {
				t.Errorf("got %v", got)
			}
		})
	}
}

// behindRelays has two more subnets.
func behindRelays(c *spec.DHCP) {
	for _, n := range []string{"10.1.0", "10.2.0"} {
		sub := spec.Subnet{Network: netip.MustParsePrefix(n + ".0/24")}
		sub.Ranges = []spec.Range{{First: netip.MustParseAddr(n + ".100"), Last: netip.MustParseAddr(n + ".101")}}
		sub.Lease, sub.Router = spec.Duration(time.Minute), netip.MustParseAddr(n+".1")
		c.Subnets = append(c.Subnets, sub)
	}
}

func TestRelay(t *testing.T) {
	circuit := []byte{1, 4, 'p', 'o', 'r', 't'}
	t.Run("giaddr chooses the subnet; the reply goes there, with option 82", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		a := ask(s, message(dhcpv4.MessageTypeDiscover, giaddr("10.2.0.1"), option(82, circuit...)))
		if a.Msg == nil || a.To.String() != "10.2.0.1:67" || a.Link != nil {
			t.Fatalf("got %+v", a)
		}
		if y, r := address(a.Msg.YourIPAddr), address(a.Msg.Router()[0]); y.String() != "10.2.0.100" ||
			r.String() != "10.2.0.1" {
			t.Errorf("offered %v by router %v", y, r)
		}
		if got := a.Msg.Options.Get(dhcpv4.OptionRelayAgentInformation); !bytes.Equal(got, circuit) {
			t.Errorf("option 82 came back as % x", got)
		}
		if address(a.Msg.GatewayIPAddr).String() != "10.2.0.1" || address(a.Msg.ServerIdentifier()) != self.Addr() {
			t.Errorf("giaddr %v, option 54 %v", a.Msg.GatewayIPAddr, a.Msg.ServerIdentifier())
		}
	})
	t.Run("link selection names another subnet than giaddr (RFC 3527)", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		a := ask(s, message(dhcpv4.MessageTypeDiscover, giaddr("10.2.0.1"),
			option(82, append(circuit, 5, 4, 10, 1, 0, 0)...)))
		if a.Msg == nil || address(a.Msg.YourIPAddr).String() != "10.1.0.100" || a.To.String() != "10.2.0.1:67" {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("a renewal from behind a router comes without the relay", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		a := discoverAnd(t, s, giaddr("10.1.0.1"))
		r := ask(s, message(dhcpv4.MessageTypeRequest, ciaddr(a)))
		if r.Msg == nil || r.Msg.MessageType() != dhcpv4.MessageTypeAck || r.To != netip.AddrPortFrom(a, ClientPort) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a NAK goes to the relay, which is told to broadcast it", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		r := ask(s, message(dhcpv4.MessageTypeRequest, giaddr("10.1.0.1"), wish(first)))
		if r.Msg == nil || r.Msg.MessageType() != dhcpv4.MessageTypeNak || r.To.String() != "10.1.0.1:67" ||
			!r.Msg.IsBroadcast() {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("one client has a lease in each subnet", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		if a, b := discoverAnd(t, s), discoverAnd(t, s, giaddr("10.1.0.1")); a != first || b.String() != "10.1.0.100" {
			t.Errorf("got %v and %v", a, b)
		}
	})
	t.Run("proxyDHCP through a relay", func(t *testing.T) {
		s := settings(spec.ModeAuto, behindRelays)
		a := ask(s, message(dhcpv4.MessageTypeDiscover, bios, giaddr("10.1.0.1"), option(82, circuit...)))
		if a.Msg == nil || a.To.String() != "10.1.0.1:67" || hasAddr(a.Msg.YourIPAddr) ||
			!a.Msg.Options.Has(dhcpv4.OptionRelayAgentInformation) {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("no proxyDHCP to a subnet that is not configured", func(t *testing.T) {
		if a := ask(settings(spec.ModeAuto), message(dhcpv4.MessageTypeDiscover, bios,
			giaddr("10.1.0.1"))); a.Msg != nil || !a.Refused {
			t.Errorf("got %+v", a)
		}
	})
}

// While another server is on the link, the box gives no new lease, and existing
// leases continue.
func TestHold(t *testing.T) {
	s := settings(spec.ModeServer)
	bind(t, s)
	s.Hold = "another DHCP server answers: 192.168.77.3"
	other := from(2, 2, 2, 2, 2, 2)
	for _, tc := range []struct {
		situation string
		question  *dhcpv4.DHCPv4
		want      dhcpv4.MessageType
	}{
		{situation: "no offer", question: message(dhcpv4.MessageTypeDiscover, other), want: dhcpv4.MessageTypeNone},
		{situation: "no offer to firmware either", question: message(dhcpv4.MessageTypeDiscover, other, bios),
			want: dhcpv4.MessageTypeNone},
		{situation: "our client renews", question: message(dhcpv4.MessageTypeRequest, ciaddr(first)),
			want: dhcpv4.MessageTypeAck},
		{situation: "our client reboots", question: message(dhcpv4.MessageTypeRequest, wish(first)),
			want: dhcpv4.MessageTypeAck},
		{situation: "no NAK to a stranger from another network",
			question: message(dhcpv4.MessageTypeRequest, other, wish(netip.MustParseAddr("10.0.0.7"))),
			want:     dhcpv4.MessageTypeNone},
		{situation: "no NAK to our own with the other server's address",
			question: message(dhcpv4.MessageTypeRequest, wish(first.Next())), want: dhcpv4.MessageTypeNone},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			a := ask(s, tc.question)
			got := dhcpv4.MessageTypeNone
			if a.Msg != nil {
				got = a.Msg.MessageType()
			}
			if got != tc.want {
				t.Errorf("got %v (%s), want %v", got, a.Why, tc.want)
			}
			if tc.question.MessageType() == dhcpv4.MessageTypeDiscover &&
				(!a.Trouble || !strings.Contains(a.Why, "192.168.77.3")) {
				t.Errorf("the silence does not say why: %+v", a)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	on := func(c *spec.DHCP) { c.Probe = true }
	s := settings(spec.ModeServer, on, behindRelays)
	a := ask(s, message(dhcpv4.MessageTypeDiscover))
	if !a.Probe || a.Addr != first {
		t.Fatalf("a fresh offer: %+v", a)
	}
	InUse(t0, s, a.Addr)
	if a = ask(s, message(dhcpv4.MessageTypeDiscover)); !a.Probe || a.Addr != first.Next() ||
		address(a.Msg.YourIPAddr) != first.Next() {
		t.Errorf("with the first in use: %+v", a)
	}
	for situation, a := range map[string]Answer{
		"through a relay ARP does not reach": ask(s, message(dhcpv4.MessageTypeDiscover, giaddr("10.1.0.1"))),
		"not wanted":                         ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeDiscover)),
	} {
		if a.Probe || a.Msg == nil {
			t.Errorf("%s: %+v", situation, a)
		}
	}
	known := settings(spec.ModeServer, on)
	bind(t, known)
	if a := ask(known, message(dhcpv4.MessageTypeDiscover)); a.Probe {
		t.Error("probes an address that the client itself uses")
	}
}

func TestAnotherServerIsHeardOf(t *testing.T) {
	a := ask(settings(spec.ModeServer), message(dhcpv4.MessageTypeRequest, server(netip.MustParseAddr("192.168.77.3")),
		wish(first)))
	if a.Other.String() != "192.168.77.3" {
		t.Errorf("got %+v", a)
	}
}

// A change of settings keeps the leases.
func TestNewSettingsKeepLeases(t *testing.T) {
	pools := Pools{}
	own := []net.HardwareAddr{}
	s := NewSettings(lab(spec.ModeServer), self, own, pools)
	a := discoverAnd(t, s)
	wider, narrower := netip.MustParsePrefix("192.168.77.1/20"), netip.MustParsePrefix("192.168.77.1/25")
	for _, next := range []struct {
		situation string
		self      netip.Prefix
		change    func(*spec.DHCP)
	}{
		{situation: "another lease time", self: self,
			change: func(c *spec.DHCP) { c.Lease = spec.Duration(time.Minute) }},
		{situation: "no address for the moment", change: func(*spec.DHCP) {}},
		{situation: "a subnet more", self: self, change: behindRelays},
		{situation: "a wider mask", self: wider, change: func(*spec.DHCP) {}},
		{situation: "the subnet is behind a relay for the moment", self: netip.MustParsePrefix("10.9.0.1/24"),
			change: func(c *spec.DHCP) {
				c.Subnets = []spec.Subnet{{Network: wider.Masked(), Ranges: c.Ranges, Parameters: c.Parameters}}
				c.Ranges = nil
			}},
		{situation: "a narrower mask", self: narrower, change: func(*spec.DHCP) {}},
	} {
		s := NewSettings(lab(spec.ModeServer, next.change), next.self, own, pools)
		if !next.self.IsValid() {
			s = NewSettings(lab(spec.ModeServer), self, own, pools)
		}
		if r := ask(s, message(dhcpv4.MessageTypeRequest, ciaddr(a))); r.Msg == nil ||
			r.Msg.MessageType() != dhcpv4.MessageTypeAck {
			t.Errorf("%s: the renewal got %+v", next.situation, r)
		}
	}
	a = discoverAnd(t, NewSettings(lab(spec.ModeServer, behindRelays), self, own, pools), giaddr("10.1.0.1"))
	NewSettings(lab(spec.ModeServer), self, own, pools)
	back := NewSettings(lab(spec.ModeServer, behindRelays), self, own, pools)
	if r := ask(back, message(dhcpv4.MessageTypeDiscover, from(2, 2, 2, 2, 2, 2), giaddr("10.1.0.1"),
		wish(a))); address(r.Msg.YourIPAddr) == a {
		t.Errorf("a subnet that was gone for a moment offers %v, which is leased", a)
	}
}
