package handoff

import (
	"net/netip"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// VisitLasts is how long a visit lasts after the machine's last request. A person
// may leave the second boot loader's menu on the screen for a while.
const VisitLasts = time.Hour

// Visit is a machine that runs a program of this box that its firmware has
// started. What that program asks for is looked for in the program's folder
// first.
type Visit struct {
	MAC     ether.MAC
	Addr    netip.Addr
	Program string // as bootfiles.Clean returns it
	Last    time.Time
}

// Visits holds the machines that run such programs. A machine leaves when its
// firmware boots again, or VisitLasts after its last request. Its methods may be
// called from any goroutine.
type Visits struct {
	max   int
	saved func() // is called after changes that must survive a restart

	some   atomic.Bool // there are any: most requests need no lock
	mu     sync.Mutex
	byMAC  map[ether.MAC]*Visit
	byAddr map[netip.Addr]*Visit
}

// NewVisits makes a list of at most that many machines, which is saved together
// with a Table.
func NewVisits(most int, with *Table) *Visits {
	return &Visits{
		max: most, saved: with.tell, byMAC: map[ether.MAC]*Visit{}, byAddr: map[netip.Addr]*Visit{},
	}
}

// Enter records that a machine loads a program. One at the top of the boot folder
// has no folder, and makes no visit. If there are too many machines, it replaces
// the one that has been silent for the longest time.
func (v *Visits) Enter(now time.Time, mac ether.MAC, addr netip.Addr, program string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.byMAC[mac]
	if old != nil && old.Addr == addr && old.Program == program {
		old.Last = now
		return
	}
	v.remove(old)
	if path.Dir(program) != "." {
		v.add(Visit{MAC: mac, Addr: addr, Program: program, Last: now})
	}
	v.saved()
}

// add adds a visit. The caller holds the lock.
func (v *Visits) add(x Visit) {
	v.remove(v.byMAC[x.MAC])
	v.remove(v.byAddr[x.Addr])
	if len(v.byMAC) >= v.max {
		var oldest *Visit
		for _, o := range v.byMAC {
			if oldest == nil || o.Last.Before(oldest.Last) {
				oldest = o
			}
		}
		v.remove(oldest)
	}
	v.byMAC[x.MAC], v.byAddr[x.Addr] = &x, &x
	v.some.Store(true)
}

// remove removes a visit; nil is none. The caller holds the lock.
func (v *Visits) remove(x *Visit) {
	if x == nil {
		return
	}
	delete(v.byMAC, x.MAC)
	delete(v.byAddr, x.Addr)
	v.some.Store(len(v.byMAC) > 0)
}

// At returns the program that the machine at an address runs, and counts its
// request; empty for none. holder is the machine that has the address by DHCP;
// zero if it is not known. Another machine than the one that loaded the program
// has no part in the visit.
func (v *Visits) At(now time.Time, addr netip.Addr, holder ether.MAC) string {
	if !v.some.Load() {
		return ""
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	x := v.byAddr[addr]
	switch {
	case x == nil || holder.IsValid() && holder != x.MAC:
		return ""
	case now.Sub(x.Last) >= VisitLasts:
		v.remove(x)
		return ""
	}
	x.Last = now
	return x.Program
}

// Program returns the program that a machine runs; empty for none.
func (v *Visits) Program(mac ether.MAC) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if x := v.byMAC[mac]; x != nil {
		return x.Program
	}
	return ""
}

// Leave ends a machine's visit.
func (v *Visits) Leave(mac ether.MAC) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if x := v.byMAC[mac]; x != nil {
		v.remove(x)
		v.saved()
	}
}

// All returns the visits that have not ended, in no particular order.
func (v *Visits) All(now time.Time) []Visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []Visit
	for _, x := range v.byMAC {
		if now.Sub(x.Last) < VisitLasts {
			all = append(all, *x)
		}
	}
	return all
}

// Restore loads what was saved. The clock may have been set since, so each visit
// counts from now.
func (v *Visits) Restore(now time.Time, all []Visit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range all {
		if x.MAC.IsValid() && x.Addr.Is4() && path.Dir(x.Program) != "." && len(v.byMAC) < v.max {
			x.Last = now
			v.add(x)
		}
	}
}
