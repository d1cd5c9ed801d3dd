package handoff

import (
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Lasts is how long a machine that asked to be handed over may take to its
// next boot. A server with much memory and many cards tests itself for two or
// three minutes.
const Lasts = 5 * time.Minute

// Table holds the machines that have asked to be handed over at their next
// boot. Its methods may be called from everywhere.
type Table struct {
	max int

	mu      sync.Mutex
	byMAC   map[ether.MAC]*Ticket
	changed chan struct{}
}

// Ticket is what a machine has asked for. It is good for one boot.
type Ticket struct {
	MAC   ether.MAC
	Entry string
	Ends  time.Time
	Used  bool
	Use   clients.Use // where it is Used
}

// NewTable makes a table of no more machines than that.
func NewTable(most int) *Table {
	return &Table{max: most, byMAC: map[ether.MAC]*Ticket{}, changed: make(chan struct{}, 1)}
}

// Arm has a machine's next boot go where the entry leads. It reports false
// where too many machines are on their way already.
func (t *Table) Arm(now time.Time, mac ether.MAC, entry string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byMAC[mac]; !ok && len(t.byMAC) >= t.max {
		for mac, x := range t.byMAC {
			if !now.Before(x.Ends) {
				delete(t.byMAC, mac)
			}
		}
		if len(t.byMAC) >= t.max {
			return false
		}
	}
	t.byMAC[mac] = &Ticket{MAC: mac, Entry: entry, Ends: now.Add(Lasts)}
	t.tell()
	return true
}

// Answer is the entry whose server firmware that asks now, with that xid, is
// to be answered with. It is so until the next boot after the one that used
// it, and no longer than Lasts.
func (t *Table) Answer(now time.Time, mac ether.MAC, xid [4]byte) (entry string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.byMAC[mac]
	if !ok {
		return "", false
	}
	if !now.Before(x.Ends) || x.Used && x.Use.Over(now, xid) {
		delete(t.byMAC, mac)
		return "", false
	}
	return x.Entry, true
}

// Used notes that the machine is on its way: it has taken the answer.
func (t *Table) Used(now time.Time, mac ether.MAC, xid [4]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.byMAC[mac]
	if !ok {
		return
	}
	if x.Used {
		x.Use.Again(now, xid)
	} else {
		x.Used, x.Use = true, clients.NewUse(now, xid)
	}
	t.tell()
}

func (t *Table) tell() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Changed tells that there is something to write down.
func (t *Table) Changed() <-chan struct{} { return t.changed }

// All are the tickets that may still count, in no order.
func (t *Table) All(now time.Time) []Ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Ticket
	for _, x := range t.byMAC {
		if now.Before(x.Ends) {
			all = append(all, *x)
		}
	}
	return all
}

// Restore takes up what was written down. Its times are the wall clock's, which
// may have been set since: whatever they say, no ticket is good for longer than
// Lasts from now, and none was used later than now.
func (t *Table) Restore(now time.Time, all []Ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	atMost := func(at time.Time, d time.Duration) time.Time { return now.Add(min(at.Sub(now), d)) }
	for _, x := range all {
		x.Ends = atMost(x.Ends, Lasts)
		x.Use.At, x.Use.Last = atMost(x.Use.At, 0), atMost(x.Use.Last, 0)
		if now.Before(x.Ends) && len(t.byMAC) < t.max {
			t.byMAC[x.MAC] = &x
		}
	}
}
