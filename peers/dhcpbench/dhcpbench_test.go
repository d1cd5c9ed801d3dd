package dhcpbench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/peers/perfdhcp"
)

func TestHighest(t *testing.T) {
	for _, tt := range []struct {
		situation    string
		server, load float64 // what they are capable of
		atLeast      float64
		atMost       float64
		generator    bool
	}{
		{"a slow server", 7_300, 1e9, 6_500, 7_300, false},
		{"a fast server", 61_000, 1e9, 55_000, 61_000, false},
		{"the load is slower than the server", 1e9, 20_000, 20_000, 20_000, true},
		{"a very slow server", 450, 1e9, 400, 450, false},
		{"a server that is too slow for the lowest rate", 90, 1e9, 0, 0, false},
		{"a server and a load without an end", 1e9, 1e9, 128_000, 256_000, true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			trials := 0
			best, generator, err := highest(func(rate int) (trial, error) {
				trials++
				begun := min(float64(rate), tt.load)
				return trial{begun: begun, loss: max(0, 1-tt.server/begun), cost: time.Microsecond}, nil
			})
			if err != nil || best.begun < tt.atLeast || best.begun > tt.atMost*1.01 || generator != tt.generator {
				t.Errorf("got %v, generator %t, %v; want %v to %v, %t", best.begun, generator, err, tt.atLeast, tt.atMost, tt.generator)
			}
			if trials > 20 {
				t.Errorf("it took %d trials", trials)
			}
		})
	}
	t.Run("the server ends", func(t *testing.T) {
		why := errors.New("no such process")
		if _, _, err := highest(func(int) (trial, error) { return trial{}, why }); err != why {
			t.Errorf("got %v", err)
		}
	})
}

func TestTwice(t *testing.T) {
	losses := []float64{0.5, 0, 0.5, 0.4}
	try := twice(func(int) (trial, error) {
		loss := losses[0]
		losses = losses[1:]
		return trial{loss: loss}, nil
	})
	if got, err := try(1); got.loss != 0 || err != nil {
		t.Errorf("disturbed once: the loss is %v, %v; want that of the second trial", got.loss, err)
	}
	if got, err := try(1); got.loss != 0.4 || err != nil || len(losses) != 0 {
		t.Errorf("too fast: the loss is %v, %v", got.loss, err)
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
	text := Section("2 cores", []Result{
		{Name: "ours", Durability: "all", Clients: 60000, Perfdhcp: Rate{12000, true}, Own: Rate{40000, false}, CPU: 21 * time.Microsecond, P50: 310 * time.Microsecond, P99: 2 * time.Millisecond},
		{Name: "theirs", Durability: "some", Clients: 1000, Perfdhcp: Rate{7500, false}, Own: Rate{8000, false}, CPU: 130 * time.Microsecond, P50: time.Millisecond, P99: 12500 * time.Microsecond},
	})
	want := `| ours | 60,000 | ≥ 12,000 | 40,000 | – | 0.31 ms | 2.00 ms | 21 µs | all |
| theirs | 1,000 | 7,500 | 8,000 | 5.0× | 1.00 ms | 12.50 ms | 130 µs | some |

Measured on 2 cores, shared`
	if _, got, _ := strings.Cut(text, "---|\n"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
