package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// UnusableError is the error for a name whose addresses no WDS server can have. A
// machine sent there would fail to boot, or come back to this box.
type UnusableError struct {
	host string
	why  []string // for each address
}

func (e *UnusableError) Error() string {
	return fmt.Sprintf("%s resolves to %s: correct the name server's record, or write the WDS server's IPv4 address as server", e.host, strings.Join(e.why, ", and to "))
}

// unusable returns why an address cannot be a WDS server's, or "". own are the
// box's addresses with their networks.
func unusable(a netip.Addr, own []netip.Prefix) string {
	b := a.As4()
	switch {
	case b[0] == 0:
		return "is not a machine's address"
	case a.IsLoopback():
		return "is a loopback address"
	case a.IsMulticast():
		return "is a multicast group"
	case b[0] >= 240:
		return "is a broadcast or reserved address"
	}
	for _, p := range own {
		switch {
		case a == p.Addr():
			return "is this box's own address"
		case p.Bits() <= 30 && (a == spec.Broadcast(p) || a == p.Masked().Addr()):
			return fmt.Sprintf("is the network or broadcast address of %v", p.Masked())
		}
	}
	return ""
}

// Configured returns the address that the configuration gives a WDS server, or
// the zero Addr and what is wrong with it. own is as for Choose.
func Configured(a netip.Addr, own []netip.Prefix) (_ netip.Addr, wrong string) {
	if why := unusable(a, own); why != "" {
		return netip.Addr{}, fmt.Sprintf("%v %s: write the WDS server's address", a, why)
	}
	return a, ""
}

// Choose picks one address from an answer. It keeps the address in use while that
// is listed, because name servers rotate the order with each answer. It ignores
// addresses that no WDS server can have.
func Choose(old netip.Addr, host string, addrs []netip.Addr, own []netip.Prefix) (netip.Addr, error) {
	var v4 []netip.Addr
	wrong := &UnusableError{host: host}
	for _, addr := range addrs {
		if addr = addr.Unmap(); !addr.Is4() {
			continue
		}
		if why := unusable(addr, own); why != "" {
			wrong.why = append(wrong.why, fmt.Sprintf("%v, which %s", addr, why))
			continue
		}
		v4 = append(v4, addr)
	}
	switch {
	case len(v4) == 0 && len(wrong.why) > 0:
		slices.Sort(wrong.why) // in a fixed order, so that it is logged once
		wrong.why = wrong.why[:min(len(wrong.why), 3)]
		return old, wrong
	case len(v4) == 0:
		return old, fmt.Errorf("%s has no IPv4 address", host)
	case slices.Contains(v4, old):
		return old, nil
	}
	return slices.MinFunc(v4, netip.Addr.Compare), nil
}
