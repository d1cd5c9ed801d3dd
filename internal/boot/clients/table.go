package clients

import (
	"container/list"
	"net/netip"
	"sync"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Table records which machine has which address. Its methods may be called from
// any goroutine.
type Table struct {
	max int

	mu     sync.Mutex
	byAddr map[netip.Addr]*list.Element
	order  list.List // of *place, most recently used first
}

type place struct {
	addr netip.Addr
	Tenant
}

// Tenant is the machine that has an address, as seen by DHCP.
type Tenant struct {
	Machine
	// Relayed says that the packet came through a relay agent, which
	// vouches for its subnet. Without one, there is only the packet's
	// claim.
	Relayed bool
}

// NewTable makes a table with at most that many addresses. When it is full, it
// evicts the least recently used one: DHCP packets are easily forged.
func NewTable(most int) *Table { return &Table{max: most, byAddr: map[netip.Addr]*list.Element{}} }

// Learn records which machine has an address. If the same machine now leaves
// out something that it reported before, the earlier value stays, and so does
// Relayed. Another machine replaces all of it, including Relayed. Learn returns
// which machine had the address before, if that was a different one.
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

// At returns the machine that has an address.
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
