package httpd

import (
	"net/netip"
	"testing"
	"time"
)

func TestAdvance(t *testing.T) {
	t0 := time.Unix(0, 0)
	type step struct {
		after  time.Duration
		acked  uint64 // since the previous step
		behind time.Duration
	}
	for situation, steps := range map[string][]step{
		"reads nothing":    {{time.Second, 0, time.Second}, {9 * time.Second, 0, 10 * time.Second}},
		"keeps up exactly": {{time.Second, minRate, 0}, {time.Second, minRate, 0}},
		"half as fast as it must be": {{10 * time.Second, 5 * minRate, 5 * time.Second},
			{10 * time.Second, 5 * minRate, 10 * time.Second}},
		"in bursts, fast enough":           {{8 * time.Second, 0, 8 * time.Second}, {time.Second, 9 * minRate, 0}},
		"fast first: it cannot save up":    {{time.Second, 1 << 30, 0}, {time.Second, 0, time.Second}},
		"more in a moment than it ever is": {{time.Second, 1 << 50, 0}},
		"catches up": {{4 * time.Second, 0, 4 * time.Second},
			{time.Second, 3 * minRate, 2 * time.Second}},
	} {
		t.Run(situation, func(t *testing.T) {
			p, now, acked := progress{at: t0}, t0, uint64(0)
			for i, s := range steps {
				now, acked = now.Add(s.after), acked+s.acked
				if p = p.advance(now, acked); p != (progress{now, acked, s.behind}) {
					t.Errorf("step %d: %+v, want to be behind by %v", i, p, s.behind)
				}
			}
		})
	}
}

func TestVictim(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	const s = time.Second
	type conn struct {
		from   netip.Addr
		behind time.Duration
		acked  uint64
	}
	for situation, tc := range map[string]struct {
		all  []conn // the new one is the last
		want int
	}{
		"one has stalled": {[]conn{{from: a, acked: 9}, {from: b, behind: 11 * s, acked: 9}, {from: c}}, 1},
		"of those that have stalled, the one that is furthest behind": {
			[]conn{{from: a, behind: 11 * s, acked: 9}, {from: b, behind: 50 * s, acked: 9 << 20},
				{from: b, behind: 12 * s, acked: 9}, {from: c}}, 1},
		"a site behind NAT keeps up, one client of another address has stalled": {
			[]conn{{from: a, acked: 9}, {from: a, acked: 9}, {from: a, acked: 9},
				{from: b, behind: 10 * s, acked: 9}, {from: a}}, 3},
		"new connections that receive nothing, and never get old": {
			[]conn{{from: a, behind: 1 * s}, {from: a, behind: 2 * s}, {from: b, behind: 3 * s}, {from: c}}, 1},
		"the same, and a site behind NAT with as many that keep up": {
			[]conn{{from: a, acked: 9}, {from: a, acked: 9}, {from: a, acked: 9}, {from: b, behind: 1 * s},
				{from: b, behind: 2 * s}, {from: c}}, 4},
		"the same, and one that reads slowly": {
			[]conn{{from: a, behind: 8 * s, acked: 9}, {from: b, behind: 1 * s}, {from: b, behind: 2 * s}, {from: c}},
			2},
		"all keep up: the slowest of the address with the most": {
			[]conn{{from: a, acked: 1}, {from: b, acked: 7}, {from: b, acked: 5}, {from: b, acked: 9}, {from: c}}, 2},
		"all keep up, and the new one is of the address with the most": {
			[]conn{{from: a, acked: 1}, {from: b, acked: 7}, {from: b, acked: 5}, {from: b}}, 3},
		"all keep up, and each has one": {[]conn{{from: a, acked: 1}, {from: b, acked: 7}, {from: c}}, 2},
		"all are new":                   {[]conn{{from: a}, {from: b}, {from: c}}, 2},
	} {
		t.Run(situation, func(t *testing.T) {
			var all []candidate
			for _, c := range tc.all {
				all = append(all, candidate{c.from, progress{behind: c.behind, acked: c.acked}})
			}
			if got := victim(all); got != tc.want {
				t.Errorf("closes %d, want %d", got, tc.want)
			}
		})
	}
}

// BenchmarkVictim measures the cost of each connection of a flood.
func BenchmarkVictim(b *testing.B) {
	var all []candidate
	for i := range 1025 {
		all = append(all, candidate{netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 8)}),
			progress{behind: time.Duration(i % 9)}})
	}
	for b.Loop() {
		victim(all)
	}
}
