package filewatch

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

const never = 24 * time.Hour

// await fails the test if no hint comes. The time limit applies only to
// failures: a test that passes does not wait for it.
func await(t *testing.T, hints <-chan struct{}) {
	t.Helper()
	select {
	case <-hints:
	case <-time.After(20 * time.Second):
		t.Fatal("no hint")
	}
}

// writeUntilSeen writes a file until it is reported: the watch is set up
// concurrently.
func writeUntilSeen(t *testing.T, hints <-chan struct{}, name string) {
	t.Helper()
	stop := time.After(20 * time.Second)
	for {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		select {
		case <-hints:
			return
		case <-stop:
			t.Fatalf("no hint of %s", name)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestHintAtOnce(t *testing.T) {
	await(t, Dir(t.Context(), filepath.Join(t.TempDir(), "none"), never))
}

func TestHintOnChange(t *testing.T) {
	dir := t.TempDir()
	hints := Dir(t.Context(), dir, never)
	await(t, hints)
	writeUntilSeen(t, hints, filepath.Join(dir, "f"))
}

func TestHintByPollWhereThereIsNoDirectory(t *testing.T) {
	hints := Dir(t.Context(), filepath.Join(t.TempDir(), "none"), time.Millisecond)
	for range 3 {
		await(t, hints)
	}
}

// comesLater creates a directory that is already being watched for. It returns
// once a check has found the directory, and only the kernel can still give a
// hint.
func comesLater(t *testing.T, add func(w *fsnotify.Watcher, dir, name string)) (dir string, hints <-chan struct{}) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "later")
	tick := make(chan time.Time)
	hints = follow(t.Context(), dir, tick, add)
	await(t, hints)
	if err := os.MkdirAll(filepath.Join(dir, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	tick <- time.Time{}
	await(t, hints)
	return dir, hints
}

func TestDirectoryThatComesLater(t *testing.T) {
	dir, hints := comesLater(t, alone)
	writeUntilSeen(t, hints, filepath.Join(dir, "f"))
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "debian", "amd64")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	hints := Tree(t.Context(), dir, never)
	await(t, hints)
	writeUntilSeen(t, hints, filepath.Join(below, "linux"))

	// A folder that is copied in, with another one inside it.
	later := filepath.Join(dir, "later", "inside")
	if err := os.MkdirAll(later, 0o755); err != nil {
		t.Fatal(err)
	}
	await(t, hints)
	writeUntilSeen(t, hints, filepath.Join(later, "initrd.gz"))
}

func TestTreeThatComesLater(t *testing.T) {
	dir, hints := comesLater(t, withAllBelow)
	writeUntilSeen(t, hints, filepath.Join(dir, "below", "f"))
}

func TestTreeBehindALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "boot")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	hints := Tree(t.Context(), link, never)
	await(t, hints)
	writeUntilSeen(t, hints, filepath.Join(dir, "below", "linux"))
}

// Directories that cannot be watched are still polled.
func TestTreeBeyondTheLimitIsPolled(t *testing.T) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	for i := range maxWatched + 10 {
		if err := os.Mkdir(filepath.Join(dir, strconv.Itoa(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	addTree(w, dir)
	if n := len(w.WatchList()); n != maxWatched {
		t.Errorf("%d directories are watched, want %d", n, maxWatched)
	}
	addTree(w, dir) // as at each poll
	if n := len(w.WatchList()); n != maxWatched {
		t.Errorf("%d directories are watched after a second time, want %d", n, maxWatched)
	}
}
