// Package lease manages addresses: which machine holds which one, until when,
// and which to give next. A Pool decides this as a pure function of the times
// and calls that it gets. It knows nothing about packets, about the owners of
// reservations, or about the disk: package leasedb keeps the leases through a
// power cut.
package lease

import (
	"container/heap"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Client identifies a machine to the pool: the bytes of its option 61, or its
// hardware type and address if it sends none (RFC 2131 §4.2).
type Client string

// OfferHold is how long an address is set aside for a client that was offered
// it and has not requested it yet. RFC 2131 §3.1 step 2 leaves the time to the
// server; firmware that waits for further offers and for a slow switch port
// returns within seconds.
const OfferHold = time.Minute

type state uint8

const (
	free     state = iota
	offered        // set aside for OfferHold; never stored
	leased         // acknowledged
	declined       // another machine was found using it (RFC 2131 §4.3.3)
)

// slot is one address of the pool.
type slot struct {
	addr     netip.Addr
	state    state
	reserved bool      // only OfferReserved gives it
	gone     bool      // outside the ranges; kept until its promises end
	at       time.Time // free: since when, zero if never used; otherwise until when
	rank     int       // its position in the ranges
	offeree  Client    // while offered
	made     time.Time // leased: time of the last acknowledgment; zero if before the start
	found    time.Time // declined, leased: when a machine was found using it; zero for other causes
	// back is when the lease that its hardware address gave back would have
	// ended; zero if there is none, and once the address is leased again.
	back time.Time
	hw   string // while leased: its key in Pool.byHW

	// last is the running or most recent lease, so that a machine gets its old
	// address again (RFC 2131 §4.3.1); nil if there is none. An offer does not
	// change it: a flood of strangers who never come back erases nothing.
	last  *Record
	saved *Record // what the store holds; nil if nothing

	queue *queue // that it waits in; nil if none
	place int    // in queue
}

// inPool reports whether any machine may have the address.
func (s *slot) inPool() bool { return !s.reserved && !s.gone }

// offeredTo and leasedTo report whether the address is the client's now.
func (s *slot) offeredTo(c Client) bool { return s.state == offered && s.offeree == c }
func (s *slot) leasedTo(c Client) bool  { return s.state == leased && s.last.Client == c }

// wanted returns what the store should hold.
func (s *slot) wanted() *Record {
	if s.state == leased {
		return s.last
	}
	return nil
}

// Pool is the addresses of one subnet: those of its ranges and those reserved
// in it. Their number bounds its memory, plus the leases that still run in
// addresses that left: a client that holds no address and has none to return to
// leaves no trace. A Pool belongs to one goroutine. The times passed to it must
// be monotonic for its whole life.
type Pool struct {
	slots   map[netip.Addr]*slot
	held    map[Client]*slot     // by last.Client: each slot with a last is in it once
	offered map[Client]*slot     // by offeree: each offered slot is in it once
	changed map[netip.Addr]*slot // may differ from what the store holds
	// byHW are the leased slots by the hardware address of their holders. spare
	// is the slot that each hardware address gave back last.
	byHW  map[string]map[*slot]bool
	spare map[string]*slot

	leases int // slots that are leased

	idle   queue // free and available: never used ones first, then the longest idle
	offers queue // offered from the ranges, the oldest first
	ends   queue // leased, declined, or offered by reservation: the earliest end first
	rests  queue // declined because a machine was found using it, in the ranges: the earliest end first
}

// NewPool makes a pool of the addresses in ranges, which it uses in their
// order, and of reserved addresses, which may be inside or outside the ranges.
func NewPool(ranges []spec.Range, reserved []netip.Addr) *Pool {
	p := &Pool{
		slots: map[netip.Addr]*slot{}, held: map[Client]*slot{},
		offered: map[Client]*slot{}, changed: map[netip.Addr]*slot{},
		byHW: map[string]map[*slot]bool{}, spare: map[string]*slot{},
	}
	p.Resize(ranges, reserved)
	return p
}

// Resize changes the pool's addresses. Leases and offers of an address that
// stays continue. A lease of an address that leaves can no longer be renewed,
// but is remembered to its end: the address may come back while its holder
// still uses it. The same applies to an address that is now reserved for
// another machine.
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
			s.queue = nil // it may be in changed, and come back
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

// Offer picks an address for the client and sets it aside for OfferHold, in the
// order of RFC 2131 §4.3.1: the one it holds, the one it held last, the first
// of its wishes that is free, the one unused for longest. If none is left, it
// reuses the oldest offer that its client has not accepted: strangers who ask
// and never accept must not keep a real client waiting.
//
// fresh says that the client has never leased the address, so another machine
// may be using it. ok is false if all addresses are leased or set aside.
func (p *Pool) Offer(now time.Time, c Client, wishes ...netip.Addr) (a netip.Addr, fresh, ok bool) {
	p.expire(now)
	s := p.choose(c, wishes)
	if s == nil {
		return netip.Addr{}, false, false
	}
	if s.state != leased { // asking again does not shorten a lease
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

// retryAfter is the minimum time that an address rests after a machine was
// found using it. It limits how often Retry has the same address probed.
const retryAfter = 5 * time.Second

// Retry is Offer for a client when no address is left. Of the addresses that
// rest because a machine was found using them, it takes the one that has rested
// longest. Forged answers to ARP, or DECLINEs, can set all addresses of a range
// aside within seconds. The caller must make sure that the address is free
// before it tells the client, and call Taken if it is not.
func (p *Pool) Retry(now time.Time, c Client) (a netip.Addr, ok bool) {
	p.expire(now)
	if len(p.rests) == 0 || now.Sub(p.rests[0].found) < retryAfter {
		return netip.Addr{}, false
	}
	s := p.rests[0]
	p.offer(now, s, c)
	return s.addr, true
}

// OfferReserved sets a reserved address aside for its client. The caller knows
// which client that is, and passes all the names of a machine as one Client. It
// returns false while another client's lease of the address runs, while the
// address rests after a decline, and if it is not reserved.
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

// Commit leases a to a client that already has a claim to it: it was offered a,
// leases a, or had a before and no other client has had it since. An address
// that was only offered to another client goes to the first client that
// requests it. The lease runs for r.Length; Commit fills in r.Addr and
// r.Client. It returns false if the client may not have the address.
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
// (SELECTING, RFC 2131 §4.3.2). A later client may have been given its offer,
// or a power cut may have lost it, and no bounded memory can record who was
// offered what during a flood. So the client gets any address of the ranges
// that is not leased, first come, first served. RFC 2131 §3.1 step 2 does not
// require the server to keep its offers, and the client that gets a NAK starts
// again. A client that names an address which was never offered gains only the
// choice, which option 50 of a DISCOVER gives it too; it displaces no lease,
// reservation or quarantine. A client that holds a lease, or is offered its
// reservation, was offered nothing else, and gets nothing else.
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

// belongs reports whether s is the client's by a lease, an offer, or an earlier
// lease.
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
// client that it must keep.
func (p *Pool) hasBetter(c Client) bool {
	if s := p.held[c]; s != nil && s.inPool() && s.state == leased {
		return true
	}
	s := p.offered[c]
	return s != nil && s.reserved
}

// Leases returns the number of leased addresses.
func (p *Pool) Leases(now time.Time) int {
	p.expire(now)
	return p.leases
}

// Known returns the address that the client leases, may return to, or was
// offered, in this order. An address that has left the ranges is not known, nor
// is a reserved one after its lease: OfferReserved gives it again.
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

// Withdraw cancels an offer that the client has passed up for another server's
// (RFC 2131 §3.1 step 4). It leaves a lease unchanged.
func (p *Pool) Withdraw(now time.Time, c Client) {
	p.expire(now)
	if s := p.offered[c]; s != nil {
		p.free(s, now)
	}
}

// Release ends the client's lease or offer of a. The client stays known there
// (RFC 2131 §4.3.4: the server should retain its record for reuse).
func (p *Pool) Release(now time.Time, c Client, a netip.Addr) bool {
	p.expire(now)
	s := p.slots[a]
	if s == nil || !s.leasedTo(c) && !s.offeredTo(c) {
		return false
	}
	p.free(s, now)
	return true
}

// Decline sets a aside until the given time, because the client that got it
// found it in use (RFC 2131 §4.3.3). Only that client is believed.
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
// lease of it stays: its holder may have answered the probe. A lease that was
// given back continues for the same reason.
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

// Changes returns what the store must be told since the last call. It returns
// nothing if the store already holds everything that matters: a renewal for the
// same time as before needs no write, because Restore counts that time from the
// restart. The ends of leases accumulate until the next call, so that they are
// written with the next commit and an idle box writes nothing.
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

// Unsaved takes back changes that the store failed to keep. The next Changes
// returns them again.
func (p *Pool) Unsaved(changes []Change) {
	for _, c := range changes {
		s := p.find(c.Addr)
		s.saved = &Record{} // unknown: differs from any lease, and from nothing
		p.changed[c.Addr] = s
	}
}

// Stored tells the pool everything that the store holds of its addresses,
// whatever it was told before. The next Changes returns the differences.
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

// Restore restores the leases that the store kept for this pool's addresses
// from before the start; records are all of them. It cannot know how long ago
// they were made: a box without a battery-backed clock starts in 1970, and
// setting the clock may move it by years. So it treats each lease as live for
// its full length from now, which is never too short. A lease of an address
// outside the ranges is remembered to its end and cannot be renewed.
//
// The store may be opened late, with the pool in use. What was acknowledged
// meanwhile takes precedence: it is newer, and its machine relies on it. Offers
// and rests give way: the machine that was found using an address may well be
// the one that the store knows there.
func (p *Pool) Restore(now time.Time, records []Record) {
	for _, r := range records {
		s, h, until := p.find(r.Addr), p.held[r.Client], now.Add(r.Length)
		switch {
		case s.leasedTo(r.Client) && s.last.HW == r.HW:
			// Not shortened: the machine may not have received the newer
			// promise.
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

// absorb moves to p what another pool knows about the addresses of a network:
// the leases, the rests, and the changes that the store does not have yet.
// Offers end: a client that requests one gets it by CommitSelected.
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
// is not in the pool yet.
func (p *Pool) find(a netip.Addr) *slot {
	if s := p.slots[a]; s != nil {
		return s
	}
	if s := p.changed[a]; s != nil { // it left, and the store does not know yet
		return s
	}
	return &slot{addr: a, gone: true}
}

// takeUp makes r the running lease of a slot that is not leased. The lease was
// acknowledged elsewhere or before the start, and the client may have another
// one here, from when its subnet was two. They may be two machines, so neither
// address may go to a third: the one acknowledged last stays the client's, and
// the other one rests until its end.
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

// offer sets a free or offered slot aside for the client, and ends the client's
// earlier offer.
func (p *Pool) offer(now time.Time, s *slot, c Client) {
	if t := p.offered[c]; t != nil && t != s {
		p.free(t, now)
	}
	p.endOffer(s)
	s.offeree = c
	p.offered[c] = s
	p.move(s, offered, now.Add(OfferHold))
}

// lease gives the slot to the client, and ends the client's other lease and
// offer: it holds one address per subnet (RFC 2131 §4.2).
func (p *Pool) lease(now time.Time, s *slot, c Client, r Record) {
	until := now.Add(r.Length)
	if s.state == leased && s.at.After(until) {
		// A promise is not shortened: the ACK that does so may be lost, and the
		// client then relies on the one before.
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

// free ends an offer, a lease or a rest. The slot keeps the client of the last
// lease.
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

// rest sets aside an address that a machine was found using now.
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

// endOffer removes the link between a slot and the client that it is offered
// to. The caller sets the slot's new state.
func (p *Pool) endOffer(s *slot) {
	if s.state == offered {
		delete(p.offered, s.offeree)
		s.state, s.offeree = free, ""
	}
}

// forget removes the link between a slot and the client of its last lease.
func (p *Pool) forget(s *slot) {
	if s.last != nil {
		delete(p.held, s.last.Client)
		p.keep(s)
		s.last = nil
	}
}

// expire frees everything that has expired by now.
func (p *Pool) expire(now time.Time) {
	for _, q := range []*queue{&p.offers, &p.ends, &p.rests} {
		for len(*q) > 0 && !(*q)[0].at.After(now) {
			p.free((*q)[0], (*q)[0].at)
		}
	}
}
