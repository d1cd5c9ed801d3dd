package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// menuLasts is how long a machine that no DHCP packet is heard of keeps the
// menu of its one boot.
const menuLasts = 5 * time.Minute

// Spent is a rule for one boot, and a machine that has had it.
type Spent struct {
	Rule string    `json:"rule"` // Fingerprint
	MAC  ether.MAC `json:"mac"`
}

// Fingerprint names a rule by all that it says: one that was edited is a new
// one, and counts again.
func Fingerprint(r Rule) string {
	b, err := json.Marshal(r.Machine)
	if err != nil {
		panic("machine: a rule is plain text: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Once knows which machines have had their boot of a rule with once. Its
// methods may be called from everywhere.
//
// The boot that uses a rule goes on with it: its questions are repeated, and
// its menu may be read again when somebody comes back from a submenu. The rule
// is spent for the boot after that.
type Once struct {
	max int

	mu      sync.Mutex
	used    map[Spent]*turn
	count   map[string]int // of each rule
	order   []Spent        // as they were used
	changed chan struct{}
}

// turn is the state of one Spent.
type turn struct {
	Use
	menu bool // used by reading a menu, which firmware does not do: its next question is another boot's
	over bool
}

// NewOnce makes one that remembers no more machines of each rule than that.
// MACs are easily invented: a rule that fits many is closed by whoever invents
// so many, and no other rule is.
func NewOnce(most int) *Once {
	return &Once{max: most, used: map[Spent]*turn{}, count: map[string]int{}, changed: make(chan struct{}, 1)}
}

// Asks reports whether a rule is spent for the machine whose firmware asks
// now, with that xid. With the first question of another boot it is.
func (o *Once) Asks(now time.Time, s Spent, xid [4]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	t, ok := o.used[s]
	if !ok {
		return o.full(s.Rule)
	}
	t.over = t.over || t.menu || t.Over(now, xid)
	return t.over
}

// Reads reports whether a rule is spent for the machine that reads its menu.
func (o *Once) Reads(now time.Time, s Spent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	t, ok := o.used[s]
	if !ok {
		return o.full(s.Rule)
	}
	return t.over || now.Sub(t.At) >= menuLasts
}

// full: what cannot be remembered would come again with each boot, and it may
// be what erases a disk. Then it does not come at all.
func (o *Once) full(rule string) bool { return o.count[rule] >= o.max }

// Boots notes that a machine boots by a rule: firmware was told of it.
func (o *Once) Boots(now time.Time, s Spent, xid [4]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t, ok := o.used[s]; ok {
		if !t.menu && !t.over {
			t.Again(now, xid)
		}
		return
	}
	o.use(s, turn{Use: NewUse(now, xid)})
}

// Read notes that a machine has read a rule's menu to its end, and reports
// whether that is news.
func (o *Once) Read(now time.Time, s Spent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.use(s, turn{Use: NewUse(now, [4]byte{}), menu: true})
}

// use adds one that is new, and reports whether it is. The caller holds the
// lock.
func (o *Once) use(s Spent, t turn) bool {
	if !o.add(s, t) {
		return false
	}
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return true
}

func (o *Once) add(s Spent, t turn) bool {
	if _, ok := o.used[s]; ok || o.full(s.Rule) {
		return false
	}
	o.used[s] = &t
	o.count[s.Rule]++
	o.order = append(o.order, s)
	return true
}

// Changed tells that there is something to write down.
func (o *Once) Changed() <-chan struct{} { return o.changed }

// All are the pairs that there are, in the order of their use.
func (o *Once) All() []Spent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.order)
}

// Restore takes up what was written down: boots long over.
func (o *Once) Restore(all []Spent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range all {
		o.add(s, turn{over: true})
	}
}

// Keep makes room where it is scarce: it forgets the rules that are no more.
// While there is room they are kept, for a configuration that comes and goes,
// as when the box starts without its disk, must not make them count again.
// It reports whether each of the rules has room for one more machine.
func (o *Once) Keep(rules map[string]bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.used) >= o.max {
		o.order = slices.DeleteFunc(o.order, func(s Spent) bool {
			if rules[s.Rule] {
				return false
			}
			delete(o.used, s)
			delete(o.count, s.Rule)
			return true
		})
	}
	for rule := range rules {
		if o.full(rule) {
			return false
		}
	}
	return true
}
