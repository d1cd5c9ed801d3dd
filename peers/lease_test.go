//go:build peers

package peers

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
)

// TestLeaseLife takes each client from its first DISCOVER to its RELEASE, with
// a power cut of the box in between.
func TestLeaseLife(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.startBox(server + range100to102 + `lease = "1h"` + told)
			c := s.startClient(p, s.segment, "02:70:78:65:00:10", false)

			_, next := c.acked("first request", 0, selecting)
			a, step := c.bound()
			if !netip.MustParsePrefix("192.168.77.96/28").Contains(a) {
				t.Errorf("it is bound to %v, which is not of the range", a)
			}
			for name, want := range c.hears {
				if step[name] != want {
					t.Errorf("%s heard %s=%q; want %q", c.name, name, step[name], want)
				}
			}

			same := func(what string, ack capture.Packet) {
				t.Helper()
				if got := address(ack.DHCP.YourIPAddr); got != a {
					t.Errorf("%s: it has %v now; it had %v", what, got, a)
				}
				if got := ack.DHCP.IPAddressLeaseTime(0).Seconds(); int(got) != c.seconds {
					t.Errorf("%s: leased for %v s; it asked for %d", what, got, c.seconds)
				}
			}
			renew := func() {
				t.Helper()
				if c.renews != 0 {
					c.signal(c.renews)
				}
				var ack capture.Packet
				ack, next = c.acked("renewal", next, renewing)
				same("renewal", ack)
			}
			renew()

			s.must(s.box.Cut())
			s.must(s.box.Power(s.within(patience)))
			k := s.talker("02:70:78:65:00:11")
			if got := address(k.ask(k.message(dhcpv4.MessageTypeDiscover, wish(a))).DHCP.YourIPAddr); got == a {
				t.Errorf("after a power cut %v is offered to a stranger; %s holds it", a, c.name)
			}
			next = s.wire.Len()
			renew()

			// From now on the client's unicast to the box is lost, so that its
			// renewal fails and it must broadcast.
			s.must(c.host.Run("ip", "neigh", "replace", boxAddr.String(), "lladdr", "02:70:78:65:ff:ff", "nud",
				"permanent", "dev", link))
			ack, next := c.acked("rebinding", next, rebinding)
			same("rebinding", ack)
			s.must(c.host.Run("ip", "neigh", "replace", boxAddr.String(), "lladdr", boxMAC, "nud", "permanent",
				"dev", link))

			if c.remembers {
				c.settled()
				c.reset()
				ack, next = c.acked("request after a reset", next, initReboot)
				same("init-reboot", ack)
			}

			c.settled()
			c.releases(a, next)
			k = s.talker("02:70:78:65:00:12")
			if got := address(k.ask(k.message(dhcpv4.MessageTypeDiscover, wish(a))).DHCP.YourIPAddr); got != a {
				t.Errorf("after its release a stranger who wishes for %v is offered %v", a, got)
			}
		})
	}
}

// TestAddressInUse lets another machine hold the first address of the range.
func TestAddressInUse(t *testing.T) {
	taken, free := netip.MustParseAddr("192.168.77.100"), netip.MustParseAddr("192.168.77.101")
	ranges := fmt.Sprintf("range = [%q, %q]\n", taken, free)
	declines := func(s *site) bool {
		return slices.ContainsFunc(s.wire.From(0),
			func(p capture.Packet) bool { return p.Is(dhcpv4.MessageTypeDecline) })
	}
	hold := func(s *site) {
		s.must(s.plug("02:70:78:65:00:20").Run("ip", "addr", "add", taken.String()+"/24", "dev", link))
	}
	for _, p := range programs {
		t.Run(p.name+" finds out and declines", func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			hold(s)
			s.startBox(server + ranges + "probe = false\n")
			c := s.startClient(p, s.segment, "02:70:78:65:00:10", true)
			_, next := s.await("decline", 0, func(p capture.Packet) bool {
				return p.Is(dhcpv4.MessageTypeDecline) && address(p.DHCP.RequestedIPAddress()) == taken
			})
			ack, _ := c.acked("second request", next, selecting)
			if got := address(ack.DHCP.YourIPAddr); got != free {
				t.Errorf("after its decline it is given %v; want %v", got, free)
			}
			// The box offers it to no other machine either, even on request.
			k := s.talker("02:70:78:65:00:11")
			m := k.message(dhcpv4.MessageTypeDiscover, wish(taken))
			k.send(m)
			// The box answers in order, so once it has answered another
			// machine, it had its chance to offer the address.
			c.s.roundTrip()
			if slices.ContainsFunc(s.wire.From(0), answers(m)) {
				t.Errorf("%v is offered again after it was declined", taken)
			}
		})
	}
	t.Run("the box finds out before it offers", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		hold(s)
		s.startBox(server + ranges)
		c := s.startClient(udhcpc, s.segment, "02:70:78:65:00:10", true)
		ack, _ := c.acked("first request", 0, selecting)
		if got := address(ack.DHCP.YourIPAddr); got != free {
			t.Errorf("it is given %v; want %v", got, free)
		}
		if declines(s) {
			t.Errorf("the client had to decline")
		}
		s.await("probe", 0, func(p capture.Packet) bool { return p.From.String() == boxMAC && p.ARPRequest(taken) })
	})
}

// roundTrip returns when the box has answered every packet that reached it
// before.
func (s *site) roundTrip() {
	s.t.Helper()
	k := s.talker("02:70:78:65:00:ff")
	k.conn.Close()
	host := s.plug("")
	s.must(host.Run("ip", "addr", "add", "192.168.77.250/24", "dev", link))
	k.conn = s.broadcaster(host)
	k.ask(k.message(dhcpv4.MessageTypeInform, dhcpv4.WithClientIP([]byte{192, 168, 77, 250})))
}
