// Package leasedb stores leases on disk, through a power cut and on a damaged
// medium. Package lease decides who has which address.
//
// The database is a journal: a file to which each batch of changes is appended
// with a checksum. It is read once, at the start, into a map; later lookups do
// not use it. A file that is damaged, or has grown, is replaced with a new one.
package leasedb

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/durable"
	"github.com/pxebox/pxebox/internal/serve/lease"
)

// FileName is the database's name in the data directory.
const FileName = "leases.journal"

const (
	// lockWait is how long Open waits for another process to exit.
	lockWait = time.Second
	// maxFile limits the size of the file in bytes; it is read into memory
	// whole.
	maxFile = 64 << 20
	// maxRecords limits the number of records. One configuration has far fewer
	// addresses, but leases of former networks may be added.
	maxRecords = 1 << 18
	// room is by how many bytes a journal grows before it is rewritten: 8,192
	// batches of one lease each. All answers wait meanwhile, 5 ms for 3,000 leases
	// and 70 ms for 60,000.
	room = 32 << 20
)

// ReadOnlyError is the error for a database that can be read but not written.
type ReadOnlyError struct{ Err error }

func (e ReadOnlyError) Error() string { return "read-only: " + e.Err.Error() }
func (e ReadOnlyError) Unwrap() error { return e.Err }

// DB is an open database. It belongs to one goroutine. The number of addresses
// bounds its size: a lease of an address replaces the one before.
type DB struct {
	path string
	lock *os.File // the folder
	file *os.File
	head header

	records map[netip.Addr]*lease.Record
	size    int64 // where the next batch goes
	limit   int64 // the size at which the file is rewritten
	stale   bool  // the contents of the disk are unknown: the file must be rewritten
}

// Open opens or creates the database in a folder, and returns its records. A
// file that cannot be read is set aside as FileName.bad-N and logged as an
// error, and the box continues with the readable records: a box that serves
// without memory is better than none.
//
// With a ReadOnlyError the records are valid, and there is no DB. Any other
// error means that they are unknown: the folder is missing, or it has no
// database and none can be created, or another process has the database open.
func Open(dir string, log *slog.Logger) (*DB, []lease.Record, error) {
	db := &DB{path: filepath.Join(dir, FileName)}
	records, err := db.open(dir, log)
	if err != nil {
		return nil, records, errors.Join(fmt.Errorf("lease database %s: %w", db.path, err), db.Close())
	}
	return db, records, nil
}

func (db *DB) open(dir string, log *slog.Logger) ([]lease.Record, error) {
	var err error
	if db.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	old, err := readJournal(db.path)
	if err != nil {
		return nil, err
	}
	legacy, err := readLegacy(filepath.Join(dir, legacyName), old.head.Imported)
	if err != nil {
		return nil, err
	}
	db.head, db.records = old.head, old.records
	// Records that an older version of this program has written since are
	// newer: an update was rolled back in between.
	for _, r := range legacy.records {
		db.records[r.Addr] = &r
	}
	if legacy.txid != 0 {
		db.head.Imported = legacy.txid
	}
	records := db.sorted()
	// If nothing was read, the medium with the records may still appear.
	readOnly := func(err error) ([]lease.Record, error) {
		if (old.none || old.reason != nil) && legacy.txid == 0 {
			return nil, err
		}
		return records, ReadOnlyError{err}
	}
	fresh := len(db.head.image(records))
	if old.sound() && !legacy.found && old.size <= limit(fresh) {
		err = db.reopen(old.end, fresh)
	} else {
		if err := old.setAside(db.path, log); err != nil {
			return readOnly(err)
		}
		if err = db.rewrite(); err == nil {
			legacy.done(log)
		}
	}
	if err != nil {
		return readOnly(err)
	}
	return records, nil
}

// lockFolder keeps other processes from opening the database. It locks the
// folder because the file is replaced now and then.
func lockFolder(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(lockWait / 20) {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, unix.EWOULDBLOCK) && time.Since(began) < lockWait, errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = fmt.Errorf("another process has had it open for %v", lockWait)
		}
		return nil, errors.Join(err, d.Close())
	}
}

// sorted returns all records, ordered by address.
func (db *DB) sorted() []lease.Record {
	out := make([]lease.Record, 0, len(db.records))
	for _, a := range slices.SortedFunc(maps.Keys(db.records), netip.Addr.Compare) {
		out = append(out, *db.records[a])
	}
	return out
}

// limit returns the size at which a journal is rewritten, given the size of a
// new one.
func limit(fresh int) int64 { return int64(min(fresh+room, maxFile)) }

// reopen opens the file for writing, with the next batch at the given offset.
func (db *DB) reopen(end int64, fresh int) error {
	f, err := os.OpenFile(db.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if db.file != nil {
		db.file.Close() // no longer useful, whatever its error
	}
	db.file, db.size, db.limit, db.stale = f, end, limit(fresh), false
	// Best effort: reserve space for the next batches, in case the medium is
	// full then.
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, end, room)
	return nil
}

// rewrite replaces the file with a new one that holds the present records. The
// new file is on disk when rewrite returns. It never writes to a block of the
// old file, which may be a bad one.
func (db *DB) rewrite() error {
	db.stale = true
	db.head.Salt = newSalt()
	b := db.head.image(db.sorted())
	if len(b) > maxFile {
		return fmt.Errorf("%d leases take %d bytes; the limit is %d", len(db.records), len(b), maxFile)
	}
	if err := durable.WriteFile(db.path, b, 0o600); err != nil {
		return err
	}
	return db.reopen(int64(len(b)), len(b))
}

// Apply makes the changes, all or none. When it returns without an error they
// are on disk. After an error the caller retries the same changes, or later
// ones of the same addresses.
func (db *DB) Apply(changes []lease.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := db.apply(changes); err != nil {
		return fmt.Errorf("lease database: %d changes: %w", len(changes), err)
	}
	return nil
}

func (db *DB) apply(changes []lease.Change) error {
	for _, c := range changes {
		if c.Record == nil {
			delete(db.records, c.Addr)
		} else {
			db.records[c.Addr] = c.Record
		}
	}
	if len(db.records) > maxRecords {
		db.stale = true
		return fmt.Errorf("%d leases; the limit is %d", len(db.records), maxRecords)
	}
	frame := db.head.frame(nil, changes)
	if db.stale || db.size+int64(len(frame)) > db.limit {
		return db.rewrite()
	}
	// After a failed write or sync the kernel may have dropped the data and
	// forgotten the error, so that the next sync would succeed without the
	// data.
	db.stale = true
	if _, err := db.file.WriteAt(frame, db.size); err != nil {
		return err
	}
	if err := db.file.Sync(); err != nil {
		return err
	}
	db.size += int64(len(frame))
	db.stale = false
	return nil
}

// Close closes the file. Applied changes are on disk already.
func (db *DB) Close() error {
	var err error
	for _, f := range []*os.File{db.file, db.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// regular opens a regular file for reading. Opening a pipe in its place would
// block until another process opens it too.
func regular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}
