// Package lease keeps account of addresses: which machine holds which one,
// until when, and which to give next. The Pool decides that, as a pure
// function of the times and calls that it is given. It knows neither packets,
// nor whose a reservation is, nor the disk: package leasedb keeps its leases
// through a power cut.
package lease

import (
	"container/heap"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Client names a machine to the pool: the bytes of its option 61, or its
// hardware type and address where it sends none (RFC 2131 §4.2).
type Client string

// OfferHold is how long an address stays set aside for a client that was
// offered it and has not asked for it yet. RFC 2131 §3.1 step 2 leaves the
// time to the server; firmware that waits for further offers and for a slow
// switch port is back within seconds.
const OfferHold = time.Minute

type state uint8

const (
	free     state = iota
	offered        // set aside for OfferHold; never written down
	leased         // acknowledged
	declined       // somebody else was found using it (RFC 2131 §4.3.3)
)

// slot is one address of the pool.
type slot struct {
	addr     netip.Addr
	state    state
	reserved bool      // given by OfferReserved only
	gone     bool      // out of the ranges; here until what was promised ends
	at       time.Time // free: since when, zero for never used; else until when
	rank     int       // its place in the ranges
	offeree  Client    // while offered
	made     time.Time // leased: when it was acknowledged last; zero for before the start
	found    time.Time // declined, leased: when a machine was found using it; zero for another cause
	// back is until when the lease would have run that its hardware address
	// has given back; zero where it has not, and once it is leased again.
	back time.Time
	hw   string // while leased: under which it is in Pool.byHW

	// last is the lease that runs, or ran last, so that a machine comes back
	// to its old address (RFC 2131 §4.3.1); nil for none. An offer leaves it
	// alone: a flood of strangers who never come back wipes out no memory.
	last  *Record
	saved *Record // what the store holds; nil for nothing

	queue *queue // that it waits in; nil for none
	place int    // in queue
}

// inPool reports whether any machine may have the address.
func (s *slot) inPool() bool { return !s.reserved && !s.gone }

// offeredTo and leasedTo say whose the address is now.
func (s *slot) offeredTo(c Client) bool { return s.state == offered && s.offeree == c }
func (s *slot) leasedTo(c Client) bool  { return s.state == leased && s.last.Client == c }

// wanted is what the store should hold.
func (s *slot) wanted() *Record {
	if s.state == leased {
		return s.last
	}
	return nil
}

// Pool is the addresses of one subnet: those of its ranges and those reserved
// in it. Its memory is bounded by their number, plus the leases that still run
// in addresses which left: a client that holds no address and has none to come
// back to leaves no trace. It belongs to one goroutine. The times that it is
// given must be monotonic for its whole life.
type Pool struct {
	slots   map[netip.Addr]*slot
	held    map[Client]*slot     // by last.Client: each slot with a last is here once
	offered map[Client]*slot     // by offeree: each offered slot is here once
	changed map[netip.Addr]*slot // may differ from what the store holds
	// byHW are the leased slots by the hardware address of their holders, and
	// spare is the one that each has given back last.
	byHW  map[string]map[*slot]bool
	spare map[string]*slot

	leases int // slots that are leased

	idle   queue // free, to be given: never used ones first, then the longest idle
	offers queue // offered out of the ranges, the oldest first
	ends   queue // leased, declined, or offered by reservation: the first to end first
	rests  queue // declined because a machine was found using it, in the ranges: the first to end first
}

// NewPool makes a pool of the addresses in ranges, to be used in their order,
// and of reserved ones, which may lie inside or outside.
func NewPool(ranges []spec.Range, reserved []netip.Addr) *Pool {
	p := &Pool{
		slots: map[netip.Addr]*slot{}, held: map[Client]*slot{},
		offered: map[Client]*slot{}, changed: map[netip.Addr]*slot{},
		byHW: map[string]map[*slot]bool{}, spare: map[string]*slot{},
	}
	p.Resize(ranges, reserved)
	return p
}

// Resize changes the pool's addresses. What is held in an address that stays
// goes on. A lease in an address that leaves can no longer be renewed, but is
// remembered to its end: the address may come back while its holder still
// uses it. The same goes for one that is now reserved for somebody else.
func (p *Pool) Resize(ranges []spec.Range, reserved []netip.Addr) {
	old := p.slots
	p.slots = make(map[netip.Addr]*slot, len(old))
	take := func(a netip.Addr) *slot {
		s := p.slots[a]
		if s != nil {
			return s
		}
		if s = old[a]; s == nil {
			s = p.find(a)
		}
		delete(old, a)
		s.gone, s.rank = false, len(p.slots)
		p.slots[a] = s
		return s
	}
	for _, r := range ranges {
		for a := r.First; r.Contains(a); a = a.Next() {
			take(a)
		}
	}
	isReserved := make(map[netip.Addr]bool, len(reserved))
	for _, a := range reserved {
		isReserved[a] = true
		take(a)
	}
	p.idle, p.offers, p.ends, p.rests = nil, nil, nil, nil
	for a, s := range p.slots {
		if s.state == offered && s.reserved != isReserved[a] {
			p.endOffer(s)
		}
		s.reserved = isReserved[a]
		p.append(s)
	}
	for a, s := range old {
		s.gone, s.reserved = true, false
		switch s.state {
		case offered:
			p.endOffer(s)
			fallthrough
		case free:
			p.forget(s)
			s.queue = nil // it may wait in changed, and come back
		default:
			p.slots[a] = s
			p.append(s)
		}
	}
	heap.Init(&p.idle)
	heap.Init(&p.offers)
	heap.Init(&p.ends)
	heap.Init(&p.rests)
}

// Offer picks an address for the client and sets it aside for OfferHold, in
// the order of RFC 2131 §4.3.1: the one it holds, the one it held last, the
// first of its wishes that is free, the one longest unused. Where none is left it takes over the oldest offer that nobody has come back for:
// strangers who ask and never take must not keep a real client waiting.
//
// fresh says that the client has never leased the address, so that somebody
// else may be using it; ok is false when all addresses are leased or set
// aside.
func (p *Pool) Offer(now time.Time, c Client, wishes ...netip.Addr) (a netip.Addr, fresh, ok bool) {
	p.expire(now)
	s := p.choose(c, wishes)
	if s == nil {
		return netip.Addr{}, false, false
	}
	if s.state != leased { // a lease is not shortened by asking again
		p.offer(now, s, c)
	}
	return s.addr, s.last == nil || s.last.Client != c, true
}

func (p *Pool) choose(c Client, wishes []netip.Addr) *slot {
	if s := p.held[c]; s != nil && s.inPool() && (s.state != offered || s.offeree == c) {
		return s
	}
	if s := p.offered[c]; s != nil && s.inPool() {
		return s
	}
	for _, wish := range wishes {
		if s := p.slots[wish]; s != nil && s.inPool() && s.state == free {
			return s
		}
	}
	if len(p.idle) > 0 {
		return p.idle[0]
	}
	if len(p.offers) > 0 {
		return p.offers[0]
	}
	return nil
}

// retryAfter is how long an address at least rests in which a machine was
// found. It bounds how often Retry has the same one looked at.
const retryAfter = 5 * time.Second

// Retry is Offer for a client for which no address is left: it ends the rest
// of the address that has rested longest of those in which a machine was found.
// Forged answers to ARP, or DECLINEs, can set all addresses of a range aside
// within seconds. The caller must make sure that the address is free before the
// client hears of it, and call Taken where it is not.
func (p *Pool) Retry(now time.Time, c Client) (a netip.Addr, ok bool) {
	p.expire(now)
	if len(p.rests) == 0 || now.Sub(p.rests[0].found) < retryAfter {
		return netip.Addr{}, false
	}
	s := p.rests[0]
	p.offer(now, s, c)
	return s.addr, true
}

// OfferReserved sets a reserved address aside for the client whose it is. The
// caller knows whose it is, and gives all the names that a machine goes by as
// one Client. It reports false while another client's lease of it runs, while
// it rests after a decline, and where it is not reserved.
func (p *Pool) OfferReserved(now time.Time, c Client, a netip.Addr) bool {
	p.expire(now)
	s := p.slots[a]
	switch {
	case s == nil || !s.reserved || s.state == declined:
		return false
	case s.state == leased:
		return s.last.Client == c
	}
	p.offer(now, s, c)
	return true
}

// Commit leases a to a client to which it belongs already: offered to it,
// leased by it, or its own of before and still nobody else's. What was merely
// offered to another goes to whoever asks first. The lease runs for r.Length;
// r.Addr and r.Client are filled in. It reports false where the address is
// not the client's to have.
func (p *Pool) Commit(now time.Time, c Client, a netip.Addr, r Record) bool {
	p.expire(now)
	s := p.slots[a]
	if s == nil || !p.belongs(s, c) {
		return false
	}
	p.lease(now, s, c, r)
	return true
}

// CommitSelected is Commit for a client that answers an OFFER of this server
// (SELECTING, RFC 2131 §4.3.2). Its offer may have been taken over by a later
// client, or lost with the power, and no bounded memory could tell who was
// offered what during a flood. So it gets any address of the ranges that
// nobody leases, the first to ask being the first served: RFC 2131 §3.1 step 2
// does not have the server keep what it offers, and the loser, told no, starts
// again. A client that names an address which was never offered gains nothing
// by it but the choice, which option 50 of a DISCOVER gives it too; no lease,
// reservation or quarantine gives way to it. A client that holds a lease, or
// is offered its reservation, was offered nothing else, and gets nothing else.
func (p *Pool) CommitSelected(now time.Time, c Client, a netip.Addr, r Record) bool {
	p.expire(now)
	s := p.slots[a]
	switch {
	case s == nil:
		return false
	case p.belongs(s, c):
	case !s.inPool() || s.state != free && s.state != offered:
		return false
	case p.hasBetter(c):
		return false
	}
	p.lease(now, s, c, r)
	return true
}

// belongs reports whether s is the client's by a lease, an offer, or from
// before.
func (p *Pool) belongs(s *slot, c Client) bool {
	switch {
	case s.gone:
		return false
	case s.offeredTo(c) || s.leasedTo(c):
		return true
	}
	return p.held[c] == s && !s.reserved
}

// hasBetter reports whether Offer or OfferReserved has an address for the
// client from which it is not moved.
func (p *Pool) hasBetter(c Client) bool {
	if s := p.held[c]; s != nil && s.inPool() && s.state == leased {
		return true
	}
	s := p.offered[c]
	return s != nil && s.reserved
}

// Leases is how many addresses are leased.
func (p *Pool) Leases(now time.Time) int {
	p.expire(now)
	return p.leases
}

// Known returns the address that the client leases, may come back to, or was
// offered, in this order. An address that has left the ranges is not known,
// nor is a reserved one after its lease: OfferReserved gives it anew.
func (p *Pool) Known(now time.Time, c Client) (netip.Addr, bool) {
	p.expire(now)
	if s := p.held[c]; s != nil && p.belongs(s, c) {
		return s.addr, true
	}
	if s := p.offered[c]; s != nil {
		return s.addr, true
	}
	return netip.Addr{}, false
}

// Withdraw takes back an offer that the client has left for another
// server's (RFC 2131 §3.1 step 4). A lease stays as it is.
func (p *Pool) Withdraw(now time.Time, c Client) {
	p.expire(now)
	if s := p.offered[c]; s != nil {
		p.free(s, now)
	}
}

// Release ends the client's lease of a, or the offer. The client stays known
// there (RFC 2131 §4.3.4: the server should retain its record for reuse).
func (p *Pool) Release(now time.Time, c Client, a netip.Addr) bool {
	p.expire(now)
	s := p.slots[a]
	if s == nil || !s.leasedTo(c) && !s.offeredTo(c) {
		return false
	}
	p.free(s, now)
	return true
}

// Decline sets a aside until the given time, because the client to which it
// was given found it in use (RFC 2131 §4.3.3). Only that client is believed.
func (p *Pool) Decline(now time.Time, c Client, a netip.Addr, until time.Time) bool {
	p.expire(now)
	s := p.slots[a]
	if s == nil || !s.leasedTo(c) && !s.offeredTo(c) {
		return false
	}
	p.rest(now, s, until)
	return true
}

// Taken sets a aside until the given time, because a probe found it in use. A
// lease of it stays: its holder may be who answered the probe. One that was
// given back goes on for the same reason.
func (p *Pool) Taken(now time.Time, a netip.Addr, until time.Time) {
	p.expire(now)
	s := p.slots[a]
	switch {
	case s == nil:
	case s.state == leased:
		s.found = now
	case s.state == declined:
	case s.back.After(now):
		until := s.back
		p.endOffer(s)
		p.keep(s)
		s.found, p.changed[a] = now, s
		p.move(s, leased, until)
	default:
		p.rest(now, s, until)
	}
}

// Changes returns what the store is to be told since the last call, nothing
// where it holds all that counts already: a renewal for the same time as
// before needs no writing, because Restore counts that time from the restart.
// The ends of leases gather here until somebody asks, so that they ride along
// with the next commit and an idle box writes nothing.
func (p *Pool) Changes() []Change {
	var out []Change
	for a, s := range p.changed {
		want := s.wanted()
		same := want == s.saved || want != nil && s.saved != nil && *want == *s.saved
		s.saved = want
		if !same {
			out = append(out, Change{Addr: a, Record: want})
		}
	}
	clear(p.changed)
	return out
}

// Unsaved takes back changes that the store has failed to keep. The next
// Changes has them again.
func (p *Pool) Unsaved(changes []Change) {
	for _, c := range changes {
		s := p.find(c.Addr)
		s.saved = &Record{} // unknown: unlike any lease, and not nothing
		p.changed[c.Addr] = s
	}
}

// Stored says all that the store holds of this pool's addresses, whatever it
// was told before. The next Changes makes it hold what it should.
func (p *Pool) Stored(records []Record) {
	clear(p.changed)
	for a, s := range p.slots {
		s.saved = nil
		if s.state == leased {
			p.changed[a] = s
		}
	}
	for _, r := range records {
		s := p.find(r.Addr)
		s.saved = &r
		p.changed[r.Addr] = s
	}
}

// Restore takes up the leases that the store has kept for this pool's
// addresses from before the start; records are all of them. Nobody knows how
// long ago they were made: a box without a clock of its own starts in 1970,
// and one that is set may jump by years. So each is taken as live for its full
// length from now, which is never too short. One in an address outside the
// ranges is remembered to its end and can not be renewed.
//
// The store may have been opened late, with the pool in use. What was
// acknowledged meanwhile counts: it is the later word, and its machine goes by
// it. Offers and rests give way: who was found using an address may well have
// been the one that the store knows there.
func (p *Pool) Restore(now time.Time, records []Record) {
	for _, r := range records {
		s, h, until := p.find(r.Addr), p.held[r.Client], now.Add(r.Length)
		switch {
		case s.leasedTo(r.Client) && s.last.HW == r.HW:
			// Not shortened: it may not have heard the later word.
			if s.at.Before(until) {
				s.last = &r
				p.move(s, leased, until)
			}
		case s.state == leased, h != nil && h.state == leased && !h.made.IsZero():
		default:
			p.takeUp(s, &r, until, time.Time{})
		}
	}
	p.Stored(records)
}

// absorb moves to p what another pool knows of the addresses of a network: the
// leases, the rests, and what the store is still to be told. Offers end: who
// comes back for one has it by CommitSelected.
func (p *Pool) absorb(from *Pool, network netip.Prefix) {
	for _, slots := range []map[netip.Addr]*slot{from.slots, from.changed} {
		for a, s := range slots {
			if !network.Contains(a) {
				continue
			}
			t := p.find(a)
			if s.saved != nil {
				t.saved = s.saved
				p.changed[a] = t
			}
			switch s.state {
			case leased:
				p.takeUp(t, s.last, s.at, s.made)
			case declined:
				p.slots[a] = t
				p.setAside(t, s.at)
				t.found = s.found
				p.move(t, declined, s.at) // to its queue
			}
			s.gone = true
			from.free(s, s.at)
			delete(from.changed, a)
		}
	}
}

// find returns the slot of an address, or a new one outside the ranges, which
// is not the pool's yet.
func (p *Pool) find(a netip.Addr) *slot {
	if s := p.slots[a]; s != nil {
		return s
	}
	if s := p.changed[a]; s != nil { // it left, and the store was not told yet
		return s
	}
	return &slot{addr: a, gone: true}
}

// takeUp makes r the lease that runs in a slot that is not leased. It was
// acknowledged elsewhere or before the start, and the client may have another
// one here, from when its subnet was two. It may be two machines, so neither
// address may go to a third: the one that was acknowledged last stays the
// client's, and the other one rests until its end.
func (p *Pool) takeUp(s *slot, r *Record, until, made time.Time) {
	p.slots[s.addr] = s
	if h := p.held[r.Client]; h != nil && h != s {
		switch {
		case h.state != leased:
			p.forget(h)
		case h.made.Before(made):
			p.setAside(h, h.at)
		default:
			p.setAside(s, until)
			return
		}
	}
	p.endOffer(s)
	p.forget(s)
	s.last, s.made, s.found = r, made, time.Time{}
	p.held[r.Client] = s
	p.changed[s.addr] = s
	p.move(s, leased, until)
}

// offer sets a free or offered slot aside for the client, and ends the offer
// that it had before.
func (p *Pool) offer(now time.Time, s *slot, c Client) {
	if t := p.offered[c]; t != nil && t != s {
		p.free(t, now)
	}
	p.endOffer(s)
	s.offeree = c
	p.offered[c] = s
	p.move(s, offered, now.Add(OfferHold))
}

// lease gives the slot to the client, and ends what else it had: it holds one
// address a subnet (RFC 2131 §4.2).
func (p *Pool) lease(now time.Time, s *slot, c Client, r Record) {
	until := now.Add(r.Length)
	if s.state == leased && s.at.After(until) {
		// What was promised is not shortened: the ACK that says so may not
		// arrive, and the client then goes by the one before.
		until, r.Length = s.at, s.at.Sub(now)
	}
	if t := p.offered[c]; t != nil && t != s {
		p.free(t, now)
	}
	if h := p.held[c]; h != nil && h != s {
		p.forget(h)
		if h.state == leased {
			p.free(h, now)
		}
	}
	if s.last != nil && (s.last.Client != c || s.last.HW != r.HW) {
		p.forget(s)
	}
	p.endOffer(s)
	p.keep(s)
	s.found = time.Time{}
	r.Addr, r.Client = s.addr, c
	if s.last == nil || *s.last != r {
		s.last = &r
	}
	s.made = now
	p.held[c] = s
	p.changed[s.addr] = s
	p.move(s, leased, until)
}

// free ends an offer, a lease or a rest. The last lease's client stays
// written in the slot.
func (p *Pool) free(s *slot, since time.Time) {
	p.endOffer(s)
	if s.state == leased {
		p.changed[s.addr] = s
	}
	p.move(s, free, since)
	if s.gone {
		p.forget(s)
		delete(p.slots, s.addr)
	}
}

// rest sets an address aside in which a machine was found now.
func (p *Pool) rest(now time.Time, s *slot, until time.Time) {
	p.setAside(s, until)
	s.found = now
	p.move(s, declined, until) // to its queue
}

// setAside rests an address that a machine unknown to the pool may use.
func (p *Pool) setAside(s *slot, until time.Time) {
	s.found = time.Time{}
	p.endOffer(s)
	p.forget(s)
	p.changed[s.addr] = s
	p.move(s, declined, until)
}

// endOffer cuts the tie between a slot and the client that it is offered to.
// The caller gives the slot another state.
func (p *Pool) endOffer(s *slot) {
	if s.state == offered {
		delete(p.offered, s.offeree)
		s.state, s.offeree = free, ""
	}
}

// forget cuts the tie between a slot and its last lease's client.
func (p *Pool) forget(s *slot) {
	if s.last != nil {
		delete(p.held, s.last.Client)
		p.keep(s)
		s.last = nil
	}
}

// expire frees what has run out by now.
func (p *Pool) expire(now time.Time) {
	for _, q := range []*queue{&p.offers, &p.ends, &p.rests} {
		for len(*q) > 0 && !(*q)[0].at.After(now) {
			p.free((*q)[0], (*q)[0].at)
		}
	}
}
