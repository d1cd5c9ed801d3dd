package loglimit

import (
	"sync"
	"time"
)

// Once keeps a line about the same thing from being logged again and again.
// Strangers may choose what the thing is, so Once bounds both the number of
// lines and the memory. Its methods may be called from any goroutine.
type Once[K comparable] struct {
	Most  int           // things logged in each span of Again; at least one
	Again time.Duration // after this, a thing may be logged again

	mu     sync.Mutex
	logged map[K]time.Time
	full   time.Time // until then, none of the Most things is old enough to make room
}

// First reports whether to log a thing: neither it nor Most others were logged
// within Again.
func (o *Once[K]) First(now time.Time, thing K) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, ok := o.logged[thing]; ok && now.Sub(last) < o.Again {
		return false
	}
	if len(o.logged) >= max(o.Most, 1) && !o.makeRoom(now) {
		return false
	}
	if o.logged == nil {
		o.logged = map[K]time.Time{}
	}
	o.logged[thing] = now
	return true
}

// makeRoom forgets what is older than Again. In a flood it does not check every
// thing for every packet: it remembers when the oldest one expires.
func (o *Once[K]) makeRoom(now time.Time) bool {
	if now.Before(o.full) {
		return false
	}
	oldest := now
	for k, last := range o.logged {
		switch {
		case now.Sub(last) >= o.Again:
			delete(o.logged, k)
		case last.Before(oldest):
			oldest = last
		}
	}
	if len(o.logged) < max(o.Most, 1) {
		return true
	}
	o.full = oldest.Add(o.Again)
	return false
}
