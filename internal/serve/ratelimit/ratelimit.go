// Package ratelimit decides which packets of a flood are still answered. It has
// a token bucket for each hardware address, and one for all discovers together.
// It is pure: it takes the time as an argument. Its memory does not grow,
// whatever addresses an attacker invents.
package ratelimit

import (
	"hash/maphash"
	"time"
)

const (
	// A client asks once or twice a second while it boots, through three
	// programs in a row. 20 at once and 5 a second leave room for all of them.
	clientBurst = 20
	clientRate  = 5 // a second

	// discoverRate is far above a site's peak, and low enough to leave a small
	// machine time for its other work.
	discoverRate  = 100_000 // a second
	discoverBurst = discoverRate / 4

	// buckets is how many hardware addresses are distinguished. Two addresses
	// that share a bucket share its tokens: at 10,000 invented addresses a
	// second, a real client shares its bucket with one of them every six
	// seconds.
	buckets = 1 << 16
)

// bucket is a token bucket in 16 bytes.
type bucket struct {
	tokens float64
	filled time.Duration // since the Limiter's start
}

func (b *bucket) take(now time.Duration, rate, burst float64) bool {
	b.tokens = min(burst, b.tokens+rate*(now-b.filled).Seconds())
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// Limiter holds the token buckets. One goroutine owns it.
type Limiter struct {
	start     time.Time
	seed      maphash.Seed // random: an attacker cannot choose addresses that share a bucket
	clients   []bucket
	discovers bucket
}

// New returns a Limiter with full buckets. now is the monotonic time.
func New(now time.Time) *Limiter {
	l := &Limiter{start: now, seed: maphash.MakeSeed(), clients: make([]bucket, buckets)}
	for i := range l.clients {
		l.clients[i].tokens = clientBurst
	}
	l.discovers.tokens = discoverBurst
	return l
}

// Allow reports whether to process a packet of the hardware address, and takes
// its token. Discovers are also counted together: an attacker can invent them,
// while any other message only affects the machine whose lease it names.
func (l *Limiter) Allow(now time.Time, hw []byte, discover bool) bool {
	at := now.Sub(l.start)
	if !l.clients[maphash.Bytes(l.seed, hw)%buckets].take(at, clientRate, clientBurst) {
		return false
	}
	return !discover || l.discovers.take(at, discoverRate, discoverBurst)
}
