package lease

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrs(s ...string) []netip.Addr {
	var out []netip.Addr
	for _, x := range s {
		out = append(out, addr(x))
	}
	return out
}

func ranges(s ...string) []spec.Range {
	var out []spec.Range
	for _, x := range s {
		r, err := spec.ParseRange(x)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

// A lease for an hour, as a record for Commit.
var hour = Record{Length: time.Hour}

// offer is Offer with the address as text; "" if none is left.
func offer(p *Pool, now time.Time, c Client, wish string) string {
	w := netip.Addr{}
	if wish != "" {
		w = addr(wish)
	}
	a, _, ok := p.Offer(now, c, w)
	if !ok {
		return ""
	}
	return a.String()
}

// bind runs a whole exchange for a client.
func bind(t *testing.T, p *Pool, now time.Time, c Client, wish string) netip.Addr {
	t.Helper()
	a := addr(offer(p, now, c, wish))
	if !p.CommitSelected(now, c, a, hour) {
		t.Fatalf("%v refused to %s, to whom it was just offered", a, c)
	}
	return a
}

func TestOfferOrder(t *testing.T) {
	p := NewPool(ranges("10.0.0.5-10.0.0.6", "10.0.0.1"), nil)
	later := t0.Add(time.Hour)
	for _, s := range []struct {
		situation string
		now       time.Time
		client    Client
		wish      string
		want      string
	}{
		{situation: "the first of the first range", now: t0, client: "a", want: "10.0.0.5"},
		{situation: "the same again", now: t0, client: "a", wish: "10.0.0.1", want: "10.0.0.5"},
		{situation: "a wish that is taken", now: t0, client: "b", wish: "10.0.0.5", want: "10.0.0.6"},
		{situation: "then the second range", now: t0, client: "c", want: "10.0.0.1"},
		{situation: "the leases ran out; one's own is still there", now: later, client: "c", wish: "10.0.0.5",
			want: "10.0.0.1"},
		{situation: "a newcomer gets the one longest unused", now: later, client: "d", want: "10.0.0.5"},
		{situation: "its former owner gets another", now: later, client: "a", want: "10.0.0.6"},
	} {
		got := offer(p, s.now, s.client, s.wish)
		if got != s.want {
			t.Fatalf("%s: got %q, want %q", s.situation, got, s.want)
		}
		p.CommitSelected(s.now, s.client, addr(got), hour)
	}
	if got := offer(p, later, "e", ""); got != "" {
		t.Errorf("all are leased, and %s was offered", got)
	}
}

func TestFreshOffer(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	fresh := func(now time.Time, c Client) bool {
		_, fresh, ok := p.Offer(now, c, netip.Addr{})
		if !ok {
			t.Fatal("nothing offered")
		}
		return fresh
	}
	if first, again := fresh(t0, "a"), fresh(t0, "a"); !first || !again {
		t.Error("an address that the client has never leased passes for its own")
	}
	p.CommitSelected(t0, "a", addr("10.0.0.1"), hour)
	if during, after := fresh(t0, "a"), fresh(t0.Add(2*time.Hour), "a"); during || after {
		t.Error("the client's own address passes for a new one")
	}
	if !fresh(t0.Add(4*time.Hour), "b") {
		t.Error("another's former address passes for the client's own")
	}
}

func TestCommit(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
	one, two := addr("10.0.0.1"), addr("10.0.0.2")
	if p.Commit(t0, "a", one, hour) {
		t.Error("leased without an offer")
	}
	offer(p, t0, "a", "")
	if p.Commit(t0, "a", two, hour) {
		t.Error("leased another address than offered")
	}
	if p.Commit(t0, "b", one, hour) {
		t.Error("leased what was offered to another")
	}
	if !p.Commit(t0, "a", one, hour) {
		t.Error("refused what was offered")
	}
	end := t0.Add(time.Hour)
	if got := offer(p, end.Add(-1), "b", "10.0.0.1"); got != "10.0.0.2" {
		t.Errorf("offered %s while leased to another", got)
	}
	if !p.Commit(end, "a", one, hour) {
		t.Error("a lease that ran out, and no one took, cannot be renewed")
	}
}

// A renewal for a shorter time does not shorten the promise.
func TestCommitShortens(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	bind(t, p, t0, "a", "")
	if !p.Commit(t0.Add(time.Minute), "a", addr("10.0.0.1"), Record{Length: time.Second}) {
		t.Fatal("a renewal was refused")
	}
	if got := offer(p, t0.Add(time.Hour-1), "b", ""); got != "" {
		t.Errorf("%s offered, although leased for an hour", got)
	}
	if c := p.Changes(); len(c) != 1 || c[0].Record == nil || c[0].Record.Length != 59*time.Minute {
		t.Errorf("the store is told %+v, with 59 minutes to run", c)
	}
}

func TestCommitSelected(t *testing.T) {
	one, two, three := addr("10.0.0.1"), addr("10.0.0.2"), addr("10.0.0.3")
	for _, s := range []struct {
		situation string
		before    func(p *Pool)
		a         netip.Addr
		want      bool
	}{
		{situation: "its own offer", before: func(p *Pool) { p.Offer(t0, "a", one) }, a: one, want: true},
		{situation: "an offer from before a restart", before: func(p *Pool) {}, a: one, want: true},
		{situation: "an offer that another has taken over since", before: func(p *Pool) { p.Offer(t0, "b", one) },
			a: one, want: true},
		{situation: "the first of two offers", before: func(p *Pool) { p.Offer(t0, "b", two); p.Offer(t0, "a", one) },
			a: two, want: true},
		{situation: "another's lease", before: func(p *Pool) { p.CommitSelected(t0, "b", one, hour) }, a: one},
		{situation: "a declined address", before: func(p *Pool) { p.Taken(t0, one, t0.Add(time.Hour)) }, a: one},
		{situation: "another's reservation", before: func(p *Pool) {}, a: three},
		{situation: "another's reservation, offered",
			before: func(p *Pool) { p.OfferReserved(t0, "b", three) }, a: three},
		{situation: "its own reservation", before: func(p *Pool) { p.OfferReserved(t0, "a", three) },
			a: three, want: true},
		{situation: "the range, when its reservation was offered",
			before: func(p *Pool) { p.OfferReserved(t0, "a", three) }, a: one},
		{situation: "a second lease", before: func(p *Pool) { p.CommitSelected(t0, "a", two, hour) }, a: one},
		{situation: "an address of somewhere else", before: func(p *Pool) {}, a: addr("10.0.0.9")},
	} {
		t.Run(s.situation, func(t *testing.T) {
			p := NewPool(ranges("10.0.0.1-10.0.0.3"), []netip.Addr{three})
			s.before(p)
			if got := p.CommitSelected(t0, "a", s.a, hour); got != s.want {
				t.Errorf("got %v, want %v", got, s.want)
			}
			if s.want && !p.Commit(t0, "a", s.a, hour) {
				t.Error("leased, and cannot be renewed")
			}
		})
	}
}

func TestWithdraw(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	offer(p, t0, "a", "")
	p.Withdraw(t0, "a")
	if a, ok := p.Known(t0, "a"); ok {
		t.Errorf("%v is still set aside", a)
	}
	bind(t, p, t0, "a", "")
	p.Withdraw(t0, "a")
	if _, ok := p.Known(t0, "a"); !ok {
		t.Error("a lease was withdrawn")
	}
}

func TestReleasedComesBack(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
	a := bind(t, p, t0, "a", "")
	if p.Release(t0, "b", a) {
		t.Error("another has released it")
	}
	if first, again := p.Release(t0, "a", a), p.Release(t0, "a", a); !first || again {
		t.Error("a lease is to be released once")
	}
	if got, ok := p.Known(t0, "a"); !ok || got != a {
		t.Errorf("the client is to come back to %v, %v", got, ok)
	}
	if got := offer(p, t0, "b", "10.0.0.1"); got != "10.0.0.1" {
		t.Errorf("%s offered to another who wants what was released", got)
	}
}

func TestDeclinedComesBack(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	a := bind(t, p, t0, "a", "")
	until := t0.Add(10 * time.Minute)
	if p.Decline(t0, "b", a, until) {
		t.Error("a stranger was believed")
	}
	if !p.Decline(t0, "a", a, until) {
		t.Error("its holder was not believed")
	}
	if got := offer(p, until.Add(-1), "b", "10.0.0.1"); got != "" {
		t.Errorf("offered the declined %s", got)
	}
	if got := offer(p, until, "b", ""); got != "10.0.0.1" {
		t.Errorf("still %q after its rest", got)
	}
}

// If no address is left, Retry tries one that a machine was found using.
func TestRetry(t *testing.T) {
	one, two := addr("10.0.0.1"), addr("10.0.0.2")
	p := NewPool(ranges("10.0.0.1-10.0.0.3"), addrs("10.0.0.3"))
	if a, ok := p.Retry(t0, "c"); ok {
		t.Errorf("%v, although none rests", a)
	}
	p.Taken(t0, two, t0.Add(10*time.Minute))
	bind(t, p, t0, "a", "")
	p.Decline(t0.Add(time.Second), "a", one, t0.Add(10*time.Minute+time.Second))
	p.Taken(t0, addr("10.0.0.3"), t0.Add(10*time.Minute)) // the reserved one is not available to all
	retry := func(after time.Duration, c Client, want string) {
		t.Helper()
		got := ""
		if a, ok := p.Retry(t0.Add(after), c); ok {
			got = a.String()
		}
		if got != want {
			t.Errorf("%v later %s is offered %q, want %q", after, c, got, want)
		}
	}
	retry(retryAfter-1, "c", "")
	retry(retryAfter, "c", "10.0.0.2")
	p.Taken(t0.Add(retryAfter), two, t0.Add(10*time.Minute+retryAfter)) // a probe is answered
	retry(retryAfter, "c", "")
	retry(retryAfter+time.Second, "c", "10.0.0.1")
	if !p.CommitSelected(t0.Add(retryAfter+2*time.Second), "c", one, hour) {
		t.Error("the address was offered, and is refused")
	}
	retry(time.Minute, "d", "10.0.0.2")
	if got := offer(p, t0.Add(time.Minute), "e", ""); got != "10.0.0.2" { // an offer that is not accepted gives way
		t.Errorf("offered %q", got)
	}
	// An address that rests because two machines may have leased it is not
	// tried.
	p = NewPool(ranges("10.0.0.1"), nil)
	p.setAside(p.slots[one], t0.Add(time.Hour))
	retry(time.Minute, "c", "")
}

func TestProbeAnswered(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
	offer(p, t0, "a", "")
	p.Taken(t0, addr("10.0.0.1"), t0.Add(time.Minute))
	if got := offer(p, t0, "a", "10.0.0.1"); got != "10.0.0.2" {
		t.Errorf("%q offered after a probe found the first in use", got)
	}
	bind(t, p, t0, "a", "")
	p.Taken(t0, addr("10.0.0.2"), t0.Add(time.Minute))
	if !p.Commit(t0, "a", addr("10.0.0.2"), hour) {
		t.Error("a lease was taken away because its holder answered a probe")
	}
}

// Thousands of nonexistent machines ask for addresses.
func TestFloodOfDiscovers(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.8"), addrs("10.0.0.8"))
	held := bind(t, p, t0, "holder", "")
	p.OfferReserved(t0, "owner", addr("10.0.0.8"))
	p.Taken(t0, addr("10.0.0.7"), t0.Add(time.Hour))
	flood := func(from, n int) {
		t.Helper()
		for i := from; i < from+n; i++ {
			got := offer(p, t0.Add(time.Duration(i)*time.Millisecond), Client(fmt.Sprint("spoofed", i)), "")
			if got == "" || slices.Contains([]string{held.String(), "10.0.0.7", "10.0.0.8"}, got) {
				t.Fatalf("stranger %d was offered %q", i, got)
			}
		}
	}
	flood(0, 10_000)
	now := t0.Add(10 * time.Second)
	real := offer(p, now, "real", "")
	if real == "" {
		t.Fatal("nothing for a real client")
	}
	flood(10_000, 10_000)
	now = t0.Add(20 * time.Second)
	if !p.CommitSelected(now, "real", addr(real), hour) {
		t.Error("a real client that takes its offer is refused")
	}
	if !p.CommitSelected(now, "owner", addr("10.0.0.8"), hour) {
		t.Error("a reserved address was given away")
	}
	if a, ok := p.Known(now, "holder"); !ok || a != held {
		t.Error("a lease was given away")
	}
	if n := len(p.offered) + len(p.held); n > len(p.slots) {
		t.Errorf("%d clients remembered for %d addresses", n, len(p.slots))
	}
}

// The oldest offer is the first to be reused.
func TestTakeOverOldest(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
	offer(p, t0, "a", "")
	offer(p, t0.Add(time.Second), "b", "")
	offer(p, t0.Add(2*time.Second), "a", "") // asks again: b's offer is the oldest now
	if got := offer(p, t0.Add(3*time.Second), "c", ""); got != "10.0.0.2" {
		t.Errorf("took over %q", got)
	}
}

func TestReservations(t *testing.T) {
	inside, outside := addr("10.0.0.1"), addr("10.0.0.200")
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), []netip.Addr{inside, outside})
	if got := offer(p, t0, "stranger", "10.0.0.1"); got != "10.0.0.2" {
		t.Errorf("a stranger was offered %q", got)
	}
	if p.OfferReserved(t0, "owner", addr("10.0.0.2")) {
		t.Error("an address that is not reserved passes for reserved")
	}
	for c, a := range map[Client]netip.Addr{"owner": inside, "other": outside} {
		if p.Commit(t0, c, a, hour) {
			t.Errorf("%v leased before it was offered", a)
		}
		if !p.OfferReserved(t0, c, a) || !p.Commit(t0, c, a, hour) {
			t.Errorf("%v is not to be had by its own machine", a)
		}
		if p.OfferReserved(t0, "stranger", a) {
			t.Errorf("%v leased, and offered to a second machine", a)
		}
	}
	if _, ok := p.Known(t0.Add(time.Hour), "owner"); ok {
		t.Error("a reserved address may be renewed after its lease without asking whose it is")
	}
}

// The address that one machine has is reserved for another.
func TestReservedWhileLeased(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.3"), nil)
	a := bind(t, p, t0, "a", "")
	p.Resize(ranges("10.0.0.1-10.0.0.3"), []netip.Addr{a})
	if p.OfferReserved(t0, "owner", a) {
		t.Error("reserved for another, it was taken from its holder")
	}
	if got, ok := p.Known(t0, "a"); !ok || got != a {
		t.Error("the holder has lost it")
	}
	if got := offer(p, t0, "a", ""); got != "10.0.0.2" {
		t.Errorf("a holder that starts again was offered %q", got)
	}
	if !p.CommitSelected(t0, "a", addr("10.0.0.2"), hour) {
		t.Error("the holder cannot move")
	}
	if !p.OfferReserved(t0, "owner", a) {
		t.Error("its holder moved, and its owner cannot have it")
	}
}

// An address is reserved for one machine while another machine has an offer of
// it.
func TestReservedWhileOffered(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	offer(p, t0, "a", "")
	p.Resize(ranges("10.0.0.1"), addrs("10.0.0.1"))
	if p.CommitSelected(t0, "a", addr("10.0.0.1"), hour) {
		t.Error("a reserved address was leased to whom it was offered before")
	}
}

// A machine that has one address gets a reservation for another.
func TestMoveToReservation(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), addrs("10.0.0.9"))
	old := bind(t, p, t0, "a", "")
	p.Changes()
	p.OfferReserved(t0, "a", addr("10.0.0.9"))
	if got := offer(p, t0, "b", ""); got != "" {
		t.Errorf("%s was offered before its holder had moved", got)
	}
	if !p.CommitSelected(t0, "a", addr("10.0.0.9"), hour) {
		t.Fatal("the client cannot have its reservation")
	}
	if got := offer(p, t0, "b", ""); got != old.String() {
		t.Errorf("its holder moved, and %q was offered", got)
	}
	changes := map[netip.Addr]bool{}
	for _, c := range p.Changes() {
		changes[c.Addr] = c.Record != nil
	}
	if want := fmt.Sprint(map[netip.Addr]bool{old: false, addr("10.0.0.9"): true}); fmt.Sprint(changes) != want {
		t.Errorf("the store is told %v, want %s", changes, want)
	}
}

func TestResize(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.3"), nil)
	bind(t, p, t0, "a", "")
	bind(t, p, t0, "b", "")
	p.Resize(ranges("10.0.0.2-10.0.0.4"), nil)
	if a, ok := p.Known(t0, "b"); !ok || a != addr("10.0.0.2") {
		t.Errorf("the lease that stays is now %v, %v", a, ok)
	}
	if a, ok := p.Known(t0, "a"); ok || p.Commit(t0, "a", addr("10.0.0.1"), hour) {
		t.Errorf("the lease whose address left is still %v", a)
	}
	p.Resize(ranges("10.0.0.1-10.0.0.2"), nil)
	if got := offer(p, t0, "c", ""); got != "" {
		t.Errorf("%s offered: it left and came back while its holder used it", got)
	}
	if a, ok := p.Known(t0, "a"); !ok || a != addr("10.0.0.1") {
		t.Errorf("the lease that came back is %v, %v", a, ok)
	}
	p.Resize(ranges("10.0.0.2"), nil)
	p.expire(t0.Add(time.Hour))
	if len(p.slots) != 1 {
		t.Errorf("%d addresses in a pool of one", len(p.slots))
	}
}

func TestChanges(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"), nil)
	a := addr("10.0.0.1")
	told := func(situation string, want ...Change) []Change {
		t.Helper()
		got := p.Changes()
		if len(got) != len(want) {
			t.Fatalf("%s: the store is told %v", situation, got)
		}
		for i, w := range want {
			if got[i].Addr != w.Addr || (got[i].Record == nil) != (w.Record == nil) {
				t.Fatalf("%s: the store is told %v", situation, got)
			}
			if w.Record != nil && *got[i].Record != *w.Record {
				t.Fatalf("%s: the store is told %v", situation, *got[i].Record)
			}
		}
		return got
	}
	lease := Record{Addr: a, Client: "a", HW: "hardw1", Length: time.Hour, Hostname: "host"}
	end := Change{Addr: a}

	offer(p, t0, "a", "")
	told("an offer")
	p.Commit(t0, "a", a, lease)
	told("a lease", Change{a, &lease})
	p.Commit(t0.Add(time.Minute), "a", a, lease)
	told("a renewal as before")
	renamed := lease
	renamed.Hostname = "other"
	p.Commit(t0.Add(time.Minute), "a", a, renamed)
	failed := told("another host name", Change{a, &renamed})
	p.Unsaved(failed)
	told("once more after a failure", Change{a, &renamed})

	now := t0.Add(2 * time.Hour)
	p.expire(now)
	p.Commit(now, "a", a, renamed)
	told("run out and taken up again")
	p.Release(now, "a", a)
	told("released", end)
	p.Commit(now, "a", a, renamed)
	p.Decline(now, "a", a, now.Add(time.Minute))
	told("leased and declined at once")

	now = now.Add(time.Hour)
	bind(t, p, now, "b", "")
	p.Changes()
	p.Resize(nil, nil)
	told("left the ranges")
	p.expire(now.Add(time.Hour))
	p.Resize(ranges("10.0.0.1"), nil) // before the store knows
	bind(t, p, now.Add(time.Hour), "c", "")
	p.Release(now.Add(time.Hour), "c", a)
	told("left the ranges, ran out, came back, leased and released", end)
}

func TestRestore(t *testing.T) {
	records := []Record{
		{Addr: addr("10.0.0.1"), Client: "a", Length: time.Hour},
		{Addr: addr("10.0.0.3"), Client: "gone", Length: time.Hour},
		{Addr: addr("10.0.0.9"), Client: "owner", Length: time.Hour},
	}
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), addrs("10.0.0.9"))
	p.Restore(t0, records)
	if c := p.Changes(); len(c) != 0 {
		t.Errorf("the store is told %v of what it has just said", c)
	}
	last := t0.Add(time.Hour - 1)
	for c, want := range map[Client]string{"a": "10.0.0.1", "owner": "10.0.0.9"} {
		if a, ok := p.Known(last, c); !ok || a.String() != want {
			t.Errorf("%s is known as %v, %v", c, a, ok)
		}
	}
	if a, ok := p.Known(last, "gone"); ok {
		t.Errorf("%v is out of the ranges, and may be renewed", a)
	}
	p.Resize(ranges("10.0.0.3"), nil)
	if got := offer(p, last, "c", ""); got != "" {
		t.Errorf("%s offered before its time is over", got)
	}
	p.expire(last.Add(1))
	if n := len(p.slots); n != 1 {
		t.Errorf("%d addresses in a pool of one", n)
	}
	if c := p.Changes(); len(c) != 3 {
		t.Errorf("three leases have ended, and the store is told %v", c)
	}
}

// Two subnets are merged, and a machine had an address in each.
func TestRestoreTwoOfOneClient(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
	p.Restore(t0, []Record{
		{Addr: addr("10.0.0.1"), Client: "a", Length: time.Hour},
		{Addr: addr("10.0.0.2"), Client: "a", Length: time.Hour},
	})
	if got := offer(p, t0, "b", ""); got != "" {
		t.Errorf("%s offered, and it may be in use", got)
	}
	if got := offer(p, t0.Add(time.Hour), "b", "10.0.0.2"); got != "10.0.0.2" {
		t.Errorf("%q offered when all is over", got)
	}
}

// One exchange in a /16: for new clients, and for clients that come back after
// their lease.
func BenchmarkExchange(b *testing.B) {
	for _, clients := range []int{1 << 16, 1 << 17} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			p := NewPool(ranges("10.0.0.0-10.0.255.255"), nil)
			names := make([]Client, clients)
			for i := range names {
				names[i] = Client(binary.BigEndian.AppendUint32([]byte("hw\x52\x54"), uint32(i)))
			}
			now := t0
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c := names[i%len(names)]
				now = now.Add(time.Microsecond)
				a, _, ok := p.Offer(now, c, netip.Addr{})
				if !ok || !p.CommitSelected(now, c, a, Record{HW: string(c[2:]), Length: 60 * time.Millisecond}) {
					b.Fatal("the pool has run dry")
				}
				i++
			}
		})
	}
}

// A stranger's DISCOVER when all 65,536 addresses are offered to strangers.
func BenchmarkFlood(b *testing.B) {
	p := NewPool(ranges("10.0.0.0-10.0.255.255"), nil)
	now := t0
	name := []byte("hw\x52\x54....")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Nanosecond)
		binary.BigEndian.PutUint32(name[4:], uint32(i))
		if _, _, ok := p.Offer(now, Client(name), netip.Addr{}); !ok {
			b.Fatal("the pool has run dry")
		}
	}
}
