package event

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

const (
	// lookAgain is how often to look for quiet machines, and atOnce how many
	// boots to report each time. The limited log takes ten lines a second.
	lookAgain = time.Second
	atOnce    = 8

	// Twice as many machines as a large site boots at a time, and the events of
	// one machine until a menu waits or a system runs, which are some 25 files:
	// at most 9 MB (see trace.Trace), if a flood invents everything.
	maxMachines = 1024
	maxEvents   = 64
)

// LogBoots logs a line for each boot until ctx ends, and calls ended with its
// verdict if it counts. For each address that was sent a file, it always logs the
// first boot in a while: the number of such addresses is limited. All other lines
// are limited like any line that strangers can cause. whose returns the machine at an address, for a boot
// whose DHCP answers the trace had no room for. It may return the zero MAC.
func LogBoots(
	ctx context.Context, events <-chan trace.Event, whose func(netip.Addr) ether.MAC, ended func(trace.Verdict),
	log *slog.Logger,
) error {
	t := trace.New(maxMachines, maxEvents)
	trusted, lately := loglimit.Trusted(log), lately{}
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	full := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			t.Add(e)
		case now := <-look.C:
			for _, b := range t.Quiet(now, atOnce) {
				if !b.MAC.IsValid() {
					b.MAC = whose(b.Addr)
				}
				v := b.Verdict(now)
				if b.Counts(v) {
					ended(v)
				}
				if b.Served && lately.first(now, b.Addr) {
					trusted.Info("boot", attrs(b, v)...)
				} else {
					log.Info("boot", attrs(b, v)...)
				}
			}
			n := t.LeftOut()
			if n > 0 && !full { // once, until there is room again
				log.Warn("boot: too many machines to trace; some boots will not be summarized", "at_most", maxMachines,
					"events_left_out", n)
			}
			full = n > 0
		}
	}
}

// lately has the addresses whose boot was logged in the last oneBootIn.
type lately map[netip.Addr]time.Time

const (
	oneBootIn = 10 * time.Minute
	maxLately = 4096
)

// first reports whether an address had no boot lately, and notes this one.
func (l lately) first(now time.Time, a netip.Addr) bool {
	if last, ok := l[a]; ok && now.Sub(last) < oneBootIn {
		return false
	}
	if len(l) >= maxLately {
		maps.DeleteFunc(l, func(_ netip.Addr, last time.Time) bool { return now.Sub(last) >= oneBootIn })
	}
	if len(l) >= maxLately {
		return false
	}
	l[a] = now
	return true
}

func attrs(b trace.Boot, v trace.Verdict) []any {
	var a []any
	if b.MAC.IsValid() {
		a = append(a, "mac", b.MAC.String())
	}
	a = append(a, "address", b.Addr, "firmware", b.Firmware, "stage", v.Stage, "finding", v.Finding,
		"verdict", v.Sentence())
	if b.Code != "" {
		a = append(a, "code", b.Code)
	}
	return append(a, "steps", b.Steps(), "bytes", b.Bytes(), "took", b.Took().Round(100*time.Millisecond))
}
