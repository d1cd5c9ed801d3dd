// Package spec holds what the servers know about a site: its networks, its
// machines and what they are told. These are plain values, in the form in which
// package generation passes them from menuwatch to pxed. What a person writes
// in pxebox.toml has separate types, in package config.
package spec

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Network says how the box itself gets onto the network.
type Network struct {
	// Interface is the network interface to serve on; empty means the only
	// wired one. A VLAN's is written as ParseVLAN reads it.
	Interface string `json:"interface,omitempty"`
	// Address is the box's address with its prefix length, for example
	// 192.168.77.1/24. The zero Prefix means "ask a DHCP server".
	Address netip.Prefix `json:"address"`
	// Gateway is the box's default router. Only with a fixed Address; the
	// zero Addr means none.
	Gateway netip.Addr `json:"gateway"`
	// DNS are the name servers that the box itself uses. Only with a fixed
	// Address.
	DNS []netip.Addr `json:"dns,omitempty"`
}

// Mode is how the box handles DHCP requests.
type Mode string

const (
	ModeAuto   Mode = "auto"   // proxyDHCP alongside the site's server; never leases
	ModeProxy  Mode = "proxy"  // proxyDHCP (PXE 2.1 §2.2.3)
	ModeServer Mode = "server" // leases addresses (RFC 2131)
	ModeOff    Mode = "off"    // answers no DHCP at all
)

// Leases reports whether the mode leases addresses.
func (m Mode) Leases() bool { return m == ModeServer }

// Answers reports whether the mode answers DHCP requests at all.
func (m Mode) Answers() bool { return m != ModeOff }

// DHCP is what machines are told.
type DHCP struct {
	Mode Mode `json:"mode"`
	// Force leases addresses even if another DHCP server answers on the
	// link. Applies in ModeServer.
	Force bool `json:"force,omitempty"`
	// Probe asks by ARP whether an address is in use before it is offered
	// to a machine that was not its last holder.
	Probe bool `json:"probe"`
	// Ranges are the addresses to lease on the box's subnet in ModeServer,
	// in order of use.
	Ranges []Range `json:"range,omitempty"`
	Parameters
	// Subnets are the networks behind relay agents.
	Subnets []Subnet `json:"subnet,omitempty"`
	// Reservations assign fixed addresses, each to one machine.
	Reservations []Reservation `json:"reservation,omitempty"`
	// BootFiles are the programs that firmware loads, by the kind of
	// firmware: a boot file, or an http:// URL for the kinds that end in
	// -http. A kind without an entry gets the built-in program; one with an
	// empty name gets none.
	BootFiles map[firmware.Kind]string `json:"boot,omitempty"`
	// Adapt answers a machine differently that the last answers did not help.
	Adapt bool `json:"adapt"`
	// Fallback is the entry whose server a machine boots from that does not
	// start shim; empty for none. It leads to a boot server, is in the general
	// menu, and neither locked nor one that erases a disk.
	Fallback string `json:"fallback,omitempty"`
}

// Parameters are what the machines of one subnet are told in addition to their
// address. A zero value leaves the option out.
type Parameters struct {
	// Identify says how leases tell machines apart; empty is
	// IdentifyClient.
	Identify Identify `json:"identify,omitempty"`
	// Lease is how long an address is leased (option 51).
	Lease  Duration     `json:"lease"`
	Router netip.Addr   `json:"router"`           // option 3
	DNS    []netip.Addr `json:"dns,omitempty"`    // option 6
	Domain string       `json:"domain,omitempty"` // option 15
	Search []string     `json:"search,omitempty"` // option 119
	NTP    []netip.Addr `json:"ntp,omitempty"`    // option 42
	MTU    int          `json:"mtu,omitempty"`    // option 26, bytes
	// Routes are option 121, without the default route. A client that reads
	// it ignores option 3 (RFC 3442), so Router belongs in both.
	Routes []Route `json:"routes,omitempty"`
	// Options are any other options, encoded for the wire: each code once,
	// and none of the codes of the fields above.
	Options []Option `json:"option,omitempty"`
}

// Identify is how leases tell the machines of a network apart.
type Identify string

const (
	IdentifyClient Identify = "client" // the client identifier, option 61; the MAC if a machine sends none
	IdentifyMAC    Identify = "mac"    // the MAC alone
)

// Route is one classless static route (RFC 3442): "10.0.0.0/8 via 192.168.77.254".
type Route struct {
	To  netip.Prefix `json:"to"`
	Via netip.Addr   `json:"via"`
}

// Option is a DHCP option by code, with a value of 1 to 255 bytes.
type Option struct {
	Code  uint8  `json:"code"`
	Value []byte `json:"value"`
}

// Subnet is a network behind a relay agent. Its Parameters are complete: it
// inherits nothing from those of DHCP.
type Subnet struct {
	Network netip.Prefix `json:"network"`
	Ranges  []Range      `json:"range,omitempty"`
	Parameters
}

// Reservation is an address that belongs to one machine, inside or outside the
// ranges.
type Reservation struct {
	// Either MAC or Client identifies the machine; the other is empty.
	MAC      ether.MAC  `json:"mac,omitzero"`
	Client   Hex        `json:"client,omitempty"` // option 61 as it is on the wire
	Address  netip.Addr `json:"address"`
	Hostname string     `json:"hostname,omitempty"` // option 12
}

// Hex is a sequence of bytes, written as hexadecimal pairs with colons:
// "01:52:54:00". Values that NewHex returns can be compared.
type Hex string

// NewHex writes bytes in lower case.
func NewHex(b []byte) Hex {
	return Hex(net.HardwareAddr(b).String()) // the same form, for any length
}

// Bytes returns the bytes that NewHex was given.
func (h Hex) Bytes() []byte {
	b, _ := ParseHex(string(h)) // Validate accepts no other text
	return b
}

// ParseHex reads pairs of hexadecimal digits, with a colon, a hyphen or
// nothing between them.
func ParseHex(s string) ([]byte, error) {
	digits := s
	for _, sep := range []string{":", "-"} {
		if pairs := strings.Split(s, sep); len(pairs) > 1 {
			if slices.ContainsFunc(pairs, func(p string) bool { return len(p) != 2 }) {
				return nil, fmt.Errorf("%q has a byte that is not two digits", s)
			}
			digits = strings.Join(pairs, "")
		}
	}
	return hex.DecodeString(digits)
}

// Port is the port of a server. The zero Port is the server's usual one.
type Port int

// PortOff is the Port of a server that is off.
const PortOff Port = -1

// Or returns the port. usual is the server's usual one. on reports whether the
// server is on.
func (p Port) Or(usual int) (port int, on bool) {
	switch p {
	case PortOff:
		return 0, false
	case 0:
		return usual, true
	}
	return int(p), true
}

func (p Port) validate() error {
	if p < PortOff || p > math.MaxUint16 {
		return fmt.Errorf("port: %d is out of range", int(p))
	}
	return nil
}

// TFTP limits what machines may request.
type TFTP struct {
	// Port is UDP port 69 by default. Firmware and most boot loaders know no
	// other.
	Port Port `json:"port,omitempty"`
	// MaxBlock is the largest block, in bytes; 0 means what fits into one
	// packet on the link. Larger blocks are sent in fragments, which some
	// ROMs cannot reassemble.
	MaxBlock int `json:"max_block,omitempty"`
	// MaxWindow is the largest window, in blocks (RFC 7440); 0 lets the
	// server choose.
	MaxWindow int `json:"max_window,omitempty"`
}

// HTTP is the server for HTTP boot, and for the metrics.
type HTTP struct {
	Port Port `json:"port,omitempty"` // TCP port 80 by default
}

// Files says how names match the site's boot files.
type Files struct {
	// AnyCase lets a name match a file that differs from it only in case,
	// as on Windows.
	AnyCase bool `json:"any_case"`
	// OwnMenus gives menus that the site wrote by hand priority over the
	// rendered ones: pxelinux.cfg/* and grub/grub.cfg* in the boot folder.
	OwnMenus bool `json:"own_menus,omitempty"`
}

// Metrics says who may read the metrics.
type Metrics struct {
	// Allow are the networks whose hosts may read them. Nil means the networks
	// of the machines; empty means none.
	Allow []netip.Prefix `json:"allow,omitzero"`
}

// Allows reports whether the host with that address may read the metrics.
// machine reports whether it is the address of a machine.
func (m Metrics) Allows(a netip.Addr, machine func(netip.Addr) bool) bool {
	if m.Allow == nil {
		return machine(a)
	}
	return slices.ContainsFunc(m.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Machine says what certain machines boot. A machine must match each selector
// field that is set, by one of the field's values. The first Machine that
// matches applies.
type Machine struct {
	MAC []string `json:"mac,omitempty"` // "52:54:00:12:34:56", or its beginning "52:54:00", in lower case
	// as in the firmware's setup: "70786562-6f78-4c61-8000-000000000010", in lower case
	GUID     []string        `json:"guid,omitempty"`
	Firmware []firmware.Kind `json:"firmware,omitempty"`

	// Boot is BootMenu, BootDisk or the name of an Entry that is started
	// without a menu.
	Boot string `json:"boot"`
	// Once makes Boot apply to one boot. After that the next Machine that
	// matches applies, or the menu.
	Once bool `json:"once,omitempty"`
	// Entries are the names of the entries in the machine's menu; empty
	// means all that are not Unlisted.
	Entries []string `json:"entries,omitempty"`
	// Default is like Menu.Default, for this machine's menu.
	Default string `json:"default,omitempty"`
	// Timeout is like Menu.Timeout, for this machine's menu; nil keeps
	// Menu.Timeout.
	Timeout *Duration `json:"timeout,omitempty"`
}

// BootMenu is the value of Machine.Boot for a machine that gets a menu.
const BootMenu = "menu"

// Range is a range of addresses, both ends included:
// "192.168.77.100-192.168.77.150".
type Range struct{ First, Last netip.Addr }

// ParseRange reads "first-last", or a single address.
func ParseRange(s string) (Range, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	a, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil || !a.Is4() {
		return Range{}, fmt.Errorf("%q is not an IPv4 address", strings.TrimSpace(first))
	}
	b, err := netip.ParseAddr(strings.TrimSpace(last))
	if err != nil || !b.Is4() {
		return Range{}, fmt.Errorf("%q is not an IPv4 address", strings.TrimSpace(last))
	}
	if b.Less(a) {
		return Range{}, fmt.Errorf("its last address %v is below its first %v", b, a)
	}
	return Range{a, b}, nil
}

// Contains reports whether a is in the range.
func (r Range) Contains(a netip.Addr) bool { return !a.Less(r.First) && !r.Last.Less(a) }

// Size returns the number of addresses in the range.
func (r Range) Size() int {
	first, last := r.First.As4(), r.Last.As4()
	return int(binary.BigEndian.Uint32(last[:])-binary.BigEndian.Uint32(first[:])) + 1
}

func (r Range) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + "-" + r.Last.String()
}

// MarshalText writes what ParseRange reads.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRange.
func (r *Range) UnmarshalText(b []byte) (err error) { *r, err = ParseRange(string(b)); return err }

// Duration is a time.Duration in the form that people write: "1h", "10s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes "1h0m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}
