package clients

import (
	"container/list"
	"net/netip"
	"sync"

	"github.com/pxebox/pxebox/internal/boot/ether"
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
	Tenant
}

// Tenant is the machine that has an address, as DHCP saw it.
type Tenant struct {
	Machine
	// Relayed says that a relay agent passed it on, which answers for its own
	// subnet. What is not relayed is a packet's own word.
	Relayed bool
}

// NewTable makes a table of no more addresses than that. Of more, the one
// that nobody asked for the longest is forgotten: DHCP packets are easily
// invented.
func NewTable(most int) *Table { return &Table{max: most, byAddr: map[netip.Addr]*list.Element{}} }

// Learn notes who has an address. What the same machine said of itself before
// and leaves out now stays, and so does a relay agent's word for it. Another
// machine that no agent answers for takes that away. It returns which machine
// had the address before, where that is another one.
func (t *Table) Learn(a netip.Addr, m Machine, relayed bool) (was ether.MAC, changed bool) {
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
	was = p.MAC
	if was == m.MAC {
		if m.GUID == "" {
			m.GUID = p.GUID
		}
		if m.Firmware == "" {
			m.Firmware = p.Firmware
		}
		relayed = relayed || p.Relayed
	}
	p.Tenant = Tenant{m, relayed}
	return was, ok && was != m.MAC
}

// At is who has an address.
func (t *Table) At(a netip.Addr) (Tenant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byAddr[a]
	if !ok {
		return Tenant{}, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*place).Tenant, true
}
