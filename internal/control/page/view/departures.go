package view

import (
	"slices"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// departureKeys are the texts about an answer that differs from the usual one, by
// the reason.
var departureKeys = map[string]string{
	trace.WhyNotAsked:   "departure.not-asked",
	trace.WhyNotStarted: "departure.not-started",
	trace.WhyCameBack:   "departure.came-back",
}

// departures returns how the answers to a boot differed from the usual ones, and
// because of what. Each is there once.
func (c catalog) departures(events []trace.Event) (all []string) {
	for _, e := range events {
		if e.What != trace.Adapted {
			continue
		}
		key, ok := departureKeys[e.Why]
		text := c.text("departure.other", e.Why, e.File)
		if ok {
			text = c.text(key, e.File)
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}
