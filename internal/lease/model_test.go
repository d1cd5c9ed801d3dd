package lease

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
)

var histories = flag.Int("histories", 20_000, "how many random histories TestHistories plays")

const historySteps = 40

// plan is one configuration of the model's subnet.
type plan struct {
	ranges   []config.Range
	reserved map[Client]netip.Addr
}

var plans = []plan{
	{ranges("10.0.0.1-10.0.0.4"), nil},
	{ranges("10.0.0.1-10.0.0.4"), map[Client]netip.Addr{"m0": addr("10.0.0.2"), "m1": addr("10.0.0.9")}},
	{ranges("10.0.0.3-10.0.0.6"), map[Client]netip.Addr{"m0": addr("10.0.0.9"), "m2": addr("10.0.0.3")}},
	{ranges("10.0.0.2", "10.0.0.5"), nil},
}

func (p plan) addrs() []netip.Addr {
	var out []netip.Addr
	for _, a := range p.reserved {
		out = append(out, a)
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

func (p plan) has(a netip.Addr) bool {
	for _, r := range p.ranges {
		if r.Contains(a) {
			return true
		}
	}
	return p.owner(a) != ""
}

// machine is a client as it sees itself.
type machine struct {
	id       Client
	exchange int        // the answers to earlier ones do not count (xid)
	offer    netip.Addr // of the last OFFER that arrived
	holds    netip.Addr // by the last ACK that arrived
	until    time.Duration
}

// ack waits for the disk.
type ack struct {
	m        *machine
	exchange int
	addr     netip.Addr
	until    time.Duration
}

// world is one history: machines, a lossy link, and a box whose power fails.
type world struct {
	random   *rand.Rand
	now      time.Duration // true time
	clock    time.Time     // what the box took for the time when it booted,
	booted   time.Duration // which was then
	plan     plan
	pool     *Pool
	disk     map[netip.Addr]Record
	waiting  []ack
	machines []*machine
	seen     map[string]int
	trace    func(format string, args ...any)
}

func (w *world) boxNow() time.Time { return w.clock.Add(w.now - w.booted) }

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

func (w *world) boot() {
	// 1970, 2106, or anything between: a clock without a battery.
	w.clock = time.Unix(w.random.Int64N(1<<32), 0)
	w.booted = w.now
	w.pool = NewPool(w.plan.ranges, w.plan.addrs())
	w.waiting = nil
	var records []Record
	for _, r := range w.disk {
		records = append(records, r)
	}
	w.pool.Restore(w.boxNow(), records)
}

// holder is who uses an address by a promise that runs, other than m.
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

func (w *world) discover(m *machine) error {
	m.exchange++
	wish := m.holds
	if w.chance(30) {
		wish = anyAddr(w.random)
	}
	now := w.boxNow()
	a, fresh, ok := w.plan.reserved[m.id], false, true
	if !a.IsValid() || !w.pool.OfferReserved(now, m.id, a) {
		a, fresh, ok = w.pool.Offer(now, m.id, wish)
	}
	w.trace("%s DISCOVER (wish %v): %v, fresh %v, %v", m.id, wish, a, fresh, ok)
	if !ok {
		w.seen["nothing to offer"]++
		for _, r := range w.plan.ranges {
			for a := r.First; r.Contains(a); a = a.Next() {
				if s := w.pool.slots[a]; !s.reserved && s.state != leased && s.state != declined {
					return fmt.Errorf("%v is to be had, and nothing was offered", a)
				}
			}
		}
		return nil
	}
	if o := w.holder(a, m); o != nil {
		return fmt.Errorf("%v offered to %s, and %s holds it", a, m.id, o.id)
	}
	if m.until > w.now && m.holds != a && w.keeps(m) {
		return fmt.Errorf("%s holds %v and is offered %v", m.id, m.holds, a)
	}
	if fresh && w.chance(5) {
		w.trace("a probe finds %v in use", a)
		w.seen["probe answered"]++
		w.pool.Taken(now, a, now.Add(10*time.Minute))
		return nil
	}
	if w.chance(90) {
		w.seen["offer"]++
		m.offer = a
	}
	return nil
}

// keeps reports whether the configuration lets a machine stay where it is.
func (w *world) keeps(m *machine) bool {
	own := w.plan.reserved[m.id]
	owner := w.plan.owner(m.holds)
	return w.plan.has(m.holds) && (owner == "" || owner == m.id) && (!own.IsValid() || own == m.holds)
}

// request asks for a lease of a, and is answered as RFC 2131 §4.3.2 has it.
func (w *world) request(m *machine, kind string, a netip.Addr) error {
	m.exchange++
	now := w.boxNow()
	r := Record{HW: string(m.id), Length: time.Duration(1+w.random.IntN(60)) * time.Minute}
	given, why := w.decide(now, m.id, kind, a, r)
	w.trace("%s REQUEST %s %v for %v: %v %s", m.id, kind, a, r.Length, given, why)
	switch {
	case given && !w.plan.has(a):
		return fmt.Errorf("%v is leased, and the configuration does not have it", a)
	case given:
		w.seen[kind]++
		w.waiting = append(w.waiting, ack{m, m.exchange, a, w.now + r.Length})
		return nil
	case kind != "selecting" && a == m.holds && m.until > w.now && w.keeps(m):
		return fmt.Errorf("%s holds %v, and its %s is refused: %s", m.id, a, kind, why)
	}
	w.seen[why]++
	if why == "nak" && w.chance(90) {
		m.holds, m.offer = netip.Addr{}, netip.Addr{}
	}
	return nil
}

func (w *world) decide(now time.Time, c Client, kind string, a netip.Addr, r Record) (bool, string) {
	if o := w.plan.owner(a); o != "" && o != c {
		return false, "nak"
	}
	if own := w.plan.reserved[c]; own.IsValid() && w.pool.OfferReserved(now, c, own) && own != a {
		return false, "nak"
	}
	if kind == "selecting" {
		return w.pool.CommitSelected(now, c, a, r), "nak"
	}
	switch known, ok := w.pool.Known(now, c); {
	case !ok:
		return false, "silence"
	case known != a:
		return false, "nak"
	}
	return w.pool.Commit(now, c, a, r), "nak"
}

// flush is one batch to the disk, and then the ACKs that waited for it.
func (w *world) flush() error {
	changes := w.pool.Changes()
	acks := w.waiting
	w.waiting = nil
	if w.chance(5) {
		w.trace("the disk fails")
		w.seen["disk failure"]++
		w.pool.Unsaved(changes)
		return nil
	}
	w.write(changes)
	clients := map[Client]netip.Addr{}
	for a, r := range w.disk {
		if b, ok := clients[r.Client]; ok {
			return fmt.Errorf("on disk, %s has %v and %v", r.Client, a, b)
		}
		clients[r.Client] = a
	}
	for _, k := range acks {
		if k.exchange != k.m.exchange || w.chance(10) {
			w.trace("the ACK of %v to %s is lost", k.addr, k.m.id)
			w.seen["ack lost"]++
			continue
		}
		w.trace("ACK of %v to %s", k.addr, k.m.id)
		w.seen["ack"]++
		if o := w.holder(k.addr, k.m); o != nil && k.until > w.now {
			return fmt.Errorf("%v is leased to %s, and %s holds it", k.addr, k.m.id, o.id)
		}
		k.m.holds, k.m.until, k.m.offer = k.addr, k.until, netip.Addr{}
		if w.chance(5) {
			w.decline(k.m)
		}
	}
	return nil
}

func (w *world) decline(m *machine) {
	w.trace("%s DECLINE %v", m.id, m.holds)
	w.seen["decline"]++
	m.exchange++
	if w.chance(80) {
		w.pool.Decline(w.boxNow(), m.id, m.holds, w.boxNow().Add(10*time.Minute))
	}
	m.holds = netip.Addr{}
}

func (w *world) step() error {
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
			m.holds = netip.Addr{} // it has begun anew
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
			if w.chance(80) {
				w.pool.Release(w.boxNow(), m.id, m.holds)
			}
			m.holds = netip.Addr{}
		}
	case n < 91:
		w.trace("%s takes another server's offer", m.id)
		w.pool.Withdraw(w.boxNow(), m.id)
	case n < 96:
		w.trace("power cut")
		w.seen["power cut"]++
		if w.chance(50) { // after the write, and before the ACKs
			w.write(w.pool.Changes())
		}
		w.now += time.Duration(w.random.IntN(100)) * time.Second
		w.boot()
	default:
		i := w.random.IntN(len(plans))
		w.trace("configuration %d", i)
		w.seen["configuration"]++
		w.plan = plans[i]
		w.pool.Resize(w.plan.ranges, w.plan.addrs())
	}
	return nil
}

func anyAddr(random *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + random.IntN(9))})
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
			return fmt.Errorf("%v is leased to nobody", a)
		case s.last != nil && p.held[s.last.Client] != s:
			return fmt.Errorf("%v is %s's, who has another", a, s.last.Client)
		case s.gone && (s.reserved || s.state == free || s.state == offered):
			return fmt.Errorf("%v left and stays for nothing", a)
		}
		want := s.wanted()
		same := want == nil && s.saved == nil || want != nil && s.saved != nil && *want == *s.saved
		if !same && p.changed[a] != s {
			return fmt.Errorf("the store is not told of %v", a)
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
	if n := len(p.idle) + len(p.offers) + len(p.ends); n != queued || held != len(p.held) || offers != len(p.offered) {
		return fmt.Errorf("%d of %d wait, %d of %d clients held, %d of %d offered", queued, n, held, len(p.held), offers, len(p.offered))
	}
	return nil
}

// history plays one, from its seed.
func history(seed uint64, seen map[string]int, trace func(string, ...any)) error {
	random := rand.New(rand.NewPCG(seed, 0))
	w := &world{random: random, plan: plans[random.IntN(len(plans))], disk: map[netip.Addr]Record{}, seen: seen, trace: trace}
	for i := range 6 {
		w.machines = append(w.machines, &machine{id: Client(fmt.Sprint("m", i))})
	}
	w.boot()
	for range historySteps {
		if err := w.step(); err != nil {
			return err
		}
		if err := sound(w.pool); err != nil {
			return err
		}
	}
	return nil
}

// TestHistories plays random histories: machines that ask, renew, give back,
// move and are lost; packets that do not arrive; a box that loses power
// between its disk and its answers, and boots with any time on its clock;
// configurations that change. What an acknowledged machine was promised is
// all that the oracle knows: no address is two machines' at one time, and no
// promise is forgotten before its end.
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
	} {
		if total[k] == 0 {
			t.Errorf("no history has seen %q: this test tests less than it says", k)
		}
	}
}
