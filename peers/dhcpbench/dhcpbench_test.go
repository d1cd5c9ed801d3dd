package dhcpbench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/perfdhcp"
)

func TestHighest(t *testing.T) {
	const endless = 1e9
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
			best, generator, err := highest(tt.from, func(rate int) (trial, error) {
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
	t.Run("the server ends", func(t *testing.T) {
		why := errors.New("no such process")
		if _, _, err := highest(begin, func(int) (trial, error) { return trial{}, why }); err != why {
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
		return Result{Name: "ours", Perfdhcp: Rate{float64(n), generator}, Own: Rate{float64(-n), generator},
			CPU: 9 - d, P50: d, P99: 2 * d}
	}
	got := median([]Result{run(3, true), run(1, false), run(2, false)})
	if want := (Result{Name: "ours", Perfdhcp: Rate{2, false}, Own: Rate{-2, false}, CPU: 7, P50: 2,
		P99: 4}); got != want {
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

func TestSection(t *testing.T) {
	text := Section("2 cores", 3, []Result{
		{Name: "ours", Durability: "all", Clients: 60000, Perfdhcp: Rate{12000, true}, Own: Rate{40000, false},
			CPU: 21 * time.Microsecond, P50: 310 * time.Microsecond, P99: 2 * time.Millisecond},
		{Name: "theirs", Durability: "some", Clients: 1000, Perfdhcp: Rate{7500, false}, Own: Rate{8000, false},
			CPU: 130 * time.Microsecond, P50: time.Millisecond, P99: 12500 * time.Microsecond},
	})
	want := `| ours | 60,000 | ≥ 12,000 | 40,000 | – | 0.31 ms | 2.00 ms | 21 µs | all |
| theirs | 1,000 | 7,500 | 8,000 | 5.0× | 1.00 ms | 12.50 ms | 130 µs | some |

Measured on 2 cores, shared`
	if _, got, _ := strings.Cut(text, "---|\n"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
