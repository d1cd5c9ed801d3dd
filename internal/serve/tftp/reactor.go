package tftp

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// socketsPerReactor is how many ports a reactor's transfers use in turn.
	// The Raspberry Pi's boot ROM asks from one port for ever: a late packet
	// of its last transfer must not come from the port of this one.
	socketsPerReactor = 2
	// arrivalsPerTurn bounds how many requests are begun between two looks at
	// the running transfers, so that a flood of them starves nobody.
	arrivalsPerTurn = 8
	maxArrivals     = 256 // requests that may wait for their reactor
	maxRemembered   = 4096
	// maxAside bounds the transfers that run without a place.
	maxAside = 1024
	// maxBehind bounds by how much a flood of packets can put the timers off.
	maxBehind = 200 * time.Millisecond
	maxParts  = maxBlockSize/chunkSize + 2 // of a block
	// readsAhead is up to how many sessions what comes next is read before it
	// is asked for. Few wait for us; many would push each other's parts out of
	// the store before their turn.
	readsAhead = 8
)

// peer is where a transfer's packets go, and whence.
type peer struct {
	addr   netip.AddrPort
	local  netip.Addr // 0.0.0.0: the kernel's choice
	socket int
}

// datagram is a packet from a client.
type datagram struct {
	from   netip.AddrPort
	socket int
	data   []byte
}

// arrival is a request on its way to a reactor.
type arrival struct {
	Request
	client netip.AddrPort
	local  netip.Addr
	file   File // nil: refused, by code
	code   ErrorCode
}

// session is a running transfer and all that belongs to it.
type session struct {
	*Transfer
	peer
	request  Request
	src      *source
	start    time.Time
	deadline time.Time
	wake     time.Time     // in timers, deadline or earlier
	index    int           // in timers
	silent   *list.Element // in silent or aside, while the client has not answered
	aside    bool
}

// reactor runs the transfers of its clients, alone: nothing in it is shared.
type reactor struct {
	link      *link
	arrivals  chan arrival
	blockSize int
	window    int
	log       *slog.Logger
	began     func(Event)
	done      func(Event)
	active    *atomic.Int64
	answered  *atomic.Uint64
	turns     atomic.Uint64 // of run

	sessions  map[netip.AddrPort]*session
	timers    timers
	admission *admission
	silent    *list.List // of *session: not answered yet, the oldest first
	aside     *list.List // of them: those that had to give up their places
	store     *store
	socket    int                    // the one used last
	used      map[netip.AddrPort]int // by which client, so that it has another now
	out       []byte
	sent      []*session // in this turn, where few are running
}

func newReactor(l *link, s *Server, lim limits, chunks int) *reactor {
	return &reactor{
		link:      l,
		arrivals:  make(chan arrival, maxArrivals),
		blockSize: s.MaxBlockSize,
		window:    s.MaxWindow,
		log:       s.Log,
		began:     s.Began,
		done:      s.Done,
		active:    &s.active,
		answered:  &s.answered,
		sessions:  map[netip.AddrPort]*session{},
		admission: newAdmission(lim),
		silent:    list.New(),
		aside:     list.New(),
		store:     newStore(chunks),
		used:      map[netip.AddrPort]int{},
	}
}

// offer hands a request over; false says that too many wait already.
func (r *reactor) offer(a arrival) bool {
	select {
	case r.arrivals <- a:
		r.link.wake()
		return true
	default:
		return false
	}
}

// run works until ctx ends, or its sockets fail.
func (r *reactor) run(ctx context.Context) error {
	now := time.Now()
	heard := now
	for ctx.Err() == nil {
		got, more, err := r.link.receive(r.deadline(now), len(r.arrivals) > 0, len(r.sessions) > 0)
		if err != nil {
			return err
		}
		now = time.Now()
		heard = heardUntil(heard, now, more)
		for _, d := range got {
			// A packet to another port than its transfer's is a late one.
			if s := r.sessions[d.from]; s != nil && s.socket == d.socket {
				r.do(now, s, s.Receive(now, d.data))
			}
		}
		for range min(len(r.arrivals), arrivalsPerTurn) {
			r.arrive(now, <-r.arrivals)
		}
		for s := r.timers.due(heard); s != nil; s = r.timers.due(heard) {
			r.do(now, s, s.Timeout(now))
		}
		r.expire(now)
		r.relieve(now)
		r.flush()
		r.readAhead()
		r.answered.Add(uint64(r.link.sent))
		r.link.sent = 0
		r.turns.Add(1)
	}
	return ctx.Err()
}

// readAhead reads what those sessions will send next that have just sent:
// their ACKs are on the way, and are not to wait for a disk.
func (r *reactor) readAhead() {
	for _, s := range r.sent {
		if r.sessions[s.addr] == s {
			next := s.sent * int64(s.Transfer.blockSize)
			r.store.fetch(s.src, next, s.Transfer.window*s.Transfer.blockSize)
		}
	}
	clear(r.sent)
	r.sent = r.sent[:0]
}

// heardUntil is the time that deadlines are measured by: all packets that had
// come in by then have been dealt with. Where more wait, an answer may be among
// them that is late for no fault of its client's: after whatever has kept us
// from work, all would be sent again for nothing.
func heardUntil(last, now time.Time, more bool) time.Time {
	if !more {
		return now
	}
	if least := now.Add(-maxBehind); last.Before(least) {
		return least
	}
	return last
}

func (r *reactor) flush() {
	r.link.flush()
	r.store.sent()
}

// arrive refuses a request, begins its transfer or lets it wait.
func (r *reactor) arrive(now time.Time, a arrival) {
	if a.file == nil {
		r.out = appendERROR(r.out[:0], a.code)
		r.link.packet(peer{a.client, a.local, r.nextSocket(a.client)}, r.out)
		return
	}
	if old := r.sessions[a.client]; old != nil {
		// The request comes again, for our answer has been slow or is lost. But
		// who asks for something else has started anew: with other options too,
		// for one to whom our OACK is lost may try without; they may only be
		// late where it has answered since. So has who asks for the same after
		// a silence.
		if old.request == a.Request && !old.answered || old.request.Name == a.Name && old.answered && old.tries == 1 {
			a.file.Close()
			r.do(now, old, old.Again(now))
			return
		}
		r.finish(now, old, errSuperseded)
	}
	if w := r.admission.waits(a.client); w != nil {
		if w.Request == a.Request {
			a.file.Close()
			return
		}
		r.store.release(w.src)
		w.arrival, w.src = a, r.store.open(a.file)
		return
	}
	switch r.admission.admit(a.client.Addr()) {
	case run:
		r.begin(now, a, r.store.open(a.file))
	case queue:
		r.admission.push(waiting{a, r.store.open(a.file), now})
	case drop:
		a.file.Close()
	}
}

// relieve sets transfers aside that their clients leave unanswered while others
// wait for their places: a flood of forged requests is not to hold them.
func (r *reactor) relieve(now time.Time) {
	for e := r.silent.Front(); e != nil; {
		s := e.Value.(*session)
		if now.Sub(s.start) < r.admission.grace {
			return
		}
		e = e.Next()
		if r.admission.wanted(s.addr.Addr()) {
			r.setAside(now, s)
		}
	}
}

// setAside gives a transfer's place to the next one. Its client may only be
// slow, or the answer lost: it goes on as before, as soon as it is heard from.
func (r *reactor) setAside(now time.Time, s *session) {
	if r.aside.Len() >= maxAside {
		r.finish(now, r.aside.Front().Value.(*session), ErrNoAnswer)
	}
	r.silent.Remove(s.silent)
	s.silent, s.aside = r.aside.PushBack(s), true
	r.admission.end(s.addr.Addr())
	r.letIn(now)
}

// speaks notes that a client has answered. One without a place takes one, be
// there any or not: it is no forgery.
func (r *reactor) speaks(s *session) {
	if s.aside {
		r.admission.begin(s.addr.Addr())
	}
	r.unlist(s)
}

// unlist takes a session off the list of those that wait for an answer.
func (r *reactor) unlist(s *session) {
	switch {
	case s.silent == nil:
		return
	case s.aside:
		r.aside.Remove(s.silent)
	default:
		r.silent.Remove(s.silent)
	}
	s.silent, s.aside = nil, false
}

// letIn begins the next transfer of those that wait, if there is a place.
func (r *reactor) letIn(now time.Time) {
	if w, ok := r.admission.next(); ok {
		r.begin(now, w.arrival, w.src)
	}
}

// deadline is when there is something to do though nothing comes in, all
// that was due by now being done.
func (r *reactor) deadline(now time.Time) time.Time {
	next := r.timers.next()
	if len(r.admission.queue) == 0 {
		return next
	}
	for e := r.silent.Front(); e != nil; e = e.Next() {
		if d := e.Value.(*session).start.Add(r.admission.grace); d.After(now) {
			if d.Before(next) {
				return d
			}
			break
		}
	}
	return next
}

// nextSocket picks the socket for a client's next transfer.
func (r *reactor) nextSocket(client netip.AddrPort) int {
	next := (r.socket + 1) % len(r.link.socks)
	if last, ok := r.used[client]; ok && last == next {
		next = (next + 1) % len(r.link.socks)
	}
	if len(r.used) >= maxRemembered {
		clear(r.used)
	}
	r.used[client], r.socket = next, next
	return next
}

func (r *reactor) begin(now time.Time, a arrival, src *source) {
	s := &session{
		Transfer: NewTransfer(a.Request, src.file.Size(), r.blockSize, r.window),
		peer:     peer{a.client, a.local, r.nextSocket(a.client)},
		request:  a.Request,
		src:      src,
		start:    now,
		index:    -1,
	}
	r.admission.begin(a.client.Addr())
	r.active.Add(1)
	r.sessions[a.client] = s
	s.silent = r.silent.PushBack(s)
	if r.began != nil {
		r.began(Event{Client: s.addr, File: a.Name, Size: s.size, Start: now})
	}
	r.do(now, s, s.Start(now))
}

// do carries an action out.
func (r *reactor) do(now time.Time, s *session, a Action) {
	if a.Done {
		r.finish(now, s, a.Err)
		return
	}
	if s.answered {
		r.speaks(s)
	}
	if a.OACK {
		r.out = appendOACK(r.out[:0], s.options)
		r.link.packet(s.peer, r.out)
	}
	if err := r.send(s, a); err != nil {
		r.out = appendERROR(r.out[:0], CodeUndefined)
		r.link.packet(s.peer, r.out)
		r.finish(now, s, err)
		return
	}
	s.deadline = a.Deadline
	r.timers.set(s)
}

// send sends a run of blocks.
func (r *reactor) send(s *session, a Action) error {
	if a.Count > 0 && len(r.sessions) <= readsAhead && len(r.sent) < readsAhead {
		r.sent = append(r.sent, s)
	}
	var parts [maxParts][]byte
	off, left := a.Offset, a.Length
	for i := range a.Count {
		n, size := 0, min(left, s.Transfer.blockSize)
		for at := 0; at < size; {
			b, full, err := r.store.at(s.src, off+int64(at), size-at)
			if err != nil {
				return err
			}
			if full { // none of this block is in the batch yet
				r.flush()
				n, at = 0, 0
				continue
			}
			parts[n] = b
			n++
			at += len(b)
		}
		r.link.block(s.peer, a.Block+uint16(i), dataHeader+s.Transfer.blockSize, i > 0)
		for _, b := range parts[:n] {
			r.link.bytes(s.peer, b)
		}
		off += int64(size)
		left -= size
	}
	return nil
}

// finish ends a session, tells of it, and lets the next one in.
func (r *reactor) finish(now time.Time, s *session, err error) {
	r.timers.remove(s)
	delete(r.sessions, s.addr)
	if !s.aside {
		r.admission.end(s.addr.Addr())
	}
	r.unlist(s)
	r.active.Add(-1)
	r.store.release(s.src)
	var told clientError
	e := Event{
		Client:      s.addr,
		File:        s.request.Name,
		Size:        s.size,
		Sent:        s.ackedBytes(),
		Start:       s.start,
		Duration:    now.Sub(s.start),
		Retransmits: s.Retransmits,
		BlockSize:   s.Transfer.blockSize,
		Window:      s.Transfer.window,
		Err:         err,
		Aborted:     errors.As(err, &told) || err == errSuperseded,
	}
	e.log(r.log)
	if r.done != nil {
		r.done(e)
	}
	r.letIn(now)
}

// expire forgets requests that have waited too long.
func (r *reactor) expire(now time.Time) {
	for w, ok := r.admission.expired(now); ok; w, ok = r.admission.expired(now) {
		r.store.release(w.src)
	}
}

// close ends all transfers, and those that wait.
func (r *reactor) close(reason error) {
	for len(r.admission.queue) > 0 {
		r.store.release(r.admission.take(0).src)
	}
	now := time.Now()
	for _, s := range r.sessions {
		r.finish(now, s, reason)
	}
	for len(r.arrivals) > 0 {
		if a := <-r.arrivals; a.file != nil {
			a.file.Close()
		}
	}
	r.link.close()
}
