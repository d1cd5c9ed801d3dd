package pulse

import (
	"os"
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	dir := t.TempDir()
	p, f := New(dir, "pxed"), NewChecker(dir, "pxed")
	if _, err := f.Check(); err == nil {
		t.Error("before the first beat: a pulse is felt")
	}
	p.Beat(Progress{})
	if _, err := f.Check(); err != nil {
		t.Errorf("after it: %v", err)
	}
	if _, err := f.Check(); err == nil {
		t.Error("without another: a pulse is felt")
	}
	p.Beat(Progress{})
	if _, err := f.Check(); err != nil {
		t.Errorf("with another: %v", err)
	}
	// The clock is set back.
	if err := os.Chtimes(p.file, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Check(); err != nil {
		t.Errorf("with one of 1970: %v", err)
	}
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	p.Beat(Progress{})
	p.Beat(Progress{})
	if _, err := f.Check(); err != nil {
		t.Errorf("after someone took the file away: %v", err)
	}
}
