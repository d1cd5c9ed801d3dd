package handoff

import (
	"sync"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/machine"
)

// Lasts is how long a machine that asked to be handed over may take to its
// next boot. A server with much memory and many cards tests itself for two or
// three minutes.
const Lasts = 5 * time.Minute

// Table holds the machines that have asked to be handed over at their next
// boot. Its methods may be called from everywhere.
type Table struct {
	max int

	mu    sync.Mutex
	byMAC map[config.MAC]*ticket
}

// ticket is good for one boot.
type ticket struct {
	entry string
	ends  time.Time
	use   machine.Use
	used  bool
}

// NewTable makes a table of no more machines than that.
func NewTable(most int) *Table { return &Table{max: most, byMAC: map[config.MAC]*ticket{}} }

// Arm has a machine's next boot go where the entry leads. It reports false
// where too many machines are on their way already.
func (t *Table) Arm(now time.Time, mac config.MAC, entry string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byMAC[mac]; !ok && len(t.byMAC) >= t.max {
		for mac, x := range t.byMAC {
			if !now.Before(x.ends) {
				delete(t.byMAC, mac)
			}
		}
		if len(t.byMAC) >= t.max {
			return false
		}
	}
	t.byMAC[mac] = &ticket{entry: entry, ends: now.Add(Lasts)}
	return true
}

// Answer is the entry whose server firmware that asks now, with that xid, is
// to be answered with. It is so until the next boot after the one that used
// it, and no longer than Lasts.
func (t *Table) Answer(now time.Time, mac config.MAC, xid [4]byte) (entry string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.byMAC[mac]
	if !ok {
		return "", false
	}
	if !now.Before(x.ends) || x.used && x.use.Over(now, xid) {
		delete(t.byMAC, mac)
		return "", false
	}
	return x.entry, true
}

// Used notes that the machine is on its way: it has taken the answer.
func (t *Table) Used(now time.Time, mac config.MAC, xid [4]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x, ok := t.byMAC[mac]; ok && !x.used {
		x.used, x.use = true, machine.Use{At: now, XID: xid}
	}
}
