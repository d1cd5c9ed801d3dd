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
	// The Raspberry Pi's boot ROM asks from the same port every time, so a late
	// packet of its last transfer must not come from the port of the current
	// one.
	socketsPerReactor = 2
	// arrivalsPerTurn limits how many requests begin before the running
	// transfers get their turn, so that a flood of requests does not starve
	// them.
	arrivalsPerTurn = 8
	maxArrivals     = 256 // requests that may wait for a reactor
	maxRemembered   = 4096
	// maxAside limits the transfers that run without a slot.
	maxAside = 1024
	// maxBehind limits how far a flood of packets can delay the timers.
	maxBehind = 200 * time.Millisecond
	maxParts  = maxBlockSize/chunkSize + 2 // of a block
	// readsAhead is the largest number of sessions for which the next blocks
	// are read before the client asks for them. A few sessions would otherwise
	// wait for the disk. Many would evict each other's chunks before their
	// turn.
	readsAhead = 8
)

// peer is the transfer's remote and local address, and its socket.
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

// arrival is a request that is handed to a reactor.
type arrival struct {
	Request
	client netip.AddrPort
	local  netip.Addr
	file   File // nil: refused with code
	code   ErrorCode
}

// session is a running transfer and its state.
type session struct {
	*Transfer
	peer
	request  Request
	src      *source
	start    time.Time
	deadline time.Time
	wake     time.Time     // its place in timers: the deadline or earlier
	index    int           // in timers
	silent   *list.Element // in silent or aside, while the client has not answered
	aside    bool
	begun    bool // was reported as begun
}

// reactor runs the transfers of its clients in one goroutine, and shares no
// sessions or files with other reactors.
type reactor struct {
	link      *link
	arrivals  chan arrival
	blockSize int
	window    int
	log       *slog.Logger
	packet    func(from, to netip.AddrPort, payload []byte) // may be nil
	began     func(Event)
	brief     int64
	done      func(Event)
	active    *atomic.Int64
	answered  *atomic.Uint64
	turns     atomic.Uint64 // of run

	sessions  map[netip.AddrPort]*session
	timers    timers
	admission *admission
	silent    *list.List // of *session: not answered yet, oldest first
	aside     *list.List // of *session: not answered yet, and without a slot
	store     *store
	socket    int                    // the last one used
	used      map[netip.AddrPort]int // the last socket of each client, so that its next transfer uses another
	out       []byte
	sent      []*session // in this turn, if few are running
}

func newReactor(l *link, s *Server, lim limits, chunks int) *reactor {
	return &reactor{
		link:      l,
		arrivals:  make(chan arrival, maxArrivals),
		blockSize: s.MaxBlockSize,
		window:    s.MaxWindow,
		log:       s.Log,
		packet:    s.Packet,
		began:     s.Began,
		brief:     s.Brief,
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

// offer hands over a request. It returns false if too many wait already.
func (r *reactor) offer(a arrival) bool {
	select {
	case r.arrivals <- a:
		r.link.wake()
		return true
	default:
		return false
	}
}

// run works until ctx ends or a socket fails.
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
			// A packet to a port that is not its transfer's is a late one.
			if s := r.sessions[d.from]; s != nil && s.socket == d.socket {
				first := !s.answered
				a := s.Receive(now, d.data)
				if r.packet != nil && (first || a.Done) {
					r.packet(d.from, r.link.local(s.peer), d.data)
				}
				r.do(now, s, a)
			}
		}
		for range min(len(r.arrivals), arrivalsPerTurn) {
			r.arrive(now, <-r.arrivals)
		}
		for s := r.timers.due(heard); s != nil; s = r.timers.due(heard) {
			r.reportBegun(s)
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

// readAhead reads the next blocks of the sessions that have just sent. Their
// ACKs are on the way, and must not wait for a disk.
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

// heardUntil returns the time that deadlines are compared with: all packets
// that had arrived by then are handled. If more packets wait, one of them may
// be an answer that is late through no fault of the client. Without this,
// everything would be sent again for nothing whenever the reactor was held up.
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

// arrive refuses a request, begins its transfer or queues it.
func (r *reactor) arrive(now time.Time, a arrival) {
	if a.file == nil {
		r.out = appendERROR(r.out[:0], a.code)
		r.control(peer{a.client, a.local, r.nextSocket(a.client)})
		return
	}
	if old := r.sessions[a.client]; old != nil {
		// The same request again, before the client has answered, is a repeat:
		// our answer is slow or lost. After an answer, any request for the same
		// file is a late packet. Everything else starts a new transfer: another
		// file; other options before an answer, because a client that lost our
		// OACK may try without them; or the same file after a silence.
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

// relieve sets aside transfers that their clients leave unanswered while others
// wait for a slot: a flood of forged requests must not hold all of them.
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

// setAside gives a transfer's slot to the next request. The client may only be
// slow, or the answer lost: the transfer goes on as before as soon as the
// client answers.
func (r *reactor) setAside(now time.Time, s *session) {
	if r.aside.Len() >= maxAside {
		r.finish(now, r.aside.Front().Value.(*session), ErrNoAnswer)
	}
	r.silent.Remove(s.silent)
	s.silent, s.aside = r.aside.PushBack(s), true
	r.admission.end(s.addr.Addr())
	r.letIn(now)
}

// speaks notes that a client has answered. A transfer without a slot takes one,
// even if none is free, because its request is not forged.
func (r *reactor) speaks(s *session) {
	if s.aside {
		r.admission.begin(s.addr.Addr())
	}
	r.unlist(s)
}

// unlist removes a session from the list of those that wait for an answer.
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

// letIn begins the next transfer that waits, if there is a slot.
func (r *reactor) letIn(now time.Time) {
	if w, ok := r.admission.next(); ok {
		r.begin(now, w.arrival, w.src)
	}
}

// deadline returns when there is work even if no packet arrives. Everything
// that was due by now has been done.
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
	if s.size > r.brief {
		r.reportBegun(s)
	}
	r.do(now, s, s.Start(now))
}

// reportBegun reports once that a transfer has begun.
func (r *reactor) reportBegun(s *session) {
	if r.began != nil && !s.begun {
		s.begun = true
		r.began(Event{Client: s.addr, File: s.request.Name, Size: s.size, Start: s.start})
	}
}

// do carries out an action.
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
		r.control(s.peer)
	}
	if err := r.send(s, a); err != nil {
		r.out = appendERROR(r.out[:0], CodeUndefined)
		r.control(s.peer)
		r.finish(now, s, err)
		return
	}
	s.deadline = a.Deadline
	r.timers.set(s)
}

// control sends r.out, a packet that is not DATA.
func (r *reactor) control(p peer) {
	r.link.packet(p, r.out)
	if r.packet != nil {
		r.packet(r.link.local(p), p.addr, r.out)
	}
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

// finish ends a session, reports it, and begins the next one that waits.
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
		Begun:       s.begun,
	}
	e.log(r.log)
	if r.done != nil {
		r.done(e)
	}
	r.letIn(now)
}

// expire drops requests that have waited too long.
func (r *reactor) expire(now time.Time) {
	for w, ok := r.admission.expired(now); ok; w, ok = r.admission.expired(now) {
		r.store.release(w.src)
	}
}

// close ends all transfers and drops the requests that wait.
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
