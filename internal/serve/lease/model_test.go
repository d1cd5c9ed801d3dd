package lease

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

var histories = flag.Int("histories", 20_000, "how many random histories TestHistories plays")

const historySteps = 60

// clone is the name that machines with a cloned disk use.
const clone Client = "clone"

// plan is one configuration of the model's networks: one for all machines, or
// one for each of the two links.
type plan struct {
	subnets  []Subnet
	reserved map[Client]netip.Addr
}

func network(s string, rs ...string) Subnet {
	return Subnet{Network: netip.MustParsePrefix(s), Ranges: ranges(rs...)}
}

var plans = []plan{
	{[]Subnet{network("10.0.0.0/28", "10.0.0.1-10.0.0.4")}, nil},
	{[]Subnet{network("10.0.0.0/28", "10.0.0.1-10.0.0.4")},
		map[Client]netip.Addr{"m0": addr("10.0.0.2"), "m1": addr("10.0.0.9")}},
	{[]Subnet{network("10.0.0.0/28", "10.0.0.3-10.0.0.6")},
		map[Client]netip.Addr{"m0": addr("10.0.0.9"), "m2": addr("10.0.0.3")}},
	{[]Subnet{network("10.0.0.0/28", "10.0.0.2", "10.0.0.5")}, nil},
	// Another mask.
	{[]Subnet{network("10.0.0.0/27", "10.0.0.1-10.0.0.4")}, nil},
	{[]Subnet{network("10.0.0.0/29", "10.0.0.1-10.0.0.4")}, map[Client]netip.Addr{"m0": addr("10.0.0.2")}},
	// Half of it, two halves, swapped, another network, none.
	{[]Subnet{network("10.0.0.8/29", "10.0.0.9-10.0.0.10")}, nil},
	{[]Subnet{network("10.0.0.0/29", "10.0.0.1-10.0.0.4"), network("10.0.0.8/29", "10.0.0.9-10.0.0.10")}, nil},
	{[]Subnet{network("10.0.0.8/29", "10.0.0.9"), network("10.0.0.0/30", "10.0.0.1-10.0.0.3")},
		map[Client]netip.Addr{"m0": addr("10.0.0.2"), "m1": addr("10.0.0.8")}},
	{[]Subnet{network("10.1.0.0/24", "10.1.0.1")}, nil},
	{},
	// Settings that came before the box's address: the network contains part of
	// one range, and all of the other subnet.
	{[]Subnet{network("10.0.0.0/29", "10.0.0.4-10.0.0.9"), network("10.0.0.0/28", "10.0.0.1-10.0.0.3")}, nil},
}

// configured returns the subnets in the form that Configure expects.
func (p plan) configured() []Subnet {
	var reserved []netip.Addr
	for _, a := range p.reserved {
		reserved = append(reserved, a)
	}
	slices.SortFunc(reserved, netip.Addr.Compare)
	out := slices.Clone(p.subnets)
	for i := range out {
		out[i].Reserved = reserved
	}
	return out
}

func (p plan) owner(a netip.Addr) Client {
	for c, r := range p.reserved {
		if r == a {
			return c
		}
	}
	return ""
}

// has reports whether the subnet with that number leases an address.
func (p plan) has(i int, a netip.Addr) bool {
	if i < 0 || i > 0 && p.subnets[0].Network.Overlaps(p.subnets[i].Network) || !p.subnets[i].Network.Contains(a) {
		return false
	}
	if a == spec.Broadcast(p.subnets[i].Network) {
		return false
	}
	for _, r := range p.subnets[i].Ranges {
		if r.Contains(a) {
			return true
		}
	}
	return p.owner(a) != ""
}

// of returns the number of the subnet that contains an address; -1 if none.
func (p plan) of(a netip.Addr) int {
	return slices.IndexFunc(p.subnets, func(s Subnet) bool { return s.Network.Contains(a) })
}

// machine is a client as it sees itself.
type machine struct {
	id       Client     // by its hardware address
	hw       string     // of it
	calls    Client     // its name now: that of one of its systems
	as       Client     // the name under which it holds its address
	link     int        // that its cable is plugged into
	exchange int        // answers to earlier ones are ignored (xid)
	offer    netip.Addr // from the last OFFER that arrived
	holds    netip.Addr // from the last ACK that arrived
	until    time.Duration

	// unsaved: the ACK was sent without a disk write, and a power cut may break
	// the promise.
	unsaved bool
	// either: the box has restarted with two leases of it, and cannot know
	// which is the newer one. No other machine may get them; this one may have
	// to start again.
	either bool
}

// ack is an ACK that waits for the disk.
type ack struct {
	m        *machine
	exchange int
	addr     netip.Addr
	as       Client
	until    time.Duration
}

// world is one history: machines, a lossy link, and a box whose power fails.
type world struct {
	random   *rand.Rand
	now      time.Duration // true time
	clock    time.Time     // what the box took to be the time when it booted,
	booted   time.Duration // which was at this time
	plans    [2]plan       // that alternate, so that a network comes back
	plan     plan
	pools    Pools
	subnets  []*Pool // of the plan
	disk     map[netip.Addr]Record
	noDisk   bool // leases are given from memory
	loaded   bool // the box knows what was on disk when it booted
	waiting  []ack
	machines []*machine
	seen     map[string]int
	trace    func(format string, args ...any)
}

func (w *world) boxNow() time.Time { return w.clock.Add(w.now - w.booted) }

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

// boot starts the box. Its database may open only later. Until then it knows
// nothing about its earlier promises.
func (w *world) boot() {
	// 1970, 2106, or anything between: a clock without a battery.
	w.clock = time.Unix(w.random.Int64N(1<<32), 0)
	w.booted = w.now
	w.pools, w.waiting, w.loaded, w.noDisk = Pools{}, nil, false, true
	of := map[string]int{}
	for _, r := range w.disk {
		of[r.HW]++
	}
	for _, m := range w.machines {
		if m.unsaved {
			m.lose()
		}
		m.either = of[m.hw] > 1
	}
	if w.chance(50) { // before the box has its address
		w.openDisk()
	}
	w.configure()
	if !w.loaded && w.chance(50) {
		w.openDisk()
	}
}

func (w *world) configure() { w.subnets = w.pools.Configure(w.plan.configured()) }

// openDisk opens the database, late or again.
func (w *world) openDisk() {
	w.trace("the database opens; loaded before: %v", w.loaded)
	w.noDisk = false
	if w.loaded && w.chance(20) {
		w.trace("it is another one")
		clear(w.disk)
		for _, m := range w.machines {
			m.unsaved = true
		}
	}
	records := slices.SortedFunc(maps.Values(w.disk), func(a, b Record) int { return a.Addr.Compare(b.Addr) })
	if w.loaded {
		w.seen["database again"]++
		w.pools.Stored(records)
		return
	}
	if len(w.pools) > 0 {
		w.seen["database late"]++
	}
	w.pools.Restore(w.boxNow(), records)
	w.loaded = true
}

func (m *machine) lose() { m.holds, m.unsaved = netip.Addr{}, false }

// given records that an address is promised to a machine, although the machine
// may never learn of it. A box without its database yet does not know better;
// the machine that was promised the address before, or that holds another one,
// loses it. In all other cases nothing that is promised is given.
func (w *world) given(m *machine, a netip.Addr) {
	if w.loaded {
		return
	}
	for _, o := range w.machines {
		if o.holds.IsValid() && (o != m && o.holds == a || o == m && o.holds != a) {
			w.seen["lost to a late database"]++
			o.lose()
		}
	}
}

// holder returns the machine, other than m, that uses an address by a running
// promise.
func (w *world) holder(a netip.Addr, m *machine) *machine {
	for _, o := range w.machines {
		if o != m && o.holds == a && o.until > w.now {
			return o
		}
	}
	return nil
}

func (w *world) write(changes []Change) {
	for _, c := range changes {
		if c.Record == nil {
			delete(w.disk, c.Addr)
		} else {
			w.disk[c.Addr] = *c.Record
		}
	}
}

// subnet returns the number of the subnet that a machine is in; -1 if none.
func (w *world) subnet(m *machine) int { return min(m.link, len(w.plan.subnets)-1) }

func (w *world) discover(m *machine) error {
	m.exchange++
	i := w.subnet(m)
	if i < 0 {
		return nil
	}
	pool := w.subnets[i]
	wish := m.holds
	if w.chance(30) {
		wish = anyAddr(w.random)
	}
	now := w.boxNow()
	id := w.identity(m, i, wish)
	if id != m.as {
		m.holds = netip.Addr{} // booted another system
	}
	a, fresh, ok := w.reserved(m, i), false, true
	if !a.IsValid() || !pool.OfferReserved(now, id, a) {
		spare := pool.Spare(now, m.hw)
		a, fresh, ok = pool.Offer(now, id, wish, spare)
		if ok && a == spare {
			w.seen["offered what it gave back"]++
		}
		if !ok {
			if own := pool.GiveBack(now, id, m.hw); own.IsValid() {
				w.seen["offered its own for want of others"]++
				a, fresh, ok = pool.Offer(now, id, own)
			}
		}
	}
	w.trace("%s as %s in %d DISCOVER (wish %v): %v, fresh %v, %v", m.id, id, i, wish, a, fresh, ok)
	if !ok {
		w.seen["nothing to offer"]++
		for _, r := range w.plan.subnets[i].Ranges {
			for a := r.First; r.Contains(a); a = a.Next() {
				if s := pool.slots[a]; w.plan.has(i, a) && !s.reserved && s.state != leased && s.state != declined {
					return fmt.Errorf("%v is to be had, and nothing was offered", a)
				}
			}
		}
		return nil
	}
	if o := w.holder(a, m); o != nil && w.loaded {
		return fmt.Errorf("%v offered to %s, and %s holds it", a, m.id, o.id)
	}
	if m.until > w.now && m.holds != a && w.keeps(m, i) {
		return fmt.Errorf("%s holds %v and is offered %v", m.id, m.holds, a)
	}
	if fresh && w.chance(5) {
		w.trace("a probe finds %v in use", a)
		w.seen["probe answered"]++
		pool.Taken(now, a, now.Add(10*time.Minute))
		return nil
	}
	if w.chance(90) {
		w.seen["offer"]++
		m.offer = a
	}
	return nil
}

// identity returns the name that a machine has in a subnet, as package dhcp
// determines it for a reservation by hardware address.
func (w *world) identity(m *machine, i int, uses netip.Addr) Client {
	pool, now := w.subnets[i], w.boxNow()
	if a, ok := w.plan.reserved[m.id]; ok {
		pool.Rename(now, m.id, m.hw, uses)
		if w.plan.subnets[i].Network.Contains(a) {
			pool.Rename(now, m.id, m.hw, a)
		}
		return m.id
	}
	id := pool.Identity(now, m.calls, m.id, m.hw, uses)
	switch id {
	case m.calls:
	case m.id:
		w.seen["known by its MAC"]++
	default:
		w.seen["another its own name"]++
	}
	return id
}

// reserved returns the address that is reserved for a machine in a subnet.
func (w *world) reserved(m *machine, i int) netip.Addr {
	if a := w.plan.reserved[m.id]; w.plan.has(i, a) {
		return a
	}
	return netip.Addr{}
}

// keeps reports whether a machine that asks in a subnet may keep its address.
func (w *world) keeps(m *machine, i int) bool {
	if !w.loaded || m.either {
		return false
	}
	own := w.reserved(m, i)
	owner := w.plan.owner(m.holds)
	return w.plan.has(i, m.holds) && (owner == "" || owner == m.id) && (!own.IsValid() || own == m.holds)
}

// request asks for a lease of a, and is answered as RFC 2131 §4.3.2 requires.
func (w *world) request(m *machine, kind string, a netip.Addr) error {
	m.exchange++
	i := w.subnet(m)
	if kind == "renewing" && w.plan.of(a) >= 0 {
		i = w.plan.of(a)
	}
	if i < 0 {
		return nil
	}
	now := w.boxNow()
	id := w.identity(m, i, a)
	r := Record{HW: m.hw, Length: time.Duration(1+w.random.IntN(60)) * time.Minute}
	given, why := w.decide(now, m, id, i, kind, a, r)
	w.trace("%s as %s in %d REQUEST %s %v for %v: %v %s", m.id, id, i, kind, a, r.Length, given, why)
	switch {
	case given && !w.plan.has(i, a):
		return fmt.Errorf("%v is leased, and the configuration does not have it", a)
	case given:
		w.seen[kind]++
		w.given(m, a)
		if kind != "renewing" {
			if back := w.subnets[i].GiveBack(now, id, m.hw); back.IsValid() {
				w.trace("%s gives %v back", m.id, back)
				w.seen["given back"]++
			}
			if n := len(w.subnets[i].byHW[m.hw]); n != 1 && !w.found(i, m) {
				return fmt.Errorf("%s has %d leases", m.id, n)
			}
		}
		w.waiting = append(w.waiting, ack{m, m.exchange, a, id, w.now + r.Length})
		return nil
	case kind != "selecting" && a == m.holds && m.until > w.now && w.keeps(m, i):
		return fmt.Errorf("%s holds %v, and its %s is refused: %s", m.id, a, kind, why)
	}
	w.seen[why]++
	if why == "nak" && w.chance(90) {
		m.holds, m.offer = netip.Addr{}, netip.Addr{}
	}
	return nil
}

// found reports whether a machine was found using a lease that m would give
// back.
func (w *world) found(i int, m *machine) bool {
	for s := range w.subnets[i].byHW[m.hw] {
		if !s.found.IsZero() {
			return true
		}
	}
	return false
}

func (w *world) decide(
	now time.Time, m *machine, id Client, i int, kind string, a netip.Addr, r Record,
) (bool, string) {
	pool := w.subnets[i]
	if o := w.plan.owner(a); o != "" && o != m.id {
		return false, "nak"
	}
	if own := w.reserved(m, i); own.IsValid() && pool.OfferReserved(now, id, own) && own != a {
		return false, "nak"
	}
	if kind == "selecting" {
		return pool.CommitSelected(now, id, a, r), "nak"
	}
	if kind == "init-reboot" && !w.plan.subnets[i].Network.Contains(a) {
		return false, "nak"
	}
	switch known, ok := pool.Known(now, id); {
	case !ok:
		return false, "silence"
	case known != a:
		return false, "nak"
	}
	return pool.Commit(now, id, a, r), "nak"
}

// flush writes one batch to the disk, and then sends the ACKs that waited for
// it.
func (w *world) flush() error {
	changes := w.pools.Changes(w.boxNow())
	acks := w.waiting
	w.waiting = nil
	switch {
	case w.noDisk:
	case w.chance(5):
		w.trace("the disk fails")
		w.seen["disk failure"]++
		w.configureSometimes()
		w.pools.Unsaved(changes)
		if w.chance(50) {
			w.trace("and is given up")
			w.seen["disk given up"]++
			w.noDisk = true
		}
		return nil
	default:
		w.write(changes)
		type holder struct {
			network netip.Prefix
			Client
		}
		clients := map[holder]netip.Addr{}
		for a, r := range w.disk {
			h := holder{w.pools.networkOf(a), r.Client}
			if b, ok := clients[h]; ok && h.network != everywhere {
				return fmt.Errorf("on disk, %s has %v and %v", r.Client, a, b)
			}
			clients[h] = a
		}
		for _, m := range w.machines {
			m.unsaved = false
		}
		w.configureSometimes()
	}
	for _, k := range acks {
		if k.exchange != k.m.exchange || w.chance(10) {
			w.trace("the ACK of %v to %s is lost", k.addr, k.m.id)
			w.seen["ack lost"]++
			continue
		}
		w.trace("ACK of %v to %s", k.addr, k.m.id)
		w.seen["ack"]++
		if w.noDisk {
			w.seen["ack from memory"]++
		}
		if o := w.holder(k.addr, k.m); o != nil && k.until > w.now {
			return fmt.Errorf("%v is leased to %s, and %s holds it", k.addr, k.m.id, o.id)
		}
		k.m.holds, k.m.as, k.m.until, k.m.offer = k.addr, k.as, k.until, netip.Addr{}
		k.m.unsaved, k.m.either = w.noDisk, false
		if w.chance(5) {
			w.decline(k.m)
		}
	}
	return nil
}

// configureSometimes changes the configuration while a batch is being written.
func (w *world) configureSometimes() {
	if w.chance(5) {
		w.reconfigure()
	}
}

func (w *world) reconfigure() {
	w.plan = w.plans[w.random.IntN(2)]
	w.trace("configuration %v", w.plan)
	w.seen["configuration"]++
	w.configure()
	// The networks of two clones may have become one: of the leases under their
	// name the earlier one rests, as if it were the same machine's.
	for _, m := range w.machines {
		m.either = m.either || m.as == clone
	}
}

func (w *world) decline(m *machine) {
	w.trace("%s DECLINE %v", m.id, m.holds)
	w.seen["decline"]++
	m.exchange++
	if i := w.plan.of(m.holds); i >= 0 && w.chance(80) {
		w.subnets[i].Decline(w.boxNow(), w.identity(m, i, m.holds), m.holds, w.boxNow().Add(10*time.Minute))
	}
	m.holds = netip.Addr{}
}

func (w *world) step() error {
	w.now += time.Millisecond
	switch w.random.IntN(4) {
	case 0: // at once
	case 1, 2:
		w.now += time.Duration(w.random.IntN(120)) * time.Second
	case 3:
		w.now += time.Duration(w.random.IntN(40)) * time.Minute
	}
	m := w.machines[w.random.IntN(len(w.machines))]
	switch n := w.random.IntN(100); {
	case n < 20:
		if w.chance(20) {
			m.boots(w)
		}
		return w.discover(m)
	case n < 38:
		a := m.offer
		switch {
		case w.chance(5):
			a = anyAddr(w.random) // never offered
		case !a.IsValid():
			return w.discover(m)
		}
		if a != m.holds {
			m.holds = netip.Addr{} // it has started again
		}
		return w.request(m, "selecting", a)
	case n < 55:
		if m.holds.IsValid() && m.until > w.now {
			return w.request(m, "renewing", m.holds)
		}
		return w.flush()
	case n < 61:
		a := m.holds
		if !a.IsValid() || w.chance(10) {
			a = anyAddr(w.random)
		}
		return w.request(m, "init-reboot", a)
	case n < 86:
		return w.flush()
	case n < 89:
		if m.holds.IsValid() {
			w.trace("%s RELEASE %v", m.id, m.holds)
			w.seen["release"]++
			m.exchange++
			if i := w.plan.of(m.holds); i >= 0 && w.chance(80) {
				w.subnets[i].Release(w.boxNow(), w.identity(m, i, m.holds), m.holds)
			}
			m.holds = netip.Addr{}
		}
	case n < 91:
		w.trace("%s takes another server's offer", m.id)
		if i := w.subnet(m); i >= 0 {
			w.subnets[i].Withdraw(w.boxNow(), w.identity(m, i, netip.Addr{}))
		}
	case n < 93:
		m.link = 1 - m.link
		m.exchange++
		w.trace("%s is carried to link %d", m.id, m.link)
	case n < 95:
		if w.noDisk {
			w.openDisk()
			if w.chance(50) {
				return w.flush()
			}
		}
	case n < 97:
		w.trace("power cut")
		w.seen["power cut"]++
		if !w.noDisk && w.chance(50) { // after the write, before the ACKs
			w.write(w.pools.Changes(w.boxNow()))
		}
		w.now += time.Duration(w.random.IntN(100)) * time.Second
		w.boot()
	default:
		w.reconfigure()
	}
	return nil
}

// boots makes a machine run another of its systems: without an identifier, with
// a new one, or with one from a cloned disk. It has no address then.
func (m *machine) boots(w *world) {
	m.exchange++
	m.holds, m.offer, m.unsaved = netip.Addr{}, netip.Addr{}, false
	switch w.random.IntN(3) {
	case 0:
		m.calls = m.id
	case 1:
		m.calls = Client(fmt.Sprint(m.id, "'s ", w.random.IntN(1000)))
	case 2:
		m.calls = clone
	}
	w.trace("%s boots as %s", m.id, m.calls)
	w.seen["boot"]++
}

func anyAddr(random *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + random.IntN(10))})
}

// sound checks what must always be true of a pool.
func sound(p *Pool) error {
	queued, held, offers := 0, 0, 0
	for a, s := range p.slots {
		switch {
		case s.addr != a:
			return fmt.Errorf("%v is kept as %v", s.addr, a)
		case s.queue != p.queueOf(s) || s.queue != nil && (*s.queue)[s.place] != s:
			return fmt.Errorf("%v waits in the wrong queue", a)
		case s.state == offered && p.offered[s.offeree] != s || s.state != offered && s.offeree != "":
			return fmt.Errorf("%v is offered to %q, who does not know", a, s.offeree)
		case s.state == leased && s.last == nil:
			return fmt.Errorf("%v is leased to no one", a)
		case s.last != nil && p.held[s.last.Client] != s:
			return fmt.Errorf("%v is %s's, who has another", a, s.last.Client)
		case s.state == leased && (s.hw != s.last.HW || s.hw != "" && !p.byHW[s.hw][s]) ||
			s.state != leased && s.hw != "":
			return fmt.Errorf("%v is kept under hardware address %q", a, s.hw)
		case s.gone && (s.reserved || s.state == free || s.state == offered):
			return fmt.Errorf("%v left and stays for nothing", a)
		}
		want := s.wanted()
		same := want == nil && s.saved == nil || want != nil && s.saved != nil && *want == *s.saved
		if !same && p.changed[a] != s {
			return fmt.Errorf("the store is not told about %v", a)
		}
		if s.queue != nil {
			queued++
		}
		if s.state == offered {
			offers++
		}
		if s.last != nil {
			held++
		}
	}
	for hw, slots := range p.byHW {
		if len(slots) == 0 {
			return fmt.Errorf("hardware address %q is kept for nothing", hw)
		}
		for s := range slots {
			if s.hw != hw {
				return fmt.Errorf("%v is kept under hardware address %q, and has %q", s.addr, hw, s.hw)
			}
		}
	}
	for hw, s := range p.spare {
		if s.last == nil || s.last.HW != hw || s.state == leased || s.state == declined || p.slots[s.addr] != s {
			return fmt.Errorf("%v is kept for hardware address %q", s.addr, hw)
		}
	}
	for a, s := range p.changed {
		if p.slots[a] != s && (s.queue != nil || s.state != free || s.last != nil || !s.gone) {
			return fmt.Errorf("%v is not in the pool any more, and not at rest", a)
		}
	}
	if n := len(p.idle) + len(p.offers) + len(p.ends) + len(p.rests); n != queued || held != len(p.held) ||
		offers != len(p.offered) {
		return fmt.Errorf("%d of %d wait, %d of %d clients held, %d of %d offered",
			queued, n, held, len(p.held), offers, len(p.offered))
	}
	return nil
}

// history plays one history, from its seed.
func history(seed uint64, seen map[string]int, trace func(string, ...any)) error {
	random := rand.New(rand.NewPCG(seed, 0))
	w := &world{random: random, disk: map[netip.Addr]Record{}, seen: seen, trace: trace}
	for i := range 6 {
		id := Client(fmt.Sprint("m", i))
		w.machines = append(w.machines, &machine{id: id, hw: fmt.Sprint("hw", i), calls: id, link: i % 2})
	}
	for i := range w.plans {
		w.plans[i] = plans[random.IntN(len(plans))]
	}
	if w.chance(30) { // two networks and one
		w.plans = [2]plan{plans[7], plans[random.IntN(2)]}
	}
	w.plan = w.plans[0]
	w.boot()
	for range historySteps {
		if err := w.step(); err != nil {
			return err
		}
		for network, p := range w.pools {
			if err := sound(p); err != nil {
				return err
			}
			for _, slots := range []map[netip.Addr]*slot{p.slots, p.changed} {
				for a := range slots {
					if w.pools.networkOf(a) != network {
						return fmt.Errorf("%v is in the pool of %v", a, network)
					}
				}
			}
		}
	}
	return nil
}

// TestHistories plays random histories: machines that ask, renew, give back,
// move and are lost, and boot under another name each time, or under the same
// name as others; packets that do not arrive; a box that loses power between
// its disk and its answers, and boots with any time on its clock; a disk that
// fails, comes back, or is late; ranges and networks that change. The oracle
// knows only what acknowledged machines were promised: no two machines have one
// address at one time, and no promise is forgotten before its end.
func TestHistories(t *testing.T) {
	var next atomic.Uint64
	var mu sync.Mutex
	total := map[string]int{}
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			seen := map[string]int{}
			for !t.Failed() {
				seed := next.Add(1)
				if seed > uint64(*histories) {
					break
				}
				err := history(seed, seen, func(string, ...any) {})
				if err == nil {
					continue
				}
				var lines []string
				history(seed, map[string]int{}, func(format string, args ...any) {
					lines = append(lines, fmt.Sprintf(format, args...))
				})
				t.Errorf("history %d: %v\n%s", seed, err, strings.Join(lines, "\n"))
			}
			mu.Lock()
			defer mu.Unlock()
			for k, n := range seen {
				total[k] += n
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	t.Logf("%d histories of %d steps: %v", *histories, historySteps, total)
	for _, k := range []string{
		"offer", "nothing to offer", "selecting", "renewing", "init-reboot", "nak", "silence", "release",
		"decline", "probe answered", "ack", "ack lost", "disk failure", "power cut", "configuration",
		"disk given up", "ack from memory", "database again", "database late", "lost to a late database",
		"boot", "known by its MAC", "another its own name", "given back", "offered what it gave back",
		"offered its own for want of others",
	} {
		if total[k] == 0 {
			t.Errorf("no history has seen %q: this test tests less than it says", k)
		}
	}
}
