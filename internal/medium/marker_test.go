package medium

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMarker(t *testing.T) {
	for _, tt := range []struct {
		situation string
		content   string // "-": no file
		restart   bool
		after     string
	}{
		{"nothing grows", "-", false, "-"},
		{"cut off while it grew", string(growing), true, string(restarted)},
		{"cut off while the marker was written", "", true, string(restarted)},
		{"restarted since then", string(restarted), false, string(restarted)},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, markerName)
			if tt.content != "-" {
				if err := os.WriteFile(name, []byte(tt.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := CheckMount(dir); errors.Is(err, ErrRestart) != tt.restart || !tt.restart && err != nil {
				t.Errorf("got %v", err)
			}
			after := "-"
			if b, err := os.ReadFile(name); err == nil {
				after = string(b)
			}
			if after != tt.after {
				t.Errorf("the marker is %q afterwards, want %q", after, tt.after)
			}
			// Never twice in a row: a box must not restart for ever.
			if err := CheckMount(dir); err != nil {
				t.Errorf("the next start: %v", err)
			}
		})
	}
}

func TestMarkersAreOfOneLength(t *testing.T) {
	if len(growing) != len(restarted) {
		t.Errorf("%q over %q leaves a rest", restarted, growing)
	}
}

// A box that cannot note that it restarts must not restart.
func TestNoRestartWithoutAMarker(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, markerName), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := CheckMount(dir); err == nil || errors.Is(err, ErrRestart) {
		t.Errorf("got %v", err)
	}
}
