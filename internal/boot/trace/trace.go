package trace

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

const (
	// QuietAfter is how long a machine must be silent before its boot counts as
	// over. Firmware that gets no answer asks again sooner than that.
	QuietAfter = 30 * time.Second
	// patience is how long a transfer may keep a boot open if no other event
	// arrives. Five hundred machines that load Windows over 1 Gbit/s take half
	// an hour.
	patience = time.Hour
)

// Trace collects the events of each machine, and makes a boot of them once the
// machine is quiet. One goroutine owns it.
type Trace struct {
	maxMachines, maxEvents int

	byMAC  map[ether.MAC]*machine
	byAddr map[netip.Addr]*machine
	// The lists hold *machine. served has the machines that boot and were sent
	// a whole file, which takes more than a forged address. claimed has the
	// machines that boot and were not. In both, the last active machine is at
	// the front. resting has the machines with no boot to report, the last
	// reported one at the front.
	served, claimed, resting list.List
	leftOut                  int // events of machines that there was no room for
}

// machine is what is known about one machine. It has no MAC if its DHCP
// exchange was not seen, or contained no address.
type machine struct {
	mac   ether.MAC
	addr  netip.Addr
	place *list.Element
	last  time.Time
	in    *list.List  // the list that place is in
	boot  Boot        // so far; empty in a resting machine
	open  []time.Time // the start times of transfers that have not ended
}

// Boot is what one machine was sent until it was quiet.
type Boot struct {
	MAC      ether.MAC
	Addr     netip.Addr
	Firmware string
	Began    time.Time
	Events   []Event // the latest ones, in order
	Earlier  int     // events before those
	Served   bool    // a whole file was sent to the machine
}

// New returns a Trace of at most the given number of machines, and of
// events for each machine.
func New(machines, events int) *Trace {
	return &Trace{maxMachines: machines, maxEvents: events, byMAC: map[ether.MAC]*machine{}, byAddr: map[netip.Addr]*machine{}}
}

// Add adds an event. When there is no room for another machine, the one that
// has rested the longest is evicted. While none rests, new machines are left
// out: with half of each boot there would be nothing to report about any. But a
// machine that was sent a whole file replaces one that was not, because a flood
// may have invented all of those.
func (t *Trace) Add(e Event) {
	m := t.machine(e)
	if m == nil {
		t.leftOut++
		return
	}
	m.last = e.Time
	b, began := &m.boot, e.Time.Add(-e.Took)
	if b.Began.IsZero() {
		b.Began = began
		m.put(&t.claimed)
	}
	if e.wholeFile() {
		b.Served = true
		m.put(&t.served)
	}
	m.in.MoveToFront(m.place)
	if e.Outcome == Begun {
		m.open = appendBounded(m.open, began, t.maxEvents)
		return
	}
	if i := slices.IndexFunc(m.open, began.Equal); i >= 0 {
		m.open = slices.Delete(m.open, i, i+1)
	}
	if e.Firmware != "" {
		b.Firmware = e.Firmware
	}
	if len(b.Events) == t.maxEvents {
		b.Earlier++
	}
	b.Events = appendBounded(b.Events, e, t.maxEvents)
}

// wholeFile reports whether a client received a whole file.
func (e Event) wholeFile() bool { return e.Protocol != DHCP && e.Outcome == Sent && e.Bytes > 0 }

// put moves a machine to the front of a list.
func (m *machine) put(l *list.List) {
	if m.in != nil {
		m.in.Remove(m.place)
	}
	m.in, m.place = l, l.PushFront(m)
}

// appendBounded appends an element. If the slice is full, it drops the first
// one.
func appendBounded[T any](all []T, one T, most int) []T {
	if len(all) == most {
		all = slices.Delete(all, 0, 1)
	}
	return append(all, one)
}

// machine returns the machine of an event, or nil if there is no room for it.
// DHCP knows the MAC and its address. Transfers know only the address.
func (t *Trace) machine(e Event) *machine {
	if !e.MAC.IsValid() {
		m, ok := t.byAddr[e.Addr]
		if !ok {
			m = t.add(ether.MAC{}, e.wholeFile())
			t.move(m, e.Addr)
		}
		return m
	}
	m, ok := t.byMAC[e.MAC]
	if !ok {
		m = t.add(e.MAC, false)
	}
	if e.Addr.IsValid() {
		t.move(m, e.Addr)
	}
	return m
}

func (t *Trace) add(mac ether.MAC, served bool) *machine {
	if t.served.Len()+t.claimed.Len()+t.resting.Len() >= t.maxMachines {
		oldest := t.resting.Back()
		if oldest == nil && served {
			oldest = t.claimed.Back()
		}
		if oldest == nil {
			return nil
		}
		t.forget(oldest.Value.(*machine))
	}
	m := &machine{mac: mac}
	m.put(&t.resting)
	if mac.IsValid() {
		t.byMAC[mac] = m
	}
	return m
}

func (t *Trace) forget(m *machine) {
	t.leftOut += len(m.boot.Events)
	m.in.Remove(m.place)
	delete(t.byMAC, m.mac)
	if t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
}

// move notes that an address belongs to m from now on. m is nil if the new
// owner is left out. Transfers under way to the old and the new owner are
// forgotten: their end would be attributed to the new owner.
func (t *Trace) move(m *machine, a netip.Addr) {
	old := t.byAddr[a]
	if old == m {
		return
	}
	delete(t.byAddr, a)
	if old != nil {
		old.open = nil
	}
	if m == nil {
		return
	}
	if t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
	m.addr, m.open = a, nil
	t.byAddr[a] = m
}

// Quiet returns the boots of machines that have been quiet for long enough, and
// clears their events. It returns at most the given number of boots: served
// machines first, and the oldest of those first. Renewals of a running system are not a
// boot: a boot has an answer to boot firmware, or a transfer.
func (t *Trace) Quiet(now time.Time, most int) []Boot {
	var boots []Boot
	for _, l := range []*list.List{&t.served, &t.claimed} {
		for p := l.Back(); p != nil && len(boots) < most; {
			m := p.Value.(*machine)
			p = p.Prev()
			silent := now.Sub(m.last)
			if silent < QuietAfter {
				break
			}
			if len(m.open) > 0 && silent < patience {
				continue
			}
			b := m.boot
			m.boot, m.open = Boot{}, nil
			m.put(&t.resting)
			if b.isBoot() {
				b.MAC, b.Addr = m.mac, m.addr
				boots = append(boots, b)
			}
		}
	}
	return boots
}

// LeftOut returns how many events were left out since the last call.
func (t *Trace) LeftOut() int {
	n := t.leftOut
	t.leftOut = 0
	return n
}

func (b Boot) isBoot() bool {
	if b.Firmware != "" {
		return true
	}
	for _, e := range b.Events {
		if e.Protocol != DHCP {
			return true
		}
	}
	return false
}

// Took returns the time from the first request to the last answer.
func (b Boot) Took() time.Duration { return b.Events[len(b.Events)-1].Time.Sub(b.Began) }

// Bytes returns how much the machine was sent.
func (b Boot) Bytes() int64 {
	var n int64
	for _, e := range b.Events {
		n += e.Bytes
	}
	return n
}

// Steps describes the boot in one line:
//
//	offer→selecting 1.2s, pxelinux.0 0.1s, 3 not found, pxelinux.cfg/default 0s
func (b Boot) Steps() string {
	var steps []string
	if b.Earlier > 0 {
		steps = append(steps, fmt.Sprintf("%d earlier", b.Earlier))
	}
	for rest := b.Events; len(rest) > 0; {
		var n int // events that make one step
		var step string
		switch e := rest[0]; {
		case e.Protocol == DHCP:
			n = run(rest, func(x Event) bool { return x.Protocol == DHCP })
			step = dialogue(rest[:n])
		case e.Outcome == NotFound:
			// PXELINUX asks for up to eleven names before it finds its menu.
			n = run(rest, func(x Event) bool { return x.Outcome == NotFound })
			step = e.What + " not found"
			if n > 1 {
				step = fmt.Sprintf("%d not found", n)
			}
		default:
			n, step = 1, transfer(e)
		}
		steps, rest = append(steps, step), rest[n:]
	}
	return strings.Join(steps, ", ")
}

// run returns how many events, from the first on, are alike.
func run(events []Event, alike func(Event) bool) int {
	for i, e := range events {
		if !alike(e) {
			return i
		}
	}
	return len(events)
}

func dialogue(answers []Event) string {
	var s strings.Builder
	for i, e := range answers {
		if i > 0 && e.What == answers[i-1].What {
			continue // asked again
		}
		if i > 0 {
			s.WriteString("→")
		}
		s.WriteString(e.What)
	}
	if took := answers[len(answers)-1].Time.Sub(answers[0].Time); took > 0 {
		s.WriteString(" " + seconds(took))
	}
	return s.String()
}

func transfer(e Event) string {
	s := e.What + " " + seconds(e.Took)
	if e.Retransmits > 0 {
		s += fmt.Sprintf(" %d retransmits", e.Retransmits)
	}
	if e.Outcome != Sent {
		s += " " + string(e.Outcome)
	}
	return s
}

func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
