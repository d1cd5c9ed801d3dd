package netns

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// A program that is started on one core sees only that one, and the thread that
// started it has its own again.
func TestOn(t *testing.T) {
	runtime.LockOSThread() // which keeps its processors
	defer runtime.UnlockOSThread()
	before, err := Cores()
	if err != nil {
		t.Fatal(err)
	}
	nproc := exec.Command("nproc")
	var out strings.Builder
	nproc.Stdout = &out
	if err := On(before[:1], nproc.Start); err != nil {
		t.Fatal(err)
	}
	if err := nproc.Wait(); err != nil || out.String() != "1\n" {
		t.Errorf("the program counts %q cores, %v; want 1", out.String(), err)
	}
	if after, err := Cores(); err != nil || len(after) != len(before) {
		t.Errorf("afterwards: cores %v, %v; want %v", after, err, before)
	}
}
