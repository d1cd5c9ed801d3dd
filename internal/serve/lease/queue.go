package lease

import (
	"container/heap"
	"time"
)

// queue is a heap of slots by time, the earliest on top; among equals, the one
// that comes first in the ranges.
type queue []*slot

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].rank < q[j].rank
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	s := x.(*slot)
	s.place = len(*q)
	*q = append(*q, s)
}

func (q *queue) Pop() any {
	old := *q
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return s
}

// queueOf returns the queue for a slot in its present state; nil if none.
func (p *Pool) queueOf(s *slot) *queue {
	switch {
	case s.state == offered && !s.reserved:
		return &p.offers
	case s.state == declined && !s.found.IsZero() && s.inPool():
		return &p.rests
	case s.state != free:
		return &p.ends
	case s.inPool():
		return &p.idle
	}
	return nil
}

// move puts a slot into a state, and into the queue for it by the given time.
func (p *Pool) move(s *slot, st state, at time.Time) {
	if s.state == leased {
		p.leases--
	}
	if st == leased {
		p.leases++
	}
	s.state, s.at = st, at
	p.index(s)
	q := p.queueOf(s)
	switch {
	case q == s.queue && q != nil:
		heap.Fix(q, s.place)
		return
	case s.queue != nil:
		heap.Remove(s.queue, s.place)
	}
	if s.queue = q; q != nil {
		heap.Push(q, s)
	}
}

// index updates byHW for a slot.
func (p *Pool) index(s *slot) {
	hw := ""
	if s.state == leased {
		hw = s.last.HW
	}
	if hw == s.hw {
		return
	}
	if s.hw != "" {
		delete(p.byHW[s.hw], s)
		if len(p.byHW[s.hw]) == 0 {
			delete(p.byHW, s.hw)
		}
	}
	if s.hw = hw; hw != "" {
		if p.byHW[hw] == nil {
			p.byHW[hw] = map[*slot]bool{}
		}
		p.byHW[hw][s] = true
	}
}

// append puts a slot at the end of its queue, to be sorted by heap.Init.
func (p *Pool) append(s *slot) {
	if s.queue = p.queueOf(s); s.queue != nil {
		s.queue.Push(s)
	}
}
