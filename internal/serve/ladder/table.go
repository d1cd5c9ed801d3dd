package ladder

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Record is what is known about one machine, on one network port. A GUID is only
// a packet's claim. So a different GUID denies the record to another machine that
// now has the MAC, for example behind a USB adapter, but a matching GUID does not
// give it to another MAC.
type Record struct {
	MAC      ether.MAC
	GUID     string `json:",omitempty"` // empty if it is not known
	Last     time.Time
	Asks     Asks     `json:",omitzero"`
	Shim     Shim     `json:",omitzero"`
	Programs Programs `json:",omitzero"`

	took, loaded netip.Addr // the keys of the record in the table's maps
}

func (r *Record) machine() clients.Machine { return clients.Machine{MAC: r.MAC, GUID: r.GUID} }

// Table holds the records. Its methods may be called from any goroutine. A nil
// Table remembers nothing and changes no answer.
type Table struct {
	max int

	mu    sync.Mutex
	byMAC map[ether.MAC]*list.Element
	order list.List // of *Record, most recently used first
	// took has the machines by the address that they took, which any packet can
	// claim; loaded has those that loaded shim, by the address that it was sent
	// to.
	took, loaded map[netip.Addr]*Record
	changed      chan struct{}
}

// New makes a table of at most that many machines. When it is full, it evicts
// the least recently used one: DHCP packets are easily forged.
func New(most int) *Table {
	return &Table{
		max: most, byMAC: map[ether.MAC]*list.Element{}, took: map[netip.Addr]*Record{},
		loaded: map[netip.Addr]*Record{}, changed: make(chan struct{}, 1),
	}
}

// Discover notes a DISCOVER of a machine's firmware, which begins a boot, and
// returns the rungs that the machine is on.
func (t *Table) Discover(now time.Time, m clients.Machine) Rungs {
	if t == nil {
		return Rungs{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.find(m)
	if r == nil {
		return Rungs{}
	}
	before := *r
	r.Asks.discover(now, m.Firmware)
	r.Shim.discover(now)
	if all := r.Programs.discover(now, m.Firmware); all && r.Shim.Copy == 0 && since(now, r.Shim.On) {
		r.Shim = Shim{Failed: now}
	}
	t.noteChange(before, *r)
	return r.rungs(now, m.Firmware)
}

// Rungs returns the rungs that a machine is on, for a packet that continues a
// boot.
func (t *Table) Rungs(now time.Time, m clients.Machine) Rungs {
	if t == nil {
		return Rungs{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.find(m); r != nil {
		return r.rungs(now, m.Firmware)
	}
	return Rungs{}
}

func (r *Record) rungs(now time.Time, by firmware.Kind) Rungs {
	out := Rungs{
		Firm:     since(now, r.Asks.On) && r.Asks.Firmware == by,
		Fallback: since(now, r.Shim.On) && r.Shim.Copy == 0,
	}
	if since(now, r.Shim.On) {
		out.Copy = r.Shim.Copy
	}
	if since(now, r.Programs.Last) {
		out.entry, out.firmware, out.program = r.Programs.Entry, r.Programs.Firmware, r.Programs.Program
	}
	return out
}

// Took notes that a machine that boots from the box took an address, after an
// offer of the box.
func (t *Table) Took(now time.Time, m clients.Machine, a netip.Addr) {
	t.change(now, m, func(r *Record) {
		r.Asks.took(now, m.Firmware)
		move(t.took, r, &r.took, a)
	})
}

// Asked notes a question of a machine's firmware on port 4011.
func (t *Table) Asked(now time.Time, m clients.Machine) {
	t.change(now, m, func(r *Record) { r.Asks.asked(now, m.Firmware) })
}

// Elsewhere notes that another server told a machine what to boot, so that it has
// no reason to ask the box.
func (t *Table) Elsewhere(mac ether.MAC) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.byMAC[mac]; ok {
		r := e.Value.(*Record)
		before := *r
		r.Asks = r.Asks.kept()
		t.noteChange(before, *r)
	}
}

// HandedOver notes that a machine was sent to a server.
func (t *Table) HandedOver(now time.Time, m clients.Machine, to Server) {
	t.change(now, m, func(r *Record) { r.Programs.handedOver(now, to, m.Firmware) })
}

// Loaded notes that a machine has received the whole of shim. The caller is sure
// that it is that machine's address.
func (t *Table) Loaded(now time.Time, m clients.Machine, a netip.Addr, c Copy) {
	t.change(now, m, func(r *Record) {
		r.Shim.loaded(now, c)
		move(t.loaded, r, &r.loaded, a)
	})
}

// LoadedProgram is the same for a program of the box that firmware starts.
func (t *Table) LoadedProgram(now time.Time, m clients.Machine, a netip.Addr) {
	t.change(now, m, func(r *Record) {
		r.Programs.Sent = now
		move(t.loaded, r, &r.loaded, a)
	})
}

// Requested notes that a file is requested from an address. first says that it
// is a file that firmware itself loads; any other one shows that this runs.
func (t *Table) Requested(now time.Time, a netip.Addr, first bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.took[a]; r != nil {
		before := *r
		r.Asks.requested(now)
		t.noteChange(before, *r)
	}
	if r := t.loaded[a]; r != nil && !first {
		before := *r
		r.Shim.runs(now, r.Programs.Last.After(r.Shim.Last))
		r.Programs.runs()
		move(t.loaded, r, &r.loaded, netip.Addr{})
		t.noteChange(before, *r)
	}
}

// change changes the record of a machine, which it adds if need be.
func (t *Table) change(now time.Time, m clients.Machine, how func(*Record)) {
	if t == nil || !m.MAC.IsValid() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.find(m)
	if r == nil {
		r = t.add(m)
	}
	before := *r
	if r.GUID == "" {
		r.GUID = m.GUID
	}
	r.Last = now
	t.order.MoveToFront(t.byMAC[m.MAC])
	how(r)
	t.noteChange(before, *r)
}

// find returns a machine's record; nil if there is none. The caller holds the
// lock.
func (t *Table) find(m clients.Machine) *Record {
	e, ok := t.byMAC[m.MAC]
	if !ok || !m.Same(e.Value.(*Record).machine()) {
		return nil
	}
	return e.Value.(*Record)
}

// add adds a record, which replaces that of another machine with the same MAC.
func (t *Table) add(m clients.Machine) *Record {
	if e, ok := t.byMAC[m.MAC]; ok {
		t.forget(e)
	} else if t.order.Len() >= t.max {
		t.forget(t.order.Back())
	}
	r := &Record{MAC: m.MAC, GUID: m.GUID}
	t.byMAC[m.MAC] = t.order.PushFront(r)
	return r
}

func (t *Table) forget(e *list.Element) {
	r := t.order.Remove(e).(*Record)
	delete(t.byMAC, r.MAC)
	move(t.took, r, &r.took, netip.Addr{})
	move(t.loaded, r, &r.loaded, netip.Addr{})
}

// move gives a record another address in one of the maps; none if it is zero.
func move(in map[netip.Addr]*Record, r *Record, at *netip.Addr, to netip.Addr) {
	if in[*at] == r {
		delete(in, *at)
	}
	if *at = to; to.IsValid() {
		in[to] = r
	}
}

// noteChange signals that there is something to save, if what is saved differs.
func (t *Table) noteChange(a, b Record) {
	for _, r := range []*Record{&a, &b} {
		r.took, r.loaded, r.Last = netip.Addr{}, netip.Addr{}, time.Time{}
		r.Asks.Took, r.Asks.retried, r.Programs.Handed = time.Time{}, false, time.Time{}
		r.Programs.Sent = time.Time{}
		r.Asks.Asked, r.Programs.Last = r.Asks.Asked.Truncate(time.Hour), r.Programs.Last.Truncate(time.Hour)
	}
	if a == b {
		return
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Changed signals that there is something to save.
func (t *Table) Changed() <-chan struct{} { return t.changed }

// All returns the records that may still matter, the least recently used first.
func (t *Table) All(now time.Time) []Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Record
	for e := t.order.Back(); e != nil; e = e.Prev() {
		if r := e.Value.(*Record); now.Sub(r.Last) < lasts {
			all = append(all, *r)
		}
	}
	return all
}

// Restore loads what was saved. Its times are wall clock times, and the clock may
// have been set since: nothing happened later than now.
func (t *Table) Restore(now time.Time, all []Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, saved := range all {
		if !saved.MAC.IsValid() || !since(now, saved.Last) {
			continue
		}
		r := t.add(saved.machine())
		r.Last, r.Asks, r.Shim, r.Programs = saved.Last, saved.Asks, saved.Shim, saved.Programs
		for _, at := range []*time.Time{
			&r.Last, &r.Asks.Last, &r.Asks.Asked, &r.Asks.On, &r.Asks.Failed, &r.Shim.At, &r.Shim.Last, &r.Shim.On,
			&r.Shim.Failed, &r.Programs.Last,
		} {
			if at.After(now) {
				*at = now
			}
		}
		r.Asks.Missed = min(max(r.Asks.Missed, 0), tries-1)
		r.Shim.Loads, r.Shim.Of = min(max(r.Shim.Loads, 0), tries), min(max(r.Shim.Of, 0), maxCopies)
		r.Shim.Copy = min(max(r.Shim.Copy, 0), r.Shim.Of)
		r.Programs.Program, r.Programs.Backs = max(r.Programs.Program, 0), min(max(r.Programs.Backs, 0), tries-1)
	}
}
