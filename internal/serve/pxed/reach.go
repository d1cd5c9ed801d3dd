package pxed

import (
	"net/netip"
	"slices"

	"github.com/pxebox/pxebox/internal/net/netif"
)

// reach looks whether the box has a route to each [[subnet]]. Without one it
// answers DHCP through the relay agent, and no file arrives.
type reach struct {
	due    int // looks until the next check; 0: none is due
	routes func(index int, networks []netip.Prefix) ([]netip.Prefix, error)
	warned []netip.Prefix
}

// settle is how many looks after a change the routes are read: the default route
// is set once the address is there.
const settle = 2

func newReach() reach { return reach{routes: netif.Unreachable} }

// changed has the routes read again, soon.
func (r *reach) changed() { r.due = settle }

// look returns the networks that have become unreachable since the last time.
func (r *reach) look(l netif.Link, networks []netip.Prefix) (lost []netip.Prefix, err error) {
	if r.due == 0 {
		return nil, nil
	}
	if r.due--; r.due > 0 || !l.Up || !l.Addr.IsValid() {
		return nil, nil
	}
	now, err := r.routes(l.Index, networks)
	if err != nil {
		return nil, err
	}
	lost = slices.DeleteFunc(slices.Clone(now), func(n netip.Prefix) bool { return slices.Contains(r.warned, n) })
	r.warned = now
	return lost, nil
}
