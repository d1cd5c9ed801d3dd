package dhcp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/lease"
)

var (
	byMAC  = option(61, append([]byte{1}, mac...)...) // as Windows, iPXE and udhcpc send it
	byDUID = option(61, 0xff, 0, 0, 0, 1, 0, 2, 0, 0, 0xab, 0x11, 1)
	cloned = option(61, 0xff, 0, 0, 0, 1, 0, 2, 0, 0, 0xab, 0x11, 2)
	pc2    = from(2, 2, 2, 2, 2, 2)
	second = first.Next()
)

func answers(t *testing.T, a Answer, want dhcpv4.MessageType) {
	t.Helper()
	got := dhcpv4.MessageTypeNone
	if a.Msg != nil {
		got = a.Msg.MessageType()
	}
	if got != want {
		t.Errorf("got %v (%s), want %v", got, a.Why, want)
	}
}

func renew(s *Settings, a netip.Addr, changes ...change) Answer {
	return ask(s, message(dhcpv4.MessageTypeRequest, append(changes, ciaddr(a))...))
}

func reboot(s *Settings, a netip.Addr, changes ...change) Answer {
	return ask(s, message(dhcpv4.MessageTypeRequest, append(changes, wish(a))...))
}

// Firmware omits the client identifier that its system makes from the MAC.
func TestIdentifierOfTheMAC(t *testing.T) {
	s := settings(spec.ModeServer)
	for situation, id := range map[string]change{"none": func(*dhcpv4.DHCPv4) {}, "01 and the MAC": byMAC} {
		if a := discoverAnd(t, s, id); a != first {
			t.Errorf("with %s got %v", situation, a)
		}
	}
	answers(t, renew(s, first), dhcpv4.MessageTypeAck)
	a := ask(s, message(dhcpv4.MessageTypeDiscover, byMAC))
	if got := a.Msg.Options.Get(dhcpv4.OptionClientIdentifier); len(got) != 7 { // RFC 6842
		t.Errorf("option 61 came back as % x", got)
	}
	t.Run("reserved by that identifier", func(t *testing.T) {
		reserved := netip.MustParseAddr("192.168.77.20")
		s := settings(spec.ModeServer, func(c *spec.DHCP) {
			c.Reservations = []spec.Reservation{{Client: "01:52:54:00:77:00:10", Address: reserved}}
		})
		if a, b := discoverAnd(t, s), discoverAnd(t, s, byMAC); a != reserved || b != reserved {
			t.Errorf("got %v and %v", a, b)
		}
	})
	t.Run("leased by an earlier version, which kept them apart", func(t *testing.T) {
		pools := Pools{}
		s := NewSettings(lab(spec.ModeServer), self, nil, pools)
		pools.Restore(t0, Restored([]lease.Record{
			{Addr: second, Client: lease.Client("id\x01" + string(mac)), HW: string(mac), Length: time.Hour},
		}))
		answers(t, renew(s, second), dhcpv4.MessageTypeAck)
		answers(t, renew(s, second, byMAC), dhcpv4.MessageTypeAck)
	})
}

// A machine has one address at a time, and gives back the one that its
// firmware, or the system that it ran before, leased.
func TestMachineGivesBack(t *testing.T) {
	t.Run("a live system has another identifier with every boot", func(t *testing.T) {
		s := settings(spec.ModeServer)
		for boot := range byte(5) {
			a := discoverAnd(t, s, bios)
			b := discoverAnd(t, s, option(61, 0xff, boot))
			if a != first || b != second {
				t.Errorf("boot %d: %v, then %v", boot, a, b)
			}
		}
		discoverAnd(t, s, pc2) // one of two addresses is left
	})
	t.Run("a range with room is not used up by it", func(t *testing.T) {
		s := settings(spec.ModeServer, func(c *spec.DHCP) { c.Ranges[0].Last = netip.MustParseAddr("192.168.77.150") })
		for boot := range byte(5) {
			discoverAnd(t, s, bios)
			if b := discoverAnd(t, s, option(61, 0xff, boot)); b != second {
				t.Errorf("boot %d: the system has %v", boot, b)
			}
		}
	})
	t.Run("no address is left but the machine's own", func(t *testing.T) {
		s := settings(spec.ModeServer)
		discoverAnd(t, s, pc2)
		a := discoverAnd(t, s, bios)
		if b := discoverAnd(t, s, byDUID); b != a {
			t.Errorf("firmware had %v, the system %v", a, b)
		}
		if b := discoverAnd(t, s, bios); b != a {
			t.Errorf("then firmware %v", b)
		}
	})
	t.Run("not while it only asks what it could have", func(t *testing.T) {
		s := settings(spec.ModeServer)
		a := discoverAnd(t, s)
		answers(t, ask(s, message(dhcpv4.MessageTypeDiscover, byDUID)), dhcpv4.MessageTypeOffer)
		if o := ask(s, message(dhcpv4.MessageTypeDiscover, pc2, wish(a))); o.Addr == a {
			t.Error("another machine is offered what it holds")
		}
		answers(t, renew(s, a), dhcpv4.MessageTypeAck)
	})
	t.Run("nor by a renewal: two machines behind a bridge that has one MAC", func(t *testing.T) {
		s := settings(spec.ModeServer)
		a, b := discoverAnd(t, s), discoverAnd(t, s, byDUID)
		for range 2 {
			answers(t, renew(s, a), dhcpv4.MessageTypeAck)
			answers(t, renew(s, b, byDUID), dhcpv4.MessageTypeAck)
		}
	})
	t.Run("a system that comes back to its address without asking for another", func(t *testing.T) {
		s := settings(spec.ModeServer)
		b := discoverAnd(t, s, byDUID)
		a := discoverAnd(t, s, bios)
		answers(t, reboot(s, b, byDUID), dhcpv4.MessageTypeAck)
		if c := discoverAnd(t, s, pc2, wish(a)); c != a {
			t.Errorf("firmware keeps %v: another machine got %v", a, c)
		}
	})
	t.Run("what was given back is in use after all", func(t *testing.T) {
		s := settings(spec.ModeServer, func(c *spec.DHCP) { c.Probe = true })
		discoverAnd(t, s, pc2)
		a := discoverAnd(t, s)
		o := ask(s, message(dhcpv4.MessageTypeDiscover, byDUID))
		if o.Addr != a || !o.Probe {
			t.Fatalf("got %+v", o)
		}
		InUse(t0, s, a)
		for range 2 { // the server asks again at once, and the client a little later
			answers(t, ask(s, message(dhcpv4.MessageTypeDiscover, byDUID)), dhcpv4.MessageTypeNone)
		}
		answers(t, renew(s, a), dhcpv4.MessageTypeAck)
	})
	t.Run("on its own network only", func(t *testing.T) {
		s := settings(spec.ModeServer, behindRelays)
		a := discoverAnd(t, s)
		discoverAnd(t, s, byDUID, giaddr("10.1.0.1"))
		answers(t, ask(s, message(dhcpv4.MessageTypeDiscover, pc2, wish(a))), dhcpv4.MessageTypeOffer)
		answers(t, renew(s, a), dhcpv4.MessageTypeAck)
	})
	t.Run("known by MAC alone", func(t *testing.T) {
		s := settings(spec.ModeServer, func(c *spec.DHCP) { c.Identify = spec.IdentifyMAC })
		for _, id := range []change{bios, byDUID, byMAC, cloned} {
			if a := discoverAnd(t, s, id); a != first {
				t.Errorf("got %v", a)
			}
		}
		if a := discoverAnd(t, s, cloned, pc2); a != second {
			t.Errorf("another machine with the same identifier got %v", a)
		}
	})
}

// Whatever a machine calls itself later, the lease of the address that it uses
// belongs to it, by its MAC.
func TestLeaseGoesOnUnderAnotherName(t *testing.T) {
	t.Run("the initial RAM disk has asked without an identifier", func(t *testing.T) {
		s := settings(spec.ModeServer)
		a := discoverAnd(t, s)
		answers(t, reboot(s, a, byDUID), dhcpv4.MessageTypeAck)
		answers(t, renew(s, a, byDUID), dhcpv4.MessageTypeAck)
		answers(t, renew(s, a, byDUID, pc2), dhcpv4.MessageTypeNone)
	})
	for situation, change := range map[string]func(*spec.DHCP){
		"the settings know machines by MAC from now on": func(c *spec.DHCP) { c.Identify = spec.IdentifyMAC },
		"its address is reserved for it from now on": func(c *spec.DHCP) {
			c.Reservations = []spec.Reservation{{MAC: ether.MustParseMAC("52:54:00:77:00:10"), Address: first}}
		},
	} {
		t.Run(situation, func(t *testing.T) {
			pools := Pools{}
			a := discoverAnd(t, NewSettings(lab(spec.ModeServer), self, nil, pools), byDUID)
			s := NewSettings(lab(spec.ModeServer, change), self, nil, pools)
			answers(t, renew(s, a, byDUID), dhcpv4.MessageTypeAck)
			if b := discoverAnd(t, s, byDUID); b != a {
				t.Errorf("then it got %v", b)
			}
		})
	}
}

// A cloned disk carries its client identifier along.
func TestClones(t *testing.T) {
	t.Run("each has its address, and keeps it", func(t *testing.T) {
		s := settings(spec.ModeServer)
		a, b := discoverAnd(t, s, cloned), discoverAnd(t, s, cloned, pc2)
		if a != first || b != second {
			t.Fatalf("got %v and %v", a, b)
		}
		for range 2 {
			answers(t, renew(s, a, cloned), dhcpv4.MessageTypeAck)
			answers(t, renew(s, b, cloned, pc2), dhcpv4.MessageTypeAck)
			answers(t, reboot(s, a, cloned), dhcpv4.MessageTypeAck)
			answers(t, reboot(s, b, cloned, pc2), dhcpv4.MessageTypeAck)
		}
		ask(s, message(dhcpv4.MessageTypeRelease, cloned, ciaddr(a), server(self.Addr())))
		answers(t, renew(s, b, cloned, pc2), dhcpv4.MessageTypeAck)
		if got := discoverAnd(t, s, cloned, pc2); got != b {
			t.Errorf("when the first has left, the second moves to %v", got)
		}
		if got := discoverAnd(t, s, cloned); got != a {
			t.Errorf("when the first is back, it gets %v", got)
		}
	})
	t.Run("both ask at once", func(t *testing.T) {
		s := settings(spec.ModeServer)
		for _, who := range []change{from(mac...), pc2} {
			if o := ask(s, message(dhcpv4.MessageTypeDiscover, cloned, who)); o.Addr != first {
				t.Fatalf("got %+v", o)
			}
		}
		selecting := func(who change) Answer {
			return ask(s, message(dhcpv4.MessageTypeRequest, cloned, who, server(self.Addr()), wish(first)))
		}
		answers(t, selecting(from(mac...)), dhcpv4.MessageTypeAck)
		answers(t, selecting(pc2), dhcpv4.MessageTypeNak)
		if b := discoverAnd(t, s, cloned, pc2); b != second {
			t.Errorf("the second got %v", b)
		}
	})
	t.Run("it brings the lease along", func(t *testing.T) {
		for situation, asks := range map[string]func(*Settings) Answer{
			"init-reboot": func(s *Settings) Answer { return reboot(s, first, cloned, pc2) },
			"renewal":     func(s *Settings) Answer { return renew(s, first, cloned, pc2) },
		} {
			s := settings(spec.ModeServer)
			discoverAnd(t, s, cloned)
			t.Run(situation, func(t *testing.T) { answers(t, asks(s), dhcpv4.MessageTypeNak) })
			answers(t, renew(s, first, cloned), dhcpv4.MessageTypeAck)
		}
	})
	t.Run("the second one runs firmware, then its system", func(t *testing.T) {
		s := settings(spec.ModeServer)
		discoverAnd(t, s, cloned)
		if a, b := discoverAnd(t, s, bios, pc2), discoverAnd(t, s, cloned, pc2); a != second || b != second {
			t.Errorf("got %v and %v", a, b)
		}
	})
	t.Run("the first one's lease has ended, and it does not know", func(t *testing.T) {
		s := settings(spec.ModeServer, func(c *spec.DHCP) { c.Probe = true })
		discoverAnd(t, s, cloned)
		m := message(dhcpv4.MessageTypeDiscover, cloned, pc2)
		a := Decide(t0.Add(2*time.Hour), s, NewQuestion(m, ServerPort, unset))
		if a.Addr != first || !a.Probe {
			t.Errorf("got %+v", a)
		}
	})
}

// An identifier with an address in the settings belongs to one machine, with
// any network card, as far as ARP can tell.
func TestReservedIdentifierGoesAlong(t *testing.T) {
	reserved := netip.MustParseAddr("192.168.77.20")
	s := settings(spec.ModeServer, func(c *spec.DHCP) {
		c.Probe = true
		c.Reservations = []spec.Reservation{{Client: "00:07:07", Address: reserved}}
	})
	id := option(61, 0, 7, 7)
	if a := discoverAnd(t, s, id); a != reserved {
		t.Fatalf("got %v", a)
	}
	offered := func(want netip.Addr) {
		t.Helper()
		o := ask(s, message(dhcpv4.MessageTypeDiscover, id, pc2))
		if o.Addr != want || !o.Probe {
			t.Errorf("offered %v, probe %v; want %v", o.Addr, o.Probe, want)
		}
	}
	offered(reserved)
	InUse(t0, s, reserved) // by a clone
	offered(first)
	answers(t, renew(s, reserved, id), dhcpv4.MessageTypeAck)
	answers(t, ask(s, message(dhcpv4.MessageTypeRequest, id, pc2, server(self.Addr()), wish(reserved))),
		dhcpv4.MessageTypeNak)
	offered(reserved) // by its other card
	if a := discoverAnd(t, s, id, pc2); a != reserved {
		t.Errorf("got %v", a)
	}
	answers(t, renew(s, reserved, id, pc2), dhcpv4.MessageTypeAck)
	answers(t, renew(s, reserved, id), dhcpv4.MessageTypeNak)
}
