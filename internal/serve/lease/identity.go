package lease

import (
	"net/netip"
	"time"
)

// A machine may use several names, one for each system that it runs, and a
// cloned disk gives several machines one name. The hardware address recorded
// with a lease tells them apart.

// Identity returns the name under which the pool identifies the client that
// calls itself c and has that hardware address. own is its name by that address
// alone, and uses is the address that it says it has or wants; the zero Addr if
// none.
//
// A lease of uses with this hardware address is the client's, under any name.
// Otherwise the name is own if another machine has c by now: one with another
// hardware address and a lease. This tells two machines with one name apart,
// and the second one keeps its lease, whatever happens to the first.
func (p *Pool) Identity(now time.Time, c, own Client, hw string, uses netip.Addr) Client {
	p.expire(now)
	if s := p.slots[uses]; s != nil && s.state == leased && s.last.HW == hw {
		return s.last.Client
	}
	s, mine := p.held[c], p.held[own]
	switch {
	case c == own || s == nil || s.last.HW == hw:
		return c
	case s.state == leased:
		return own
	case s.offeredTo(c) && s.addr == uses:
		return c
	case mine != nil && mine.leasedTo(own) && mine.last.HW == hw:
		return own
	}
	return c
}

// Rename transfers to c a lease of a that this hardware address holds, unless c
// holds another lease: a is reserved for c by now.
func (p *Pool) Rename(now time.Time, c Client, hw string, a netip.Addr) {
	p.expire(now)
	s, h := p.slots[a], p.held[c]
	if s == nil || s.state != leased || s.last.HW != hw || s.last.Client == c || h != nil && h.state == leased {
		return
	}
	r := *s.last
	r.Client = c
	p.takeUp(s, &r, s.at, s.made)
}

// HeldBy returns the hardware address of the last lease of a; empty if not
// known.
func (p *Pool) HeldBy(a netip.Addr) string {
	if s := p.slots[a]; s != nil && s.last != nil {
		return s.last.HW
	}
	return ""
}

// InUse reports whether a is leased, and a machine was found using it since the
// last acknowledgment.
func (p *Pool) InUse(now time.Time, a netip.Addr) bool {
	p.expire(now)
	s := p.slots[a]
	return s != nil && s.state == leased && !s.found.IsZero()
}

// Spare returns a free address that the hardware address gave back, or the zero
// Addr. A machine that has one name for each of its systems, or a new one with
// every boot, is offered this address rather than one that it has never had.
func (p *Pool) Spare(now time.Time, hw string) netip.Addr {
	p.expire(now)
	if s := p.spare[hw]; s != nil && s.state == free {
		return s.addr
	}
	return netip.Addr{}
}

// GiveBack ends the leases that a hardware address holds under other names than
// c, and returns one of their addresses: the machine asks for an address under
// the name c, so it has no other. The addresses stay known to their clients
// until another client gets them, and a lease continues if a probe finds its
// holder: see Taken. Two machines behind one hardware address, as behind some
// bridges, then both keep theirs.
func (p *Pool) GiveBack(now time.Time, c Client, hw string) netip.Addr {
	p.expire(now)
	var last *slot
	for s := range p.byHW[hw] {
		if s.last.Client == c || !s.found.IsZero() {
			continue
		}
		p.giveBack(now, s)
		if !s.gone && (last == nil || s.rank < last.rank) {
			last = s
		}
	}
	if last == nil {
		return netip.Addr{}
	}
	p.spare[hw] = last
	return last.addr
}

// PassOn ends the lease of a in the same way, because its client asks with
// another hardware address.
func (p *Pool) PassOn(now time.Time, a netip.Addr) {
	p.expire(now)
	if s := p.slots[a]; s != nil && s.state == leased {
		p.giveBack(now, s)
	}
}

func (p *Pool) giveBack(now time.Time, s *slot) {
	s.back = s.at
	p.free(s, now)
}

// keep cancels the giving back of a lease, if there was one.
func (p *Pool) keep(s *slot) {
	if s.last != nil && p.spare[s.last.HW] == s {
		delete(p.spare, s.last.HW)
	}
	s.back = time.Time{}
}
