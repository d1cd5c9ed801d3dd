package selftest

import (
	"os"
	"slices"
	"testing"
)

func TestProcesses(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if pids := Processes(own); !slices.Equal(pids, []int{os.Getpid()}) {
		t.Errorf("of this test run %v, not %d", pids, os.Getpid())
	}
	if pids := Processes(own + "x"); pids != nil {
		t.Errorf("of no program run %v", pids)
	}
}
