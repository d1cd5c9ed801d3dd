package pxed

import (
	"net/netip"
	"slices"

	"github.com/pxebox/pxebox/internal/net/netif"
)

// reach checks whether the box has a route to each [[subnet]]. Without a route
// it answers DHCP through the relay agent, but no file arrives.
type reach struct {
	due    int // calls of look until the next check; 0: none is due
	routes func(index int, networks []netip.Prefix) ([]netip.Prefix, error)
	warned []netip.Prefix
}

// settle is how many calls of look pass after a change until the routes are
// read: the default route is set only after the address.
const settle = 2

func newReach() reach { return reach{routes: netif.Unreachable} }

// changed schedules another reading of the routes.
func (r *reach) changed() { r.due = settle }

// look returns the networks that have become unreachable since the last call.
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
