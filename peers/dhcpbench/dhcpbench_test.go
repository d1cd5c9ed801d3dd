package dhcpbench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/perfdhcp"
)

func TestHighest(t *testing.T) {
	const endless, begin = 1e9, 4_000
	for _, tt := range []struct {
		situation       string
		server, load    float64 // the rates they can reach
		from            float64 // the first rate
		atLeast, atMost float64
		generator       bool
		trials          int // at most
	}{
		{situation: "a slow server", server: 7_300, load: endless, from: begin, atLeast: 6_500,
			atMost: 7_300, trials: 6},
		{situation: "a fast server", server: 61_000, load: endless, from: begin, atLeast: 55_000,
			atMost: 61_000, trials: 9},
		{situation: "a first rate near the server's", server: 61_000, load: endless, from: 40_000,
			atLeast: 55_000, atMost: 61_000, trials: 5},
		{situation: "a first rate above the server's", server: 61_000, load: endless, from: 90_000,
			atLeast: 55_000, atMost: 61_000, trials: 5},
		{situation: "the load is slower than the server", server: endless, load: 20_000, from: begin,
			atLeast: 20_000, atMost: 20_000, generator: true, trials: 4},
		{situation: "a very slow server", server: 450, load: endless, from: begin, atLeast: 400,
			atMost: 450, trials: 8},
		{situation: "a server that is too slow for the lowest rate", server: 90, load: endless, from: begin, trials: 7},
		{situation: "a server and a load without an end", server: endless, load: endless, from: begin,
			atLeast: 128_000, atMost: 256_000, generator: true, trials: 7},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			trials := 0
			best, generator, err := highest(tt.from, 2, func(rate int) (trial, error) {
				trials++
				begun := min(float64(rate), tt.load)
				return trial{begun: begun, loss: max(0, 1-tt.server/begun), cost: time.Microsecond}, nil
			})
			if err != nil || best.begun < tt.atLeast || best.begun > tt.atMost*1.01 || generator != tt.generator {
				t.Errorf("got %v, generator %t, %v; want %v to %v, %t",
					best.begun, generator, err, tt.atLeast, tt.atMost, tt.generator)
			}
			if trials > tt.trials {
				t.Errorf("it took %d trials, want %d at most", trials, tt.trials)
			}
		})
	}
	t.Run("the rate of an earlier run is confirmed", func(t *testing.T) {
		for limit, most := range map[float64]int{10_500: 2, 9_800: 3, 11_800: 4} {
			trials := 0
			best, _, err := highest(10_000, near, func(rate int) (trial, error) {
				trials++
				return trial{begun: float64(rate), loss: max(0, 1-limit/float64(rate))}, nil
			})
			if err != nil || best.begun > limit*1.01 || best.begun < limit/near/1.01 || trials > most {
				t.Errorf("limit %v: got %v after %d trials, %v; want %d trials at most", limit, best.begun, trials, err, most)
			}
		}
	})
	t.Run("the server ends", func(t *testing.T) {
		why := errors.New("no such process")
		if _, _, err := highest(begin, 2, func(int) (trial, error) { return trial{}, why }); err != why {
			t.Errorf("got %v", err)
		}
	})
}

func TestTwice(t *testing.T) {
	losses := []float64{0.05, 0, 0.05, 0.04, 0.5}
	try := twice(func(int) (trial, error) {
		loss := losses[0]
		losses = losses[1:]
		return trial{loss: loss}, nil
	})
	if got, err := try(1); got.loss != 0 || err != nil {
		t.Errorf("disturbed once: the loss is %v, %v; want that of the second trial", got.loss, err)
	}
	if got, err := try(1); got.loss != 0.04 || err != nil {
		t.Errorf("a little too fast: the loss is %v, %v", got.loss, err)
	}
	if got, err := try(1); got.loss != 0.5 || err != nil {
		t.Errorf("far too fast, which one trial shows: the loss is %v, %v", got.loss, err)
	}
}

func TestMedian(t *testing.T) {
	run := func(n int, generator bool) Result {
		d := time.Duration(n)
		return Result{Name: "ours", Rate: Rate{float64(-n), generator}, CPU: 9 - d, Idle: 3 * d,
			Times: [len(Paces)]Times{2: {P50: d, P99: 2 * d, Loss: float64(n)}}}
	}
	got := median([]Result{run(3, true), run(1, false), run(2, false)})
	if want := run(2, false); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPercentiles(t *testing.T) {
	var r perfdhcp.Report
	for i := range 101 {
		r.OfferTimes = append(r.OfferTimes, time.Duration(100-i)*time.Microsecond)
		r.AckTimes = append(r.AckTimes, time.Duration(i)*time.Millisecond)
	}
	p50, p99 := percentiles(r)
	if p50 != 50*time.Millisecond+50*time.Microsecond || p99 != 99*time.Millisecond+99*time.Microsecond {
		t.Errorf("got %v and %v", p50, p99)
	}
}

func TestTable(t *testing.T) {
	times := func(us int) (all [len(Paces)]Times) {
		for i := range all {
			d := time.Duration(us*(i+1)) * time.Microsecond
			all[i] = Times{P50: d, P99: 10 * d}
		}
		return all
	}
	lossy := times(1000)
	lossy[2].Loss = 0.125
	results := []Result{
		{Name: "ours", Durability: "all", Clients: 60000, Rate: Rate{40000, true}, CPU: 21 * time.Microsecond,
			Times: times(310)},
		{Name: "theirs" + DurableKea, Durability: "some", Clients: 1000, Rate: Rate{8000, false},
			CPU: 130 * time.Microsecond, Idle: 10 * time.Millisecond, Times: lossy},
		{Name: "third", Durability: "none", Clients: 960, Err: errors.New("mount: no loop device")},
	}
	want := `| ours | 60,000 | ≥ 40,000 | – | 0.31, 3.10 | 0.62, 6.20 | 0.93, 9.30 | 21 µs | 0% | all |
| theirs, lease file on a mount with -o sync | 1,000 | 8,000 | 5.0× | 1.00, 10.00 | 2.00, 20.00 | ` +
		`3.00, 30.00 (12.5% lost) | 130 µs | 1.0% | some |
| third | 960 | not measured: mount: no loop device | | | | | | | none |

p99 at 1,000/s: pxed 9.30 ms, the durable Kea 30.00 ms: the goal, no worse than that, is reached.
`
	if _, got, _ := strings.Cut(Table(results), "---|\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	results[0].Times[2].P99 = 31 * time.Millisecond
	if got := Table(results); !strings.Contains(got, "the goal, no worse than that, is missed by 1.00 ms.") {
		t.Errorf("got\n%s", got)
	}
	results[1].Err = errors.New("no mount")
	if got := Table(results); !strings.Contains(got, "There is no durable Kea to compare with") {
		t.Errorf("got\n%s", got)
	}
}
