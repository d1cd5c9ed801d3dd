package lease

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Subnet is the configuration of the addresses of one network. Addresses
// outside the network are ignored: new settings may arrive before the box's
// address matches them.
type Subnet struct {
	Network  netip.Prefix // without host bits
	Ranges   []spec.Range
	Reserved []netip.Addr
}

// Pools are the leases of all networks, those of the current settings and those
// of earlier ones: a machine uses its address to the end of its lease, and its
// network may come back meanwhile. Networks may contain each other, because
// masks change; an address is in only one pool, that of the narrowest network
// that contains it.
type Pools map[netip.Prefix]*Pool

// everywhere is the network of the leases that are in no other network.
var everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// Configure adapts the pools to the settings, and returns one for each subnet.
// A pool absorbs what other pools know about its network, if they are no longer
// in the settings. A subnet that overlaps an earlier one leases nothing: no two
// pools may give the same address.
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
		pools[i].Resize(clip(sub.Ranges, sub.Network),
			slices.DeleteFunc(slices.Clone(sub.Reserved), func(a netip.Addr) bool { return !sub.Network.Contains(a) }))
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

// clip reduces the ranges to addresses that machines of the network can have.
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

// pool returns the pool of a network, and makes an empty one if there is none.
func (ps Pools) pool(network netip.Prefix) *Pool {
	if ps[network] == nil {
		ps[network] = NewPool(nil, nil)
	}
	return ps[network]
}

// networkOf finds the narrowest network that contains an address.
func (ps Pools) networkOf(a netip.Addr) netip.Prefix {
	for bits := 32; bits > 0; bits-- {
		if network := netip.PrefixFrom(a, bits).Masked(); ps[network] != nil {
			return network
		}
	}
	return everywhere
}

// sort groups the records by the pools that contain their addresses.
func (ps Pools) sort(records []Record) map[*Pool][]Record {
	out := map[*Pool][]Record{}
	for _, r := range records {
		p := ps.pool(ps.networkOf(r.Addr))
		out[p] = append(out[p], r)
	}
	return out
}

// Restore restores what the store kept from before the start: see Pool.Restore.
// A client may have several leases that are in no network, one for each network
// that it has been in; before the box has its address, all leases are in no
// network. All but the first of a client are kept in pools of one address: in
// one pool they would count as those of two machines.
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

// Stored tells the pools everything that the store holds, if it is a different
// store, or has missed changes. The next Changes returns the differences.
func (ps Pools) Stored(records []Record) {
	sorted := ps.sort(records)
	for _, p := range ps {
		p.Stored(sorted[p])
	}
}

// Changes returns what the store must be told: see Pool.Changes.
func (ps Pools) Changes(now time.Time) []Change {
	var out []Change
	for _, p := range ps {
		p.expire(now)
		out = append(out, p.Changes()...)
	}
	return out
}

// Unsaved takes back changes that the store failed to keep.
func (ps Pools) Unsaved(changes []Change) {
	for _, c := range changes {
		ps.pool(ps.networkOf(c.Addr)).Unsaved([]Change{c})
	}
}

// Leases returns the number of leased addresses.
func (ps Pools) Leases(now time.Time) int {
	n := 0
	for _, p := range ps {
		n += p.Leases(now)
	}
	return n
}
