// Package jitter spreads out what many boxes or machines would do at the same
// moment, for example after a power cut.
package jitter

import (
	"math/rand/v2"
	"time"
)

// Tenth returns d, plus or minus up to a tenth of it.
func Tenth(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
