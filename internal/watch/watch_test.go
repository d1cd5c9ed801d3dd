package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const never = 24 * time.Hour

// await fails the test when no hint comes. It bounds a failure; a test that
// passes does not wait for it.
func await(t *testing.T, hints <-chan struct{}) {
	t.Helper()
	select {
	case <-hints:
	case <-time.After(20 * time.Second):
		t.Fatal("no hint")
	}
}

func TestHintAtOnce(t *testing.T) {
	await(t, Dir(t.Context(), filepath.Join(t.TempDir(), "none"), never))
}

func TestHintOnChange(t *testing.T) {
	dir := t.TempDir()
	hints := Dir(t.Context(), dir, never)
	await(t, hints)
	// The watch is set up beside us: write until a write is seen.
	stop := time.After(20 * time.Second)
	for {
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		select {
		case <-hints:
			return
		case <-stop:
			t.Fatal("no hint of a change")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestHintByPollWhereThereIsNoDirectory(t *testing.T) {
	hints := Dir(t.Context(), filepath.Join(t.TempDir(), "none"), time.Millisecond)
	for range 3 {
		await(t, hints)
	}
}

func TestDirectoryThatComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	hints := Dir(t.Context(), dir, time.Millisecond)
	await(t, hints)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	await(t, hints)
}
