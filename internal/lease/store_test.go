package lease

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// opened opens a store that is closed with the test. It returns what was
// logged.
func opened(t *testing.T, path string) (*Store, string) {
	t.Helper()
	var log bytes.Buffer
	s, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, log.String()
}

func load(t *testing.T, s *Store) map[netip.Addr]Record {
	t.Helper()
	records, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	out := map[netip.Addr]Record{}
	for _, r := range records {
		out[r.Addr] = r
	}
	return out
}

// someChanges are random ones, written to disk too.
func someChanges(random *rand.Rand, disk map[netip.Addr]Record) []Change {
	var out []Change
	for range 1 + random.IntN(40) {
		a := netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))})
		if random.IntN(4) == 0 {
			delete(disk, a)
			out = append(out, Change{Addr: a})
			continue
		}
		r := Record{
			Addr: a, Client: Client(fmt.Sprint("client", random.IntN(1000))), HW: "123456",
			Length: time.Duration(1+random.IntN(1e5)) * time.Second, Hostname: strings.Repeat("h", random.IntN(64)),
		}
		disk[a] = r
		out = append(out, Change{a, &r})
	}
	return out
}

func TestStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	random := rand.New(rand.NewPCG(1, 1))
	disk := map[netip.Addr]Record{}
	for range 20 {
		s, log := opened(t, path)
		if log != "" {
			t.Fatalf("logged %s", log)
		}
		if got := load(t, s); !maps.Equal(got, disk) {
			t.Fatalf("%d records, want %d", len(got), len(disk))
		}
		for range 5 {
			if err := s.Apply(someChanges(random, disk)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("more than the database is there: %v", entries)
	}
}

// The file is what a killed process leaves: complete after each Apply.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, filepath.Join(dir, "leases.db"))
	random := rand.New(rand.NewPCG(2, 1))
	disk := map[netip.Addr]Record{}
	for i := range 30 {
		if err := s.Apply(someChanges(random, disk)); err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, fmt.Sprint("copy", i))
		copyFile(t, filepath.Join(dir, "leases.db"), copied)
		again, log := opened(t, copied)
		if got := load(t, again); log != "" || !maps.Equal(got, disk) {
			t.Fatalf("after %d: %d records, want %d; logged %q", i, len(got), len(disk), log)
		}
	}
}

// The power goes while a batch is written. Any of the sectors written before
// the sync of the pages, none of the meta page: the batch has not happened.
// All of the pages and any sectors of the meta pages: it has, or it has not.
func TestPowerCut(t *testing.T) {
	const sector = 512
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.db")
	s, _ := opened(t, path)
	random := rand.New(rand.NewPCG(3, 1))
	disk := map[netip.Addr]Record{}
	meta := 2 * s.db.Info().PageSize
	happened := map[bool]int{}
	for i := range 60 {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		old := maps.Clone(disk)
		if err := s.Apply(someChanges(random, disk)); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		torn := make([]byte, len(after))
		copy(torn, before)
		inMeta := i%2 == 1
		for o := 0; o < len(after); o += sector {
			if o < meta == inMeta && random.IntN(2) == 0 || inMeta && o >= meta {
				copy(torn[o:o+sector], after[o:o+sector])
			}
		}
		copied := filepath.Join(dir, fmt.Sprint("torn", i))
		if err := os.WriteFile(copied, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		again, log := opened(t, copied)
		got := load(t, again)
		isNew := maps.Equal(got, disk)
		if log != "" || !isNew && !maps.Equal(got, old) {
			t.Fatalf("after %d: %d records, want %d or %d; logged %q", i, len(got), len(old), len(disk), log)
		}
		if isNew && !inMeta {
			t.Fatalf("after %d: a batch whose meta page was not written has happened", i)
		}
		happened[isNew]++
	}
	if happened[true] == 0 || happened[false] == 0 {
		t.Errorf("batches happened or not: %v; this test is to see both", happened)
	}
}

func TestTruncated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.db")
	s, _ := opened(t, path)
	random := rand.New(rand.NewPCG(4, 1))
	disk := map[netip.Addr]Record{}
	for range 20 {
		if err := s.Apply(someChanges(random, disk)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	asideOnce := false
	for i := range 100 {
		size := random.IntN(len(whole))
		copied := filepath.Join(dir, fmt.Sprint("copy", i))
		if err := os.WriteFile(copied, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		again, log := opened(t, copied)
		got := load(t, again)
		aside := strings.Contains(log, "cannot be read")
		asideOnce = asideOnce || aside
		if aside && len(got) > 0 || !aside && !maps.Equal(got, disk) {
			t.Fatalf("cut at %d of %d bytes: %d records, want %d; set aside: %v", size, len(whole), len(got), len(disk), aside)
		}
		if err := again.Apply(someChanges(random, maps.Clone(disk))); err != nil {
			t.Fatalf("cut at %d bytes: %v", size, err)
		}
	}
	if !asideOnce {
		t.Error("nothing was set aside")
	}
}

// A medium that loses bits, page by page, does not stop a start.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.db")
	s, _ := opened(t, path)
	random := rand.New(rand.NewPCG(5, 1))
	disk := map[netip.Addr]Record{}
	for range 20 {
		if err := s.Apply(someChanges(random, disk)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := s.db.Info().PageSize
	for i := range 4 * len(whole) / page {
		broken := bytes.Clone(whole)
		o := i / 4 * page // its head, for a start
		if i%4 > 0 {
			o += random.IntN(page - 64)
		}
		for j := range 64 {
			broken[o+j] = byte(random.Uint32())
		}
		copied := filepath.Join(dir, fmt.Sprint("copy", i))
		if err := os.WriteFile(copied, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		again, _ := opened(t, copied)
		load(t, again)
		again.Close()
	}
}

func TestSetAside(t *testing.T) {
	later := func(path string) error {
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket(bucket)
			if err != nil {
				return err
			}
			return b.Put([]byte{10, 0, 0, 1}, []byte{recordVersion + 1})
		})
	}
	write := func(b []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, b, 0o600) }
	}
	for _, c := range []struct {
		situation string
		make      func(path string) error
	}{
		{"empty", write(nil)},
		{"one byte", write([]byte{0})},
		{"a text", write(bytes.Repeat([]byte("no database\n"), 1000))},
		{"zeros", write(make([]byte, 1<<16))},
		{"records of a later version", later},
	} {
		t.Run(c.situation, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "leases.db")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			was, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, log := opened(t, path)
			if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "leases.db.bad-1") {
				t.Errorf("logged %q", log)
			}
			if got := load(t, s); len(got) != 0 {
				t.Errorf("read %v", got)
			}
			if err := s.Apply([]Change{{someRecord.Addr, &someRecord}}); err != nil {
				t.Error(err)
			}
			if kept, err := os.ReadFile(path + ".bad-1"); err != nil || !bytes.Equal(kept, was) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
		})
	}
}

func TestThreeSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	for i := range 12 {
		if err := os.WriteFile(path, []byte(fmt.Sprint(i)), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := opened(t, path)
		s.Close()
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "leases.db leases.db.bad-10 leases.db.bad-11 leases.db.bad-12"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	if last, err := os.ReadFile(path + ".bad-12"); string(last) != "11" {
		t.Errorf("the last one set aside holds %q, %v", last, err)
	}
}

func TestNoDatabase(t *testing.T) {
	for _, c := range []struct {
		situation string
		path      func(dir string) string
		want      string
	}{
		{"no folder", func(dir string) string { return filepath.Join(dir, "none", "leases.db") }, "no such file or directory"},
		{"a folder in its place", func(dir string) string { return dir }, "not a regular file"},
		{"another process has it", func(dir string) string {
			path := filepath.Join(dir, "leases.db")
			opened(t, path)
			return path
		}, "another process has had it open"},
		// The tests may run as root, whom permissions do not stop; /proc
		// stops everybody from making files.
		{"nothing can be made there", func(string) string { return "/proc/self/leases.db" }, "/proc/self/leases.db"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			path := c.path(t.TempDir())
			s, err := Open(path, slog.New(slog.DiscardHandler))
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %q, want the path and %q", err, c.want)
			}
		})
	}
}

// A full /16, leased over and over, does not grow the file without end.
func TestFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	s, _ := opened(t, path)
	s.db.NoSync = true // the medium's time is no part of this
	a := addr("10.0.0.0")
	var all []Change
	for i := range 1 << 16 {
		r := Record{Addr: a, Client: Client(fmt.Sprintf("hw%06d", i)), HW: "123456", Length: time.Hour, Hostname: "a-host-name"}
		all = append(all, Change{a, &r})
		a = a.Next()
	}
	rand.New(rand.NewPCG(6, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	const batch = 4096
	for range 2 {
		for i := 0; i < len(all); i += batch {
			if err := s.Apply(all[i : i+batch]); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if got := info.Size(); got > 32<<20 {
		t.Errorf("%d MB for 65,536 leases", got>>20)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Batches as they come with few and with many clients at once.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "leases.db"), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			random := rand.New(rand.NewPCG(7, 1))
			changes := make([]Change, size)
			n := 0
			for b.Loop() {
				for i := range changes {
					r := someRecord
					r.Addr = netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(64)), byte(random.IntN(256))})
					changes[i] = Change{r.Addr, &r}
				}
				if err := s.Apply(changes); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
