package leasedb

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/pxebox/pxebox/internal/serve/lease"
)

// library writes a database in the way of earlier versions.
func library(t testing.TB, path string, page int, batches [][]lease.Change) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: page, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, changes := range append([][]lease.Change{nil}, batches...) {
		if err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(legacyBucket)
			if err != nil {
				return err
			}
			for _, c := range changes {
				key := c.Addr.As4()
				if c.Record == nil {
					err = b.Delete(key[:])
				} else {
					err = b.Put(key[:], appendRecord(nil, c.Record))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// manyChanges are batches of leases in a /20.
func manyChanges(random *rand.Rand, batches int, disk map[netip.Addr]lease.Record) (out [][]lease.Change) {
	for range batches {
		var changes []lease.Change
		for range 100 {
			r := someRecord
			r.Addr = netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(16)), byte(random.IntN(256))})
			r.Client = lease.Client(fmt.Sprint("client", random.IntN(1e5)))
			if random.IntN(8) == 0 {
				delete(disk, r.Addr)
				changes = append(changes, lease.Change{Addr: r.Addr})
				continue
			}
			disk[r.Addr] = r
			changes = append(changes, lease.Change{Addr: r.Addr, Record: &r})
		}
		out = append(out, changes)
	}
	return out
}

// A box that is updated keeps its leases, and returns to them when the update
// is rolled back.
func TestEarlierVersion(t *testing.T) {
	for _, page := range []int{0, 1024, 4096, 16384, 65536} { // 0: the system's page size
		for _, batches := range []int{0, 1, 3, 60} {
			t.Run(fmt.Sprintf("pages of %d, %d batches", page, batches), func(t *testing.T) {
				dir := t.TempDir()
				old := filepath.Join(dir, legacyName)
				random := rand.New(rand.NewPCG(uint64(batches), 2))
				disk := map[netip.Addr]lease.Record{}
				library(t, old, page, manyChanges(random, batches, disk))
				was, err := os.ReadFile(old)
				if err != nil {
					t.Fatal(err)
				}
				db, got, log := opened(t, dir)
				if !maps.Equal(got, disk) || strings.Contains(log, "ERROR") {
					t.Fatalf("%d records, want %d; logged %q", len(got), len(disk), log)
				}
				if now, err := os.ReadFile(old); err != nil || !bytes.Equal(now, was) {
					t.Error("the old database is not what it was")
				}
				// Once only: from now on it is older.
				var ends []lease.Change
				for a := range disk {
					ends = append(ends, lease.Change{Addr: a})
				}
				apply(t, db, ends)
				db.Close()
				db, got, log = opened(t, dir)
				if len(got) > 0 || log != "" {
					t.Fatalf("read again: %d records; logged %q", len(got), log)
				}
				db.Close()
				// The update is rolled back, leases are given, and the update
				// is installed again.
				r := someRecord
				library(t, old, page, [][]lease.Change{{{Addr: r.Addr, Record: &r}}})
				if _, got, _ = opened(t, dir); got[r.Addr] != r {
					t.Errorf("a lease of the old version is lost: %v", got)
				}
			})
		}
	}
}

// The kinds of damage that once disabled a box permanently. With any of them it
// starts within limits of time and memory, with the readable records, and
// leases from then on.
func TestDamagedEarlierVersion(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // the time of the medium does not count here
	}
	path := filepath.Join(t.TempDir(), legacyName)
	disk := map[netip.Addr]lease.Record{}
	library(t, path, 4096, manyChanges(rand.New(rand.NewPCG(5, 1)), 60, disk))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const damages = 448
	results := map[string]int{}
	for n := range damages {
		kind, broken := damaged(n, whole, 4096)
		dir := t.TempDir()
		old := filepath.Join(dir, legacyName)
		if err := os.WriteFile(old, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		db, got, log := opened(t, dir)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		// Everything that was allocated, collected or not: a file of 0.5 MB,
		// read once into memory, and written to a new file from there.
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("damage %d (%s): %d MB of memory", n, kind, used>>20)
		}
		if took > 10*time.Second {
			t.Errorf("damage %d (%s): %v", n, kind, took)
		}
		aside := strings.Contains(log, "is damaged")
		if aside {
			if kept, err := os.ReadFile(old + ".bad-1"); err != nil || !bytes.Equal(kept, broken) {
				t.Errorf("damage %d (%s): what was set aside is not what was there: %v", n, kind, err)
			}
		}
		right := 0
		for a, r := range got {
			if disk[a] == r {
				right++
			}
		}
		switch {
		case right == len(disk):
			results["all leases"]++
		case right == 0:
			results["no lease"]++
		default:
			results["some leases"]++
		}
		if right < len(disk)*9/10 && !aside {
			t.Errorf("damage %d (%s): %d of %d leases, and nothing is logged: %q", n, kind, right, len(disk), log)
		}
		random := rand.New(rand.NewPCG(uint64(n), 3))
		apply(t, db, someChanges(random, got))
		db.Close()
		again, now, log := opened(t, dir)
		if !maps.Equal(now, got) || log != "" {
			t.Errorf("damage %d (%s): %d leases at the next start, want %d; logged %q",
				n, kind, len(now), len(got), log)
		}
		again.Close()
	}
	t.Logf("%d damages: %v", damages, results)
}

// FuzzEarlierVersion reads a bbolt database with any damage and valid meta
// pages.
func FuzzEarlierVersion(f *testing.F) {
	const page = 1024
	path := filepath.Join(f.TempDir(), legacyName)
	library(f, path, page, manyChanges(rand.New(rand.NewPCG(6, 1)), 2, map[netip.Addr]lease.Record{}))
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	for o := 0; o < len(whole); o += page / 4 {
		f.Add([]byte{byte(o >> 8), 10, 0xff, byte(o >> 8), 12, 0xff, byte(o >> 8), 24, 1})
	}
	f.Fuzz(func(t *testing.T, damage []byte) {
		b := bytes.Clone(whole)
		spoil(b, damage)
		for _, o := range []int{0, page} {
			sealMeta(b[o+pageHead:])
		}
		tr := tree{file: bytes.NewReader(b), size: int64(len(b)), seen: map[uint64]bool{}}
		m, err := tr.meta()
		if err != nil {
			return
		}
		tr.pages, tr.left = m.pages, tr.size
		tr.bucket(m.root)
		if len(tr.records) > len(b)/leastChange {
			t.Errorf("%d records in %d bytes", len(tr.records), len(b))
		}
	})
}

// Nothing of an old database is lost if the new one cannot be written yet.
func TestEarlierVersionReadOnly(t *testing.T) {
	dir := t.TempDir()
	disk := map[netip.Addr]lease.Record{}
	library(t, filepath.Join(dir, legacyName), 0, manyChanges(rand.New(rand.NewPCG(7, 1)), 3, disk))
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	var records []lease.Record
	var err error
	unprivileged(func() { _, records, err = Open(dir, slog.New(slog.DiscardHandler)) })
	if got := byAddr(records); err == nil || !maps.Equal(got, disk) {
		t.Fatalf("%d records, want %d; %v", len(got), len(disk), err)
	}
	os.Chmod(dir, 0o755)
	if _, got, _ := opened(t, dir); !maps.Equal(got, disk) {
		t.Errorf("afterwards: %d records, want %d", len(got), len(disk))
	}
}
