package loglimit

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// again bounds how long a kind of line that was logged may be left out: the
// first one after that is always logged.
const again = 10 * time.Minute

// maxKinds bounds the kinds of lines that are counted separately. There are
// about forty.
const maxKinds = 64

// other is the kind of all lines beyond maxKinds.
const other = "other lines"

// budget decides which lines are logged: a burst, then so many per minute. The
// first line of each kind in ten minutes is logged even when the budget is used
// up, so that a flood of one kind does not hide another. Such a line is a debt,
// which must be paid back before others are logged.
type budget struct {
	burst, perMinute float64

	tokens float64
	filled time.Time
	kinds  map[string]*kind
}

type kind struct {
	last time.Time // when last logged
	left int       // lines left out since the last report
}

func newBudget(burst, perMinute float64) *budget {
	return &budget{burst: burst, perMinute: perMinute, tokens: burst, kinds: map[string]*kind{}}
}

// allow reports whether to log a line of a kind, and counts the line if not.
func (b *budget) allow(now time.Time, name string) bool {
	if passed := now.Sub(b.filled); passed > 0 {
		if !b.filled.IsZero() {
			b.tokens = min(b.burst, b.tokens+passed.Minutes()*b.perMinute)
		}
		b.filled = now
	}
	k, known := b.kinds[name]
	if !known {
		k = b.add(now, name)
	}
	if b.tokens < 1 && !k.last.IsZero() && now.Sub(k.last) < again {
		k.left++
		return false
	}
	b.tokens = max(b.tokens-1, -b.burst)
	k.last = now
	return true
}

// add makes room for a kind, or returns the one that covers all others.
func (b *budget) add(now time.Time, name string) *kind {
	if len(b.kinds) >= maxKinds {
		maps.DeleteFunc(b.kinds, func(_ string, k *kind) bool { return k.left == 0 && now.Sub(k.last) >= again })
	}
	if len(b.kinds) >= maxKinds {
		name = other
	}
	k := b.kinds[name]
	if k == nil {
		k = &kind{}
		b.kinds[name] = k
	}
	return k
}

// count is the number of lines of a kind that were left out.
type count struct {
	kind string
	n    int
}

// leftOut returns what was left out since the last call, the highest count
// first.
func (b *budget) leftOut() []count {
	var all []count
	for name, k := range b.kinds {
		if k.left > 0 {
			all = append(all, count{name, k.left})
			k.left = 0
		}
	}
	slices.SortFunc(all, func(a, b count) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.kind, b.kind)) })
	return all
}
