package trace

import (
	"container/list"
	"iter"
)

// Running returns the boots that Quiet has not returned yet. They share their
// Events with the Trace, which must not change meanwhile.
func (t *Trace) Running() iter.Seq[Boot] {
	return func(yield func(Boot) bool) {
		for _, l := range []*list.List{&t.served, &t.claimed} {
			for p := l.Front(); p != nil; p = p.Next() {
				if b := p.Value.(*machine).boot; b.isBoot() && !yield(b) {
					return
				}
			}
		}
	}
}
