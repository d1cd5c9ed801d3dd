package lease

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	// lockWait is how long Open waits for another process to let go of the
	// file.
	lockWait = time.Second
	// badKept is how many databases that could not be read are kept beside
	// the one in use.
	badKept = 3
)

var bucket = []byte("leases") // by the four bytes of the address

// Store keeps the leases in one file, through a power cut. It belongs to one
// goroutine. Its size is bounded by the number of addresses: a lease of an
// address takes the place of the one before.
type Store struct{ db *bbolt.DB }

// Open opens the database at path, or makes one. One that cannot be read is
// set aside under the name path.bad-N, with a warning, and an empty one takes
// its place: a box that serves without memory is better than none. An error
// means that there can be no database: the folder is missing or read-only, or
// another process has the file open.
func Open(path string, log *slog.Logger) (*Store, error) {
	s, err := open(path, log)
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = fmt.Errorf("another process has had it open for %v", lockWait)
	}
	if err != nil {
		return nil, fmt.Errorf("lease database %s: %w", path, err)
	}
	return s, nil
}

func open(path string, log *slog.Logger) (*Store, error) {
	switch err := check(path); {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case environment(err):
		return nil, err
	default:
		bad, moveErr := moveAside(path)
		if moveErr != nil {
			return nil, fmt.Errorf("%w; and it cannot be set aside: %w", err, moveErr)
		}
		log.Error("the lease database cannot be read: starting with an empty one; addresses that are leased may be offered again",
			"path", path, "kept", bad, "err", err)
	}
	// The list of free pages is written with each commit (NoFreelistSync is
	// off): without it bbolt walks the whole file at each start, in a
	// goroutine of its own, where a damaged page ends the process.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err == nil {
		err = syncDir(filepath.Dir(path)) // the name of a new file, too
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db}, nil
}

// check reads the whole database at path, and reports what is wrong with it.
// It changes nothing.
func check(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if info.Size() == 0 {
		return errors.New("it is empty") // bbolt would take it for a new one
	}
	// bbolt meets damage with a panic, and a page that the medium does not
	// give with a fault.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it is damaged: %v", r)
		}
	}()
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		if have, want := info.Size(), tx.Size(); have < want {
			return fmt.Errorf("it is cut off at %d of %d bytes", have, want)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = (&Store{db}).Load()
	return err
}

// environment reports whether an error is about the file and not about what
// is in it.
func environment(err error) bool {
	var path *fs.PathError
	var errno syscall.Errno
	return errors.Is(err, bolterrors.ErrTimeout) || errors.As(err, &path) || errors.As(err, &errno)
}

// moveAside renames a database that cannot be read, and deletes the oldest of
// those that were renamed before.
func moveAside(path string) (string, error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var numbers []int
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), base+".bad-"); ok {
			if n, err := strconv.Atoi(text); err == nil && n > 0 {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	name := func(n int) string { return path + ".bad-" + strconv.Itoa(n) }
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	if err := os.Rename(path, name(next)); err != nil {
		return "", err
	}
	for _, n := range numbers[:max(0, len(numbers)+1-badKept)] {
		if err := os.Remove(name(n)); err != nil {
			return "", err
		}
	}
	return name(next), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load returns all records, by address.
func (s *Store) Load() ([]Record, error) {
	var records []Record
	err := s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		if b == nil {
			return nil // made, and then the power went
		}
		return b.ForEach(func(k, v []byte) error {
			r, err := decodeRecord(k, v)
			records = append(records, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("lease database: load: %w", err)
	}
	return records, nil
}

// Apply makes the changes, all or none. When it returns without an error they
// are on disk.
func (s *Store) Apply(changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, c := range changes {
			key := c.Addr.As4()
			var err error
			if c.Record == nil {
				err = b.Delete(key[:])
			} else {
				err = b.Put(key[:], c.Record.append(nil))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("lease database: %d changes: %w", len(changes), err)
	}
	return nil
}

// Close closes the file. What was applied is on disk already.
func (s *Store) Close() error { return s.db.Close() }
