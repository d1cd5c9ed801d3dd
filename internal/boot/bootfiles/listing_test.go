package bootfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// put creates files in a folder and sets its modification time.
func put(t *testing.T, dir string, changed time.Time, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(dir, changed, changed); err != nil {
		t.Fatal(err)
	}
}

// found returns the name that is found in a folder, or "".
func found(t *testing.T, ls *listings, dir, name string, now time.Time) string {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	match, err := ls.find(d, name, now)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return match
}

// A file that is added without a change of the folder's time shows whether the
// folder was read again.
func TestListingIsTrusted(t *testing.T) {
	for _, tc := range []struct {
		situation string
		changed   time.Time     // when the folder was changed
		read      time.Duration // after the change
		again     time.Duration // after the reading
		touched   bool          // the folder's time changes before that
		want      bool
	}{
		{situation: "long unchanged", changed: t0, read: time.Hour, again: time.Hour},
		{situation: "changed", changed: t0, read: time.Hour, again: time.Millisecond, touched: true, want: true},
		{situation: "read soon after a change: a little later", changed: t0, read: settled - 1, again: unsettled - 1},
		{situation: "read soon after a change: a quarter of a second later", changed: t0, read: settled - 1,
			again: unsettled, want: true},
		{situation: "read at the time of the change", changed: t0, again: unsettled, want: true},
		{situation: "read late enough after a change", changed: t0, read: settled, again: unsettled},
		{situation: "changed in the future, by a clock that begins in 1970", changed: t0, read: -time.Hour,
			again: time.Hour},
		{situation: "without a time: the root of a FAT stick", changed: time.Unix(0, 0), read: time.Hour,
			again: unsettled, want: true},
		{situation: "without a time, a little later", changed: time.Unix(0, 0), read: time.Hour, again: unsettled - 1},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			var ls listings
			dir := t.TempDir()
			put(t, dir, tc.changed, "Old")
			now := tc.changed.Add(tc.read)
			if got := found(t, &ls, dir, "old", now); got != "Old" {
				t.Fatalf("found %q", got)
			}
			if tc.touched {
				tc.changed = tc.changed.Add(1)
			}
			put(t, dir, tc.changed, "New")
			if got := found(t, &ls, dir, "new", now.Add(tc.again)); (got == "New") != tc.want {
				t.Errorf("found %q", got)
			}
			if got := found(t, &ls, dir, "old", now.Add(tc.again)); got != "Old" {
				t.Errorf("and %q", got)
			}
		})
	}
}

func TestListingsAreBounded(t *testing.T) {
	var ls listings
	top := t.TempDir()
	dir := func(i int) string { return filepath.Join(top, fmt.Sprint(i)) }
	for i := range 2 * maxFolders {
		put(t, dir(i), t0, "Old")
		found(t, &ls, dir(i), "old", t0.Add(time.Hour))
		found(t, &ls, dir(0), "old", t0.Add(time.Hour)) // kept in use all the time
	}
	check := func(folders, names int) {
		t.Helper()
		if len(ls.folders) != folders || ls.lastUsed.Len() != folders || ls.names != names {
			t.Fatalf("%d folders, %d in order, %d names; want %d folders and %d names",
				len(ls.folders), ls.lastUsed.Len(), ls.names, folders, names)
		}
	}
	check(maxFolders, maxFolders)
	put(t, dir(0), t0, "New")
	if got := found(t, &ls, dir(0), "new", t0.Add(time.Hour)); got != "" {
		t.Errorf("the folder that is used most was dropped: found %q", got)
	}
	put(t, dir(1), t0, "New")
	if got := found(t, &ls, dir(1), "new", t0.Add(time.Hour)); got != "New" {
		t.Errorf("the one used least was kept: found %q", got)
	}

	var l *listing
	for range 2 { // a folder with more names than the limit for all, twice
		l = ls.of(folder{inode: 1})
		ls.count(l, maxNames+1)
		check(1, maxNames+1)
	}
	put(t, dir(2), t0, "Old")
	found(t, &ls, dir(2), "old", t0.Add(time.Hour))
	check(1, 1)
	ls.count(l, 5) // it was evicted while it was read
	check(1, 1)
}

// endless is a folder without an end: a huge one, or a damaged one that returns
// the same names again and again.
type endless struct {
	name func(i int) string
	read int
}

func (e *endless) Readdirnames(n int) (names []string, err error) {
	if e.read > 4*maxNames {
		return nil, errors.New("it is read on and on")
	}
	for range n {
		names = append(names, e.name(e.read))
		e.read++
	}
	return names, nil
}

func TestFolderWithoutAnEnd(t *testing.T) {
	for _, tt := range []struct {
		situation string
		name      func(i int) string
		known     int
	}{
		{situation: "huge", name: func(i int) string { return fmt.Sprint("File", i) }, known: maxNames},
		{situation: "a ring", name: func(i int) string { return fmt.Sprint("File", i%7) }, known: 7},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			names, err := foldedNames(&endless{name: tt.name})
			if err != nil || len(names) != tt.known || names["file5"] != "File5" {
				t.Errorf("%d names are known, %v", len(names), err)
			}
		})
	}
}

// Many goroutines look up names at the same time, in folders that come, change
// and go.
func TestFoldWhileFoldersChange(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "Drivers"), time.Now(), "There")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	c := New(Contents{Site: root, Names: spec.Files{AnyCase: true}})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 200 {
				sub := filepath.Join(dir, fmt.Sprintf("Sub%d", worker))
				if err := errors.Join(os.Mkdir(sub, 0o755),
					os.WriteFile(filepath.Join(sub, "File"), nil, 0o644)); err != nil {
					t.Error(err)
					return
				}
				f, err := c.Open("drivers/THERE", Reader{})
				if err != nil {
					t.Error(err)
					return
				}
				f.Close()
				if _, err := c.Open(fmt.Sprintf("drivers/missing%d", i), Reader{}); !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				// The file may be too new to be known, but
				// there must be no other error.
				if f, err := c.Open(strings.ToLower(filepath.Base(sub))+"/file", Reader{}); err == nil {
					f.Close()
				} else if !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				if err := os.RemoveAll(sub); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkMissing looks up a missing name in a large folder.
func BenchmarkMissing(b *testing.B) {
	for _, files := range []int{20, 5000, 30_000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			dir := b.TempDir()
			for i := range files {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("driver-package-%d.cab", i)), nil,
					0o644); err != nil {
					b.Fatal(err)
				}
			}
			long := time.Now().Add(-time.Hour)
			if err := os.Chtimes(dir, long, long); err != nil {
				b.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				b.Fatal(err)
			}
			defer root.Close()
			c := New(Contents{Site: root, Names: spec.Files{AnyCase: true}})
			for b.Loop() {
				if _, err := c.Open("x", Reader{}); !errors.Is(err, fs.ErrNotExist) {
					b.Fatal(err)
				}
			}
		})
	}
}
