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

// menuLasts is how long a machine that no DHCP packet is heard of keeps the
// menu of its one boot.
const menuLasts = 5 * time.Minute

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
// is spent for the boot after that, and for the machine's other network ports
// at once: firmware goes on to the next port when a boot by the first one has
// failed, and the first one may have erased a disk.
//
// A rule is spent for every machine that is, or may be, one that has had its
// boot: see Machine.Same.
type Once struct {
	max int

	mu     sync.Mutex
	closed map[string]bool // rules of which it is not known who has used them
	count  map[string]int  // machines of each rule
	order  []Spent         // as they were used
	// The same by their keys: machines whose GUID is known by it, and again by
	// the MAC that each had; the others by MAC.
	byGUID, byMAC, unnamed map[Spent]*turn

	withheld chan Withheld
	changed  chan struct{}
}

// turn is the state of one Spent.
type turn struct {
	Use
	mac  ether.MAC // that used it
	menu bool      // used by reading a menu, which firmware does not do: its next question is another boot's
	over bool
	told bool // it was withheld from another MAC
}

// Withheld is a rule that does not count for a machine, because one with another
// MAC and the same GUID has had its boot.
type Withheld struct {
	Spent
	By ether.MAC
}

// NewOnce makes one that remembers no more machines of each rule than that.
// MACs are easily invented: a rule that fits many is closed by whoever invents
// so many, and no other rule is.
func NewOnce(most int) *Once {
	return &Once{
		max: most, closed: map[string]bool{}, count: map[string]int{},
		byGUID: map[Spent]*turn{}, byMAC: map[Spent]*turn{}, unnamed: map[Spent]*turn{},
		withheld: make(chan Withheld, 16), changed: make(chan struct{}, 1),
	}
}

// keys are by what a machine is found. That by GUID has none where the GUID is
// not known, or is no machine's alone.
func (s Spent) keys() (byMAC, byGUID Spent) {
	return Spent{Rule: s.Rule, MAC: s.MAC}, Spent{Rule: s.Rule, GUID: ownGUID(s.GUID)}
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

// Asks reports whether a rule is spent for the machine whose firmware asks
// now, with that xid. With the first question of another boot it is.
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
			default: // a log of so many says enough
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

// full: what cannot be remembered would come again with each boot, and it may
// be what erases a disk. Then it does not come at all.
func (o *Once) full(rule string) bool { return o.closed[rule] || o.count[rule] >= o.max }

// Boots notes that a machine boots by a rule: firmware was told of it.
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
		// Which of the machines with this MAC a packet without a GUID is from
		// cannot be known.
		o.byMAC[byMAC] = &turn{mac: s.MAC, over: true}
	default:
		o.byGUID[byGUID], o.byMAC[byMAC] = &t, &t
	}
	o.count[s.Rule]++
	o.order = append(o.order, s)
	return true
}

// Withheld tells of rules that are withheld from firmware that asks, once for
// each machine that has had its boot. An administrator may have to know: a batch
// of machines with one GUID looks like one with many network ports.
func (o *Once) Withheld() <-chan Withheld { return o.withheld }

// Changed tells that there is something to write down.
func (o *Once) Changed() <-chan struct{} { return o.changed }

// All are the pairs that there are, in the order of their use.
func (o *Once) All() []Spent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.order)
}

// Restore takes up what was written down: boots long over, and the rules that
// were closed.
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

// Close has a rule count for no machine: what is known of who has used it was
// lost, and one more boot may be what erases a disk.
func (o *Once) Close(rule string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed[rule] = true
	o.tell()
}

// Closed are the rules that count for no machine.
func (o *Once) Closed() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.closed))
}

// Keep makes room where it is scarce: it forgets the rules that are no more.
// While there is room they are kept, for a configuration that comes and goes,
// as when the box starts without its disk, must not make them count again.
// It reports whether each of the rules has room for one more machine.
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
