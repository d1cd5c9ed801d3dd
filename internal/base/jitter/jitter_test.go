package jitter

import (
	"testing"
	"time"
)

func TestTenth(t *testing.T) {
	const d = 30 * time.Second
	low, high := d, d
	for range 10000 {
		got := Tenth(d)
		low, high = min(low, got), max(high, got)
	}
	// The chance that none of 10,000 values is in the lowest twentieth of the
	// span is 1 in 10^222.
	if low < 27*time.Second || low > 27300*time.Millisecond || high > 33*time.Second || high < 32700*time.Millisecond {
		t.Errorf("from %v to %v, want 27 s to 33 s", low, high)
	}
}
