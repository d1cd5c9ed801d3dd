// Package dhcpconf holds the contents of another DHCP server's configuration, in
// whatever language: networks, ranges, options, reservations and boot programs,
// each with the line that it comes from. The packages that fill it in parse the
// languages; package adopt converts it to a pxebox.toml.
package dhcpconf

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Config is the contents of a DHCP server's configuration.
type Config struct {
	// Address is the server's address; the zero Addr where the file does not give
	// it.
	Address netip.Addr
	// NamesItself reports whether the server names itself to machines as their
	// router, or as their name server, where no option says otherwise.
	NamesItself struct{ Router, DNS bool }
	NoProbe     bool // leases addresses without probing them first
	Networks    []Network
	Hosts       []Host
	Boots       []Boot
	TFTPRoot    Text
	Notes       []Note

	notes map[alike][]int // indices of Notes
}

// Line is a line of a file, or what begins there.
type Line struct {
	File   string
	Number int
	Text   string // as it may be shown; "" for the place of the whole line only
}

// Text is a text with its line.
type Text struct {
	Value string
	Line  Line
}

// Note is a remark about a line.
type Note struct {
	Line Line
	Why  string
	Lost bool // nothing of the line is in the Config

	others int // further lines with the same text, which have no note
}

// Lost adds a note for a line that has no equivalent in the Config.
func (c *Config) Lost(l Line, format string, args ...any) {
	c.note(Note{Line: l, Why: fmt.Sprintf(format, args...), Lost: true})
}

// Remark adds a note for a line whose meaning changes slightly.
func (c *Config) Remark(l Line, format string, args ...any) {
	c.note(Note{Line: l, Why: fmt.Sprintf(format, args...)})
}

// alike identifies the notes of a file that say the same.
type alike struct {
	file, why string
	lost      bool
}

// note adds a note. Of many notes that say the same, for example about a long
// list of names for a name server, only the first ones are kept.
func (c *Config) note(n Note) {
	k := alike{n.Line.File, n.Why, n.Lost}
	if c.notes == nil {
		c.notes = map[alike][]int{}
	}
	if seen := c.notes[k]; len(seen) > MaxAlike {
		all := &c.Notes[seen[MaxAlike]]
		all.others++
		all.Why = fmt.Sprintf("and %d more lines up to line %d: %s", all.others, n.Line.Number, k.why)
		return
	}
	switch {
	case len(c.Notes) < MaxNotes:
		c.notes[k] = append(c.notes[k], len(c.Notes))
		c.Notes = append(c.Notes, n)
	case len(c.Notes) == MaxNotes:
		c.Notes = append(c.Notes, Note{Line: n.Line, Why: "further lines are not listed: there are too many",
			Lost: true})
	}
}

// Network is a network that the server serves.
type Network struct {
	Line   Line
	Prefix netip.Prefix
	// Guessed reports that the file leaves the size of the network to the
	// server's interface, and that Prefix is the likeliest one.
	Guessed bool
	Proxy   bool // another server leases the addresses
	Ranges  []Range
	Options []Option
	Lease   time.Duration // 0 if not given
	LeaseAt Line
}

// Range is a range of addresses to lease.
type Range struct {
	spec.Range
	Line Line
}

// Option is a DHCP option. Only one field of its value counts: the first that is
// not empty.
type Option struct {
	Code  uint8
	Line  Line
	None  bool // the option is not sent
	IPs   []netip.Addr
	Names []string // domain names
	Text  string
	Size  int // bytes of Number; 0 if the value is not a number
	Num   int64
	Bytes []byte
}

// Host is an address that is reserved for one machine.
type Host struct {
	Line     Line
	Name     string // of the declaration, for people
	MAC      string
	Client   []byte // option 61; counts where there is no MAC
	Address  netip.Addr
	Hostname string // option 12
}

// Boot is a boot program that machines are told to load.
type Boot struct {
	Line   Line
	File   string
	Server string // address or name; "" is this server
	Label  string // in a menu; "" if machines load it at once
}

// Files are the files that a configuration includes.
type Files interface {
	Read(name string) ([]byte, error)
	// List returns the sorted names of the files in a folder, each with the
	// folder in front.
	List(folder string) ([]string, error)
}

// Limits for a configuration with everything that it includes.
const (
	MaxFiles = 256
	MaxDepth = 16
	MaxBytes = 8 << 20
	MaxNotes = 20_000
	MaxAlike = 20 // notes of one file that say the same
	// MaxItems is the limit for each kind of item: ranges, networks, options.
	MaxItems = 4096
)

// Prefix returns the network of an address with a netmask. It reports false for
// a mask with gaps.
func Prefix(a, mask netip.Addr) (netip.Prefix, bool) {
	if !a.Is4() || !mask.Is4() {
		return netip.Prefix{}, false
	}
	bits, zero := 0, false
	for _, b := range mask.As4() {
		for bit := 7; bit >= 0; bit-- {
			one := b>>bit&1 == 1
			if one && zero {
				return netip.Prefix{}, false
			}
			if one {
				bits++
			}
			zero = zero || !one
		}
	}
	return netip.PrefixFrom(a, bits).Masked(), true
}

// Guess returns the likeliest network of a range whose file does not give the
// network: a /24, or a larger one where a /24 does not hold both ends.
func Guess(first, last netip.Addr) netip.Prefix {
	for bits := 24; bits > 8; bits-- {
		if p := netip.PrefixFrom(first, bits).Masked(); p.Contains(last) {
			return p
		}
	}
	return netip.PrefixFrom(first, 8).Masked()
}

// Routes parses option 121: the routes, and the router of the default route. RFC
// 3442, "Classless Route Option Format".
func Routes(b []byte) (routes []spec.Route, router netip.Addr, ok bool) {
	for len(b) > 0 {
		bits := int(b[0])
		n := (bits + 7) / 8
		if bits > 32 || len(b) < 1+n+4 {
			return nil, netip.Addr{}, false
		}
		var to [4]byte
		copy(to[:], b[1:1+n])
		p := netip.PrefixFrom(netip.AddrFrom4(to), bits).Masked()
		via := netip.AddrFrom4([4]byte(b[1+n : 1+n+4]))
		if bits == 0 {
			router = via
		} else {
			routes = append(routes, spec.Route{To: p, Via: via})
		}
		b = b[1+n+4:]
	}
	return routes, router, true
}

// AppendRoute adds a route to the bytes of option 121.
func AppendRoute(b []byte, r spec.Route) []byte {
	to, n := r.To.Masked().Addr().As4(), (r.To.Bits()+7)/8
	b = append(b, byte(r.To.Bits()))
	b = append(b, to[:n]...)
	return append(b, r.Via.AsSlice()...)
}
