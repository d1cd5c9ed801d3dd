package lease

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func subnet(s string, rs ...string) Subnet {
	return Subnet{Network: netip.MustParsePrefix(s), Ranges: ranges(rs...)}
}

// onDisk applies the pools' changes to the contents of a store.
func onDisk(ps Pools, now time.Time, disk map[netip.Addr]Record) {
	for _, c := range ps.Changes(now) {
		if c.Record == nil {
			delete(disk, c.Addr)
		} else {
			disk[c.Addr] = *c.Record
		}
	}
}

// The network's mask changes, and everything that is leased, at rest or on its
// way to the disk moves with the addresses.
func TestNetworkChanges(t *testing.T) {
	one, two, three, far := addr("10.0.0.1"), addr("10.0.0.2"), addr("10.0.0.3"), addr("10.0.0.200")
	before := subnet("10.0.0.0/24", "10.0.0.1-10.0.0.4", "10.0.0.200")
	for _, c := range []struct {
		situation string
		between   []Subnet
		after     Subnet
		farToo    bool // the far address is in the network
	}{
		{situation: "the same", after: before, farToo: true},
		{situation: "wider", after: subnet("10.0.0.0/23", "10.0.0.1-10.0.0.4", "10.0.0.200"), farToo: true},
		{situation: "narrower", after: subnet("10.0.0.0/28", "10.0.0.1-10.0.0.4")},
		{situation: "narrower, and back", between: []Subnet{subnet("10.0.0.0/28", "10.0.0.1-10.0.0.4")},
			after: before, farToo: true},
		{situation: "wider, and back", between: []Subnet{subnet("10.0.0.0/23", "10.0.0.1-10.0.0.4")},
			after: before, farToo: true},
		{situation: "somewhere else, and back with another mask", between: []Subnet{subnet("10.9.0.0/24", "10.9.0.1")},
			after: subnet("10.0.0.0/20", "10.0.0.1-10.0.0.4", "10.0.0.200"), farToo: true},
		{situation: "in steps", between: []Subnet{subnet("10.0.0.0/25", "10.0.0.1"), subnet("10.0.0.0/30"),
			subnet("10.0.0.0/16", "10.0.0.7")},
			after: subnet("10.0.0.0/22", "10.0.0.1-10.0.0.4", "10.0.0.200"), farToo: true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			ps, disk := Pools{}, map[netip.Addr]Record{}
			p := ps.Configure([]Subnet{before})[0]
			bind(t, p, t0, "a", "10.0.0.1")
			bind(t, p, t0, "far", "10.0.0.200")
			onDisk(ps, t0, disk)
			bind(t, p, t0.Add(time.Minute), "b", "10.0.0.2")
			p.Taken(t0, three, t0.Add(10*time.Minute))
			for _, b := range c.between {
				ps.Configure([]Subnet{b})
			}
			p = ps.Configure([]Subnet{c.after})[0]

			now := t0.Add(2 * time.Minute)
			if got := offer(p, now, "c", "10.0.0.1"); got != "10.0.0.4" {
				t.Errorf("%s offered; the others are leased, or rest", got)
			}
			for client, a := range map[Client]netip.Addr{"a": one, "b": two} {
				if !p.Commit(now, client, a, hour) {
					t.Errorf("the renewal of %v is refused", a)
				}
			}
			if got := p.Commit(now, "far", far, hour); got != c.farToo {
				t.Errorf("the renewal of %v: %v", far, got)
			}
			if n := ps.Leases(now); n != 3 {
				t.Errorf("%d leases of three", n)
			}
			onDisk(ps, now, disk)
			if disk[one].Client != "a" || disk[two].Client != "b" || disk[far].Client != "far" {
				t.Errorf("on disk: %v", disk)
			}
			if got := offer(p, now.Add(9*time.Minute), "d", "10.0.0.3"); got != "10.0.0.3" {
				t.Errorf("%s offered, and the rest of the third is over", got)
			}
			onDisk(ps, now.Add(time.Hour), disk)
			if n := ps.Leases(now.Add(time.Hour)); n != 0 || len(disk) != 0 {
				t.Errorf("an hour later %d are leased, and on disk: %v", n, disk)
			}
		})
	}
}

// A batch that fails while the mask changes is written again; each address
// comes from the pool that has it now.
func TestNetworkChangesWhileADiskFails(t *testing.T) {
	for _, after := range []string{"10.0.0.0/16", "10.0.0.0/28"} {
		ps, disk := Pools{}, map[netip.Addr]Record{}
		p := ps.Configure([]Subnet{subnet("10.0.0.0/24", "10.0.0.1", "10.0.0.200")})[0]
		bind(t, p, t0, "a", "10.0.0.1")
		bind(t, p, t0, "b", "10.0.0.200")
		failed := ps.Changes(t0)
		ps.Configure([]Subnet{subnet(after, "10.0.0.1")})
		ps.Unsaved(failed)
		for range 10 { // map order varies
			onDisk(ps, t0, disk)
		}
		if disk[addr("10.0.0.1")].Client != "a" || disk[addr("10.0.0.200")].Client != "b" {
			t.Errorf("after %s, on disk: %v", after, disk)
		}
	}
}

// Two subnets become one, and a machine has been in both.
func TestSubnetsMerge(t *testing.T) {
	low, high := subnet("10.0.0.0/29", "10.0.0.1"), subnet("10.0.0.8/29", "10.0.0.9")
	both := subnet("10.0.0.0/28", "10.0.0.1", "10.0.0.9")
	for situation, order := range map[string][2]int{"first the low one": {0, 1}, "first the high one": {1, 0}} {
		t.Run(situation, func(t *testing.T) {
			ps := Pools{}
			pools := ps.Configure([]Subnet{low, high})
			old := bind(t, pools[order[0]], t0, "a", "")
			last := bind(t, pools[order[1]], t0.Add(time.Minute), "a", "")
			p := ps.Configure([]Subnet{both})[0]
			now := t0.Add(2 * time.Minute)
			if !p.Commit(now, "a", last, hour) || p.Commit(now, "a", old, hour) {
				t.Errorf("the client is to go on with %v, its last, and not with %v", last, old)
			}
			if got := offer(p, t0.Add(time.Hour-1), "b", ""); got != "" {
				t.Errorf("%s offered: a second machine may go by the same name", got)
			}
			if got := offer(p, t0.Add(time.Hour), "b", ""); got != old.String() {
				t.Errorf("%q offered after its time", got)
			}
		})
	}
}

// The database is read before the box has its address, or before a subnet
// returns to the settings. Until then its leases are in no network.
func TestRestoreBeforeTheNetwork(t *testing.T) {
	low, high := subnet("10.0.0.0/29", "10.0.0.1-10.0.0.2"), subnet("10.0.0.8/29", "10.0.0.9-10.0.0.10")
	records := []Record{
		{Addr: addr("10.0.0.1"), Client: "a", Length: time.Hour},
		{Addr: addr("10.0.0.9"), Client: "a", Length: time.Hour}, // has been in both
		{Addr: addr("10.0.0.10"), Client: "b", Length: time.Hour},
	}
	ps := Pools{}
	ps.Restore(t0, records)
	if c := ps.Changes(t0); len(c) != 0 || ps.Leases(t0) != 3 {
		t.Errorf("%d leases of three; the store is told %v of what it has just said", ps.Leases(t0), c)
	}
	p := ps.Configure([]Subnet{low})[0]
	if !p.Commit(t0, "a", addr("10.0.0.1"), hour) {
		t.Error("the lease in the first subnet was forgotten")
	}
	p = ps.Configure([]Subnet{low, high})[1]
	if got := offer(p, t0, "c", ""); got != "" {
		t.Errorf("%s offered, and both are leased", got)
	}
	for _, r := range records[1:] {
		if !p.Commit(t0, r.Client, r.Addr, hour) {
			t.Errorf("the lease of %v was forgotten", r.Addr)
		}
	}
	ps.Changes(t0)
	ps.Configure([]Subnet{low, high})
	if len(ps) != 2 {
		t.Errorf("%d pools for two networks", len(ps))
	}
	disk := map[netip.Addr]Record{}
	ps = Pools{}
	for _, r := range records {
		disk[r.Addr] = r
	}
	ps.Restore(t0, records)
	onDisk(ps, t0.Add(time.Hour), disk)
	if len(disk) != 0 {
		t.Errorf("the leases of no network have ended, and the store keeps %v", disk)
	}
}

// The database opens while addresses are leased from memory.
func TestRestoreLate(t *testing.T) {
	one, two := addr("10.0.0.1"), addr("10.0.0.2")
	stored := Record{Addr: one, Client: "old", Length: time.Hour}
	short := Record{Length: time.Minute}
	for _, c := range []struct {
		situation string
		meanwhile func(p *Pool)
		holder    Client // of the first address
		second    bool   // and the second one is available
	}{
		{situation: "nothing", meanwhile: func(*Pool) {}, holder: "old", second: true},
		{situation: "its holder asked again",
			meanwhile: func(p *Pool) { p.Offer(t0, "old", one); p.Commit(t0, "old", one, hour) },
			holder:    "old", second: true},
		{situation: "its holder asked for less, and may not know that it got it",
			meanwhile: func(p *Pool) { p.Offer(t0, "old", one); p.Commit(t0, "old", one, short) },
			holder:    "old", second: true},
		{situation: "its holder came back and left", meanwhile: func(p *Pool) {
			p.Offer(t0, "old", one)
			p.Commit(t0, "old", one, hour)
			p.Release(t0, "old", one)
		}, holder: "old", second: true},
		{situation: "offered to its holder", meanwhile: func(p *Pool) { p.Offer(t0, "old", one) },
			holder: "old", second: true},
		{situation: "offered to another", meanwhile: func(p *Pool) { p.Offer(t0, "new", one) },
			holder: "old", second: true},
		{situation: "its holder answered a probe",
			meanwhile: func(p *Pool) { p.Offer(t0, "new", one); p.Taken(t0, one, t0.Add(time.Minute)) },
			holder:    "old", second: true},
		{situation: "another had it, and left",
			meanwhile: func(p *Pool) {
				p.Offer(t0, "new", one)
				p.Commit(t0, "new", one, hour)
				p.Release(t0, "new",
					one)
			}, holder: "old", second: true},
		{situation: "another has it",
			meanwhile: func(p *Pool) { p.Offer(t0, "new", one); p.Commit(t0, "new", one, hour) },
			holder:    "new", second: true},
		{situation: "its holder has another",
			meanwhile: func(p *Pool) { p.Offer(t0, "old", two); p.Commit(t0, "old", two, hour) }},
		{situation: "its holder had another, and left", meanwhile: func(p *Pool) {
			p.Offer(t0, "old", two)
			p.Commit(t0, "old", two, hour)
			p.Release(t0, "old", two)
		}, holder: "old", second: true},
	} {
		t.Run(c.situation, func(t *testing.T) {
			p := NewPool(ranges("10.0.0.1-10.0.0.2"), nil)
			c.meanwhile(p)
			p.Changes() // to no disk
			p.Restore(t0.Add(time.Second), []Record{stored})
			if err := sound(p); err != nil {
				t.Fatal(err)
			}
			disk := map[netip.Addr]Record{one: stored}
			onDisk(Pools{everywhere: p}, t0, disk)
			if got := disk[one].Client; got != c.holder {
				t.Errorf("the store has it as %q's, want %q's", got, c.holder)
			}
			last := t0.Add(time.Hour - 1)
			if c.holder == "" {
				if got := offer(p, last, "third", "10.0.0.1"); got != "10.0.0.1" {
					t.Errorf("%q offered; its holder has moved", got)
				}
				return
			}
			if got := offer(p, last, "third", "10.0.0.1"); (got == "10.0.0.2") != c.second || got == "10.0.0.1" {
				t.Errorf("%q offered to a third", got)
			}
			if a, ok := p.Known(last, c.holder); !ok || a != one {
				t.Errorf("%s, whose it is, has %v", c.holder, a)
			}
			if !p.Commit(last, c.holder, one, hour) {
				t.Errorf("%s cannot renew", c.holder)
			}
		})
	}
}

// The disk has failed for a while, or was replaced with an empty one. The pools
// report what it lacks, and what it must drop.
func TestStored(t *testing.T) {
	ps, disk := Pools{}, map[netip.Addr]Record{}
	ps.Configure([]Subnet{subnet("10.0.0.0/24", "10.0.0.1-10.0.0.3"), subnet("10.1.0.0/24", "10.1.0.1")})
	p, other := ps[netip.MustParsePrefix("10.0.0.0/24")], ps[netip.MustParsePrefix("10.1.0.0/24")]
	bind(t, p, t0, "a", "10.0.0.1")
	bind(t, p, t0, "b", "10.0.0.2")
	bind(t, other, t0, "a", "10.1.0.1")
	onDisk(ps, t0, disk)
	disk[addr("10.2.0.1")] = Record{Addr: addr("10.2.0.1"), Client: "ended", Length: time.Hour}
	p.Release(t0, "b", addr("10.0.0.2"))
	bind(t, p, t0, "c", "10.0.0.3")
	ps.Changes(t0) // to no disk

	want := map[netip.Addr]Client{addr("10.0.0.1"): "a", addr("10.0.0.3"): "c", addr("10.1.0.1"): "a"}
	for _, situation := range []string{"the same disk", "an empty one"} {
		var records []Record
		for _, r := range disk {
			records = append(records, r)
		}
		ps.Stored(records)
		onDisk(ps, t0, disk)
		for a, c := range want {
			if disk[a].Client != c {
				t.Errorf("%s has %v as %q's, want %q's", situation, a, disk[a].Client, c)
			}
		}
		if len(disk) != len(want) {
			t.Errorf("%s has %v", situation, disk)
		}
		if c := ps.Changes(t0); len(c) != 0 {
			t.Errorf("%s: and then it is told %v", situation, c)
		}
		clear(disk)
	}
	if _, ok := p.Known(t0.Add(time.Hour-1), "c"); !ok || ps.Leases(t0) != 3 {
		t.Errorf("%d leases of three", ps.Leases(t0))
	}
}

// New settings may arrive before the box has the address that they name.
func TestRangesOutsideTheNetwork(t *testing.T) {
	ps := Pools{}
	pools := ps.Configure([]Subnet{
		{netip.MustParsePrefix("10.0.0.0/29"), ranges("10.0.0.5-10.0.0.20", "9.9.9.9-10.0.0.1", "10.7.0.1"),
			addrs("10.0.0.9", "10.0.0.6")},
		subnet("10.0.0.0/24", "10.0.0.100"), // overlaps
		subnet("10.1.0.0/24", "10.1.0.1"),
	})
	var got []string
	for _, p := range pools {
		s := ""
		for _, a := range slices.SortedFunc(maps.Keys(p.slots), netip.Addr.Compare) {
			s += a.String() + " "
		}
		got = append(got, s)
	}
	want := []string{"10.0.0.1 10.0.0.5 10.0.0.6 ", "", "10.1.0.1 "}
	if !slices.Equal(got, want) {
		t.Errorf("the subnets lease %q, want %q", got, want)
	}
}
