package proc

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestCPU(t *testing.T) {
	// A child's time counts as its parent's once the parent has waited for it.
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := CPU(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("got %v, then %v, %v", before, after, err)
	}
}

func TestResident(t *testing.T) {
	if n, err := Resident(os.Getpid()); err != nil || n < 1<<20 || n > 1<<30 {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestNoSuchProcess(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := CPU(cmd.Process.Pid); err == nil {
		t.Error("CPU has no error")
	}
	if _, err := Resident(cmd.Process.Pid); err == nil {
		t.Error("Resident has no error")
	}
}

// A group has the time of a process whose parent did not wait for it.
func TestGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a cgroup needs root: run make peers")
	}
	cmd := exec.Command("sh", "-c", "read go; (i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done) & read end; wait")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g, err := NewGroup(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	before, err := g.CPU()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in)
	after := before
	for range 1000 { // until the busy process has been seen
		if after, err = g.CPU(); err != nil || after-before > 20*time.Millisecond {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || after-before <= 20*time.Millisecond {
		t.Errorf("%v, then %v, %v", before, after, err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
