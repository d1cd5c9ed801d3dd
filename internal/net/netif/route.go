package netif

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// Unreachable returns the networks that the kernel has no route to on the
// interface.
func Unreachable(index int, networks []netip.Prefix) ([]netip.Prefix, error) {
	if len(networks) == 0 {
		return nil, nil
	}
	filter := netlink.Route{LinkIndex: index}
	all, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &filter, netlink.RT_FILTER_OIF)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	var to []netip.Prefix
	for _, r := range all {
		if r.Dst == nil {
			to = append(to, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
		} else {
			to = append(to, prefix(r.Dst))
		}
	}
	return uncovered(networks, to), nil
}

// uncovered returns the networks that none of the routes' destinations contain.
func uncovered(networks, routes []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(networks), func(n netip.Prefix) bool {
		return slices.ContainsFunc(routes,
			func(r netip.Prefix) bool { return r.Bits() <= n.Bits() && r.Contains(n.Addr()) })
	})
}
