package dhcpbench

import (
	"math"
	"slices"
	"time"

	"github.com/pxebox/pxebox/peers/perfdhcp"
)

const (
	maxLoss = 0.01
	// hopeless is the loss from which a rate is clearly too high.
	hopeless = 0.1
	// keepsUp is the fraction of the requested rate that the load must have
	// started for the trial to count as one at that rate.
	keepsUp = 0.9
	// near is the ratio of the two rates at which the search stops.
	near = 1.12

	// Each search stays between lowest and ceiling, in exchanges per second.
	lowest, ceiling = 100, 256_000
)

// trial is the result of one rate.
type trial struct {
	begun float64 // exchanges per second
	loss  float64
	cost  time.Duration // the server's processor time per exchange
}

// twice tries again if a trial lost too much, but not as much as a far too high
// rate loses: other work on the machine may have disturbed it.
func twice(try func(rate int) (trial, error)) func(rate int) (trial, error) {
	return func(rate int) (trial, error) {
		t, err := try(rate)
		if err == nil && t.loss >= maxLoss && t.loss < hopeless {
			t, err = try(rate)
		}
		return t, err
	}
}

// highest finds the trial with the highest rate at a loss of less than maxLoss.
// From the first rate it goes up or down by a factor, step, until it has one
// rate that meets the limit and one that does not, then narrows the gap. generator is set if the
// load could not start the requested rate and nothing was lost: the server may
// be capable of more.
func highest(from, step float64, try func(rate int) (trial, error)) (best trial, generator bool, err error) {
	good, bad := 0.0, 0.0
	for next := from; next <= ceiling; {
		t, err := try(int(next))
		if err != nil {
			return trial{}, false, err
		}
		if t.loss < maxLoss {
			good = next
			if t.begun > best.begun {
				best = t
			}
			if t.begun < keepsUp*next {
				return best, true, nil
			}
		} else {
			bad = next
		}
		switch {
		case bad == 0:
			next = good * step
		case good == 0 && bad <= lowest, good > 0 && bad/good < 1.001*near:
			return best, false, nil
		case good == 0:
			next = max(lowest, bad/step)
		default:
			next = math.Sqrt(good * bad)
		}
	}
	return best, true, nil
}

// percentiles returns those of the server's part in an exchange: the time to
// the OFFER plus the time to the ACK. Each is ranked separately.
func percentiles(r perfdhcp.Report) (p50, p99 time.Duration) {
	at := func(times []time.Duration, p float64) time.Duration {
		if len(times) == 0 {
			return 0
		}
		sorted := slices.Sorted(slices.Values(times))
		return sorted[int(p*float64(len(sorted)-1))]
	}
	return at(r.OfferTimes, 0.5) + at(r.AckTimes, 0.5), at(r.OfferTimes, 0.99) + at(r.AckTimes, 0.99)
}
