package httpd

import (
	"cmp"
	"net/netip"
	"time"
)

const (
	// minRate is how much of an answer a client must accept, in bytes a second.
	// It is the same as TFTP's.
	minRate = 1 << 10
	// grace is how far behind minRate a client may be before it counts as
	// stalled. A client that reads slowly opens its TCP window in steps, so its
	// acknowledgements come in bursts of several seconds' worth.
	grace = 10 * time.Second
)

// progress is how well a client keeps up with minRate.
type progress struct {
	at     time.Time     // when it was measured
	acked  uint64        // bytes that the client has acknowledged in total
	behind time.Duration // how late the client is; zero when it keeps up
}

// advance returns the progress at a later measurement. A client cannot save up:
// if a fast client stops, it is behind from that moment on.
func (p progress) advance(now time.Time, acked uint64) progress {
	worth := time.Duration(min(acked-p.acked, 1<<33)) * time.Second / minRate // 1<<33: no overflow
	return progress{now, acked, max(0, p.behind+now.Sub(p.at)-worth)}
}

// candidate is a connection that may have to make room for another.
type candidate struct {
	from netip.Addr
	progress
}

// victim chooses which of all the connections to close when there is one too
// many:
//
//  1. the one that is furthest behind, if any has stalled;
//  2. else one of the address that has the most connections behind, since a new
//     connection that has received nothing yet may still be a good one;
//  3. else, when all keep up, one of the address that has the most connections.
//
// Within an address it chooses the connection that is furthest behind, then the
// one that has received the least, then the last one in the list. A site behind
// NAT has many connections from one address, but as long as they keep up only
// rule 3 applies to it.
func victim(all []candidate) int {
	worst := 0
	for i, c := range all {
		if c.behind > all[worst].behind {
			worst = i
		}
	}
	if all[worst].behind >= grace {
		return worst
	}
	type count struct{ behind, total int }
	counts := make([]count, 0, len(all)) // by address
	index := make(map[netip.Addr]int, len(all))
	of := make([]int, len(all)) // the index into counts of each connection
	for i, c := range all {
		k, ok := index[c.from]
		if !ok {
			k = len(counts)
			index[c.from] = k
			counts = append(counts, count{})
		}
		of[i] = k
		counts[k].total++
		if c.behind > 0 {
			counts[k].behind++
		}
	}
	for i, c := range all {
		n, most := counts[of[i]], counts[of[worst]]
		if cmp.Or(
			cmp.Compare(n.behind, most.behind),
			cmp.Compare(n.total, most.total),
			cmp.Compare(c.behind, all[worst].behind),
			cmp.Compare(all[worst].acked, c.acked),
		) >= 0 {
			worst = i
		}
	}
	return worst
}
