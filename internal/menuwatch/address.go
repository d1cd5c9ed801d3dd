package menuwatch

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/pxebox/pxebox/config"
)

// unusableError is the error for a name whose addresses no WDS server can have.
// A machine that is sent there loses its boot, or comes back to this box.
type unusableError struct {
	host string
	why  []string // of each address
}

func (e *unusableError) Error() string {
	return fmt.Sprintf("%s resolves to %s: correct the name server's record, or write the WDS server's IPv4 address as server", e.host, strings.Join(e.why, ", and to "))
}

// unusable returns why no WDS server can have an address, or "". own are the
// box's addresses with their networks.
func unusable(a netip.Addr, own []netip.Prefix) string {
	b := a.As4()
	switch {
	case b[0] == 0:
		return "stands for no machine"
	case a.IsLoopback():
		return "is each machine's own loopback address"
	case a.IsMulticast():
		return "is a multicast group"
	case b[0] >= 240:
		return "is a broadcast or reserved address"
	}
	for _, p := range own {
		switch {
		case a == p.Addr():
			return "is this box's own address"
		case p.Bits() <= 30 && (a == config.Broadcast(p) || a == p.Masked().Addr()):
			return fmt.Sprintf("stands for the whole network %v", p.Masked())
		}
	}
	return ""
}

// OwnAddresses are the IPv4 addresses of this host, with their networks.
func OwnAddresses() []netip.Prefix {
	var out []netip.Prefix
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // what is certain without them is still refused
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
