// Package jitter spreads what many boxes or machines would do at the same moment,
// such as after a power cut.
package jitter

import (
	"math/rand/v2"
	"time"
)

// Tenth returns d, give or take up to a tenth of it.
func Tenth(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}
