package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Validate reports what Parse would not have let through, in settings that came
// another way, as from one program to another. It looks for what a reader cannot
// use: where Parse asks whether a site can have meant something, it does not.
func (n Network) Validate() error {
	var errs []error
	if n.Address != (netip.Prefix{}) && (!network4(n.Address) || !host4(n.Address.Addr())) {
		errs = append(errs, fmt.Errorf("address: %v is no address with a prefix length", n.Address))
	}
	if len(n.Interface) > maxDevice {
		errs = append(errs, fmt.Errorf("interface: the name has %d bytes", len(n.Interface)))
	}
	return errors.Join(append(errs, optional("gateway", n.Gateway), all("dns", n.DNS))...)
}

// Validate is as that of Network.
func (d DHCP) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]Mode{ModeAuto, ModeProxy, ModeServer, ModeOff}, d.Mode) {
		fail("mode: %q is none", d.Mode)
	}
	if len(d.Subnets) > maxSubnets || len(d.Reservations) > maxReservations {
		fail("%d subnets and %d reservations are too many", len(d.Subnets), len(d.Reservations))
		return errors.Join(errs...)
	}
	leases := 0
	ranges := func(rs []Range) {
		for _, r := range rs {
			if !r.First.Is4() || !r.Last.Is4() || r.Last.Less(r.First) {
				fail("range: %v to %v is none", r.First, r.Last)
				continue
			}
			leases += r.Size()
		}
	}
	ranges(d.Ranges)
	errs = append(errs, d.Parameters.validate())
	for i, s := range d.Subnets {
		if !network4(s.Network) || s.Network != s.Network.Masked() {
			fail("subnet %d: network: %v is none", i+1, s.Network)
		}
		ranges(s.Ranges)
		if err := s.Parameters.validate(); err != nil {
			fail("subnet %d: %w", i+1, err)
		}
	}
	if leases > maxLeases {
		fail("range: %d addresses are too many", leases)
	}
	for i, r := range d.Reservations {
		if err := r.validate(); err != nil {
			fail("reservation %d: %w", i+1, err)
		}
	}
	for firmware, file := range d.BootFiles {
		if len(file) > maxBootFile {
			fail("boot: %s: the name has %d bytes", firmware, len(file))
		}
	}
	return errors.Join(errs...)
}

func (p Parameters) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if d := time.Duration(p.Lease); d < minLease || d > maxLease {
		fail("lease: %v is not from %v to %v", d, minLease, maxLease)
	}
	if p.MTU != 0 && (p.MTU < minMTU || p.MTU > maxMTU) {
		fail("mtu: %d is not from %d to %d", p.MTU, minMTU, maxMTU)
	}
	if len(p.DNS) > maxAddresses || len(p.NTP) > maxAddresses {
		fail("dns, ntp: %d and %d addresses are too many", len(p.DNS), len(p.NTP))
	}
	if len(p.Domain) > maxOption {
		fail("domain: the name has %d bytes", len(p.Domain))
	}
	search := 0
	for _, s := range p.Search {
		search += len(s) + 2
	}
	if search > maxOption+1 {
		fail("search: the names have %d bytes", search)
	}
	routes := 5
	for _, r := range p.Routes {
		if !r.To.IsValid() || !r.To.Addr().Is4() || !r.Via.Is4() {
			fail("routes: %v via %v is none", r.To, r.Via)
			continue
		}
		routes += 1 + (r.To.Bits()+7)/8 + 4
	}
	if routes > maxOption {
		fail("routes: they have %d bytes", routes)
	}
	size := 0
	for _, o := range p.Options {
		size += 2 + len(o.Value)
		if _, ok := elsewhere[o.Code]; ok || len(o.Value) == 0 || len(o.Value) > maxOption {
			fail("option %d: its %d bytes are not to be written so", o.Code, len(o.Value))
		}
	}
	if size > maxOptions {
		fail("option: they have %d bytes", size)
	}
	return errors.Join(append(errs, optional("router", p.Router), all("dns", p.DNS), all("ntp", p.NTP))...)
}

func (r Reservation) validate() error {
	id := Hex(r.MAC)
	if r.MAC == "" {
		id = r.Client
	}
	b, err := ParseHex(string(id))
	switch {
	case !host4(r.Address):
		return fmt.Errorf("address: %v is none of a machine", r.Address)
	case err != nil:
		return err
	case r.MAC != "" && (len(b) != 6 || r.Client != ""), r.MAC == "" && (len(b) < 2 || len(b) > maxOption):
		return fmt.Errorf("mac, client: %q and %q name no machine", r.MAC, r.Client)
	case len(r.Hostname) > maxOption:
		return fmt.Errorf("hostname: the name has %d bytes", len(r.Hostname))
	}
	return nil
}

// Validate is as that of Network.
func (t TFTP) Validate() error {
	if t.MaxBlock != 0 && (t.MaxBlock < minBlock || t.MaxBlock > maxBlock) || t.MaxWindow < 0 || t.MaxWindow > maxWindow {
		return fmt.Errorf("max_block, max_window: %d and %d are out of bounds", t.MaxBlock, t.MaxWindow)
	}
	return nil
}

// ValidateProgram reports whether a DHCP packet has room for a program's name.
func ValidateProgram(name string) error {
	if len(name) > maxBootFile {
		return fmt.Errorf("the name of a program has %d bytes", len(name))
	}
	return nil
}

// network4 reports whether p is a network that can be served.
func network4(p netip.Prefix) bool {
	return p.IsValid() && p.Addr().Is4() && p.Bits() >= 8 && p.Bits() <= 30
}

// optional and all report addresses that are not IPv4's.
func optional(key string, a netip.Addr) error {
	if a == (netip.Addr{}) {
		return nil
	}
	return all(key, []netip.Addr{a})
}

func all(key string, addrs []netip.Addr) error {
	for _, a := range addrs {
		if !host4(a) {
			return fmt.Errorf("%s: %v is no IPv4 address of a machine", key, a)
		}
	}
	return nil
}
