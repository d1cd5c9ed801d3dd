package lease

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func ranges(s ...string) []config.Range {
	var out []config.Range
	for _, x := range s {
		r, err := config.ParseRange(x)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

// offer is Offer with the address as text; "" for none left.
func offer(p *Pool, now time.Time, c Client, wish string) string {
	w := netip.Addr{}
	if wish != "" {
		w = addr(wish)
	}
	a, ok := p.Offer(now, c, w)
	if !ok {
		return ""
	}
	return a.String()
}

func TestOfferOrder(t *testing.T) {
	p := NewPool(ranges("10.0.0.5-10.0.0.6", "10.0.0.1"))
	hour := t0.Add(time.Hour)
	steps := []struct {
		situation string
		now       time.Time
		client    Client
		wish      string
		want      string
	}{
		{"the first of the first range", t0, "a", "", "10.0.0.5"},
		{"the same again", t0, "a", "", "10.0.0.5"},
		{"a wish that is taken", t0, "b", "10.0.0.5", "10.0.0.6"},
		{"then the second range", t0, "c", "", "10.0.0.1"},
		{"none left", t0, "d", "", ""},
		{"a wish in a full pool", t0, "d", "10.0.0.1", ""},
		{"offers run out; one's own is still there", hour, "c", "10.0.0.5", "10.0.0.1"},
		{"a newcomer gets the one longest unused", hour, "d", "", "10.0.0.5"},
		{"its former owner gets another", hour, "a", "", "10.0.0.6"},
	}
	for _, s := range steps {
		if got := offer(p, s.now, s.client, s.wish); got != s.want {
			t.Fatalf("%s: got %q, want %q", s.situation, got, s.want)
		}
	}
}

func TestCommit(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.2"))
	until := t0.Add(time.Hour)
	if p.Commit(t0, "a", addr("10.0.0.1"), until) {
		t.Error("leased without an offer")
	}
	offer(p, t0, "a", "")
	if p.Commit(t0, "a", addr("10.0.0.2"), until) {
		t.Error("leased another address than offered")
	}
	if p.Commit(t0, "b", addr("10.0.0.1"), until) {
		t.Error("leased what was offered to another")
	}
	if !p.Commit(t0, "a", addr("10.0.0.1"), until) {
		t.Error("refused what was offered")
	}
	if got := offer(p, until.Add(-1), "b", "10.0.0.1"); got != "10.0.0.2" {
		t.Errorf("offered %s while leased to another", got)
	}
	if !p.Commit(until, "a", addr("10.0.0.1"), until.Add(time.Hour)) {
		t.Error("a lease that ran out, and nobody took, cannot be renewed")
	}
}

func TestResize(t *testing.T) {
	p := NewPool(ranges("10.0.0.1-10.0.0.3"))
	until := t0.Add(time.Hour)
	for _, c := range []Client{"a", "b"} {
		a, _ := p.Offer(t0, c, netip.Addr{})
		p.Commit(t0, c, a, until)
	}
	p.Resize(ranges("10.0.0.2-10.0.0.4"))
	if a, ok := p.Known(t0, "b"); !ok || a != addr("10.0.0.2") {
		t.Errorf("the lease that stays is now %v, %v", a, ok)
	}
	if a, ok := p.Known(t0, "a"); ok {
		t.Errorf("the lease whose address left is still %v", a)
	}
	got := map[string]bool{}
	for i := range 3 {
		got[offer(p, t0, Client(fmt.Sprint("new", i)), "")] = true
	}
	if !got["10.0.0.3"] || !got["10.0.0.4"] || !got[""] {
		t.Errorf("offered %v of what is left", got)
	}
}

func TestDeclinedComesBack(t *testing.T) {
	p := NewPool(ranges("10.0.0.1"))
	offer(p, t0, "a", "")
	until := t0.Add(10 * time.Minute)
	p.Commit(t0, "a", addr("10.0.0.1"), t0.Add(time.Hour))
	p.Decline(t0, "a", addr("10.0.0.1"), until)
	if got := offer(p, until.Add(-1), "b", "10.0.0.1"); got != "" {
		t.Errorf("offered the declined %s", got)
	}
	if got := offer(p, until, "b", ""); got != "10.0.0.1" {
		t.Errorf("still %q after its rest", got)
	}
}

// TestRandomHistories plays random clients against a pool, with an oracle
// that knows only what was promised: an address is never two clients', and a
// promise holds to its end.
func TestRandomHistories(t *testing.T) {
	type promise struct {
		client Client
		until  time.Time
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		p := NewPool(ranges("10.0.0.1-10.0.0.8", "10.0.1.1-10.0.1.4"))
		leases := map[netip.Addr]promise{}
		now := t0
		for step := range 500 {
			now = now.Add(time.Duration(random.IntN(120)) * time.Second)
			c := Client(fmt.Sprint(random.IntN(16)))
			live := func(a netip.Addr) (promise, bool) {
				l, ok := leases[a]
				return l, ok && l.until.After(now)
			}
			fail := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("seed %d, step %d: %s", seed, step, fmt.Sprintf(format, args...))
			}
			switch random.IntN(8) {
			case 0, 1, 2: // a whole exchange
				wish := addr(fmt.Sprintf("10.0.0.%d", random.IntN(12)))
				a, ok := p.Offer(now, c, wish)
				if !ok {
					continue
				}
				if l, held := live(a); held && l.client != c {
					fail("%v offered to %s, and %s holds it", a, c, l.client)
				}
				for b, l := range leases {
					if l.client == c && l.until.After(now) && b != a {
						fail("%s holds %v and is offered %v", c, b, a)
					}
				}
				until := now.Add(time.Duration(1+random.IntN(1800)) * time.Second)
				if !p.Commit(now, c, a, until) {
					fail("%v refused to %s, to whom it was just offered", a, c)
				}
				leases[a] = promise{c, until}
			case 3: // an offer that nobody takes
				if a, ok := p.Offer(now, c, netip.Addr{}); ok {
					if l, held := live(a); held && l.client != c {
						fail("%v offered to %s, and %s holds it", a, c, l.client)
					}
				}
			case 4, 5: // a renewal
				for a, l := range leases {
					if l.client == c && l.until.After(now) {
						until := now.Add(30 * time.Minute)
						if !p.Commit(now, c, a, until) {
							fail("%s may not renew %v", c, a)
						}
						leases[a] = promise{c, until}
					}
				}
			case 6:
				for a, l := range leases {
					if l.client == c && l.until.After(now) && p.Release(now, c, a) {
						delete(leases, a)
					}
				}
			case 7: // somebody asks for what is not theirs
				a := addr(fmt.Sprintf("10.0.0.%d", 1+random.IntN(8)))
				if l, held := live(a); held && l.client != c && p.Commit(now, c, a, now.Add(time.Hour)) {
					fail("%v given to %s, and %s holds it", a, c, l.client)
				}
			}
			if len(p.clients) > len(p.slots) || len(p.expiring)+p.idle.Len() != len(p.slots) {
				fail("%d clients, %d waiting and %d idle for %d addresses", len(p.clients), len(p.expiring), p.idle.Len(), len(p.slots))
			}
		}
	}
}
