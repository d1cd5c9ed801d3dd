package netif

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// The kernel is asked once a second for a machine that it knows.
func TestRecentAnswers(t *testing.T) {
	pc, server := ether.MAC{2, 0, 0, 0, 0, 1}, ether.MAC{2, 0, 0, 0, 0, 2}
	addr := netip.MustParseAddr("192.0.2.1")
	t0 := time.Unix(1_700_000_000, 0)
	var a recent
	a.put(t0, neighbour{1, addr}, pc)
	a.put(t0.Add(time.Millisecond), neighbour{2, addr}, server)
	for _, tc := range []struct {
		situation string
		after     time.Duration // since t0
		who       neighbour
		want      ether.MAC
	}{
		{"at once", 0, neighbour{1, addr}, pc},
		{"a second file", time.Millisecond, neighbour{1, addr}, pc},
		{"the same address on another link", 2 * time.Millisecond, neighbour{2, addr}, server},
		{"another machine", 2 * time.Millisecond, neighbour{1, addr.Next()}, ether.MAC{}},
		{"a second later", time.Second, neighbour{1, addr}, ether.MAC{}},
		{"the clock was set back", -time.Millisecond, neighbour{1, addr}, ether.MAC{}},
	} {
		if got, ok := a.get(t0.Add(tc.after), tc.who); got != tc.want || ok != tc.want.IsValid() {
			t.Errorf("%s: %v, %v, want %v", tc.situation, got, ok, tc.want)
		}
	}
	// An answer is kept for a second, whatever happened to earlier ones.
	for _, tc := range []struct {
		situation string
		after     time.Duration // since the first answer
		old       bool          // the first answer is still valid then
	}{
		{"in the same second", time.Second - 1, true},
		{"a second later", time.Second, false},
		{"after the clock was set back", -time.Hour, false},
	} {
		var a recent
		a.put(t0, neighbour{1, addr}, pc)
		now := t0.Add(tc.after)
		a.put(now, neighbour{1, addr.Next()}, server)
		if got, ok := a.get(now, neighbour{1, addr.Next()}); got != server || !ok {
			t.Errorf("%s: the new answer is %v, %v", tc.situation, got, ok)
		}
		if _, ok := a.get(now, neighbour{1, addr}); ok != tc.old {
			t.Errorf("%s: the first answer is valid: %v", tc.situation, ok)
		}
	}
	for i, n := netip.MustParseAddr("10.0.0.1"), 0; n < 3*maxAnswers; i, n = i.Next(), n+1 {
		a.put(t0, neighbour{1, i}, pc)
		if len(a.macs) > maxAnswers {
			t.Fatalf("%d answers are kept", len(a.macs))
		}
	}
}
