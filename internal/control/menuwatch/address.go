package menuwatch

import (
	"net"
	"net/netip"
)

// OwnAddresses returns the IPv4 addresses of this host, with their networks.
func OwnAddresses() []netip.Prefix {
	var out []netip.Prefix
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // addresses that are certainly wrong are still refused
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if p, err := netip.ParsePrefix(n.String()); err == nil && p.Addr().Is4() {
				out = append(out, p)
			}
		}
	}
	return out
}
