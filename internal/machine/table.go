package machine

import (
	"container/list"
	"net/netip"
	"sync"
)

// Table says which machine has which address. Its methods may be called from
// everywhere.
type Table struct {
	max int

	mu     sync.Mutex
	byAddr map[netip.Addr]*list.Element
	order  list.List // of *place, the last used at the front
}

type place struct {
	addr netip.Addr
	Machine
}

// NewTable makes a table of no more addresses than that. Of more, the one
// that nobody asked for the longest is forgotten: DHCP packets are easily
// invented.
func NewTable(most int) *Table { return &Table{max: most, byAddr: map[netip.Addr]*list.Element{}} }

// Learn notes who has an address. What the same machine said of itself before
// and leaves out now stays.
func (t *Table) Learn(a netip.Addr, m Machine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byAddr[a]
	if !ok {
		if t.order.Len() >= t.max {
			oldest := t.order.Back()
			delete(t.byAddr, t.order.Remove(oldest).(*place).addr)
		}
		e = t.order.PushFront(&place{addr: a})
		t.byAddr[a] = e
	}
	t.order.MoveToFront(e)
	p := e.Value.(*place)
	if p.MAC == m.MAC {
		if m.GUID == "" {
			m.GUID = p.GUID
		}
		if m.Firmware == "" {
			m.Firmware = p.Firmware
		}
	}
	p.Machine = m
}

// At is who has an address.
func (t *Table) At(a netip.Addr) (Machine, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byAddr[a]
	if !ok {
		return Machine{}, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*place).Machine, true
}
