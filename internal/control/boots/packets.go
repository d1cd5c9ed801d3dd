package boots

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// packets keeps the latest control packets within a number of bytes.
type packets struct {
	maxBytes int
	all      []tracestream.Packet // the oldest first; those before first are gone
	first    int
	bytes    int
}

// packetSize is what a packet takes in addition to its payload.
const packetSize = 128

func (p *packets) add(one tracestream.Packet) {
	p.all = append(p.all, one)
	p.bytes += packetSize + cap(one.Payload)
	for p.bytes > p.maxBytes {
		old := &p.all[p.first]
		p.bytes -= packetSize + cap(old.Payload)
		*old = tracestream.Packet{}
		p.first++
	}
	if p.first > len(p.all)/2 {
		p.all = slices.Delete(p.all, 0, p.first)
		p.first = 0
	}
}

// of returns the packets of a machine, by its MAC addresses and its addresses,
// in a span of time.
func (p *packets) of(macs []ether.MAC, addrs []netip.Addr, from, to time.Time) []tracestream.Packet {
	var found []tracestream.Packet
	for _, one := range p.all[p.first:] {
		if one.Time.Before(from) || one.Time.After(to) {
			continue
		}
		// A packet that names a MAC is that machine's, whichever address it
		// has: the address may have had another owner.
		mine := slices.Contains(macs, one.MAC)
		if !one.MAC.IsValid() {
			mine = slices.Contains(addrs, one.From.Addr().Unmap()) || slices.Contains(addrs, one.To.Addr().Unmap())
		}
		if mine {
			found = append(found, one)
		}
	}
	slices.SortStableFunc(found, func(a, b tracestream.Packet) int { return a.Time.Compare(b.Time) })
	return found
}

// oldest returns the time of the oldest packet that is kept; zero if there is
// none, or if none went.
func (p *packets) oldest() time.Time {
	if p.first == len(p.all) {
		return time.Time{}
	}
	return p.all[p.first].Time
}
