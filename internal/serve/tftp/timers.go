package tftp

import (
	"container/heap"
	"time"
)

// timers orders the sessions by when each is checked. Most deadlines only move
// later, a little with each packet. Such a session stays in its place and is
// rescheduled when its turn comes, so that a packet costs no reordering.
type timers []*session

// set makes sure that s is checked by its deadline.
func (h *timers) set(s *session) {
	switch {
	case s.index < 0:
		s.wake = s.deadline
		heap.Push(h, s)
	case s.deadline.Before(s.wake):
		s.wake = s.deadline
		heap.Fix(h, s.index)
	}
}

func (h *timers) remove(s *session) {
	if s.index >= 0 {
		heap.Remove(h, s.index)
	}
}

// next returns when the first session is checked, or zero if there is none.
func (h timers) next() time.Time {
	if len(h) == 0 {
		return time.Time{}
	}
	return h[0].wake
}

// due returns a session whose deadline has passed, or nil. The caller must set
// a new deadline before the next call.
func (h *timers) due(now time.Time) *session {
	for len(*h) > 0 && !(*h)[0].wake.After(now) {
		s := (*h)[0]
		if !s.deadline.After(now) {
			return s
		}
		s.wake = s.deadline
		heap.Fix(h, 0)
	}
	return nil
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].wake.Before(h[j].wake) }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timers) Push(x any) {
	s := x.(*session)
	s.index = len(*h)
	*h = append(*h, s)
}
func (h *timers) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	s.index = -1
	return s
}
