package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/lease"
)

// Settings are the settings for decisions, prepared once for many packets.
type Settings struct {
	Mode spec.Mode
	// Self is the box's address, with its subnet, on the link that received the
	// question. The zero Prefix means that the box has no address yet: it is
	// silent.
	Self netip.Prefix
	// Own are the hardware addresses that the box itself asks with: that of its
	// DHCP client, and that of the search for other servers. The box receives
	// its own broadcasts.
	Own []net.HardwareAddr
	// Hold, if not empty, is the reason to give no address to a machine that
	// has none yet: another DHCP server is on the link. Existing leases
	// continue.
	Hold string
	// Rival says that another PXE server answers on the link.
	Rival bool
	// Plan says which machines boot from one of the site's WDS servers instead
	// of the box.
	Plan handoff.Plan
	// Allow reports whether a machine may ask once more; nil means always. It
	// keeps floods out: it is ratelimit.Limiter's Allow.
	Allow func(now time.Time, hw []byte, discover bool) bool
	// Stages are what machines said in earlier packets; nil remembers nothing.
	Stages *Stages
	// Ladder is what machines did after earlier answers; nil answers each boot in
	// the same way.
	Ladder *ladder.Table
	// Copies are the copies of pxe.Shim with one signature, in the order in which
	// a machine tries them.
	Copies []string

	probe     bool
	bootFiles map[firmware.Kind]string
	local     *subnet
	remote    []*subnet
	// reserved are the reservations by the identities of their machines; owners
	// is the reverse.
	reserved map[lease.Client]spec.Reservation
	owners   map[netip.Addr]lease.Client
}

// subnet is one network that is served.
type subnet struct {
	network netip.Prefix
	pool    *lease.Pool
	lease   time.Duration
	byMAC   bool // a machine is identified by its MAC alone
	// options are the parameters in wire format, by code.
	options map[uint8][]byte
}

// Pools are the leases of all subnets. They outlive any Settings.
type Pools = lease.Pools

// NewSettings prepares settings, and changes pools to match them.
func NewSettings(c spec.DHCP, self netip.Prefix, own []net.HardwareAddr, pools Pools) *Settings {
	s := &Settings{
		Mode: c.Mode, Self: self, Own: own,
		probe: c.Probe, bootFiles: c.BootFiles,
		reserved: map[lease.Client]spec.Reservation{}, owners: map[netip.Addr]lease.Client{},
	}
	var addrs []netip.Addr
	for _, r := range c.Reservations {
		addrs = append(addrs, r.Address)
		owner := hwClient(r.MAC[:])
		if r.Client != "" {
			owner = idClient(r.Client.Bytes())
		}
		s.reserved[owner], s.owners[r.Address] = r, owner
	}
	var networks []lease.Subnet
	var subnets []*subnet
	add := func(network netip.Prefix, ranges []spec.Range, p spec.Parameters) *subnet {
		networks = append(networks, lease.Subnet{Network: network, Ranges: ranges, Reserved: addrs})
		sub := &subnet{network: network, lease: time.Duration(p.Lease), byMAC: p.Identify == spec.IdentifyMAC,
			options: parameters(network, p)}
		subnets = append(subnets, sub)
		return sub
	}
	if self.IsValid() {
		s.local = add(self.Masked(), c.Ranges, c.Parameters)
	}
	for _, sub := range c.Subnets {
		network := sub.Network.Masked()
		if !slices.ContainsFunc(subnets, func(other *subnet) bool { return other.network == network }) {
			s.remote = append(s.remote, add(network, sub.Ranges, sub.Parameters))
		}
	}
	for i, pool := range pools.Configure(networks) {
		subnets[i].pool = pool
	}
	return s
}

// Serves reports whether a machine of a served subnet, on the link or behind a
// relay agent, can have the address. The box's address counts too, because the
// box tests itself.
func (s *Settings) Serves(a netip.Addr) bool { return s.hostSubnet(a) != nil || s.isSelf(a) }

func (s *Settings) isSelf(a netip.Addr) bool { return s.Self.IsValid() && a == s.Self.Addr() }

func (s *Settings) subnetOf(a netip.Addr) *subnet {
	if s.local != nil && s.local.network.Contains(a) {
		return s.local
	}
	for _, sub := range s.remote {
		if sub.network.Contains(a) {
			return sub
		}
	}
	return nil
}

// parameters returns the options for every client of a subnet, by code.
func parameters(network netip.Prefix, p spec.Parameters) map[uint8][]byte {
	o := map[uint8][]byte{
		optSubnetMask: net.CIDRMask(network.Bits(), 32),
		optBroadcast:  spec.Broadcast(network).AsSlice(),
	}
	set := func(code uint8, v []byte) {
		if len(v) > 0 {
			o[code] = v
		}
	}
	if p.Router.IsValid() {
		set(optRouter, p.Router.AsSlice())
	}
	set(optDNS, flat(p.DNS))
	set(optNTP, flat(p.NTP))
	set(optDomain, []byte(p.Domain))
	set(optSearch, searchList(p.Search))
	set(optRoutes, routes(p.Routes, p.Router))
	if p.MTU > 0 {
		set(optMTU, binary.BigEndian.AppendUint16(nil, uint16(p.MTU)))
	}
	for _, x := range p.Options {
		o[x.Code] = x.Value // last, so that it overrides the others
	}
	return o
}

func flat(addrs []netip.Addr) (b []byte) {
	for _, a := range addrs {
		b = append(b, a.AsSlice()...)
	}
	return b
}

// searchList is option 119 (RFC 3397), without the compression that the RFC
// allows: more clients get compression wrong than need it.
func searchList(domains []string) (b []byte) {
	for _, d := range domains {
		for label := range strings.SplitSeq(strings.TrimSuffix(d, "."), ".") {
			b = append(append(b, byte(len(label))), label...)
		}
		b = append(b, 0)
	}
	return b
}

// routes is option 121 (RFC 3442): for each destination its prefix length and
// only as many bytes as that needs, then the router. A client that accepts it
// must ignore option 3, so the default route must be in it as well.
func routes(rs []spec.Route, router netip.Addr) (b []byte) {
	if len(rs) == 0 {
		return nil
	}
	for _, r := range rs {
		bits := r.To.Bits()
		b = append(b, byte(bits))
		b = append(b, r.To.Masked().Addr().AsSlice()[:(bits+7)/8]...)
		b = append(b, r.Via.AsSlice()...)
	}
	if router.IsValid() {
		b = append(append(b, 0), router.AsSlice()...)
	}
	return b
}

// The options that this package writes itself (RFC 2132).
const (
	optPad         = 0
	optSubnetMask  = 1
	optRouter      = 3
	optDNS         = 6
	optHostname    = 12
	optDomain      = 15
	optMTU         = 26
	optBroadcast   = 28
	optNTP         = 42
	optVendor      = 43
	optRequested   = 50
	optLeaseTime   = 51
	optOverload    = 52
	optMessageType = 53
	optServerID    = 54
	optT1          = 58
	optT2          = 59
	optClass       = 60
	optClientID    = 61
	optTFTPServer  = 66
	optBootFile    = 67
	optRelayAgent  = 82 // RFC 3046
	optUserClass   = 77
	optArch        = 93
	optGUID        = 97
	optSearch      = 119
	optRoutes      = 121
	optTFTPAddress = 150 // RFC 5859
	optIPXE        = 175
	optEnd         = 255
)

// set writes one option of a reply.
func set(r *dhcpv4.DHCPv4, code uint8, v []byte) { r.Options[code] = v }
