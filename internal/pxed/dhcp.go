package pxed

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/dhcpconn"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/lease"
	"github.com/pxebox/pxebox/internal/leasedb"
	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/netif"
	"github.com/pxebox/pxebox/internal/ratelimit"
)

const (
	// probeWait is how long a fresh offer waits for somebody to say that the
	// address is in use. A machine that is awake answers ARP within
	// milliseconds; RFC 5227's seconds would outlast some firmware's patience.
	probeWait = 250 * time.Millisecond
	// maxProbes is how many offers may wait so. Beyond it they go out at once.
	maxProbes = 1024
	// maxUncommitted is how many answers may wait for the disk.
	maxUncommitted = 4096
	// storeTries is how often in a row the disk may refuse before the leases
	// are kept in memory alone.
	storeTries = 3
	// storeAgain is how long a database that cannot be opened is left alone.
	storeAgain = time.Minute
	// openWithin is how long the first questions wait for the database. A
	// dying medium may take minutes to say so, and the box serves meanwhile.
	openWithin = 10 * time.Second
	// writeWithin is how long a write may take. A card that is being uploaded
	// to takes seconds; firmware that gets no answer gives up after a minute.
	writeWithin = 20 * time.Second

	leaseLines = "leases" // the topic of lines about the database
)

// What the server needs of the network.
type (
	sender interface { // *dhcpconn.Conn
		Send(self netip.Addr, replies []dhcpconn.Reply) error
	}
	prober interface { // *arp.Prober
		Probe(netip.Addr) error
	}
	witness interface { // *guard.Guard
		Heard(server netip.Addr)
	}
)

// store is the lease database: *leasedb.DB.
type store interface {
	Apply([]lease.Change) error
	Close() error
}

// opened is how the opening of the lease database ended.
type opened struct {
	store   store // nil: it cannot be written
	records []lease.Record
	err     error
}

// openLeases is leasedb.Open.
func openLeases(dir string, log *slog.Logger) opened {
	db, records, err := leasedb.Open(dir, log)
	if err != nil {
		return opened{records: records, err: err}
	}
	return opened{db, records, nil}
}

// received are packets with the way back.
type received struct {
	questions []dhcp.Question
	conn      sender
	prober    prober
	guard     witness
}

// answer is a decision that has not been sent yet.
type answer struct {
	conn sender
	self netip.Addr
	q    dhcp.Question
	a    dhcp.Answer
}

// server is the DHCP server's state. It belongs to the goroutine of
// daemon.run, but for commit, which has a goroutine of its own: it waits for
// the disk while the next packets are decided, so that one fsync serves all
// that came in meanwhile.
type server struct {
	log      *slog.Logger
	tell     *teller
	settings *dhcp.Settings
	pools    dhcp.Pools
	machines *machine.Table // learns who has which address
	limit    *ratelimit.Limiter
	hold     string // why nothing is to be offered; "" to offer
	rival    bool   // another PXE server answers on the link

	prober  prober
	waiting map[netip.Addr]*probe // offers that wait for a probe's answer
	order   []*probe              // the same, soonest first
	probes  *time.Timer

	dir       string // of the lease database
	open      func(dir string, log *slog.Logger) opened
	store     store
	tryStore  time.Time   // not before
	opening   bool        // a goroutine opens the database
	patience  time.Time   // until when the first questions wait for it
	opened    chan opened // by that goroutine
	loaded    bool        // the leases from before the start are in the pools
	behind    bool        // leases may have been given that the store does not have
	pending   []answer
	changes   []lease.Change
	toDisk    chan batch
	committed chan batch
	failures  int
	patient   time.Duration // with a write

	sent atomic.Uint64 // answers that are on the wire
}

// probe is an offer that waits.
type probe struct {
	answer
	due  time.Time
	done bool
}

// batch is what one transaction writes, and what may be sent once it has.
type batch struct {
	store   store
	changes []lease.Change
	answers []answer
	err     error
}

func newServer(now time.Time, dir string, machines *machine.Table, log *slog.Logger, tell *teller) *server {
	s := &server{
		log: log, tell: tell, pools: dhcp.Pools{}, machines: machines, limit: ratelimit.New(now), waiting: map[netip.Addr]*probe{},
		probes: time.NewTimer(time.Hour), dir: dir, open: openLeases, opened: make(chan opened, 1), patient: writeWithin,
		toDisk: make(chan batch), committed: make(chan batch),
	}
	s.probes.Stop()
	return s
}

// configure makes settings of what is known now.
func (s *server) configure(now time.Time, c config.DHCP, plan handoff.Plan, l netif.Link, guardMAC net.HardwareAddr) *dhcp.Settings {
	s.settings = dhcp.NewSettings(c, l.Addr, []net.HardwareAddr{l.HW, guardMAC}, s.pools)
	s.settings.Hold, s.settings.Rival, s.settings.Plan = s.hold, s.rival, plan
	s.count(now)
	return s.settings
}

// count brings the number of leases up to date for whoever watches the box.
func (s *server) count(now time.Time) {
	s.tell.metrics.Leases(s.pools.Leases(now))
}

// openStore has the lease database opened once addresses are to be leased. It
// does not wait: a medium may take its time, and so may a large file.
func (s *server) openStore(now time.Time, mode config.Mode) {
	if s.opening && !s.patience.IsZero() && !now.Before(s.patience) {
		s.patience = time.Time{}
		loglimit.Keep(s.log, leaseLines).Error("the lease database takes long to open: leases are kept in memory meanwhile, and those from before the start are not known")
	}
	if s.store != nil || s.opening || !mode.Leases() || now.Before(s.tryStore) {
		return
	}
	if s.tryStore.IsZero() {
		s.patience = now.Add(openWithin)
	}
	s.tryStore, s.opening = now.Add(storeAgain), true
	go func() { s.opened <- s.open(s.dir, loglimit.Keep(s.log, "damaged leases")) }()
}

// storeOpened takes the database into use, or what could be read of it.
func (s *server) storeOpened(now time.Time, o opened) {
	s.opening = false
	var readOnly leasedb.ReadOnlyError
	if o.err != nil && !errors.As(o.err, &readOnly) {
		loglimit.Keep(s.log, leaseLines).Error("leases are kept in memory only, and a power cut forgets them", "err", o.err)
		return
	}
	if !s.loaded {
		s.pools.Restore(now, o.records)
		s.loaded = true
	}
	if o.err != nil {
		loglimit.Keep(s.log, leaseLines).Error("the lease database cannot be written: leases that are in it go on, new ones are kept in memory only, and a power cut forgets them",
			"leases", len(o.records), "err", o.err)
		return
	}
	loglimit.Keep(s.log, leaseLines).Info("lease database", "path", s.dir, "leases", len(o.records))
	s.store, s.failures = o.store, 0
	// What was given while there was no database is written now, and not only
	// with the next answer. The pools have all of it.
	s.pools.Stored(o.records)
	s.changes, s.behind = nil, true
}

// ask decides packets, and sends what can go at once.
func (s *server) ask(now time.Time, r received) {
	s.prober = r.prober
	var ready []answer
	for _, q := range r.questions {
		// What a stranger sends in a machine's name is not to use up what the
		// machine may ask. It is refused at little cost.
		counts := !s.settings.IsSelfTest(q) && s.settings.Admits(q)
		if counts && !s.limit.Allow(now, q.Msg.ClientHWAddr, q.Msg.MessageType() == dhcpv4.MessageTypeDiscover) {
			s.tell.limited()
			continue
		}
		a := dhcp.Decide(now, s.settings, q)
		if a.Other.IsValid() {
			r.guard.Heard(a.Other)
		}
		if a.Machine.MAC != "" && a.Has.IsValid() {
			if was, changed := s.machines.Learn(a.Has, a.Machine, a.Relayed); changed {
				s.tell.learned(now, a, was)
			}
		}
		if a.Handoff.Entry != "" {
			s.tell.handedOver(a)
		}
		ready = s.sort(now, answer{r.conn, s.settings.Self.Addr(), q, a}, ready)
	}
	s.send(ready)
}

// sort puts an answer where it has to wait, or to those that are ready.
func (s *server) sort(now time.Time, x answer, ready []answer) []answer {
	switch {
	case x.a.Msg == nil:
		s.tell.silent(now, x)
	case x.a.Commit:
		s.pending = append(s.pending, x)
	case s.wait(now, x):
	default:
		ready = append(ready, x)
	}
	return ready
}

// wait keeps a fresh offer back until its address is known to be free, and
// reports whether it does. A client that asks again meanwhile goes on waiting.
func (s *server) wait(now time.Time, x answer) bool {
	if p, ok := s.waiting[x.a.Addr]; ok {
		p.answer = x
		return true
	}
	if !x.a.Probe || len(s.waiting) >= maxProbes {
		return false
	}
	if err := s.prober.Probe(x.a.Addr); err != nil {
		s.log.Warn("dhcp: offers without a probe", "err", err)
		return false
	}
	p := &probe{answer: x, due: now.Add(probeWait)}
	s.waiting[x.a.Addr] = p
	s.order = append(s.order, p)
	if len(s.order) == 1 {
		s.probes.Reset(probeWait)
	}
	return true
}

// addressInUse hears that a machine has an address that was to be offered.
// The client is offered another.
func (s *server) addressInUse(now time.Time, a netip.Addr) {
	p, ok := s.waiting[a]
	if !ok {
		return
	}
	s.log.Warn("dhcp: not offered, another machine uses it", "address", a)
	delete(s.waiting, a)
	p.done = true
	dhcp.InUse(now, s.settings, a)
	p.answer.a = dhcp.Decide(now, s.settings, p.q)
	s.send(s.sort(now, p.answer, nil))
}

// probesDone sends the offers whose time has passed in silence.
func (s *server) probesDone(now time.Time) {
	var ready []answer
	for len(s.order) > 0 && (s.order[0].done || !s.order[0].due.After(now)) {
		p := s.order[0]
		s.order = s.order[1:]
		if !p.done {
			delete(s.waiting, p.a.Addr)
			ready = append(ready, p.answer)
		}
	}
	if len(s.order) > 0 {
		s.probes.Reset(s.order[0].due.Sub(now))
	}
	s.send(ready)
}

// disconnect drops what was to go out by sockets that are closed now.
func (s *server) disconnect() {
	clear(s.waiting)
	s.order, s.pending = nil, nil
}

// mustWait reports whether questions wait in the kernel: more answers wait for
// the disk than are worth keeping, or it is not known yet who has which address.
func (s *server) mustWait(now time.Time) bool {
	return len(s.pending) >= maxUncommitted || s.opening && now.Before(s.patience)
}

// toCommit returns the batch that waits for the disk, and the channel to
// hand it over by: nil where there is nothing to do. An end of a lease waits
// for the next answer that has to be written, so that an idle box writes
// nothing.
func (s *server) toCommit(now time.Time) (chan<- batch, batch) {
	if len(s.pending) == 0 && !s.behind {
		return nil, batch{}
	}
	s.changes = append(s.changes, s.pools.Changes(now)...)
	if len(s.pending) == 0 && len(s.changes) == 0 {
		s.behind = false
		return nil, batch{}
	}
	return s.toDisk, batch{store: s.store, changes: s.changes, answers: s.pending}
}

// committing notes that the batch was handed over.
func (s *server) committing() { s.pending, s.changes, s.behind = nil, nil, false }

// commit writes batches, one transaction each, and sends their answers: a
// lease is on disk before the client hears of it (RFC 2131 §3.1 step 4).
func (s *server) commit(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-s.toDisk:
			if b.store != nil {
				b.err = applyWithin(b.store, b.changes, s.patient)
			}
			if b.err == nil {
				s.send(b.answers)
			}
			give(ctx, s.committed, b)
		}
	}
}

// errHangs is the error of a disk that says neither yes nor no.
var errHangs = errors.New("the disk does not answer")

// applyWithin is Apply with a bound on the time. A write that hangs cannot be
// taken back: the store is of no use any more, and is closed when it ends.
func applyWithin(store store, changes []lease.Change, d time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- store.Apply(changes) }()
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
	}
	go func() {
		<-done
		store.Close() // so that it can be opened again
	}()
	return errHangs
}

// onDisk hears how a batch ended. Where the disk refused it, nobody was
// answered, the clients ask again, and the next batch has its changes too.
func (s *server) onDisk(now time.Time, b batch) {
	if b.err == nil {
		s.failures = 0
		s.count(now)
		return
	}
	s.pools.Unsaved(b.changes)
	s.failures++
	s.log.Error("leases cannot be written, and were not given", "err", b.err)
	hangs := errors.Is(b.err, errHangs)
	if s.store != b.store || s.failures < storeTries && !hangs {
		return
	}
	loglimit.Keep(s.log, leaseLines).Error("leases are kept in memory only from now on, and a power cut forgets them")
	if !hangs {
		if err := s.store.Close(); err != nil {
			s.log.Error("lease database", "err", err)
		}
	}
	s.store, s.tryStore = nil, now.Add(storeAgain)
}

// send puts answers on the wire.
func (s *server) send(ready []answer) {
	for len(ready) > 0 {
		// Those of one socket go together; another follows only when the
		// link has changed.
		conn, self := ready[0].conn, ready[0].self
		var out []dhcpconn.Reply
		for len(ready) > 0 && ready[0].conn == conn && ready[0].self == self {
			x := ready[0]
			ready = ready[1:]
			out = append(out, dhcpconn.Reply{Port: x.q.Port, To: x.a.To, Link: x.a.Link, Data: dhcp.Encode(x.a.Msg, x.q.Msg)})
			if x.q.From.Addr().Unmap() != self { // a self-test is no news
				s.tell.answered(x)
			}
		}
		if err := conn.Send(self, out); err != nil {
			s.log.Error("dhcp: cannot answer", "err", err)
			continue
		}
		s.sent.Add(uint64(len(out)))
	}
}
