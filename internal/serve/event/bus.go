package event

import (
	"sync"
	"sync/atomic"
)

// queue is how many events wait for one subscriber. At ten thousand answers a
// second it may be away for a tenth of one.
const queue = 1024

// Bus carries events from every server to every subscriber. The zero Bus has
// no subscribers.
type Bus struct {
	mu          sync.Mutex                   // of Subscribe
	subscribers atomic.Pointer[[]chan Event] // what Publish reads is never changed
	dropped     atomic.Uint64
}

// Subscribe returns the events that are published from now on. There is no
// end to a subscription: subscribers live as long as the program.
func (b *Bus) Subscribe() <-chan Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []chan Event
	if old := b.subscribers.Load(); old != nil {
		all = append(all, *old...)
	}
	c := make(chan Event, queue)
	all = append(all, c)
	b.subscribers.Store(&all)
	return c
}

// Publish hands e to each subscriber that has room for it, and never waits: a
// machine's boot is worth more than the tale of it.
func (b *Bus) Publish(e Event) {
	all := b.subscribers.Load()
	if all == nil {
		return
	}
	for _, c := range *all {
		select {
		case c <- e:
		default:
			b.dropped.Add(1)
		}
	}
}

// Dropped is how many events a subscriber had no room for.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }
