package leasedb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/serve/lease"
)

// opened opens a database that the test's cleanup closes. It returns its
// records, and the log.
func opened(t testing.TB, dir string) (*DB, map[netip.Addr]lease.Record, string) {
	t.Helper()
	var log bytes.Buffer
	db, records, err := Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, byAddr(records), log.String()
}

func byAddr(records []lease.Record) map[netip.Addr]lease.Record {
	out := map[netip.Addr]lease.Record{}
	for _, r := range records {
		out[r.Addr] = r
	}
	return out
}

// someChanges makes random changes, and applies them to disk too.
func someChanges(random *rand.Rand, disk map[netip.Addr]lease.Record) []lease.Change {
	var out []lease.Change
	for range 1 + random.IntN(40) {
		a := netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))})
		if random.IntN(4) == 0 {
			delete(disk, a)
			out = append(out, lease.Change{Addr: a})
			continue
		}
		r := lease.Record{
			Addr: a, Client: lease.Client(fmt.Sprint("client", random.IntN(1000))), HW: "123456",
			Length: time.Duration(1+random.IntN(1e5)) * time.Second, Hostname: strings.Repeat("h", random.IntN(64)),
		}
		disk[a] = r
		out = append(out, lease.Change{Addr: a, Record: &r})
	}
	return out
}

func apply(t testing.TB, db *DB, changes []lease.Change) {
	t.Helper()
	if err := db.Apply(changes); err != nil {
		t.Fatal(err)
	}
}

// folder makes a folder that holds a database with those bytes.
func folder(t testing.TB, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t testing.TB, db *DB) []byte {
	t.Helper()
	b, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeeps(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 1))
	disk := map[netip.Addr]lease.Record{}
	for range 20 {
		db, got, log := opened(t, dir)
		if log != "" {
			t.Fatalf("logged %s", log)
		}
		if !maps.Equal(got, disk) {
			t.Fatalf("%d records, want %d", len(got), len(disk))
		}
		for range 5 {
			apply(t, db, someChanges(random, disk))
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("more than the database is there: %v", entries)
	}
}

// Opening an undamaged database writes nothing.
func TestStartWritesNothing(t *testing.T) {
	dir := t.TempDir()
	db, _, _ := opened(t, dir)
	apply(t, db, someChanges(rand.New(rand.NewPCG(2, 1)), map[netip.Addr]lease.Record{}))
	before := read(t, db)
	db.Close()
	db, _, _ = opened(t, dir)
	if !bytes.Equal(read(t, db), before) {
		t.Error("the file was written again")
	}
}

// The file is in the state that a killed process leaves: complete after each
// Apply.
func TestKilledProcess(t *testing.T) {
	db, _, _ := opened(t, t.TempDir())
	random := rand.New(rand.NewPCG(2, 1))
	disk := map[netip.Addr]lease.Record{}
	for i := range 30 {
		apply(t, db, someChanges(random, disk))
		_, got, log := opened(t, folder(t, read(t, db)))
		if log != "" || !maps.Equal(got, disk) {
			t.Fatalf("after %d: %d records, want %d; logged %q", i, len(got), len(disk), log)
		}
	}
}

// The power fails while a batch is appended. Any of its sectors may be on the
// medium, and the file may have become longer without them. The batch has been
// applied or it has not, and nothing before it is lost.
func TestPowerCut(t *testing.T) {
	const sector = 512
	db, _, _ := opened(t, t.TempDir())
	random := rand.New(rand.NewPCG(3, 1))
	disk := map[netip.Addr]lease.Record{}
	happened := map[bool]int{}
	for i := range 100 {
		before, old := read(t, db), maps.Clone(disk)
		apply(t, db, someChanges(random, disk))
		after := read(t, db)
		if !bytes.Equal(after[:len(before)], before) {
			t.Fatalf("batch %d has changed what was written before", i)
		}
		torn := bytes.Clone(after[:len(before)+random.IntN(len(after)-len(before)+1)])
		for o := len(before); o < len(torn); o += sector {
			switch random.IntN(4) {
			case 0:
				clear(torn[o:min(o+sector, len(torn))])
			case 1: // what some media leave in a sector that they were writing
				scribble(random, at(torn, o, sector))
			}
		}
		again, got, log := opened(t, folder(t, torn))
		isNew := maps.Equal(got, disk)
		if strings.Contains(log, "ERROR") || !isNew && !maps.Equal(got, old) {
			t.Fatalf("after %d: %d records, want %d or %d; logged %q", i, len(got), len(old), len(disk), log)
		}
		happened[isNew]++
		// Writing continues from there, and what follows is read too.
		later := maps.Clone(got)
		apply(t, again, someChanges(random, later))
		if _, got, log := opened(t, folder(t, read(t, again))); log != "" || !maps.Equal(got, later) {
			t.Fatalf("after %d, and a batch more: %d records, want %d; logged %q", i, len(got), len(later), log)
		}
	}
	if happened[true] == 0 || happened[false] == 0 {
		t.Errorf("batches happened or not: %v; this test is to see both", happened)
	}
}

// The power fails while a new file replaces one that has grown. The old or the
// new file is there.
func TestFreshFile(t *testing.T) {
	dir := t.TempDir()
	db, _, _ := opened(t, dir)
	random := rand.New(rand.NewPCG(4, 1))
	disk := map[netip.Addr]lease.Record{}
	fresh := func() int64 { return int64(len(db.head.image(db.sorted()))) }
	for range 2 {
		if db.limit != fresh()+room {
			t.Errorf("rewritten at %d bytes, want %d and %d", db.limit, fresh(), room)
		}
		limit := fresh() + 1<<20 // sooner, for the test
		db.limit = limit
		for before := int64(0); before <= db.size; {
			before = db.size
			apply(t, db, someChanges(random, disk))
			if db.size > limit {
				t.Fatalf("it has grown to %d bytes, want %d at most", db.size, limit)
			}
		}
	}
	db.Close()
	if _, got, log := opened(t, dir); log != "" || !maps.Equal(got, disk) {
		t.Errorf("%d records, want %d; logged %q", len(got), len(disk), log)
	}
}

// If a new file cannot be made, the batch is refused, and the next one makes
// it.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	db, _, _ := opened(t, dir)
	disk := map[netip.Addr]lease.Record{}
	random := rand.New(rand.NewPCG(5, 1))
	apply(t, db, someChanges(random, disk))
	db.file.Close() // each write fails from now on
	changes := someChanges(random, disk)
	if err := db.Apply(changes); err == nil {
		t.Fatal("a batch is written to a closed file")
	}
	apply(t, db, changes)
	if _, got, _ := opened(t, folder(t, read(t, db))); !maps.Equal(got, disk) {
		t.Errorf("%d records, want %d", len(got), len(disk))
	}
}

// Damage anywhere loses only the leases in the damaged blocks. The box starts,
// and keeps what it writes from then on.
func TestDamagedJournal(t *testing.T) {
	db, _, _ := opened(t, t.TempDir())
	random := rand.New(rand.NewPCG(6, 1))
	disk := map[netip.Addr]lease.Record{}
	for range 40 {
		apply(t, db, someChanges(random, disk))
	}
	if err := db.rewrite(); err != nil {
		t.Fatal(err)
	}
	whole := read(t, db)
	blocks := len(whole) / block
	if blocks < 8 {
		t.Fatalf("%d blocks are too few to lose some", blocks)
	}
	for i := range 5 * blocks {
		broken := bytes.Clone(whole)
		o := i / 5 * block
		switch i % 5 {
		case 0:
			clear(broken[o : o+block])
		case 1:
			scribble(random, at(broken, o, 64))
		case 2:
			scribble(random, at(broken, o+random.IntN(block), 64))
		case 3: // a length that covers other frames
			broken[o+1] ^= 0x7f
		case 4:
			broken[o+random.IntN(block)] ^= 1 << random.IntN(8)
		}
		dir := folder(t, broken)
		again, got, log := opened(t, dir)
		// 4,096 bytes hold some 220 records of the shortest kind, and a damage
		// of 64 bytes may extend into the next block.
		if lost := len(disk) - len(got); lost > 2*block/leastChange || lost > len(disk)/2 {
			t.Fatalf("damage %d: %d of %d leases are lost", i, lost, len(disk))
		}
		for a, r := range got {
			if disk[a] != r {
				t.Fatalf("damage %d: %v was read, which was never written", i, r)
			}
		}
		if len(got) < len(disk) && log == "" {
			t.Fatalf("damage %d: %d of %d leases are there, and nothing is logged", i, len(got), len(disk))
		}
		if strings.Contains(log, "is damaged") {
			if kept, err := os.ReadFile(filepath.Join(dir, FileName+".bad-1")); err != nil ||
				!bytes.Equal(kept, broken) {
				t.Fatalf("damage %d: what was set aside is not what was there: %v", i, err)
			}
		}
		apply(t, again, someChanges(random, got))
		if _, now, log := opened(t, folder(t, read(t, again))); log != "" || !maps.Equal(now, got) {
			t.Fatalf("damage %d, and a batch more: %d records, want %d; logged %q", i, len(now), len(got), log)
		}
	}
}

// The file contains names that clients choose. None of them passes for a frame,
// wherever damage makes a reader look for one.
func TestForgedFrame(t *testing.T) {
	victim := someRecord
	victim.Client = "forged"
	forged := header{}.frame(nil, []lease.Change{{Addr: victim.Addr, Record: &victim}})
	var changes []lease.Change
	a := netip.MustParseAddr("10.0.0.0")
	text := string(forged[:frameHead+4+2+len(appendRecord(nil, &victim))])
	for range 5000 {
		r := lease.Record{Addr: a, Client: "idx", HW: "123456", Length: time.Hour, Hostname: text}
		changes = append(changes, lease.Change{Addr: a, Record: &r})
		a = a.Next()
	}
	// For each offset within a block one of the records has the frame there.
	b := header{Salt: 1}.append(header{Salt: 1}.append(nil))
	b = header{Salt: 1}.frame(b, changes)
	b[frames] ^= 1 // damage the real frame
	for shift := range 128 {
		c := parse(append(slices.Clip(b[:frames]), b[frames+shift:]...))
		if len(c.records) != 0 {
			t.Fatalf("shifted by %d: read %v", shift, c.records)
		}
	}
}

// A damaged length makes a reader check the rest of the file, at each block. It
// still terminates.
func TestWorkIsBounded(t *testing.T) {
	b := header{}.append(header{}.append(nil))
	b = append(b, make([]byte, maxFile-len(b))...)
	for o := frames; o < len(b); o += block {
		n := len(b) - o - frameHead
		b[o], b[o+1], b[o+2], b[o+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	}
	began := time.Now()
	c := parse(b)
	// Without a limit it checks half a terabyte, which takes some minutes.
	if took := time.Since(began); took > 20*time.Second || len(c.records) > 0 {
		t.Errorf("took %v, %d records", took, len(c.records))
	}
}

// A sector that the medium cannot read loses its block, and nothing else.
func TestUnreadableSector(t *testing.T) {
	db, _, _ := opened(t, t.TempDir())
	random := rand.New(rand.NewPCG(7, 1))
	disk := map[netip.Addr]lease.Record{}
	for range 40 {
		apply(t, db, someChanges(random, disk))
	}
	if err := db.rewrite(); err != nil {
		t.Fatal(err)
	}
	whole := read(t, db)
	for bad := range len(whole) / block {
		b, err := readAll(badMedium{bytes.NewReader(whole), int64(bad * block)}, int64(len(whole)))
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(whole)
		clear(want[bad*block:][:block])
		if !bytes.Equal(b, want) {
			t.Fatalf("with block %d unreadable another one differs", bad)
		}
	}
	if _, err := readAll(badMedium{bytes.NewReader(nil), 0}, 0); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

// badMedium returns EIO for one block.
type badMedium struct {
	io.ReaderAt
	bad int64
}

func (m badMedium) ReadAt(b []byte, at int64) (int, error) {
	if at < m.bad+block && m.bad < at+int64(len(b)) {
		return 0, &os.PathError{Op: "read", Path: "x", Err: unix.EIO}
	}
	return m.ReaderAt.ReadAt(b, at)
}

func TestSetAside(t *testing.T) {
	later := someRecord
	frame := header{Salt: 1}.frame(header{Salt: 1}.append(header{Salt: 1}.append(nil)),
		[]lease.Change{{Addr: later.Addr, Record: &later}})
	frame[frames+frameHead+4+1] = recordVersion + 1
	later2 := header{Salt: 1}.close(frame[:frames+frameHead+4+1+len(appendRecord(nil, &later))], frames)
	for _, c := range []struct {
		situation string
		content   []byte
		want      string
	}{
		{situation: "empty", want: "cannot be read"},
		{situation: "one byte", content: []byte{0}, want: "cannot be read"},
		{situation: "a text", content: bytes.Repeat([]byte("no database\n"), 1000), want: "cannot be read"},
		{situation: "zeros", content: make([]byte, 1<<16), want: "cannot be read"},
		{situation: "no frames, and half a header", content: header{}.append(nil)[:100], want: "is damaged"},
		{situation: "too large", content: make([]byte, maxFile+1), want: "cannot be read"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			dir := folder(t, c.content)
			db, got, log := opened(t, dir)
			if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, FileName+".bad-1") ||
				!strings.Contains(log, c.want) {
				t.Errorf("logged %q", log)
			}
			if len(got) != 0 {
				t.Errorf("read %v", got)
			}
			apply(t, db, []lease.Change{{Addr: someRecord.Addr, Record: &someRecord}})
			if kept, err := os.ReadFile(db.path + ".bad-1"); err != nil || !bytes.Equal(kept, c.content) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
		})
	}
	t.Run("records of a later version", func(t *testing.T) {
		_, got, log := opened(t, folder(t, later2))
		// One unreadable frame at the end, as after an interrupted write.
		if len(got) != 0 || !strings.Contains(log, "level=") {
			t.Errorf("read %v, logged %q", got, log)
		}
	})
}

func TestThreeSetAside(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(fmt.Sprint(i)), 0o600); err != nil {
			t.Fatal(err)
		}
		db, _, _ := opened(t, dir)
		db.Close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Name(), FileName))
	}
	if got, want := strings.Join(names, " "), " .bad-10 .bad-11 .bad-12"; got != want {
		t.Errorf("there are %s, want %s", got, want)
	}
	if last, err := os.ReadFile(filepath.Join(dir, FileName+".bad-12")); string(last) != "11" {
		t.Errorf("the last one set aside holds %q, %v", last, err)
	}
}

func TestNoDatabase(t *testing.T) {
	for _, c := range []struct {
		situation string
		dir       func(dir string) string
		want      string
	}{
		{situation: "no folder", dir: func(dir string) string { return filepath.Join(dir, "none") },
			want: "no such file or directory"},
		{situation: "a folder in its place", dir: func(dir string) string {
			if err := os.Mkdir(filepath.Join(dir, FileName), 0o755); err != nil {
				t.Fatal(err)
			}
			return dir
		}, want: "not a regular file"},
		{situation: "a pipe in its place", dir: func(dir string) string {
			if err := unix.Mkfifo(filepath.Join(dir, FileName), 0o600); err != nil {
				t.Fatal(err)
			}
			return dir
		}, want: "not a regular file"},
		{situation: "another process has it", dir: func(dir string) string { opened(t, dir); return dir },
			want: "another process has had it open"},
		// Permissions do not stop root, who may run the tests; in /proc even
		// root cannot create files.
		{situation: "nothing can be made there", dir: func(string) string { return "/proc/self" },
			want: "/proc/self/" + FileName},
	} {
		t.Run(c.situation, func(t *testing.T) {
			dir := c.dir(t.TempDir())
			db, _, err := Open(dir, slog.New(slog.DiscardHandler))
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %q, want the path and %q", err, c.want)
			}
			if errors.As(err, new(ReadOnlyError)) {
				t.Errorf("%v: but nothing was read", err)
			}
		})
	}
}

// A medium that has become read-only can still be read.
func TestReadOnly(t *testing.T) {
	whole := func(t *testing.T) ([]byte, map[netip.Addr]lease.Record) {
		db, _, _ := opened(t, t.TempDir())
		disk := map[netip.Addr]lease.Record{}
		for seed := range uint64(5) {
			apply(t, db, someChanges(rand.New(rand.NewPCG(seed, 1)), disk))
		}
		return read(t, db), disk
	}
	for _, c := range []struct {
		situation string
		spoil     func([]byte) []byte
	}{
		{"in order", func(b []byte) []byte { return b }},
		{"and its last write was interrupted", func(b []byte) []byte { return append(b, 1) }},
	} {
		t.Run(c.situation, func(t *testing.T) {
			b, disk := whole(t)
			dir := folder(t, c.spoil(b))
			readOnly(t, dir)
			var records []lease.Record
			var err error
			unprivileged(func() {
				_, records, err = Open(dir, slog.New(slog.DiscardHandler))
			})
			var ro ReadOnlyError
			if !errors.As(err, &ro) || !errors.Is(err, unix.EACCES) {
				t.Errorf("got %v, want a ReadOnlyError", err)
			}
			if got := byAddr(records); !maps.Equal(got, disk) {
				t.Errorf("%d records, want %d", len(got), len(disk))
			}
			// Once the medium is back, it can be opened.
			os.Chmod(dir, 0o755)
			os.Chmod(filepath.Join(dir, FileName), 0o600)
			if _, got, _ := opened(t, dir); !maps.Equal(got, disk) {
				t.Errorf("afterwards: %d records, want %d", len(got), len(disk))
			}
		})
	}
}

// readOnly removes the write permission from a folder and the database in it.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.Chmod(filepath.Join(dir, FileName), 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
}

// unprivileged runs f in a thread without capabilities, so that permissions
// apply even to root.
func unprivileged(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with the goroutine
		if unix.Geteuid() == 0 {
			h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var none [2]unix.CapUserData
			if err := unix.Capset(&h, &none[0]); err != nil {
				panic(err)
			}
		}
		f()
	}()
	<-done
}

// A full /16, leased over and over, does not grow the file without limit.
func TestFileIsBounded(t *testing.T) {
	db, _, _ := opened(t, t.TempDir())
	a := netip.MustParseAddr("10.0.0.0")
	var all []lease.Change
	for i := range 1 << 16 {
		r := lease.Record{Addr: a, Client: lease.Client(fmt.Sprintf("hw%06d", i)), HW: "123456", Length: time.Hour,
			Hostname: "a-host-name"}
		all = append(all, lease.Change{Addr: a, Record: &r})
		a = a.Next()
	}
	rand.New(rand.NewPCG(8, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	const batch = 4096
	for range 3 {
		for i := 0; i < len(all); i += batch {
			apply(t, db, all[i:i+batch])
		}
	}
	info, err := os.Stat(db.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if got := info.Size(); got > 8<<20 {
		t.Errorf("%d MB for 65,536 leases", got>>20)
	}
	if c := parse(read(t, db)); len(c.records) != len(all) {
		t.Errorf("%d leases are in it", len(c.records))
	}
}

// More leases than can be read back are not written.
func TestTooManyLeases(t *testing.T) {
	db, _, _ := opened(t, t.TempDir())
	for i := range maxRecords {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		db.records[a] = &someRecord
	}
	if err := db.Apply([]lease.Change{{Addr: someRecord.Addr, Record: &someRecord}}); err == nil ||
		!strings.Contains(err.Error(), "the limit is") {
		t.Errorf("got %v", err)
	}
}

// FuzzJournal reads a file with any payload in a frame, and with any damage to
// it. The size of the file limits what it finds, and a new file made from that
// has the same contents.
func FuzzJournal(f *testing.F) {
	h := header{Salt: 1, Imported: 2}
	f.Add(appendChange(nil, lease.Change{Addr: someRecord.Addr, Record: &someRecord}), []byte{})
	f.Add(appendChange(nil, lease.Change{Addr: someRecord.Addr}), []byte{0, 1, 0xff})
	f.Add([]byte("\x0a\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), []byte{2, 0, 0xff, 2, 1, 0x7f})
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, payload, damage []byte) {
		b := h.image([]lease.Record{someRecord})
		from := len(b)
		b = append(append(b, make([]byte, frameHead)...), payload...)
		b = h.close(b, from)
		if c := parse(bytes.Clone(b)); len(c.records) == 0 && len(payload) < leastChange {
			t.Fatalf("%d bytes that are no change take a lease away", len(payload))
		}
		spoil(b, damage)
		c := parse(b)
		if len(c.records) > len(b)/leastChange || c.end > c.size {
			t.Fatalf("%d records and an end at %d, of %d bytes", len(c.records), c.end, len(b))
		}
		var records []lease.Record
		for _, r := range c.records {
			records = append(records, *r)
		}
		again := parse(c.head.image(records))
		if !again.sound() || len(again.records) != len(records) {
			t.Fatalf("%d records, and %d of them read again: %+v", len(records), len(again.records), again)
		}
		for a, r := range c.records {
			if *again.records[a] != *r {
				t.Fatalf("%v was read again as %v", r, again.records[a])
			}
		}
	})
}

// spoil changes bytes of a file: every three bytes give an offset and the bits
// to flip there.
func spoil(b, damage []byte) {
	for ; len(damage) >= 3; damage = damage[3:] {
		b[(int(damage[0])<<8|int(damage[1]))%len(b)] ^= damage[2]
	}
}

// Batches as they occur with few and with many clients at once.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			db, _, err := Open(b.TempDir(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			random := rand.New(rand.NewPCG(9, 1))
			changes := make([]lease.Change, size)
			n := 0
			for b.Loop() {
				for i := range changes {
					r := someRecord
					r.Addr = netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(64)), byte(random.IntN(256))})
					changes[i] = lease.Change{Addr: r.Addr, Record: &r}
				}
				if err := db.Apply(changes); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
