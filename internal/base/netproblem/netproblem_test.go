package netproblem

import "testing"

func TestProblem(t *testing.T) {
	dir := t.TempDir()
	for _, why := range []string{"", `no network interface "eth9"`, `no network interface "eth8"`, "", ""} {
		if err := Write(dir, why); err != nil {
			t.Fatal(err)
		}
		if got := Read(dir); got != why {
			t.Errorf("got %q, want %q", got, why)
		}
	}
}
