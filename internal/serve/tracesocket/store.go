package tracesocket

import (
	"container/list"
	"net/netip"
	"sync"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// The most bytes that are remembered of machines that were sent a whole file,
// and of all others. A flood can invent the others.
const (
	servedBytes  = 4 << 20
	claimedBytes = 2 << 20
	// maxServed is how many machines are known to have been sent a file; the
	// maximum is twice that.
	maxServed = 8192
)

// machine identifies a machine: by its MAC, or by its address if the MAC is not
// known.
type machine struct {
	mac  ether.MAC
	addr netip.Addr
}

// store holds the latest records in the order in which they came. Readers take
// them from there at their own pace: a record that was evicted before a slow
// reader took it is lost to that reader, and waits for none. Its methods may be
// called from any goroutine.
type store struct {
	mu              sync.Mutex
	all             list.List // of *record, by number
	served, claimed ring
	last            uint64 // number of the newest record
	known           [2]map[machine]bool
	readers         map[chan struct{}]bool
}

// record is one record, and its places.
type record struct {
	tracestream.Record
	number uint64
	who    machine
	size   int
	in     *ring
	place  *list.Element // in all
	inRing *list.Element
}

// ring is the records of some machines, the oldest first.
type ring struct {
	records list.List // of *record
	bytes   int
	most    int
}

func newStore() *store {
	return &store{
		served: ring{most: servedBytes}, claimed: ring{most: claimedBytes},
		known: [2]map[machine]bool{{}, {}}, readers: map[chan struct{}]bool{},
	}
}

// sizeOf estimates how much memory a record takes.
func sizeOf(r tracestream.Record) int {
	const fixed = 300 // a record, its places in two lists
	switch {
	case r.Event != nil:
		e := r.Event
		return fixed + 320 + len(e.GUID) + len(e.What) + len(e.Why) + len(e.File) + len(e.Entry)
	case r.Packet != nil:
		return fixed + 128 + len(r.Packet.Payload)
	}
	return fixed
}

// add appends a record of a machine. The oldest records of such machines make
// room for it.
func (s *store) add(who machine, rec tracestream.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	r := &record{Record: rec, number: s.last, who: who, size: sizeOf(rec)}
	r.place = s.all.PushBack(r)
	into := &s.claimed
	if s.known[0][who] || s.known[1][who] {
		into = &s.served
	}
	s.put(r, into)
	for wake := range s.readers {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// put moves a record to a ring, and evicts the oldest ones if it is full.
func (s *store) put(r *record, to *ring) {
	if r.in != nil {
		r.in.records.Remove(r.inRing)
		r.in.bytes -= r.size
	}
	r.in, r.inRing = to, to.records.PushBack(r)
	to.bytes += r.size
	for to.bytes > to.most {
		old := to.records.Remove(to.records.Front()).(*record)
		to.bytes -= old.size
		s.all.Remove(old.place)
	}
}

// serve notes that a machine was sent a whole file. Its earlier records no
// longer make room for those of machines that were not.
func (s *store) serve(who machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[0][who] {
		return
	}
	if len(s.known[0]) >= maxServed {
		s.known[0], s.known[1] = map[machine]bool{}, s.known[0]
	}
	s.known[0][who] = true
	for e := s.claimed.records.Front(); e != nil; {
		r := e.Value.(*record)
		e = e.Next()
		if r.who == who {
			s.put(r, &s.served)
		}
	}
}

// newest returns the number of the newest record.
func (s *store) newest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// after returns at most the given number of records that follow the one with
// this number, the number of the last of these, and how many before it were
// evicted.
func (s *store) after(number uint64, most int) (records []tracestream.Record, last, evicted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all.Back()
	if e == nil || e.Value.(*record).number <= number {
		return nil, number, 0
	}
	if first := s.all.Front(); first.Value.(*record).number > number {
		e = first // a new reader: the walk would be the longest one
	}
	for p := e.Prev(); p != nil && p.Value.(*record).number > number; p = e.Prev() {
		e = p
	}
	for last = number; e != nil && len(records) < most; e = e.Next() {
		r := e.Value.(*record)
		evicted += r.number - last - 1
		records, last = append(records, r.Record), r.number
	}
	return records, last, evicted
}

// follow returns a channel that is readable when there are new records.
func (s *store) follow() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	wake := make(chan struct{}, 1)
	s.readers[wake] = true
	return wake
}

func (s *store) unfollow(wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, wake)
}

// wholeFile reports whether an event says that a machine was sent a whole file,
// which takes more than a forged address.
func wholeFile(e trace.Event) bool {
	return e.Protocol != trace.DHCP && e.Outcome == trace.Sent && e.Bytes > 0
}
