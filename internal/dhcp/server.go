package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/lease"
	"github.com/pxebox/pxebox/internal/pxe"
)

// serve answers as the server that leases addresses (RFC 2131 §4.3).
func serve(now time.Time, s Settings, pool *lease.Pool, q Question, client pxe.Client, boots bool) Answer {
	m := q.Msg
	id := clientID(m)
	grant := func(t dhcpv4.MessageType, a netip.Addr) *dhcpv4.DHCPv4 {
		r := newReply(s, m, t)
		r.YourIPAddr = a.AsSlice()
		leaseTimes(r, s.Lease)
		parameters(r, s)
		describe(r, s, client, boots)
		return r
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover: // §4.3.1
		a, ok := pool.Offer(now, id, address(m.RequestedIPAddress()))
		if !ok {
			return trouble("no address left in dhcp.range")
		}
		return deliver(q, grant(dhcpv4.MessageTypeOffer, a), "offer")

	case dhcpv4.MessageTypeRequest: // §4.3.2
		a, verdict, why := request(now, s, pool, m, id)
		switch verdict {
		case refuse:
			return deliver(q, newReply(s, m, dhcpv4.MessageTypeNak), why)
		case ignore:
			return silent(why)
		}
		if !pool.Commit(now, id, a, now.Add(s.Lease)) {
			return deliver(q, newReply(s, m, dhcpv4.MessageTypeNak), "the address is not this client's")
		}
		r := grant(dhcpv4.MessageTypeAck, a)
		r.ClientIPAddr = m.ClientIPAddr // table 3
		return deliver(q, r, why)

	case dhcpv4.MessageTypeInform: // §4.3.5: parameters, no address, no times
		to := address(m.ClientIPAddr)
		if !to.IsValid() || !s.Self.Contains(to) {
			return silent("INFORM from an address that is not of this subnet")
		}
		r := newReply(s, m, dhcpv4.MessageTypeAck)
		r.ClientIPAddr = m.ClientIPAddr
		parameters(r, s)
		describe(r, s, client, boots)
		return deliver(q, r, "inform")

	case dhcpv4.MessageTypeDecline: // §4.3.3
		if meant(s, m) && pool.Decline(now, id, address(m.RequestedIPAddress()), now.Add(declineFor)) {
			return trouble("declined: the address is in use by another machine")
		}
		return silent("decline of what was not given")

	case dhcpv4.MessageTypeRelease: // §4.3.4
		if meant(s, m) && pool.Release(now, id, address(m.ClientIPAddr)) {
			return silent("released")
		}
		return silent("release of what was not given")
	}
	return silent("not a question")
}

type verdict int

const (
	grantIt verdict = iota
	refuse          // DHCPNAK
	ignore          // another server's business, or nobody's
)

// request tells the four kinds of DHCPREQUEST apart by the fields that RFC
// 2131 §4.3.2 and table 4 name, and judges each.
func request(now time.Time, s Settings, pool *lease.Pool, m *dhcpv4.DHCPv4, id lease.Client) (netip.Addr, verdict, string) {
	ciaddr, wish := address(m.ClientIPAddr), address(m.RequestedIPAddress())
	known, isKnown := pool.Known(now, id)

	switch {
	case m.Options.Has(dhcpv4.OptionServerIdentifier): // SELECTING
		if !meant(s, m) {
			pool.Withdraw(now, id)
			return wish, ignore, "the client took another server's offer"
		}
		if !wish.IsValid() { // seen from clients that put it in ciaddr
			wish = ciaddr
		}
		if !isKnown || known != wish {
			return wish, refuse, "not the address that was offered"
		}
		return wish, grantIt, "selecting"

	case wish.IsValid() && !ciaddr.IsValid(): // INIT-REBOOT
		if !s.Self.Contains(wish) {
			// "If a server receives a DHCPREQUEST message with an invalid
			// 'requested IP address' [for the network], the server SHOULD
			// respond with a DHCPNAK"
			return wish, refuse, "init-reboot: an address of another network"
		}
		if !isKnown {
			// "then it MUST remain silent": another server may know it.
			return wish, ignore, "init-reboot: not known here"
		}
		if known != wish {
			return wish, refuse, "init-reboot: not the address on record"
		}
		return wish, grantIt, "init-reboot"

	case ciaddr.IsValid(): // RENEWING by unicast, REBINDING by broadcast
		if !isKnown {
			return ciaddr, ignore, "renewal: not known here"
		}
		if known != ciaddr {
			return ciaddr, refuse, "renewal: not the address on record"
		}
		return ciaddr, grantIt, "renewal"
	}
	return netip.Addr{}, ignore, "a request that names no address"
}

// meant reports whether option 54 names this box.
func meant(s Settings, m *dhcpv4.DHCPv4) bool {
	return address(m.ServerIdentifier()) == s.Self.Addr()
}

// clientID is the client's own name for itself, or else its hardware
// address (RFC 2131 §4.2). The prefixes keep the two apart.
func clientID(m *dhcpv4.DHCPv4) lease.Client {
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); len(id) > 1 { // RFC 2132 §9.14: at least 2
		return lease.Client("id" + string(id))
	}
	return lease.Client("hw" + string(m.ClientHWAddr))
}

// leaseTimes writes options 51, 58 and 59, T1 and T2 at the fractions of RFC
// 2131 §4.4.5.
func leaseTimes(r *dhcpv4.DHCPv4, d time.Duration) {
	r.UpdateOption(dhcpv4.OptIPAddressLeaseTime(d))
	r.UpdateOption(dhcpv4.OptRenewTimeValue(d / 2))
	r.UpdateOption(dhcpv4.OptRebindingTimeValue(d * 7 / 8))
}

// parameters writes what every client of the subnet is told.
func parameters(r *dhcpv4.DHCPv4, s Settings) {
	r.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(s.Self.Bits(), 32)))
	r.UpdateOption(dhcpv4.OptBroadcastAddress(lastAddr(s.Self).AsSlice()))
	if s.Router.IsValid() {
		r.UpdateOption(dhcpv4.OptRouter(s.Router.AsSlice()))
	}
	if len(s.DNS) > 0 {
		ips := make([]net.IP, len(s.DNS))
		for i, a := range s.DNS {
			ips[i] = a.AsSlice()
		}
		r.UpdateOption(dhcpv4.OptDNS(ips...))
	}
}

// describe adds what network-booting firmware needs.
func describe(r *dhcpv4.DHCPv4, s Settings, client pxe.Client, boots bool) {
	if !boots {
		return
	}
	if file := pxe.BootFile(client.Arch); file != "" {
		pxe.Describe(r, client, pxe.Boot{NextServer: s.Self.Addr(), File: file})
	}
}

// deliver addresses a reply by RFC 2131 §4.1.
func deliver(q Question, r *dhcpv4.DHCPv4, why string) Answer {
	a := Answer{Msg: r, To: netip.AddrPortFrom(broadcast, ClientPort), Why: why}
	yiaddr := address(r.YourIPAddr)
	switch {
	case r.MessageType() == dhcpv4.MessageTypeNak:
		// "the server broadcasts any DHCPNAK messages": the client's idea of
		// its address is what is wrong.
	case hasAddr(q.Msg.ClientIPAddr):
		a.To = netip.AddrPortFrom(address(q.Msg.ClientIPAddr), ClientPort)
	case q.Msg.IsBroadcast() || !yiaddr.IsValid():
	default:
		a.To = netip.AddrPortFrom(yiaddr, ClientPort)
		a.Link = q.Msg.ClientHWAddr
	}
	return a
}

// lastAddr is the subnet's broadcast address.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	host := uint32(1)<<(32-p.Bits()) - 1
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|host)
	return netip.AddrFrom4(b)
}
