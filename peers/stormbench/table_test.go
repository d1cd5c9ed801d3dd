package stormbench

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestJain(t *testing.T) {
	for _, tc := range []struct {
		situation string
		times     []time.Duration
		want      float64
	}{
		{"all alike", []time.Duration{3, 3, 3, 3}, 1},
		{"one is twice as fast", []time.Duration{1e9, 2e9}, 0.9},
		{"one of four has nearly all", []time.Duration{1, 1e9, 1e9, 1e9}, 0.25},
	} {
		if got := jain(tc.times); math.Abs(got-tc.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", tc.situation, got, tc.want)
		}
	}
}

// 1408 bytes need 1454 on the wire: a cable of 125 MB/s carries 121.05 MB/s.
func TestShare(t *testing.T) {
	const size = 1408 * 100_000
	full := time.Duration(2 * (size + headers*100_001) / wire * float64(time.Second))
	if got := share([]Boot{{Done: full / 2}, {Done: full}}, size); math.Abs(got-1) > 1e-6 {
		t.Errorf("a full cable: %v", got)
	}
	if got := share([]Boot{{Done: full}, {Done: 2 * full}}, size); math.Abs(got-0.5) > 1e-6 {
		t.Errorf("half of it: %v", got)
	}
}

func TestTable(t *testing.T) {
	const s = time.Second
	boots := func(slow time.Duration) []Boot {
		return []Boot{{0, s, 11 * s}, {1, s, 6 * s}, {2, s, 12*s + slow}, {3, s, 6 * s}}
	}
	storm := Storm{Machines: 4, Size: 350e6}
	results := []Result{
		{Name: "ours", Boots: boots(0), CPU: 7 * s, Peak: 16 << 20, Repeats: 3},
		{Name: "theirs", Boots: boots(10 * s), CPU: 14 * s, Peak: 3 << 20},
		{Name: "third", Err: errors.New("it leases nothing")},
	}
	want := `| | ours | theirs | third |
|---|--:|--:|--:|
| the last machine has booted after, s | 12.0 | 22.0 | – |
| share of the cable until then | 96.3% | 52.5% | – |
| window 1: half of the machines have booted within, s | 11.0 | 21.0 | – |
| window 1: slowest ÷ median | 1.00 | 1.00 | – |
| window 1: fairness (Jain) | 0.998 | 0.888 | – |
| window 4: half of the machines have booted within, s | 5.0 | 5.0 | – |
| window 4: slowest ÷ median | 1.00 | 1.00 | – |
| window 4: fairness (Jain) | 1.000 | 1.000 | – |
| packets that machines sent again | 3 | 0 | – |
| CPU seconds a GB | 5.00 | 10.00 | – |
| most memory, MiB | 16 | 3 | – |

third: it leases nothing.
ours's share of the cable is 96.3%: the goal of 95% is reached.
`
	if got := Table(storm, results); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	results[0].Boots = boots(s)
	if got := Table(storm, results); !strings.Contains(got, "the goal of 95% is missed by ") {
		t.Errorf("got\n%s", got)
	}
}
