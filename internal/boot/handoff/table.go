package handoff

import (
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Lifetime is how long a machine that asked to be handed over may take until its
// next boot. A server with much memory and many cards tests itself for two or
// three minutes.
const Lifetime = 5 * time.Minute

// Table holds the machines that have asked to be handed over at their next
// boot. Its methods may be called from any goroutine.
type Table struct {
	max int

	mu      sync.Mutex
	byMAC   map[ether.MAC]*Ticket
	changed chan struct{}
}

// Ticket is what a machine has asked for. It is good for one boot of that
// machine, on the network port that it asked with. A GUID is only a packet's
// claim. So a different GUID denies the ticket to another machine that now has
// the MAC, for example behind a USB adapter, but a matching GUID does not give
// the ticket to another MAC.
type Ticket struct {
	MAC   ether.MAC
	GUID  string `json:",omitempty"` // empty if it is not known
	Entry string
	Ends  time.Time
	Used  bool
	Use   clients.Use // valid if Used
}

// NewTable makes a table with at most that many machines.
func NewTable(most int) *Table {
	return &Table{max: most, byMAC: map[ether.MAC]*Ticket{}, changed: make(chan struct{}, 1)}
}

// Arm sends a machine's next boot where the entry leads. It returns false if
// too many machines are already on their way.
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
	t.byMAC[m.MAC] = &Ticket{MAC: m.MAC, GUID: m.GUID, Entry: entry, Ends: now.Add(Lifetime)}
	t.tell()
	return true
}

// Answer returns the entry whose server must be the answer to firmware that
// sends a request now, with that xid. The ticket lasts until the boot after the
// one that used it, and no longer than Lifetime.
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

// Used records that the machine is on its way: it has accepted the answer.
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

// of returns the ticket of a machine. The caller holds the lock.
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

// Changed signals that there is something to save.
func (t *Table) Changed() <-chan struct{} { return t.changed }

// All returns the tickets that may still apply, in no particular order.
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

// Restore loads what was saved. Its times are wall clock times, and the clock
// may have been set since. So whatever they say, no ticket lasts longer than
// Lifetime from now, and none was used later than now.
func (t *Table) Restore(now time.Time, all []Ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	atMost := func(at time.Time, d time.Duration) time.Time { return now.Add(min(at.Sub(now), d)) }
	for _, x := range all {
		x.Ends = atMost(x.Ends, Lifetime)
		x.Use.At, x.Use.Last = atMost(x.Use.At, 0), atMost(x.Use.Last, 0)
		if now.Before(x.Ends) && len(t.byMAC) < t.max {
			t.byMAC[x.MAC] = &x
		}
	}
}
