package trace

import (
	"container/list"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

const (
	// QuietAfter is how long a machine must be silent before its boot counts as
	// over. Firmware that gets no answer asks again sooner than that.
	QuietAfter = 30 * time.Second
	// patience is how long a transfer may keep a boot open if no other event
	// arrives. Five hundred machines that load Windows over 1 Gbit/s take half
	// an hour. A machine that waits in its menu as long still goes on with the
	// same boot.
	patience = time.Hour
	// starting is how long a system may take from its kernel to its first DHCP
	// packet. Windows unpacks its image first.
	starting = 10 * time.Minute
	// longest is how long a boot may last that gets no further than the
	// firmware's questions. Firmware may ask all night.
	longest = 5 * time.Minute
	// maxPorts is how many MAC addresses a machine may have.
	maxPorts = 8
)

// Trace collects the events of each machine, and makes a boot of them once the
// machine is quiet or starts again. One goroutine owns it.
//
// A machine takes at most 2.2 kB, and an event 450 bytes with its texts
// (TestMemory). So 10,000 machines take some 18 MB while they rest, 27 MB if
// 2,000 of them boot, and 40 MB at most.
type Trace struct {
	maxMachines, maxEvents int

	byMAC  map[ether.MAC]*machine
	byGUID map[string]*machine
	byAddr map[netip.Addr]*machine
	// The lists hold *machine. served has the machines that boot and were sent
	// a whole file, which takes more than a forged address. claimed has the
	// machines that boot and were not. In both, the last active machine is at
	// the front. resting has the machines with no boot to report, the last
	// reported one at the front.
	served, claimed, resting list.List
	ended                    []Boot // by the machine's next boot, the oldest first
	events                   int    // that are kept, of all boots
	leftOut                  int    // events of machines that there was no room for
}

// machine is what is known about one machine. It has no MAC if its DHCP
// exchange was not seen, or contained no address.
type machine struct {
	macs  []ether.MAC // of its network ports, the last used one at the end
	guid  string      // as clients.OwnGUID returns it
	addr  netip.Addr
	place *list.Element
	last  time.Time
	in    *list.List  // the list that place is in
	boot  Boot        // so far; in a resting machine, what the last boot was, without its events
	open  []time.Time // the start times of transfers that have not ended
	// offer is another server's offer that may be the first sign of the next
	// boot: it may arrive before the box's own offer is reported.
	offer *Event
}

// New returns a Trace of at most the given number of machines, and of events
// for each machine.
func New(machines, events int) *Trace {
	return &Trace{
		maxMachines: machines, maxEvents: events,
		byMAC: map[ether.MAC]*machine{}, byGUID: map[string]*machine{}, byAddr: map[netip.Addr]*machine{},
	}
}

// maxAll is how many events are kept, of all boots. 64 events are enough until
// a menu waits or a system runs, and most boots have half as many.
func (t *Trace) maxAll() int { return max(min(16*t.maxMachines, 40_000), t.maxEvents) }

// Add adds an event. It returns the boot that the event belongs to, as it is
// now; false if the machine is left out, or if the event is not part of a boot.
// The boot shares its Events with the Trace: Clone it to keep it beyond the next
// call.
//
// When there is no room for another machine, the one that has rested the longest
// is evicted. While none rests, new machines are left out: with half of each
// boot there would be nothing to report about any. But a machine that was sent a
// whole file replaces one that was not, because a flood may have invented all of
// those.
func (t *Trace) Add(e Event) (Boot, bool) {
	e = e.bounded()
	m := t.machine(e)
	if m == nil {
		t.leftOut++
		return Boot{}, false
	}
	switch {
	case e.What == OtherOffer && m.boot.current().stage >= Loaded:
		m.offer = &e
		return m.now()
	case m.boot.goesOn(e):
		m.open = nil
		m.boot.nextTry(e)
		if m.in == &t.resting {
			m.boot.resume(e)
			m.put(&t.claimed)
		}
	case m.in == &t.resting && !m.resumes(e),
		m.in != &t.resting && m.restarts(e):
		t.begin(m, e)
	case m.in == &t.resting:
		m.boot.resume(e)
		m.put(&t.claimed)
	}
	t.addOffer(m)
	t.append(m, e)
	return m.now()
}

// addOffer adds another server's offer that has waited for the machine's next
// event.
func (t *Trace) addOffer(m *machine) {
	if o := m.offer; o != nil {
		m.offer = nil
		t.append(m, *o)
	}
}

// append adds an event to the machine's current boot.
func (t *Trace) append(m *machine, e Event) {
	b, began := &m.boot, e.began()
	m.last, b.last = e.Time, e.Time
	b.Addr = m.addr
	if e.MAC.IsValid() && (e.Protocol == DHCP || !b.MAC.IsValid()) {
		b.MAC = e.MAC
	}
	if e.GUID != "" {
		b.GUID = e.GUID
	}
	if e.wholeFile() {
		b.Served = true
		m.put(&t.served)
	}
	m.in.MoveToFront(m.place)
	b.note(e)
	if e.Outcome == Begun {
		m.open = appendBounded(m.open, began, t.maxEvents)
	} else {
		if i := slices.IndexFunc(m.open, began.Equal); i >= 0 {
			m.open = slices.Delete(m.open, i, i+1)
		}
		t.keep(m, e)
	}
	b.open = len(m.open)
}

// keep appends the event to those of the machine's boot.
func (t *Trace) keep(m *machine, e Event) {
	b := &m.boot
	if t.events >= t.maxAll() && len(b.Events) <= t.share() {
		t.makeRoom(m)
	}
	if len(b.Events) == t.maxEvents || t.events >= t.maxAll() {
		if b.Earlier++; len(b.Events) == 0 {
			return // there is no room at all
		}
		b.Events[0] = Event{} // its texts are free
		b.Events = b.Events[1:]
		t.events--
	}
	if len(b.Events) > 0 {
		e.share(&b.Events[len(b.Events)-1])
	}
	if len(b.Events) == cap(b.Events) { // append would double it
		b.Events = append(make([]Event, 0, len(b.Events)+1+len(b.Events)/4), b.Events...)
	}
	b.Events = append(b.Events, e)
	t.events++
}

// share is how many events each machine may keep when there are too many.
func (t *Trace) share() int { return t.maxAll() / t.maxMachines }

// makeRoom drops events of another machine than m: all of the one that was not
// sent a file and has been silent the longest. If there is none, it drops half
// of the events of a boot that has more than its share.
func (t *Trace) makeRoom(m *machine) {
	if oldest := t.claimed.Back(); oldest != nil && oldest.Value != m {
		t.forget(oldest.Value.(*machine))
		return
	}
	for i := range t.ended {
		if t.halve(&t.ended[i]) {
			return
		}
	}
	for p := t.served.Back(); p != nil; p = p.Prev() {
		if other := p.Value.(*machine); other != m && t.halve(&other.boot) {
			return
		}
	}
}

// halve drops the first half of a boot's events, if it has more than its share.
func (t *Trace) halve(b *Boot) bool {
	n := len(b.Events) / 2
	if len(b.Events) <= t.share() {
		return false
	}
	b.Events = slices.Clone(b.Events[n:]) // the others' memory is free
	b.Earlier += n
	t.events -= n
	return true
}

// began returns when the answer or the transfer began.
func (e Event) began() time.Time { return e.Time.Add(-e.Took) }

// wholeFile reports whether a client received a whole file.
func (e Event) wholeFile() bool { return e.Protocol != DHCP && e.Outcome == Sent && e.Bytes > 0 }

// begin starts the machine's next boot. What its last one was stays known for a
// while: a machine that comes back soon after a hand-over did not start there.
func (t *Trace) begin(m *machine, e Event) {
	old := m.boot
	began := e.began()
	if m.in != &t.resting {
		old.Next = began
		t.end(m, old)
	}
	m.open = nil
	m.boot = Boot{ID: id(m, began), Began: began, base: began, MAC: m.mac(), GUID: old.GUID}
	if h := old.handedOver(); h.before(began) {
		h.After, h.Ended = began.Sub(h.At), m.in != &t.resting
		m.boot.Back = &h
	}
	m.put(&t.claimed)
}

// end queues a boot for Quiet.
func (t *Trace) end(m *machine, b Boot) {
	if !b.isBoot() {
		t.events -= len(b.Events)
		return
	}
	b.open = 0
	if len(t.ended) >= t.maxMachines {
		t.leftOut += len(t.ended[0].Events)
		t.events -= len(t.ended[0].Events)
		t.ended = slices.Delete(t.ended, 0, 1)
	}
	t.ended = append(t.ended, b)
}

// restarts reports whether an event begins another boot of a machine that boots:
// its firmware asks for everything once more. Programs that firmware loads do
// not ask DHCP, with two exceptions: iPXE, and the loader that a Raspberry Pi 3
// reads first.
func (m *machine) restarts(e Event) bool {
	b := &m.boot
	if !e.discovers() {
		return false
	}
	if !b.moved && b.has(system) {
		return true // so far, a system that renews its address
	}
	if past := b.past(e); past != nil && past.stage >= Loaded {
		return true // the boot order begins once more
	}
	if b.current().stage < Loaded {
		return e.Time.Sub(b.Began) >= longest
	}
	return !b.current().chains(e)
}

// resumes reports whether an event of a resting machine belongs to the boot that
// was reported: the machine has waited in its menu, or its system has started.
func (m *machine) resumes(e Event) bool {
	silent := e.began().Sub(m.last)
	switch {
	case m.boot.ID == "" || e.discovers():
		return false
	case e.Protocol == DHCP:
		return silent < starting
	}
	return silent < patience
}

// now returns the machine's boot.
func (m *machine) now() (Boot, bool) { return m.boot, m.boot.isBoot() }

// mac returns the MAC address that the machine used last.
func (m *machine) mac() ether.MAC {
	if len(m.macs) == 0 {
		return ether.MAC{}
	}
	return m.macs[len(m.macs)-1]
}

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
// DHCP knows the MAC, the GUID and the address. Transfers know the address. If
// one also has a MAC, that counts where no DHCP answer says whose address it is.
func (t *Trace) machine(e Event) *machine {
	if e.Protocol != DHCP || !e.MAC.IsValid() {
		m, ok := t.byAddr[e.Addr]
		if !ok {
			m = t.add(e.wholeFile())
			t.move(m, e.Addr)
		}
		if m != nil && len(m.macs) == 0 && e.MAC.IsValid() && t.byMAC[e.MAC] == nil {
			t.identify(m, e)
		}
		return m
	}
	m := t.known(e.MAC, clients.OwnGUID(e.GUID))
	if m == nil {
		m = t.add(false)
	}
	if m != nil {
		t.identify(m, e)
	}
	if e.Addr.IsValid() {
		t.move(m, e.Addr)
	}
	return m
}

// known returns the machine with a MAC and a GUID by the rule of
// clients.Machine.Same: if both have a GUID that identifies one machine, the
// GUID decides. It returns nil if there is none.
func (t *Trace) known(mac ether.MAC, guid string) *machine {
	if m := t.byGUID[guid]; m != nil && guid != "" {
		return m
	}
	m := t.byMAC[mac]
	if m != nil && guid != "" && m.guid != "" {
		return nil // another machine with the same network adapter
	}
	return m
}

// identify notes that the machine uses a MAC, and its GUID.
func (t *Trace) identify(m *machine, e Event) {
	if guid := clients.OwnGUID(e.GUID); guid != "" && m.guid == "" {
		m.guid = guid
		t.byGUID[guid] = m
	}
	if t.byMAC[e.MAC] == m && m.mac() == e.MAC {
		return
	}
	if other := t.byMAC[e.MAC]; other != nil {
		other.macs = slices.DeleteFunc(other.macs, func(mac ether.MAC) bool { return mac == e.MAC })
	}
	if len(m.macs) == maxPorts {
		delete(t.byMAC, m.macs[0])
	}
	m.macs = appendBounded(m.macs, e.MAC, maxPorts)
	t.byMAC[e.MAC] = m
}

func (t *Trace) add(served bool) *machine {
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
	m := &machine{}
	m.put(&t.resting)
	return m
}

func (t *Trace) forget(m *machine) {
	t.leftOut += len(m.boot.Events)
	t.events -= len(m.boot.Events)
	m.in.Remove(m.place)
	for _, mac := range m.macs {
		delete(t.byMAC, mac)
	}
	delete(t.byGUID, m.guid)
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

// Quiet returns the boots that have ended: those that the machine's next boot
// ended, and those of machines that have been quiet for long enough. It clears
// their events. It returns at most the given number of boots: served machines
// first, and the oldest of those first. Renewals of a running system are not a
// boot: a boot has an answer to boot firmware, or a transfer.
func (t *Trace) Quiet(now time.Time, most int) []Boot {
	n := min(most, len(t.ended))
	boots := slices.Clone(t.ended[:n])
	t.ended = slices.Delete(t.ended, 0, n)
	for _, b := range boots {
		t.events -= len(b.Events)
	}
	for _, l := range []*list.List{&t.served, &t.claimed} {
		for p := l.Back(); p != nil && len(boots) < most; {
			m := p.Value.(*machine)
			p = p.Prev()
			silent := now.Sub(m.last)
			if silent < QuietAfter && silent > -QuietAfter { // a clock may have been set back
				break
			}
			if len(m.open) > 0 && silent < patience && silent > 0 {
				continue
			}
			if b := t.rest(m, now); b.isBoot() {
				boots = append(boots, b)
			}
		}
	}
	return boots
}

// rest ends a machine's boot, and returns it.
func (t *Trace) rest(m *machine, now time.Time) Boot {
	t.addOffer(m)
	b := m.boot
	b.open = 0
	t.events -= len(b.Events)
	m.boot, m.open = b.reported(now), nil
	m.put(&t.resting)
	return b
}

// LeftOut returns how many events were left out since the last call.
func (t *Trace) LeftOut() int {
	n := t.leftOut
	t.leftOut = 0
	return n
}
