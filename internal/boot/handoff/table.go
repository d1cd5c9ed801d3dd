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

// Ticket is what a machine has asked for. It is good for one boot of that
// machine, by the network port with which it asked: a GUID is a packet's own
// word, so it takes the ticket from another machine that has the MAC by now, as
// behind a USB adapter, and gives none to another MAC.
type Ticket struct {
	MAC   ether.MAC
	GUID  string `json:",omitempty"` // empty where it is not known
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
func (t *Table) Arm(now time.Time, m clients.Machine, entry string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byMAC[m.MAC]; !ok && len(t.byMAC) >= t.max {
		for mac, x := range t.byMAC {
			if !now.Before(x.Ends) {
				delete(t.byMAC, mac)
			}
		}
		if len(t.byMAC) >= t.max {
			return false
		}
	}
	t.byMAC[m.MAC] = &Ticket{MAC: m.MAC, GUID: m.GUID, Entry: entry, Ends: now.Add(Lasts)}
	t.tell()
	return true
}

// Answer is the entry whose server firmware that asks now, with that xid, is
// to be answered with. It is so until the next boot after the one that used
// it, and no longer than Lasts.
func (t *Table) Answer(now time.Time, m clients.Machine, xid [4]byte) (entry string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.of(m)
	if !ok {
		return "", false
	}
	if !now.Before(x.Ends) || x.Used && x.Use.Over(now, xid) {
		delete(t.byMAC, m.MAC)
		return "", false
	}
	return x.Entry, true
}

// Used notes that the machine is on its way: it has taken the answer.
func (t *Table) Used(now time.Time, m clients.Machine, xid [4]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.of(m)
	if !ok {
		return
	}
	if x.GUID == "" {
		x.GUID = m.GUID
	}
	if x.Used {
		x.Use.Again(now, xid)
	} else {
		x.Used, x.Use = true, clients.NewUse(now, xid)
	}
	t.tell()
}

// of is the ticket of a machine. The caller holds the lock.
func (t *Table) of(m clients.Machine) (*Ticket, bool) {
	x, ok := t.byMAC[m.MAC]
	if !ok || !m.Same(clients.Machine{MAC: x.MAC, GUID: x.GUID}) {
		return nil, false
	}
	return x, true
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
