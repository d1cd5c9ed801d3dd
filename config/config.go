// Package config holds what a site writes in pxebox.toml: its types, its
// built-in default, and the strict reading of it. Nothing here touches the
// network or knows what a firmware wants; a value that got past Parse can be
// used without looking at it again.
package config

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Config is one pxebox.toml, checked.
type Config struct {
	Network Network
	DHCP    DHCP
	WDS     []WDS
	Menu    Menu
	Entries []Entry
}

// Network says how the box itself gets onto the wire.
type Network struct {
	// Interface is the network interface to serve on; empty means the only
	// wired one there is.
	Interface string `json:"interface,omitempty"`
	// Address is the box's own address with its prefix length, as in
	// 192.168.77.1/24. The zero Prefix means "ask a DHCP server".
	Address netip.Prefix `json:"address"`
	// Gateway is the box's own default router. Only with a fixed Address;
	// the zero Addr means none.
	Gateway netip.Addr `json:"gateway"`
	// DNS are the name servers that the box itself asks. Only with a fixed
	// Address.
	DNS []netip.Addr `json:"dns,omitempty"`
}

// Mode is what the box does with DHCP questions.
type Mode string

const (
	ModeAuto   Mode = "auto"   // proxyDHCP beside the site's server; never leases
	ModeProxy  Mode = "proxy"  // proxyDHCP (PXE 2.1 §2.2.3)
	ModeServer Mode = "server" // leases addresses (RFC 2131)
	ModeOff    Mode = "off"    // answers no DHCP at all
)

// Leases reports whether the mode hands out addresses.
func (m Mode) Leases() bool { return m == ModeServer }

// Answers reports whether the mode answers DHCP questions at all.
func (m Mode) Answers() bool { return m != ModeOff }

// DHCP is what machines are told.
type DHCP struct {
	Mode Mode `json:"mode"`
	// Ranges are the addresses to lease in ModeServer, in the order they
	// are to be used.
	Ranges []Range `json:"range,omitempty"`
	// Lease is how long an address is leased (option 51).
	Lease Duration `json:"lease"`
	// Router is option 3; the zero Addr leaves it out.
	Router netip.Addr `json:"router"`
	// DNS is option 6.
	DNS []netip.Addr `json:"dns,omitempty"`
}

// WDS is one Windows Deployment Services server.
type WDS struct {
	Name   string
	Server string // IP address or host name
}

// Addr returns the server's address where the configuration has it. A host
// name has none until somebody has looked it up.
func (w WDS) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(w.Server)
	return a, err == nil
}

// Menu is what every machine shows.
type Menu struct {
	Title   string
	Timeout Duration // 0 waits for a key for ever
	Default string   // name of an Entry; empty means the first
	Serial  bool     // also on the first serial port, at 115200 baud
}

// Entry is one line of the menu. Kind says which of the fields count.
type Entry struct {
	Name  string
	Label string // what the screen shows

	WDS    string   // KindWDS: name of a WDS server
	Kernel string   // KindLinux: boot file
	Initrd []string // KindLinux: boot files, loaded in order
	Append string   // KindLinux, KindFile: arguments
	File   string   // KindFile: any other boot file
	Disk   bool     // KindDisk
}

// Kind is what choosing an Entry does.
type Kind int

const (
	KindWDS   Kind = iota + 1 // hand over to a WDS server
	KindLinux                 // kernel, initrd, arguments
	KindDisk                  // boot the machine's own disk
	KindFile                  // another boot file
)

// Kind tells which of the four an Entry that got past Parse is.
func (e Entry) Kind() Kind {
	switch {
	case e.WDS != "":
		return KindWDS
	case e.Kernel != "":
		return KindLinux
	case e.Disk:
		return KindDisk
	default:
		return KindFile
	}
}

// Range is a run of addresses, both ends included: "192.168.77.100-192.168.77.150".
type Range struct{ First, Last netip.Addr }

// ParseRange reads "first-last", or a single address.
func ParseRange(s string) (Range, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	a, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil || !a.Is4() {
		return Range{}, fmt.Errorf("%q is no IPv4 address", strings.TrimSpace(first))
	}
	b, err := netip.ParseAddr(strings.TrimSpace(last))
	if err != nil || !b.Is4() {
		return Range{}, fmt.Errorf("%q is no IPv4 address", strings.TrimSpace(last))
	}
	if b.Less(a) {
		return Range{}, fmt.Errorf("its last address %v is below its first %v", b, a)
	}
	return Range{a, b}, nil
}

// Contains reports whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool { return !a.Less(r.First) && !r.Last.Less(a) }

// Size is the number of addresses in the range.
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

// Duration is a time.Duration that is written as people write it: "1h", "10s".
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
