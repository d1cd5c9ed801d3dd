// Package boots keeps the history of machines and their boots for the page. It
// reads what pxed tells, has package trace make boots of it, and keeps them
// within bounds. Nothing here can stop or slow pxed.
package boots

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// Limits bounds what a Store keeps.
type Limits struct {
	Machines    int // in all
	Bytes       int // of boots that are over
	PacketBytes int // of control packets
	Running     int // machines that boot at one time
	Events      int // of each boot
}

// DefaultLimits keep a Store below 40 MiB, so that a process with one stays below
// 64 MiB. 1,000 boots a minute, of a minute each and half a minute until they
// count as over, are 1,500 at a time.
var DefaultLimits = Limits{
	Machines: 10_000, Bytes: 20 << 20, PacketBytes: 4 << 20, Running: 2048, Events: 64,
}

// Boot is a boot of a machine: what a list shows of it.
type Boot struct {
	ID       string
	Machine  string // the machine's ID
	MAC      ether.MAC
	GUID     string
	Addr     netip.Addr
	Firmware string
	Began    time.Time
	Last     time.Time // the end of its last event
	Verdict  trace.Verdict
	Code     string // that the machine's screen shows
	Bytes    int64  // that it was sent
	Served   bool   // it was sent a whole file
}

// DidNotBoot reports whether the boot is over and needs a person.
func (b *Boot) DidNotBoot() bool { return !b.Verdict.Running && !b.Verdict.Good }

// text is how many bytes the strings take that only this boot holds.
func (b *Boot) text() int {
	v := &b.Verdict
	return len(b.ID) + len(b.Machine) + len(b.GUID) + len(b.Firmware) + len(b.Code) +
		len(v.File) + len(v.Entry) + len(v.Why)
}

// Row is a machine with one of its boots.
type Row struct {
	Boot
	Boots  int  // of this machine that are kept
	Latest bool // it is the machine's last boot
}

// Machine is one machine and its boots.
type Machine struct {
	ID        string
	Boots     []Boot // the latest first
	Gone      int    // earlier boots that are no longer kept
	MACs      []ether.MAC
	GUIDs     []string
	Addrs     []netip.Addr
	Firmwares []string
}

// Detail is all that is known about a boot.
type Detail struct {
	Boot
	Events  []trace.Event
	Earlier int // events before those
	Packets []tracestream.Packet
	// PacketsFrom is the time of the oldest packet that is kept of any boot.
	PacketsFrom time.Time
}

// State is what a Store knows about its source and about itself.
type State struct {
	Connected bool
	Since     time.Time // when pxed went down; zero while it is up
	Hello     tracestream.Hello
	Heard     bool   // a machine was heard since the start
	Lost      uint64 // records that pxed left out, or that could not be read
	LeftOut   int    // events of machines for which there was no room
	Machines  int
	Running   int // boots
	Failed    int // machines whose last boot is over and needs a person
	Gone      Gone
}

// Store is the history of machines and their boots. Its methods may be called
// from any goroutine.
type Store struct {
	// Ended is called with each boot that ends while pxed is followed, but not
	// with those that pxed repeats from before. It must not block, nor call the
	// Store. Nil: no function is called. It is set before the Store is used.
	Ended func(trace.Boot, trace.Verdict)

	limits Limits

	mu       sync.Mutex
	trace    *trace.Trace
	history  *history
	followed map[string]bool // the IDs of boots that trace has
	// unsettled has boots with events that the history does not show yet, by ID,
	// with the last one's time.
	unsettled map[string]time.Time
	packer    packer
	packets   packets
	state     State
	replay    bool // the connection repeats what pxed remembers
	events    seen
	captured  seen
	others    Others
	clock     time.Time     // of the last look at boots that run
	changed   chan struct{} // closed at the next change
}

// New returns an empty Store.
func New(l Limits) *Store {
	return &Store{
		limits: l, trace: trace.New(l.Running, l.Events), history: newHistory(l.Machines, l.Bytes),
		packets: packets{maxBytes: l.PacketBytes}, changed: make(chan struct{}), followed: map[string]bool{},
		unsettled: map[string]time.Time{},
	}
}

// Record adds a record of pxed's stream.
func (s *Store) Record(r tracestream.Record, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Hello != nil:
		s.hello(*r.Hello)
	case r.Event != nil:
		if s.events.event(*r.Event, s.replay) {
			return
		}
		e := clean(*r.Event)
		s.others.Add(e)
		s.add(e)
	case r.Packet != nil:
		if !s.captured.packet(*r.Packet, s.replay) {
			s.packets.add(*r.Packet)
		}
		return // no list shows packets
	case r.Lost > 0:
		s.state.Lost += r.Lost
	case r.Alive:
		if !s.replay {
			return
		}
		s.look(now, true) // still a replay: boots that are over have had their line
		s.replay = false
	}
	s.notify()
}

// hello begins a connection.
func (s *Store) hello(h tracestream.Hello) {
	if !h.Started.Equal(s.state.Hello.Started) {
		// Another pxed: it repeats nothing that an earlier one has sent.
		s.events, s.captured = seen{}, seen{}
	}
	h.Version = visible(h.Version, maxWord)
	s.state.Hello, s.state.Connected, s.state.Since = h, true, time.Time{}
	s.replay = true
}

// Disconnected notes that there is no connection to pxed. It reports whether
// there was one until now.
func (s *Store) Disconnected(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.state.Connected
	if was || s.state.Since.IsZero() {
		s.state.Connected, s.state.Since = false, now
		s.notify()
	}
	return was
}

// Tick finishes the boots of machines that have been quiet for long enough.
func (s *Store) Tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.replay && s.look(now, true) {
		s.notify()
	}
}

// notify wakes those who wait for a change.
func (s *Store) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed at the next change.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Version returns the number of the last change of a boot.
func (s *Store) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s.history.version
}

// Since returns the boots that have changed after the given version, the last
// changed one first, and the version that they are of. If there are more than
// most, it returns none and false.
func (s *Store) Since(version uint64, most int) (rows []Row, now uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	h := s.history
	for e := h.changed.Front(); e != nil; e = e.Next() {
		r := e.Value.(*record)
		if r.version <= version {
			break
		}
		if len(rows) == most {
			return nil, h.version, false
		}
		rows = append(rows, h.row(r))
	}
	return rows, h.version, true
}

func (h *history) row(r *record) Row {
	all := h.machines[r.Machine].boots
	return Row{r.Boot, len(all), all[len(all)-1] == r}
}

// State returns the state.
func (s *Store) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	st := s.state
	st.Machines, st.Gone = len(s.history.machines), s.history.gone
	for _, m := range s.history.machines {
		last := m.boots[len(m.boots)-1]
		if last.Verdict.Running {
			st.Running++
		}
		if last.DidNotBoot() {
			st.Failed++
		}
	}
	return st
}

// Machines returns the machines of which a boot matches, each with its latest
// such boot, the latest first: at most the given number after the first skip
// ones. total is how many there are.
func (s *Store) Machines(match func(b *Boot, latest bool) bool, skip, most int) (rows []Row, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var found []*record
	for _, m := range s.history.machines {
		for i, r := range slices.Backward(m.boots) {
			if match(&r.Boot, i == len(m.boots)-1) {
				found = append(found, r)
				break
			}
		}
	}
	slices.SortFunc(found, func(a, b *record) int {
		if c := b.Began.Compare(a.Began); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	total = len(found)
	found = found[min(skip, total):]
	for _, r := range found[:min(most, len(found))] {
		rows = append(rows, s.history.row(r))
	}
	return rows, total
}

// Machine returns a machine by its ID.
func (s *Store) Machine(id string) (Machine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s.machine(id)
}

func (s *Store) machine(id string) (Machine, bool) {
	m := s.history.machines[id]
	if m == nil {
		return Machine{}, false
	}
	v := Machine{ID: m.id, Gone: m.gone}
	for _, r := range slices.Backward(m.boots) {
		v.Boots = append(v.Boots, r.Boot)
		v.MACs = appendNew(v.MACs, r.MAC)
		v.GUIDs = appendNew(v.GUIDs, r.GUID)
		v.Addrs = appendNew(v.Addrs, r.Addr)
		v.Firmwares = appendNew(v.Firmwares, r.Firmware)
	}
	return v, true
}

// maxDistinct is how many addresses of a machine are shown.
const maxDistinct = 16

// appendNew appends a value that is not zero and not there yet.
func appendNew[T comparable](all []T, one T) []T {
	var zero T
	if one == zero || len(all) == maxDistinct || slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}
