package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// menuLasts is how long a machine keeps the menu of its one boot if no DHCP
// packet arrives from it.
const menuLasts = 5 * time.Minute

// Fingerprint identifies a rule by its whole content: an edited rule is a new
// one, and applies again.
func Fingerprint(r Rule) string {
	b, err := json.Marshal(r.Machine)
	if err != nil {
		panic("clients: encode a rule: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Once records which machines have had their boot by a rule with once. Its
// methods may be called from any goroutine.
//
// The boot that uses a rule keeps using it: its requests are retransmitted, and
// its menu may be read again when the user comes back from a submenu. The rule
// is spent for the next boot, and for the machine's other network ports at
// once: firmware tries the next port when a boot by the first one has failed,
// and that boot may have erased a disk.
//
// A rule is spent for every machine that is, or may be, one that has had its
// boot: see Machine.Same.
type Once struct {
	max int

	mu     sync.Mutex
	closed map[string]bool // rules whose users are not known
	count  map[string]int  // machines per rule
	order  []Spent         // in order of use
	// The same by key: machines with a known GUID by that GUID, and again
	// by their MAC; the others by MAC.
	byGUID, byMAC, unnamed map[Spent]*turn

	withheld chan Withheld
	changed  chan struct{}
}

// turn is the state of one Spent.
type turn struct {
	Use
	mac  ether.MAC // of the machine that used it
	menu bool      // used by reading a menu, which firmware does not do: its next request belongs to another boot
	over bool
	told bool // the rule was withheld from another MAC
}

// Withheld is a rule that does not apply to a machine, because one with another
// MAC and the same GUID has had its boot.
type Withheld struct {
	Spent
	By ether.MAC
}

// NewOnce makes a Once that remembers at most that many machines per rule. MACs
// are easily forged: a host that sends that many can close a rule that matches
// many machines, but no other rule.
func NewOnce(most int) *Once {
	return &Once{
		max: most, closed: map[string]bool{}, count: map[string]int{},
		byGUID: map[Spent]*turn{}, byMAC: map[Spent]*turn{}, unnamed: map[Spent]*turn{},
		withheld: make(chan Withheld, 16), changed: make(chan struct{}, 1),
	}
}

// keys are the keys to look up a machine. byGUID has an empty GUID if the
// machine's is not known, or does not identify one machine.
func (s Spent) keys() (byMAC, byGUID Spent) {
	return Spent{Rule: s.Rule, MAC: s.MAC}, Spent{Rule: s.Rule, GUID: OwnGUID(s.GUID)}
}

// find returns the turns of all machines that may be the one in s, and reports
// whether there are any. The caller holds the lock.
func (o *Once) find(s Spent) (turns []*turn, ok bool) {
	take := func(t *turn) {
		if t != nil {
			turns = append(turns, t)
		}
	}
	byMAC, byGUID := s.keys()
	take(o.unnamed[byMAC])
	if byGUID.GUID != "" {
		take(o.byGUID[byGUID])
	} else {
		take(o.byMAC[byMAC])
	}
	return turns, len(turns) > 0
}

// Asks reports whether a rule is spent for the machine whose firmware sends a
// request now, with that xid. The first request of another boot makes it spent.
func (o *Once) Asks(now time.Time, s Spent, xid [4]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	turns, ok := o.find(s)
	if !ok {
		return o.full(s.Rule)
	}
	spent := false
	for _, t := range turns {
		t.over = t.over || t.menu || t.mac != s.MAC || t.Over(now, xid)
		spent = spent || t.over
		if t.mac != s.MAC && !t.told {
			t.told = true
			select {
			case o.withheld <- Withheld{s, t.mac}:
			default: // the log already has enough of these
			}
		}
	}
	return spent
}

// Reads reports whether a rule is spent for the machine that reads its menu.
func (o *Once) Reads(now time.Time, s Spent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	turns, ok := o.find(s)
	if !ok {
		return o.full(s.Rule)
	}
	return slices.ContainsFunc(turns, func(t *turn) bool {
		return t.over || t.mac != s.MAC || now.Sub(t.At) >= menuLasts
	})
}

// Used reports whether a machine has had its boot by a rule, or has begun it, or
// cannot have another one.
func (o *Once) Used(s Spent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.find(s)
	return ok || o.full(s.Rule)
}

// full reports whether a rule is closed, or has no room for another machine. A
// boot that cannot be recorded would repeat each time, and it may erase a disk.
// So the rule does not apply at all.
func (o *Once) full(rule string) bool { return o.closed[rule] || o.count[rule] >= o.max }

// Boots records that a machine boots by a rule: its firmware was told to.
func (o *Once) Boots(now time.Time, s Spent, xid [4]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	turns, ok := o.find(s)
	for _, t := range turns {
		if !t.menu && !t.over && t.mac == s.MAC {
			t.Again(now, xid)
		}
	}
	if !ok {
		o.use(s, turn{Use: NewUse(now, xid)})
	}
}

// Read records that a machine has read a rule's menu to its end, and reports
// whether that is new.
func (o *Once) Read(now time.Time, s Spent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.use(s, turn{Use: NewUse(now, [4]byte{}), menu: true})
}

// use adds an entry if it is new, and reports whether it is. The caller holds
// the lock.
func (o *Once) use(s Spent, t turn) bool {
	if _, ok := o.find(s); ok || !o.add(s, t) {
		return false
	}
	o.tell()
	return true
}

func (o *Once) tell() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

func (o *Once) add(s Spent, t turn) bool {
	if o.count[s.Rule] >= o.max {
		return false
	}
	byMAC, byGUID := s.keys()
	named := byGUID.GUID != ""
	if o.byGUID[byGUID] != nil || !named && o.unnamed[byMAC] != nil {
		return false
	}
	t.mac = s.MAC
	switch {
	case !named:
		o.unnamed[byMAC] = &t
	case o.byMAC[byMAC] != nil:
		o.byGUID[byGUID] = &t
		// A packet without a GUID may be from any of the machines with
		// this MAC.
		o.byMAC[byMAC] = &turn{mac: s.MAC, over: true}
	default:
		o.byGUID[byGUID], o.byMAC[byMAC] = &t, &t
	}
	o.count[s.Rule]++
	o.order = append(o.order, s)
	return true
}

// Withheld reports rules that are withheld from firmware that sends a request,
// once for each machine that has had its boot. An administrator may need to
// know: a batch of machines that share a GUID looks like one machine with many
// network ports.
func (o *Once) Withheld() <-chan Withheld { return o.withheld }

// Changed signals that there is something to save.
func (o *Once) Changed() <-chan struct{} { return o.changed }

// All returns all entries, in order of use.
func (o *Once) All() []Spent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.order)
}

// Restore loads what was saved: boots that ended long ago, and the closed
// rules.
func (o *Once) Restore(all []Spent, closed []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range all {
		o.add(s, turn{over: true})
	}
	for _, rule := range closed {
		o.closed[rule] = true
	}
}

// Close makes a rule apply to no machine: the record of the machines that have
// used it was lost, and another boot may erase a disk.
func (o *Once) Close(rule string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed[rule] = true
	o.tell()
}

// Closed returns the rules that apply to no machine.
func (o *Once) Closed() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.closed))
}

// Keep frees memory when it is scarce: it forgets the rules that no longer
// exist. As long as there is room it keeps them: when a configuration
// disappears for a while, for example because the box starts without its disk,
// its rules must not apply again. It reports whether each of the rules has room
// for one more machine.
func (o *Once) Keep(rules map[string]bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.order)+len(o.closed) >= o.max {
		o.order = slices.DeleteFunc(o.order, func(s Spent) bool { return !rules[s.Rule] })
		for _, m := range []map[Spent]*turn{o.byGUID, o.byMAC, o.unnamed} {
			maps.DeleteFunc(m, func(s Spent, _ *turn) bool { return !rules[s.Rule] })
		}
		maps.DeleteFunc(o.count, func(rule string, _ int) bool { return !rules[rule] })
		maps.DeleteFunc(o.closed, func(rule string, _ bool) bool { return !rules[rule] })
	}
	for rule := range rules {
		if o.count[rule] >= o.max {
			return false
		}
	}
	return true
}
