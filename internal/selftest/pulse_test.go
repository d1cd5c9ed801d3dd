package selftest

import (
	"os"
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	dir := t.TempDir()
	p, f := NewPulse(dir, "pxed"), NewFeeler(dir, "pxed")
	if pid, err := f.Feel(); err == nil || pid != 0 {
		t.Errorf("before the first beat: %d, %v", pid, err)
	}
	p.Beat()
	if pid, err := f.Feel(); err != nil || pid != os.Getpid() {
		t.Errorf("after it: %d, %v", pid, err)
	}
	if pid, err := f.Feel(); err == nil || pid != os.Getpid() {
		t.Errorf("without another: %d, %v", pid, err)
	}
	p.Beat()
	if _, err := f.Feel(); err != nil {
		t.Errorf("with another: %v", err)
	}
	// The clock is set back.
	if err := os.Chtimes(p.file, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Feel(); err != nil {
		t.Errorf("with one of 1970: %v", err)
	}
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	p.Beat()
	p.Beat()
	if _, err := f.Feel(); err != nil {
		t.Errorf("after somebody took the file away: %v", err)
	}
}
