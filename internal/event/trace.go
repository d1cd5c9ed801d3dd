package event

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

const (
	// quiet is how long a machine must be silent before its boot counts as
	// over. Firmware that is not answered asks again sooner than that.
	quiet = 30 * time.Second
	// lookAgain is how often silence is looked for.
	lookAgain = 5 * time.Second

	// A classroom's worth of machines, and what one asks for until a menu
	// waits or a system runs. An event has some 150 bytes, and a name: 2.3 MB
	// at most.
	maxMachines = 128
	maxEvents   = 64
)

// Trace puts the events of each machine together, and tells a boot from them
// once the machine is quiet. It belongs to one goroutine.
type Trace struct {
	maxMachines, maxEvents int

	byMAC  map[MAC]*machine
	byAddr map[netip.Addr]*machine
	order  list.List // of *machine, the last heard at the front
}

// machine is what is known of one. Without a MAC it is one whose DHCP
// exchange was not heard, or held no address.
type machine struct {
	mac   MAC
	addr  netip.Addr
	place *list.Element
	last  time.Time
	boot  Boot // so far
}

// Boot is what one machine was answered until it was quiet.
type Boot struct {
	MAC      MAC
	Addr     netip.Addr
	Firmware string
	Began    time.Time
	Events   []Event // the latest ones, in order
	Earlier  int     // events before those
}

// NewTrace makes a trace of no more machines than that, and no more events of
// each.
func NewTrace(machines, events int) *Trace {
	return &Trace{maxMachines: machines, maxEvents: events, byMAC: map[MAC]*machine{}, byAddr: map[netip.Addr]*machine{}}
}

// Add takes an event in. Of more machines than there is room for, the one
// that was quiet the longest is forgotten.
func (t *Trace) Add(e Event) {
	m := t.machine(e)
	t.order.MoveToFront(m.place)
	m.last = e.Time
	b := &m.boot
	if len(b.Events) == 0 && b.Earlier == 0 {
		b.Began = e.Time.Add(-e.Took)
	}
	if e.Firmware != "" {
		b.Firmware = e.Firmware
	}
	if len(b.Events) == t.maxEvents {
		b.Events = append(b.Events[:0], b.Events[1:]...)
		b.Earlier++
	}
	b.Events = append(b.Events, e)
}

// machine finds whose event it is. DHCP knows the MAC, and which address goes
// with it; transfers know the address.
func (t *Trace) machine(e Event) *machine {
	if e.MAC == (MAC{}) {
		m, ok := t.byAddr[e.Addr]
		if !ok {
			m = t.add(&machine{})
			t.move(m, e.Addr)
		}
		return m
	}
	m, ok := t.byMAC[e.MAC]
	if !ok {
		m = t.add(&machine{mac: e.MAC})
		t.byMAC[e.MAC] = m
	}
	if e.Addr.IsValid() {
		t.move(m, e.Addr)
	}
	return m
}

func (t *Trace) add(m *machine) *machine {
	if t.order.Len() >= t.maxMachines {
		t.forget(t.order.Back().Value.(*machine))
	}
	m.place = t.order.PushFront(m)
	return m
}

func (t *Trace) forget(m *machine) {
	t.order.Remove(m.place)
	delete(t.byMAC, m.mac)
	if t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
}

// move notes that an address is this machine's from now on.
func (t *Trace) move(m *machine, a netip.Addr) {
	if t.byAddr[m.addr] == m {
		delete(t.byAddr, m.addr)
	}
	m.addr = a
	t.byAddr[a] = m
}

// Quiet returns the boots of those who have been quiet for long enough, and
// begins their events anew. The renewals of a running system are no boot: one
// has an answer to boot firmware in it, or a transfer.
func (t *Trace) Quiet(now time.Time) []Boot {
	var boots []Boot
	for p := t.order.Back(); p != nil; p = p.Prev() {
		m := p.Value.(*machine)
		if now.Sub(m.last) < quiet {
			break
		}
		b := m.boot
		m.boot = Boot{}
		if b.isBoot() {
			b.MAC, b.Addr = m.mac, m.addr
			boots = append(boots, b)
		}
	}
	return boots
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

// Took is the time from the first request to the last answer.
func (b Boot) Took() time.Duration { return b.Events[len(b.Events)-1].Time.Sub(b.Began) }

// Bytes is how much the machine was sent.
func (b Boot) Bytes() int64 {
	var n int64
	for _, e := range b.Events {
		n += e.Bytes
	}
	return n
}

// Steps tells the boot in one line:
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

// run is how many events from the first on are alike.
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

// LogBoots logs a line for each boot, until ctx ends.
func LogBoots(ctx context.Context, events <-chan Event, log *slog.Logger) error {
	t := NewTrace(maxMachines, maxEvents)
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			t.Add(e)
		case now := <-look.C:
			for _, b := range t.Quiet(now) {
				log.Info("boot", b.attrs()...)
			}
		}
	}
}

func (b Boot) attrs() []any {
	var who []any
	if b.MAC != (MAC{}) {
		who = append(who, "mac", b.MAC.String())
	}
	return append(who, "address", b.Addr, "arch", b.Firmware, "steps", b.Steps(), "bytes", b.Bytes(), "time", b.Took().Round(100*time.Millisecond))
}
