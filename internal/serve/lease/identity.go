package lease

import (
	"net/netip"
	"time"
)

// A machine may go by several names, one for each system that it runs, and a
// cloned disk gives several machines one name. What tells here is the hardware
// address that a lease is recorded with.

// Identity is the name by which the pool is to know the client that calls itself
// c and has that hardware address. own is its name by that address alone, and
// uses is the address that it says it has or wants; the zero Addr for none.
//
// A lease of uses with this hardware address is the client's, by whatever name.
// Else it is own where c is another machine's by now: one that has another
// hardware address, and holds a lease. Two machines of one name are so told
// apart, and the second one keeps what it got, whatever becomes of the first.
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

// Rename has a lease of a that this hardware address holds go on as c's, unless
// c holds another: a is reserved for c by now.
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

// HeldBy is the hardware address with which a was leased last; empty where it is
// not known.
func (p *Pool) HeldBy(a netip.Addr) string {
	if s := p.slots[a]; s != nil && s.last != nil {
		return s.last.HW
	}
	return ""
}

// InUse reports whether a machine was found using a, which is leased, since that
// was acknowledged last.
func (p *Pool) InUse(now time.Time, a netip.Addr) bool {
	p.expire(now)
	s := p.slots[a]
	return s != nil && s.state == leased && !s.found.IsZero()
}

// Spare is a free address that the hardware address has given back: a machine
// that has one name for each of its systems, or a new one with every boot, is to
// be offered that rather than one that it has never had. It is the zero Addr for
// none.
func (p *Pool) Spare(now time.Time, hw string) netip.Addr {
	p.expire(now)
	if s := p.spare[hw]; s != nil && s.state == free {
		return s.addr
	}
	return netip.Addr{}
}

// GiveBack ends the leases that a hardware address holds under other names than
// c, and returns one of their addresses: the machine asks for an address under
// that name, so that it has no other. They stay known to their clients until
// another one has them, and go on where a probe finds their holder: see Taken.
// Two machines behind one hardware address, as behind some bridges, then both
// keep theirs.
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

// PassOn ends the lease of a in the same way, for its client asks with another
// hardware address.
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

// keep takes it back that a lease was given back, if it was.
func (p *Pool) keep(s *slot) {
	if s.last != nil && p.spare[s.last.HW] == s {
		delete(p.spare, s.last.HW)
	}
	s.back = time.Time{}
}
