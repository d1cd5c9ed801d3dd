package proc

import (
	"os"
	"os/exec"
	"testing"
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
