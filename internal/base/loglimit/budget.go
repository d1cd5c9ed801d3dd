package loglimit

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// again is how long a kind of line that was logged may be left out: the first one
// after that is always logged.
const again = 10 * time.Minute

// maxKinds bounds the kinds of lines that are told apart. There are some forty.
const maxKinds = 64

// other is the kind of all lines above maxKinds.
const other = "other lines"

// budget says which lines are logged: so many at once, so many a minute, and of
// each kind the first in ten minutes even when nothing is left, so that a flood of
// one kind does not hide another. Such a line is a debt, which has to be paid back
// before others are logged.
type budget struct {
	burst, perMinute float64

	tokens float64
	filled time.Time
	kinds  map[string]*kind
}

type kind struct {
	last time.Time // logged
	left int       // out, since they were last reported
}

func newBudget(burst, perMinute float64) *budget {
	return &budget{burst: burst, perMinute: perMinute, tokens: burst, kinds: map[string]*kind{}}
}

// allow reports whether to log a line of a kind, and counts it if not.
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

// add makes room for a kind, or returns the one that stands for all others.
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

// count is how many lines of a kind were left out.
type count struct {
	kind string
	n    int
}

// leftOut returns what was left out since it was last asked, the most first.
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
