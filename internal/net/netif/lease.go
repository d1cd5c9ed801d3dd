package netif

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// lifetime holds the three times of a lease, counted from the moment of the
// request (RFC 2131 §4.4.1). If end is zero, the lease has no end.
type lifetime struct {
	renew  time.Duration // T1: ask the server that granted it
	rebind time.Duration // T2: ask any server
	end    time.Duration
}

// infinite is the value of option 51 for a lease without end (RFC 2131 §3.3).
const infinite = math.MaxUint32 * time.Second

// newLifetime takes options 51, 58 and 59. It uses T1 and T2 only if "T1 MUST
// be earlier than T2, which, in turn, MUST be earlier than the time at which
// the client's lease will expire"; otherwise they are 0.5 and 0.875 of the
// lease (RFC 2131 §4.4.5).
func newLifetime(lease, t1, t2 time.Duration) lifetime {
	if lease == infinite {
		return lifetime{}
	}
	if t2 <= 0 || t2 >= lease {
		t2 = lease / 8 * 7
	}
	if t1 <= 0 || t1 >= t2 {
		t1 = lease / 2
	}
	if t1 >= t2 { // T2 is early: keep T1 before it
		t1 = t2 / 2
	}
	return lifetime{renew: t1, rebind: t2, end: lease}
}

// phase is the state of a client with a lease (RFC 2131 figure 5).
type phase int

const (
	bound phase = iota
	renewing
	rebinding
	expired
)

// at returns what to do after a time has passed, and for how long. While bound,
// the client waits; otherwise it sends a request and waits for the answer:
// "one-half of the remaining time [...] down to a minimum of 60 seconds" (RFC
// 2131 §4.4.5). A short lease is requested more often, or one lost packet would
// lose it.
func (l lifetime) at(passed time.Duration) (phase, time.Duration) {
	floor := min(time.Minute, l.end/8)
	switch {
	case l.end == 0:
		return bound, math.MaxInt64
	case passed < l.renew:
		return bound, l.renew - passed
	case passed < l.rebind:
		left := l.rebind - passed
		return renewing, min(left, max(left/2, floor))
	case passed < l.end:
		left := l.end - passed
		return rebinding, min(left, max(left/2, floor))
	}
	return expired, 0
}

// backoff is how long to wait for an answer to request n, counted from 0. RFC
// 2131 §4.1 starts at 4 s and ends at 64 s; but a single box causes no storm,
// and people wait for it.
func backoff(n int) time.Duration {
	return time.Second << min(n, 3)
}

// domainName matches what may go into resolv.conf: the text comes from the
// server, and a line break in it would add another line.
var domainName = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)

// shortest is the shortest lease that is accepted, since all times here are in
// seconds.
const shortest = 2 * time.Second

// leased reads the interface's new setup from a server's ACK. before is the
// previous setup: some servers leave unchanged values out of a renewal.
func leased(ack *dhcpv4.DHCPv4, before setup) (setup, lifetime, error) {
	a, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	bits, _ := ack.SubnetMask().Size()
	if bits == 0 && a == before.addr.Addr() {
		bits = before.addr.Bits()
	}
	if !ok || a.IsUnspecified() || bits <= 0 {
		return setup{}, lifetime{}, fmt.Errorf("address %v with mask %v", ack.YourIPAddr, net.IP(ack.SubnetMask()))
	}
	valid := ack.IPAddressLeaseTime(time.Hour)
	if valid < shortest {
		return setup{}, lifetime{}, fmt.Errorf("address %v for %v", a, valid)
	}
	life := newLifetime(valid, ack.IPAddressRenewalTime(0), ack.IPAddressRebindingTime(0))
	s := setup{addr: netip.PrefixFrom(a, bits), valid: life.end, dns: addrs(ack.DNS())}
	if d := ack.DomainName(); domainName.MatchString(d) {
		s.domain = d
	}
	if r := addrs(ack.Router()); len(r) > 0 {
		s.gateway = r[0]
	}
	if s.addr == before.addr {
		if !ack.Options.Has(dhcpv4.OptionRouter) {
			s.gateway = before.gateway
		}
		if !ack.Options.Has(dhcpv4.OptionDomainNameServer) {
			s.dns = before.dns
		}
		if !ack.Options.Has(dhcpv4.OptionDomainName) {
			s.domain = before.domain
		}
	}
	return s, life, nil
}

// addrs returns the addresses in an option, without the zero ones that some
// servers pad it with.
func addrs(ips []net.IP) []netip.Addr {
	var out []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() {
			out = append(out, a)
		}
	}
	return out
}
