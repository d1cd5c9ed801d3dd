// Package event carries what the servers report to those who follow it: the log,
// the metrics and the page. No server waits for a subscriber.
package event

import (
	"sync"
	"sync/atomic"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// queue is how many events may wait for one subscriber. At ten thousand answers
// a second, that is a tenth of a second.
const queue = 1024

// Bus carries events from every server to every subscriber. The zero Bus has
// no subscribers.
type Bus struct {
	mu          sync.Mutex                   // serializes Follow
	subscribers atomic.Pointer[[]subscriber] // the slice that Publish reads is never modified
	dropped     atomic.Uint64
}

type subscriber struct {
	events  chan trace.Event
	dropped *atomic.Uint64
}

// Subscribe returns the events that are published from now on. A subscription
// has no end: subscribers live as long as the program.
func (b *Bus) Subscribe() <-chan trace.Event {
	events, _ := b.Follow()
	return events
}

// Follow is Subscribe. The function returns how many events this subscriber had
// no room for.
func (b *Bus) Follow() (events <-chan trace.Event, dropped func() uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []subscriber
	if old := b.subscribers.Load(); old != nil {
		all = append(all, *old...)
	}
	s := subscriber{make(chan trace.Event, queue), new(atomic.Uint64)}
	all = append(all, s)
	b.subscribers.Store(&all)
	return s.events, s.dropped.Load
}

// Publish hands e to each subscriber that has room for it. It never blocks,
// because a machine's boot matters more than the report about it.
func (b *Bus) Publish(e trace.Event) {
	all := b.subscribers.Load()
	if all == nil {
		return
	}
	for _, s := range *all {
		select {
		case s.events <- e:
		default:
			s.dropped.Add(1)
			b.dropped.Add(1)
		}
	}
}

// Dropped returns how many events were lost because a subscriber had no room.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }
