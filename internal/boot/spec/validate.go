package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Validate reports values that a server cannot use. It does not check whether
// they make sense for a site: the packages that read the site's file do that.
func (n Network) Validate() error {
	var errs []error
	if n.Address != (netip.Prefix{}) && (!IsNetwork(n.Address) || !IsHost(n.Address.Addr())) {
		errs = append(errs, fmt.Errorf("address: %v is not an address with a prefix length", n.Address))
	}
	if len(n.Interface) > MaxDevice {
		errs = append(errs, fmt.Errorf("interface: the name has %d bytes", len(n.Interface)))
	}
	return errors.Join(append(errs, optional("gateway", n.Gateway), all("dns", n.DNS))...)
}

// Validate is like Network.Validate.
func (d DHCP) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]Mode{ModeAuto, ModeProxy, ModeServer, ModeOff}, d.Mode) {
		fail("mode: %q is unknown", d.Mode)
	}
	if len(d.Subnets) > MaxSubnets || len(d.Reservations) > MaxReservations {
		fail("%d subnets and %d reservations are too many", len(d.Subnets), len(d.Reservations))
		return errors.Join(errs...)
	}
	leases := 0
	ranges := func(rs []Range) {
		for _, r := range rs {
			if !r.First.Is4() || !r.Last.Is4() || r.Last.Less(r.First) {
				fail("range: %v to %v is invalid", r.First, r.Last)
				continue
			}
			leases += r.Size()
		}
	}
	ranges(d.Ranges)
	errs = append(errs, d.Parameters.validate())
	for i, s := range d.Subnets {
		if !IsNetwork(s.Network) || s.Network != s.Network.Masked() {
			fail("subnet %d: network: %v is invalid", i+1, s.Network)
		}
		ranges(s.Ranges)
		if err := s.Parameters.validate(); err != nil {
			fail("subnet %d: %w", i+1, err)
		}
	}
	if leases > MaxLeases {
		fail("range: %d addresses are too many", leases)
	}
	for i, r := range d.Reservations {
		if err := r.validate(); err != nil {
			fail("reservation %d: %w", i+1, err)
		}
	}
	for firmware, file := range d.BootFiles {
		if len(file) > MaxBootFile {
			fail("boot: %s: the name has %d bytes", firmware, len(file))
		}
	}
	return errors.Join(errs...)
}

func (p Parameters) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]Identify{"", IdentifyClient, IdentifyMAC}, p.Identify) {
		fail("identify: %q is unknown", p.Identify)
	}
	if d := time.Duration(p.Lease); d < MinLease || d > MaxLease {
		fail("lease: %v is not from %v to %v", d, MinLease, MaxLease)
	}
	if p.MTU != 0 && (p.MTU < MinMTU || p.MTU > MaxMTU) {
		fail("mtu: %d is not from %d to %d", p.MTU, MinMTU, MaxMTU)
	}
	if len(p.DNS) > MaxAddresses || len(p.NTP) > MaxAddresses {
		fail("dns, ntp: %d and %d addresses are too many", len(p.DNS), len(p.NTP))
	}
	if len(p.Domain) > MaxOption {
		fail("domain: the name has %d bytes", len(p.Domain))
	}
	search := 0
	for _, s := range p.Search {
		search += len(s) + 2
	}
	if search > MaxOption+1 {
		fail("search: the names have %d bytes", search)
	}
	routes := 5
	for _, r := range p.Routes {
		if !r.To.IsValid() || !r.To.Addr().Is4() || !r.Via.Is4() {
			fail("routes: %v via %v is invalid", r.To, r.Via)
			continue
		}
		routes += 1 + (r.To.Bits()+7)/8 + 4
	}
	if routes > MaxOption {
		fail("routes: they have %d bytes", routes)
	}
	size := 0
	for _, o := range p.Options {
		size += 2 + len(o.Value)
		if IsOwnOption(o.Code) || len(o.Value) == 0 || len(o.Value) > MaxOption {
			fail("option %d: the box sets it itself, or its %d bytes are too many", o.Code, len(o.Value))
		}
	}
	if size > MaxOptions {
		fail("option: they have %d bytes", size)
	}
	return errors.Join(append(errs, optional("router", p.Router), all("dns", p.DNS), all("ntp", p.NTP))...)
}

func (r Reservation) validate() error {
	id, err := ParseHex(string(r.Client))
	switch {
	case !IsHost(r.Address):
		return fmt.Errorf("address: %v is not a machine's address", r.Address)
	case err != nil:
		return err
	case r.MAC.IsValid() == (r.Client != ""), !r.MAC.IsValid() && (len(id) < 2 || len(id) > MaxOption):
		return fmt.Errorf("mac, client: %q and %q do not name a machine", r.MAC, r.Client)
	case len(r.Hostname) > MaxOption:
		return fmt.Errorf("hostname: the name has %d bytes", len(r.Hostname))
	}
	return nil
}

// Validate is like Network.Validate.
func (t TFTP) Validate() error {
	if t.MaxBlock != 0 && (t.MaxBlock < MinBlock || t.MaxBlock > MaxBlock) || t.MaxWindow < 0 ||
		t.MaxWindow > MaxWindow {
		return fmt.Errorf("max_block, max_window: %d and %d are out of range", t.MaxBlock, t.MaxWindow)
	}
	return t.Port.validate()
}

// Validate is like Network.Validate.
func (h HTTP) Validate() error { return h.Port.validate() }

// Validate is like Network.Validate.
func (m Metrics) Validate() error {
	if len(m.Allow) > MaxAllowed {
		return fmt.Errorf("allow: %d networks are too many", len(m.Allow))
	}
	for _, p := range m.Allow {
		if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() {
			return fmt.Errorf("allow: %v is not an IPv4 network", p)
		}
	}
	return nil
}

// ValidateProgram reports whether a program's name fits into a DHCP packet.
func ValidateProgram(name string) error {
	if len(name) > MaxBootFile {
		return fmt.Errorf("the name of a program has %d bytes", len(name))
	}
	return nil
}

// IsNetwork reports whether p is a network that the box can serve.
func IsNetwork(p netip.Prefix) bool {
	return p.IsValid() && p.Addr().Is4() && p.Bits() >= 8 && p.Bits() <= 30
}

// optional and all report addresses that are not IPv4.
func optional(key string, a netip.Addr) error {
	if a == (netip.Addr{}) {
		return nil
	}
	return all(key, []netip.Addr{a})
}

func all(key string, addrs []netip.Addr) error {
	for _, a := range addrs {
		if !IsHost(a) {
			return fmt.Errorf("%s: %v is not an IPv4 address of a machine", key, a)
		}
	}
	return nil
}

// IsHost reports whether a is an IPv4 address that a machine can have.
func IsHost(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] != 0 && a.As4()[0] < 240
}

// Broadcast returns the last address of an IPv4 network.
func Broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}
