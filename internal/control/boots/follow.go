package boots

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

const (
	// atATime is how many boots are taken from package trace in one call.
	atATime = 256
	// settled is how long after its last event a boot's verdict can change
	// because the machine comes back.
	settled = 2 * time.Minute
	// margin is how far outside of a boot its packets may be: the first DISCOVER
	// comes before the answer that begins it.
	margin = 5 * time.Second
)

// add adds an event to its machine's boot.
func (s *Store) add(e trace.Event) {
	// While pxed repeats what it remembers, the events' times are the clock.
	if s.replay && e.Time.Sub(s.clock) >= tick {
		s.look(e.Time, false)
	}
	b, ok := s.trace.Add(e)
	s.state.LeftOut += s.trace.LeftOut()
	if !ok {
		return
	}
	s.state.Heard = true
	s.followed[b.ID] = true
	if r := s.history.boots[b.ID]; r != nil && r.open == nil {
		s.unsettled[b.ID] = e.Time
		return
	}
	// A boot that goes on is no longer judged by what it was when it rested.
	s.put(b, e.Time, func(r *record) { r.open = nil })
}

// settle brings the history up to date, before it is read and every second. In a
// storm there are many more events than that: a machine reads a module or a menu
// every few milliseconds.
func (s *Store) settle() {
	if len(s.unsettled) == 0 {
		return
	}
	for b := range s.trace.Running() {
		if at, ok := s.unsettled[b.ID]; ok {
			s.put(b, at, nil)
		}
	}
	clear(s.unsettled)
}

// put puts a boot of package trace into the history.
func (s *Store) put(b trace.Boot, now time.Time, change func(*record)) {
	one := Boot{
		ID: b.ID, Machine: s.machineOf(b), MAC: b.MAC, GUID: b.GUID, Addr: b.Addr, Firmware: b.Firmware,
		Began: b.Began, Last: b.Last(), Verdict: b.Verdict(now), Code: b.Code, Bytes: b.Bytes(), Served: b.Served,
	}
	known := s.history.boots[b.ID]
	if known != nil {
		one.Bytes += known.sent
		one.Served = one.Served || known.Served
	}
	s.history.put(one, change)
	if r := s.history.boots[b.ID]; known == nil && r != nil {
		s.precede(r, now)
	}
}

// precede tells the boot before r, if its verdict can still change, that the
// machine has started again.
func (s *Store) precede(r *record, now time.Time) {
	all := s.history.machines[r.Machine].boots
	i := slices.Index(all, r)
	if i < 1 || all[i-1].open == nil || !all[i-1].open.Next.IsZero() {
		return
	}
	before := all[i-1]
	before.open.Next = r.Began
	s.judge(before, now)
}

// judge looks at a boot again that package trace has reported.
func (s *Store) judge(r *record, now time.Time) (changed bool) {
	v := r.open.Verdict(now)
	over := !v.Running && (!r.open.Next.IsZero() || now.Sub(r.Last) > settled)
	if v == r.Verdict && !over {
		return false
	}
	b := r.Boot
	b.Verdict = v
	s.history.put(b, func(r *record) {
		if over {
			r.open = nil
		}
	})
	return true
}

// look finishes the boots of quiet machines, and looks at the verdicts of those
// that run: what does not happen changes them. It reports whether anything has
// changed.
func (s *Store) look(now time.Time, judge bool) (changed bool) {
	s.clock = now
	s.settle()
	for {
		quiet := s.trace.Quiet(now, atATime)
		for _, b := range quiet {
			s.finish(b, now)
			changed = true
		}
		if len(quiet) < atATime {
			break
		}
	}
	if !judge {
		return changed
	}
	still := map[string]bool{}
	for b := range s.trace.Running() {
		r := s.history.boots[b.ID]
		if r == nil {
			continue
		}
		still[b.ID] = true
		if v := b.Verdict(now); v != r.Verdict {
			s.put(b, now, nil)
			changed = true
		}
	}
	for id := range s.followed {
		if r := s.history.boots[id]; !still[id] && r != nil && r.open == nil {
			// There was no room for it any more. What was known stays.
			b := r.Boot
			b.Verdict.Running = false
			s.history.put(b, nil)
			changed = true
		}
	}
	s.followed = still
	for _, r := range s.history.boots {
		if r.open != nil && s.judge(r, now) {
			changed = true
		}
	}
	return changed
}

// finish keeps a boot that package trace has reported.
func (s *Store) finish(b trace.Boot, now time.Time) {
	delete(s.followed, b.ID)
	if s.Ended != nil && !s.replay {
		s.Ended(b, b.Verdict(now))
	}
	s.put(b, now, func(r *record) {
		events, earlier := append(unpack(r.events), b.Events...), r.earlier+b.Earlier
		if n := len(events) - s.limits.Events; n > 0 {
			earlier += n
			events = events[n:]
		}
		r.events, r.earlier, r.sent = s.packer.pack(events), earlier, r.Bytes
		b.Events = nil
		open := b.Clone()
		r.open = &open
	})
}

// Boot returns all that is known about a boot, by its ID.
func (s *Store) Boot(id string) (Detail, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	r := s.history.boots[id]
	if r == nil {
		return Detail{}, false
	}
	d := Detail{Boot: r.Boot, Events: unpack(r.events), Earlier: r.earlier, PacketsFrom: s.packets.oldest()}
	for b := range s.trace.Running() {
		if b.ID == id {
			d.Events, d.Earlier = append(d.Events, b.Events...), d.Earlier+b.Earlier
			break
		}
	}
	m, _ := s.machine(r.Machine)
	until := r.Last.Add(margin)
	for _, later := range m.Boots {
		if later.Began.After(r.Began) && later.Began.Before(until) {
			until = later.Began
		}
	}
	d.Packets = s.packets.of(m.MACs, m.Addrs, r.Began.Add(-margin), until)
	return d, true
}

// machineOf returns the ID of a boot's machine. It has only characters that mean
// nothing in an address. Ports of one machine have its GUID in common.
func (s *Store) machineOf(b trace.Boot) string {
	if r := s.history.boots[b.ID]; r != nil && r.GUID == b.GUID && r.MAC == b.MAC && b.MAC.IsValid() {
		return r.Machine
	}
	if guid := clients.OwnGUID(b.GUID); isGUID.MatchString(guid) {
		return "g" + guid
	}
	if b.MAC.IsValid() {
		if id, ok := s.history.byMAC[b.MAC]; ok {
			return id
		}
		return "m" + hex.EncodeToString(b.MAC[:])
	}
	return "a" + strings.NewReplacer(".", "-", ":", "-", "%", "-").Replace(b.Addr.String())
}

// isGUID matches a GUID. A stream can hold anything.
var isGUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
