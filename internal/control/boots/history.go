package boots

import (
	"container/list"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// history keeps the boots of machines within bounds. When there are too many
// machines, or their boots take too many bytes, the oldest boots go.
//
// Boots of machines that were sent a whole file, which takes more than a forged
// address, are in served. The others are in claimed. Boots in claimed go first
// while they take more than half of the room: a flood of invented machines must
// not push out all that really happened.
type history struct {
	maxMachines int
	maxBytes    int

	machines        map[string]*machine
	byMAC           map[ether.MAC]string // the machine's ID
	boots           map[string]*record
	served, claimed age
	// changed has all records, the last changed one at the front.
	changed list.List
	// version is the number of the last change. It begins with the time, so that
	// a page that another menuwatch served finds itself behind.
	version uint64
	gone    Gone
}

// Gone is what went because a bound was reached.
type Gone struct {
	Machines, Boots int
	Until           time.Time // the begin of the latest boot that went
}

// age has *record, the one that began last at the front.
type age struct {
	list  list.List
	bytes int
}

type machine struct {
	id    string
	boots []*record   // the oldest first
	gone  int         // boots before those
	macs  []ether.MAC // keys of byMAC
}

// record is one boot.
type record struct {
	Boot
	events  []byte // packed, once package trace has reported them
	earlier int    // events before those
	sent    int64  // bytes in those
	// open is the boot without its events, for as long as time alone, or the
	// machine's next boot, can still change its verdict. Nil while package trace
	// has it.
	open    *trace.Boot
	bytes   int // all that it takes
	version uint64
	age     *age
	byAge   *list.Element
	place   *list.Element // in changed
}

// What a record and a machine take, in bytes, without their strings and events.
const (
	recordSize  = 850
	machineSize = 350
	openSize    = 2500
)

func newHistory(machines, bytes int) *history {
	return &history{
		maxMachines: machines, maxBytes: bytes, version: uint64(time.Now().UnixMicro()),
		machines: map[string]*machine{}, byMAC: map[ether.MAC]string{}, boots: map[string]*record{},
	}
}

// put adds a boot, or replaces what is known about it. change may change the
// rest of its record.
func (h *history) put(b Boot, change func(*record)) {
	r := h.boots[b.ID]
	if r == nil {
		r = &record{Boot: b}
		h.enter(r)
	} else if r.Machine != b.Machine {
		// Only now it is known which machine this is.
		h.leave(r)
		r.Machine = b.Machine
		h.enter(r)
	}
	b.Began = r.Began // a boot that resumes began before
	r.leaveAge()
	r.Boot = b
	if change != nil {
		change(r)
	}
	r.bytes = recordSize + b.text() + cap(r.events)
	if r.open != nil {
		r.bytes += openSize
	}
	r.enterAge(h)
	if m := h.machines[r.Machine]; b.MAC.IsValid() && h.byMAC[b.MAC] != m.id {
		m.macs = appendNew(m.macs, b.MAC)
		h.byMAC[b.MAC] = m.id
	}
	h.version++
	r.version = h.version
	h.changed.MoveToFront(r.place)
	h.evict()
}

func (r *record) enterAge(h *history) {
	r.age = &h.claimed
	if r.Served {
		r.age = &h.served
	}
	r.age.bytes += r.bytes
	// Nearly always the boot is among the youngest.
	for e := r.age.list.Front(); e != nil; e = e.Next() {
		if !e.Value.(*record).Began.After(r.Began) {
			r.byAge = r.age.list.InsertBefore(r, e)
			return
		}
	}
	r.byAge = r.age.list.PushBack(r)
}

func (r *record) leaveAge() {
	r.age.bytes -= r.bytes
	r.age.list.Remove(r.byAge)
}

// evict removes boots until the bounds are kept.
func (h *history) evict() {
	for len(h.boots) > 1 && (len(h.machines) > h.maxMachines || h.size() > h.maxBytes) {
		from := &h.served
		if from.list.Len() == 0 || h.claimed.list.Len() > 0 && h.claimedTooMuch() {
			from = &h.claimed
		}
		oldest := from.list.Back().Value.(*record)
		h.gone.Boots++
		if oldest.Began.After(h.gone.Until) {
			h.gone.Until = oldest.Began
		}
		if m := h.machines[oldest.Machine]; len(m.boots) == 1 {
			h.gone.Machines++
		} else {
			m.gone++
		}
		h.leave(oldest)
	}
}

// claimedTooMuch reports whether boots in claimed have more than half of the
// room that is short.
func (h *history) claimedTooMuch() bool {
	if h.size() > h.maxBytes {
		return h.claimed.bytes > h.maxBytes/2
	}
	return h.claimed.list.Len() > h.maxMachines/2
}

func (h *history) size() int { return h.served.bytes + h.claimed.bytes + len(h.machines)*machineSize }

// enter adds a record to its machine.
func (h *history) enter(r *record) {
	h.boots[r.ID] = r
	m := h.machines[r.Machine]
	if m == nil {
		m = &machine{id: r.Machine}
		h.machines[m.id] = m
	}
	at := len(m.boots)
	for at > 0 && m.boots[at-1].Began.After(r.Began) {
		at--
	}
	m.boots = slices.Insert(m.boots, at, r)
	r.place = h.changed.PushFront(r)
	r.enterAge(h)
}

// leave removes a record, and its machine with the last one.
func (h *history) leave(r *record) {
	r.leaveAge()
	h.changed.Remove(r.place)
	delete(h.boots, r.ID)
	m := h.machines[r.Machine]
	m.boots = slices.DeleteFunc(m.boots, func(x *record) bool { return x == r })
	if len(m.boots) > 0 {
		return
	}
	for _, mac := range m.macs {
		if h.byMAC[mac] == m.id {
			delete(h.byMAC, mac)
		}
	}
	delete(h.machines, m.id)
}
