package lease

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Subnet is what the settings say of the addresses of one network. Those that
// are outside of it do not count: settings may come before the box's own
// address is what they say.
type Subnet struct {
	Network  netip.Prefix // without host bits
	Ranges   []spec.Range
	Reserved []netip.Addr
}

// Pools are the leases of all networks, those of the settings and those that
// were in earlier ones: a machine uses its address to the end of its lease,
// and its network may come back meanwhile. Networks may lie in one another,
// for masks change; an address is in one pool only, that of the narrowest
// network that has it.
type Pools map[netip.Prefix]*Pool

// everywhere is the network of the leases that are in no other one.
var everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// Configure makes the pools what the settings say, and returns one for each
// subnet. A pool takes over what others know of its network, if they are not
// in the settings any more. A subnet that overlaps an earlier one has nothing
// to lease: no address is to be given by two.
func (ps Pools) Configure(subnets []Subnet) []*Pool {
	pools := make([]*Pool, len(subnets))
	current := map[netip.Prefix]bool{}
	for i, sub := range subnets {
		if slices.ContainsFunc(subnets[:i], func(o Subnet) bool { return o.Network.Overlaps(sub.Network) }) {
			pools[i] = NewPool(nil, nil)
			continue
		}
		current[sub.Network] = true
		pools[i] = ps.pool(sub.Network)
		pools[i].Resize(clip(sub.Ranges, sub.Network), slices.DeleteFunc(slices.Clone(sub.Reserved), func(a netip.Addr) bool { return !sub.Network.Contains(a) }))
	}
	for _, old := range slices.SortedFunc(maps.Keys(ps), netip.Prefix.Compare) {
		if current[old] {
			continue
		}
		for network := range current {
			if network.Overlaps(old) {
				ps[network].absorb(ps[old], network)
			}
		}
		if len(ps[old].slots) == 0 && len(ps[old].changed) == 0 {
			delete(ps, old)
		}
	}
	return pools
}

// clip leaves of the ranges what machines of the network can have.
func clip(ranges []spec.Range, network netip.Prefix) []spec.Range {
	first, last := network.Addr().Next(), spec.Broadcast(network).Prev()
	var out []spec.Range
	for _, r := range ranges {
		if r.First.Less(first) {
			r.First = first
		}
		if last.Less(r.Last) {
			r.Last = last
		}
		if !r.Last.Less(r.First) {
			out = append(out, r)
		}
	}
	return out
}

// pool returns the pool of a network, and makes an empty one where there is
// none.
func (ps Pools) pool(network netip.Prefix) *Pool {
	if ps[network] == nil {
		ps[network] = NewPool(nil, nil)
	}
	return ps[network]
}

// networkOf finds the narrowest network that has an address.
func (ps Pools) networkOf(a netip.Addr) netip.Prefix {
	for bits := 32; bits > 0; bits-- {
		if network := netip.PrefixFrom(a, bits).Masked(); ps[network] != nil {
			return network
		}
	}
	return everywhere
}

// sort gives the records to the pools that their addresses are in.
func (ps Pools) sort(records []Record) map[*Pool][]Record {
	out := map[*Pool][]Record{}
	for _, r := range records {
		p := ps.pool(ps.networkOf(r.Addr))
		out[p] = append(out[p], r)
	}
	return out
}

// Restore takes up what the store has kept from before the start: see
// Pool.Restore. Of the leases in no network, before the box has its address
// all of them, a client may have several, one for each network that it has
// been in. All but the first are kept in pools of one address: in one pool
// they would be taken for two machines'.
func (ps Pools) Restore(now time.Time, records []Record) {
	known := map[Client]bool{}
	for _, r := range records {
		if ps.networkOf(r.Addr) == everywhere {
			if known[r.Client] {
				ps.pool(netip.PrefixFrom(r.Addr, 32))
			}
			known[r.Client] = true
		}
	}
	sorted := ps.sort(records)
	for _, p := range ps {
		p.expire(now)
		p.Restore(now, sorted[p])
	}
}

// Stored says all that the store holds, where it is another than before, or
// has missed changes. The next Changes makes it hold what it should.
func (ps Pools) Stored(records []Record) {
	sorted := ps.sort(records)
	for _, p := range ps {
		p.Stored(sorted[p])
	}
}

// Changes is what the store is to be told: see Pool.Changes.
func (ps Pools) Changes(now time.Time) []Change {
	var out []Change
	for _, p := range ps {
		p.expire(now)
		out = append(out, p.Changes()...)
	}
	return out
}

// Unsaved takes back changes that the store has failed to keep.
func (ps Pools) Unsaved(changes []Change) {
	for _, c := range changes {
		ps.pool(ps.networkOf(c.Addr)).Unsaved([]Change{c})
	}
}

// Leases is how many addresses are leased.
func (ps Pools) Leases(now time.Time) int {
	n := 0
	for _, p := range ps {
		n += p.Leases(now)
	}
	return n
}
