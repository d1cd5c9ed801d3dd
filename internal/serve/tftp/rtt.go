package tftp

import "time"

const (
	// The retransmission timer starts at initialRTO and then follows the
	// measured round trips (RFC 1123 §4.2.3.1 asks for an adaptive time-out,
	// RFC 6298 defines it). Below minRTO a busy machine sends needless repeats,
	// and the Raspberry Pi 4's boot ROM mishandles duplicates.
	initialRTO = time.Second
	minRTO     = 100 * time.Millisecond
	maxRTO     = 4 * time.Second
	// minProbe is the shortest silence before a probe.
	minProbe = 20 * time.Millisecond
)

// rttEstimate holds the smoothed round-trip time and its variation (RFC 6298),
// and the shortest round trip seen.
type rttEstimate struct{ smoothed, variation, shortest time.Duration }

func (e *rttEstimate) observe(rtt time.Duration) {
	rtt = max(rtt, 1)
	if e.smoothed == 0 {
		e.smoothed, e.variation, e.shortest = rtt, rtt/2, rtt
		return
	}
	e.variation += ((e.smoothed - rtt).Abs() - e.variation) / 4
	e.smoothed += (rtt - e.smoothed) / 8
	e.shortest = min(e.shortest, rtt)
}

func (e *rttEstimate) timeout() time.Duration {
	if e.smoothed == 0 {
		return initialRTO
	}
	return max(e.smoothed+4*e.variation, minRTO)
}

// probe returns how long to wait before a probe. RFC 8985 §7.2 uses two round
// trips.
func (e *rttEstimate) probe() time.Duration {
	return max(2*e.smoothed, e.smoothed+4*e.variation, minProbe)
}

// typical returns the smoothed round trip, or that of a wireless link before
// the first measurement.
func (e *rttEstimate) typical() time.Duration {
	if e.smoothed == 0 {
		return 5 * time.Millisecond
	}
	return e.smoothed
}
