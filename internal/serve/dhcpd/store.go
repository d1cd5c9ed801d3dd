package dhcpd

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/lease"
	"github.com/pxebox/pxebox/internal/serve/leasedb"
)

const (
	// maxUncommitted limits the answers that wait for the disk.
	maxUncommitted = 4096
	// storeTries is how many consecutive writes may fail before the leases are
	// kept only in memory.
	storeTries = 3
	// storeAgain is how long to wait before retrying a database that cannot be
	// opened.
	storeAgain = time.Minute
	// openWithin is how long the first questions wait for the database. A dying
	// medium may take minutes to report an error, and the box serves meanwhile.
	openWithin = 10 * time.Second
	// writeWithin is how long a write may take. A card that receives an upload
	// takes seconds; firmware that gets no answer gives up after a minute.
	writeWithin = 20 * time.Second

	leaseLines = "leases" // the topic of log lines about the database
)

// store is the lease database: *leasedb.DB.
type store interface {
	Apply([]lease.Change) error
	Close() error
}

// opened is the result of opening the lease database.
type opened struct {
	store   store // nil if it cannot be written
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

// disk is the lease database, and everything that waits for it.
type disk struct {
	open     func(dir string, log *slog.Logger) opened
	store    store
	try      time.Time   // earliest time of the next attempt
	opening  bool        // a goroutine opens the database
	patience time.Time   // until when the first questions wait for it
	opened   chan opened // from that goroutine
	loaded   bool        // the leases from before the start are in the pools

	pending   []answer
	changes   []lease.Change
	behind    bool // the store may lack leases that were given
	batches   chan batch
	committed chan batch
	failures  int
	patient   time.Duration // the timeout of a write
}

func newDisk() disk {
	return disk{
		open: openLeases, opened: make(chan opened, 1), patient: writeWithin,
		batches: make(chan batch), committed: make(chan batch),
	}
}

// batch is what one transaction writes, and the answers that may be sent
// afterwards.
type batch struct {
	store   store
	changes []lease.Change
	answers []answer
	err     error
}

// openStore starts to open the lease database if addresses will be leased. It
// does not wait, because a medium or a large file may be slow.
func (s *Server) openStore(now time.Time, mode spec.Mode) {
	if s.disk.opening && !s.disk.patience.IsZero() && !now.Before(s.disk.patience) {
		s.disk.patience = time.Time{}
		loglimit.Keep(s.Log, leaseLines).Error(
			"the lease database is slow to open: until it is open, new leases are kept in memory only and earlier leases are unknown")
	}
	if s.disk.store != nil || s.disk.opening || !mode.Leases() || now.Before(s.disk.try) {
		return
	}
	if s.disk.try.IsZero() {
		s.disk.patience = now.Add(openWithin)
	}
	s.disk.try, s.disk.opening = now.Add(storeAgain), true
	go func() { s.disk.opened <- s.disk.open(s.DataDir, loglimit.Keep(s.Log, "damaged leases")) }()
}

// storeOpened puts the database into use, or what could be read from it.
func (s *Server) storeOpened(now time.Time, o opened) {
	s.disk.opening = false
	o.records = dhcp.Restored(o.records)
	var readOnly leasedb.ReadOnlyError
	if o.err != nil && !errors.As(o.err, &readOnly) {
		loglimit.Keep(s.Log, leaseLines).Error("leases are kept in memory only: a power cut loses them", "err", o.err)
		return
	}
	if !s.disk.loaded {
		s.pools.Restore(now, o.records)
		s.disk.loaded = true
	}
	if o.err != nil {
		loglimit.Keep(s.Log, leaseLines).Error(
			"the lease database cannot be written: its leases continue, new ones are kept in memory only and a power cut loses them",
			"leases", len(o.records), "err", o.err)
		return
	}
	loglimit.Keep(s.Log, leaseLines).Info("lease database", "dir", s.DataDir, "leases", len(o.records))
	s.disk.store, s.disk.failures = o.store, 0
	// Write the leases that were given without a database now, not only with
	// the next answer. The pools have all of them.
	s.pools.Stored(o.records)
	s.disk.changes, s.disk.behind = nil, true
}

// mustWait reports whether questions must wait in the kernel: too many answers
// already wait for the disk, or it is not known yet who has which address.
func (s *Server) mustWait(now time.Time) bool {
	return len(s.disk.pending) >= maxUncommitted || s.disk.opening && now.Before(s.disk.patience)
}

// toCommit returns the batch that waits for the disk, and the channel to send
// it on: nil if there is nothing to do. The end of a lease waits for the next
// answer that must be written, so that an idle box writes nothing.
func (s *Server) toCommit(now time.Time) (chan<- batch, batch) {
	if len(s.disk.pending) == 0 && !s.disk.behind {
		return nil, batch{}
	}
	s.disk.changes = append(s.disk.changes, s.pools.Changes(now)...)
	if len(s.disk.pending) == 0 && len(s.disk.changes) == 0 {
		s.disk.behind = false
		return nil, batch{}
	}
	return s.disk.batches, batch{store: s.disk.store, changes: s.disk.changes, answers: s.disk.pending}
}

// committing records that the batch was handed over.
func (s *Server) committing() { s.disk.pending, s.disk.changes, s.disk.behind = nil, nil, false }

// commit writes batches, one transaction each, and sends their answers: a lease
// is on disk before the client gets the answer (RFC 2131 §3.1 step 4).
func (s *Server) commit(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-s.disk.batches:
			if b.store != nil {
				b.err = applyWithin(b.store, b.changes, s.disk.patient)
			}
			if b.err == nil {
				s.send(b.answers)
			}
			task.Give(ctx, s.disk.committed, b)
		}
	}
}

// errHangs is the error of a disk that reports neither success nor failure.
var errHangs = errors.New("the disk does not respond")

// applyWithin is Apply with a timeout. A write that hangs cannot be cancelled:
// the store is no longer usable, and is closed when the write ends.
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

// onDisk handles the result of a batch. If the disk refused it, no client was
// answered; the clients ask again, and the next batch includes its changes.
func (s *Server) onDisk(now time.Time, b batch) {
	if b.err == nil {
		s.disk.failures = 0
		s.count(now)
		return
	}
	s.pools.Unsaved(b.changes)
	s.disk.failures++
	s.Log.Error("leases cannot be written; the clients were not answered", "err", b.err)
	hangs := errors.Is(b.err, errHangs)
	if s.disk.store != b.store || s.disk.failures < storeTries && !hangs {
		return
	}
	loglimit.Keep(s.Log, leaseLines).Error("leases are now kept in memory only: a power cut loses them")
	if !hangs {
		if err := s.disk.store.Close(); err != nil {
			s.Log.Error("the lease database cannot be closed", "err", err)
		}
	}
	s.disk.store, s.disk.try = nil, now.Add(storeAgain)
}
