// Package lease keeps account of addresses: which machine holds which one,
// until when, and which to give next. The Pool is pure: it takes the time as
// an argument and remembers in memory. It knows no packets.
package lease

import (
	"container/heap"
	"container/list"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/config"
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

// slot is one address of the pool. A free slot remembers who had it last, so
// that a machine comes back to its old address (RFC 2131 §4.3.1).
type slot struct {
	addr    netip.Addr
	state   state
	client  Client        // holder, or last holder; "" where there is none
	expires time.Time     // of any state but free
	waiting int           // index in Pool.expiring; -1 when free
	idle    *list.Element // place in Pool.idle; nil unless free
}

// Pool is the addresses of the configured ranges. Its memory is bounded by
// their number: a client that holds no address and has none to come back to
// leaves no trace. It belongs to one goroutine.
type Pool struct {
	slots    map[netip.Addr]*slot
	clients  map[Client]*slot
	idle     list.List // free slots: never used ones first, then the longest idle
	expiring expiry    // the others, soonest first
}

// NewPool makes a pool of all addresses in ranges, to be used in their order.
func NewPool(ranges []config.Range) *Pool {
	p := &Pool{slots: map[netip.Addr]*slot{}, clients: map[Client]*slot{}}
	p.Resize(ranges)
	return p
}

// Resize changes the pool to ranges. What is held in an address that stays
// goes on; an address that leaves is forgotten, and its holder hears so when
// it renews.
func (p *Pool) Resize(ranges []config.Range) {
	old := p.slots
	p.slots = make(map[netip.Addr]*slot, len(old))
	var fresh []*slot
	for _, r := range ranges {
		for a := r.First; r.Contains(a); a = a.Next() {
			if s, ok := old[a]; ok {
				p.slots[a] = s
				delete(old, a)
			} else if _, ok := p.slots[a]; !ok {
				s := &slot{addr: a, waiting: -1}
				p.slots[a] = s
				fresh = append(fresh, s)
			}
		}
	}
	for _, s := range old {
		p.forget(s)
		p.unlink(s)
	}
	for i := len(fresh) - 1; i >= 0; i-- { // never used ones go first, lowest in front
		fresh[i].idle = p.idle.PushFront(fresh[i])
	}
}

// Offer picks an address for the client and sets it aside for OfferHold, in
// the order of RFC 2131 §4.3.1: the one it holds, the one it held last, the
// one it wishes for (the zero Addr for none), the one longest unused. It
// reports false when all are taken.
func (p *Pool) Offer(now time.Time, c Client, wish netip.Addr) (netip.Addr, bool) {
	p.expire(now)
	s := p.clients[c]
	if s == nil {
		if w, ok := p.slots[wish]; ok && w.state == free {
			s = w
		}
	}
	if s == nil {
		front := p.idle.Front()
		if front == nil {
			return netip.Addr{}, false
		}
		s = front.Value.(*slot)
	}
	if s.state != leased { // a lease is not shortened by asking again
		p.set(s, offered, c, now.Add(OfferHold))
	}
	return s.addr, true
}

// Commit leases addr to the client until the given time. It reports false
// where the address is not the client's to have: neither offered to it, nor
// leased by it, nor still free since it had it last.
func (p *Pool) Commit(now time.Time, c Client, addr netip.Addr, until time.Time) bool {
	p.expire(now)
	s := p.clients[c]
	if s == nil || s.addr != addr {
		return false
	}
	p.set(s, leased, c, until)
	return true
}

// Known returns the address that the client holds, or is to come back to.
func (p *Pool) Known(now time.Time, c Client) (netip.Addr, bool) {
	p.expire(now)
	s, ok := p.clients[c]
	if !ok {
		return netip.Addr{}, false
	}
	return s.addr, true
}

// Withdraw takes back an offer that the client has left for another
// server's (RFC 2131 §3.1 step 4). A lease stays as it is.
func (p *Pool) Withdraw(now time.Time, c Client) {
	p.expire(now)
	if s := p.clients[c]; s != nil && s.state == offered {
		p.free(s)
	}
}

// Release ends the client's lease of addr. The client stays known there (RFC
// 2131 §4.3.4: the server should retain its record for reuse).
func (p *Pool) Release(now time.Time, c Client, addr netip.Addr) bool {
	p.expire(now)
	s := p.clients[c]
	if s == nil || s.addr != addr || s.state == free {
		return false
	}
	p.free(s)
	return true
}

// Decline sets addr aside until the given time, because the client to which
// it was given found it in use (RFC 2131 §4.3.3). Only that client is
// believed.
func (p *Pool) Decline(now time.Time, c Client, addr netip.Addr, until time.Time) bool {
	p.expire(now)
	s := p.clients[c]
	if s == nil || s.addr != addr || s.state == free {
		return false
	}
	p.forget(s)
	p.set(s, declined, "", until)
	return true
}

// set moves a slot to a state that ends by itself.
func (p *Pool) set(s *slot, st state, c Client, until time.Time) {
	if s.client != c {
		p.forget(s)
	}
	if s.idle != nil {
		p.idle.Remove(s.idle)
		s.idle = nil
	}
	s.state, s.client, s.expires = st, c, until
	if c != "" {
		p.clients[c] = s
	}
	if s.waiting >= 0 {
		heap.Fix(&p.expiring, s.waiting)
	} else {
		heap.Push(&p.expiring, s)
	}
}

// free returns a slot to the idle ones. Its client stays written in it.
func (p *Pool) free(s *slot) {
	p.unlink(s)
	s.state, s.expires = free, time.Time{}
	s.idle = p.idle.PushBack(s)
}

// forget cuts the tie between a slot and its client.
func (p *Pool) forget(s *slot) {
	if s.client != "" {
		delete(p.clients, s.client)
		s.client = ""
	}
}

// unlink takes a slot out of the queue it is in.
func (p *Pool) unlink(s *slot) {
	if s.waiting >= 0 {
		heap.Remove(&p.expiring, s.waiting)
	}
	if s.idle != nil {
		p.idle.Remove(s.idle)
		s.idle = nil
	}
}

// expire frees what has run out by now.
func (p *Pool) expire(now time.Time) {
	for len(p.expiring) > 0 && !p.expiring[0].expires.After(now) {
		p.free(p.expiring[0])
	}
}

// expiry is a heap of slots, the one that runs out first on top.
type expiry []*slot

func (e expiry) Len() int           { return len(e) }
func (e expiry) Less(i, j int) bool { return e[i].expires.Before(e[j].expires) }
func (e expiry) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].waiting, e[j].waiting = i, j
}

func (e *expiry) Push(x any) {
	s := x.(*slot)
	s.waiting = len(*e)
	*e = append(*e, s)
}

func (e *expiry) Pop() any {
	old := *e
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*e = old[:len(old)-1]
	s.waiting = -1
	return s
}
