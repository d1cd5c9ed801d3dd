package loglimit

import (
	"sync"
	"time"
)

// Once keeps a line about the same thing from coming again and again. What the
// thing is, strangers may choose, so the number of lines is bounded as well as
// the memory. Its methods may be called from everywhere.
type Once[K comparable] struct {
	Most  int           // things logged in each span of Again; at least one
	Again time.Duration // after which a thing is news again

	mu     sync.Mutex
	logged map[K]time.Time
	full   time.Time // until then none of Most things is old enough to make room
}

// First reports whether a thing is to be logged: it was not within Again, and
// Most others were not either.
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

// makeRoom forgets what is older than Again. In a flood it does not look at
// every thing for every packet: it remembers when the oldest will be that old.
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
