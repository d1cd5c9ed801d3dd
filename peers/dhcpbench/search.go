package dhcpbench

import (
	"math"
	"slices"
	"time"

	"github.com/pxebox/pxebox/peers/perfdhcp"
)

const (
	maxLoss = 0.01
	// hopeless is the loss of a rate that is too high without a doubt.
	hopeless = 0.1
	// keepsUp is the part of the rate asked for that the load must have begun
	// for the trial to count as one at that rate.
	keepsUp = 0.9
	// near is how close the search comes.
	near = 1.12

	// The first search begins at one rate, and each stays between two others,
	// in exchanges a second.
	begin, lowest, ceiling = 4_000, 100, 256_000
)

// trial is what came of one rate.
type trial struct {
	begun float64 // exchanges a second
	loss  float64
	cost  time.Duration // the server's processor time for each exchange
}

// twice tries once more where too much was lost, but not nearly all that a rate
// far too high would lose: other work on the machine may have disturbed it.
func twice(try func(rate int) (trial, error)) func(rate int) (trial, error) {
	return func(rate int) (trial, error) {
		t, err := try(rate)
		if err == nil && t.loss >= maxLoss && t.loss < hopeless {
			t, err = try(rate)
		}
		return t, err
	}
}

// highest finds the trial of the highest rate at a loss of less than maxLoss.
// From the first rate it doubles or halves until it has one where that is so and
// one where it is not, then narrows the gap. generator is set where the load
// could not begin what was asked for, and nothing was lost: the server may be
// capable of more.
func highest(from float64, try func(rate int) (trial, error)) (best trial, generator bool, err error) {
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
			next = good * 2
		case good == 0 && bad <= lowest, good > 0 && bad/good < near:
			return best, false, nil
		case good == 0:
			next = max(lowest, bad/2)
		default:
			next = math.Sqrt(good * bad)
		}
	}
	return best, true, nil
}

// percentiles are those of the server's part in an exchange: the time to the
// OFFER and that to the ACK, of exchanges ranked by each, added up.
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
