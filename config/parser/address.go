package parser

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

func isHost4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && spec.IsHost(a)
}

func (v value) address() netip.Addr {
	s, ok := v.text()
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !spec.IsHost(a) {
		v.fail(fmt.Sprintf("%q is not an IPv4 address of a machine", s), v.addressMend(s))
		return netip.Addr{}
	}
	return a
}

// addressMend tells what to write for a text that is not an address.
func (v value) addressMend(s string) string {
	if a, ok := addressIn(s); ok {
		return fmt.Sprintf("write %q", a)
	}
	if all := addressesIn(s); len(all) > 1 && strings.HasPrefix(v.field.example, "[") {
		return "write each in quotes: " + strings.Join(all, ", ")
	}
	if reHost.MatchString(s) {
		return "write the address of that machine, such as " + strings.Trim(v.field.example, "[]")
	}
	return "write one such as " + strings.Trim(v.field.example, "[]")
}

func (v value) addresses() []netip.Addr { return each(v, value.address) }

func (v value) ownAddress() netip.Prefix {
	s, ok := v.text()
	if !ok || s == "dhcp" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	if a, aerr := netip.ParseAddr(s); aerr == nil && a.Is4() {
		v.fail(fmt.Sprintf("%q does not say how large the network is", s),
			fmt.Sprintf("write it with its prefix length, as in %q", s+"/24"))
		return netip.Prefix{}
	}
	switch {
	case err != nil || !spec.IsHost(p.Addr()):
		fix := `write one such as ` + v.field.example + `, or "dhcp"`
		if p, ok := prefixIn(s); ok {
			fix = fmt.Sprintf("write %q", p)
		} else if strings.EqualFold(plainText(s), "dhcp") {
			fix = `write "dhcp"`
		}
		v.fail(fmt.Sprintf("%q is not an IPv4 address with a prefix length", s), fix)
	case p.Bits() < 8 || p.Bits() > 30:
		v.fail(fmt.Sprintf("the prefix length /%d leaves no usable network", p.Bits()), "write one from /8 to /30")
	case p.Addr() == p.Masked().Addr():
		v.fail(fmt.Sprintf("%v is the network's own address", p.Addr()),
			fmt.Sprintf("write an address inside it, such as %q", fmt.Sprintf("%v/%d", p.Addr().Next(), p.Bits())))
	case p.Addr() == spec.Broadcast(p):
		v.fail(fmt.Sprintf("%v is the network's broadcast address", p.Addr()),
			fmt.Sprintf("write an address inside it, such as %q", fmt.Sprintf("%v/%d", p.Addr().Prev(), p.Bits())))
	default:
		return p
	}
	return netip.Prefix{}
}

// network is that of a subnet, without host bits.
func (v value) network() netip.Prefix {
	s, ok := v.text()
	if !ok {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || !spec.IsHost(p.Addr()):
		fix := "write one such as " + v.field.example
		if p, ok := prefixIn(s); ok {
			fix = fmt.Sprintf("write %q", p.Masked())
		}
		v.fail(fmt.Sprintf("%q is not an IPv4 network with its prefix length", s), fix)
	case p.Bits() < 8 || p.Bits() > 30:
		v.fail(fmt.Sprintf("the prefix length /%d leaves no usable network", p.Bits()), "write one from /8 to /30")
	case p != p.Masked():
		v.fail(fmt.Sprintf("%v is an address inside the network", p.Addr()), fmt.Sprintf("write %q", p.Masked()))
	default:
		return p
	}
	return netip.Prefix{}
}

// networks are those of hosts, of any size: one host is a network too.
func (v value) networks() []netip.Prefix {
	networks := each(v, func(v value) netip.Prefix {
		s, ok := v.text()
		if !ok {
			return netip.Prefix{}
		}
		p, err := netip.ParsePrefix(s)
		if a, aerr := netip.ParseAddr(s); aerr == nil && a.Is4() {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil || !p.Addr().Is4():
			v.fail(fmt.Sprintf("%q is not an IPv4 network with its prefix length", s),
				"write one such as "+strings.Trim(v.field.example, "[]"))
		case p != p.Masked():
			v.fail(fmt.Sprintf("%v is an address inside the network", p.Addr()),
				fmt.Sprintf("write %q, or %q for that host alone", p.Masked(), p.Addr()))
		default:
			return p
		}
		return netip.Prefix{}
	})
	if len(networks) > maxAllowed {
		v.fail(fmt.Sprintf("has %d networks", len(networks)),
			fmt.Sprintf("keep it to %d: write larger networks", maxAllowed))
	}
	if networks == nil { // an empty list is not the default
		networks = []netip.Prefix{}
	}
	return networks
}

func (v value) ranges() []spec.Range {
	ranges := each(v, func(v value) spec.Range {
		s, ok := v.text()
		if !ok {
			return spec.Range{}
		}
		rg, err := spec.ParseRange(s)
		if err == nil && !(spec.IsHost(rg.First) && spec.IsHost(rg.Last)) {
			err = fmt.Errorf("%q includes addresses that no machine can have", s)
		}
		if err != nil {
			fix := "write the first address, a hyphen, and the last, as in " + v.field.example
			if meant, ok := rangeIn(s); ok && spec.IsHost(meant.First) && spec.IsHost(meant.Last) {
				fix = fmt.Sprintf("write %q", meant)
			}
			v.fail(err.Error(), fix)
			return spec.Range{}
		}
		return rg
	})
	if v.in.ok(v.field.name) && len(ranges) == 2 && ranges[0].Size() == 1 && ranges[1].Size() == 1 {
		return v.twoAddresses(ranges)
	}
	return ranges
}

// twoAddresses refuses two single addresses that may be meant as the first and
// the last, as dnsmasq and ISC dhcpd have them: all machines but two would get
// none.
func (v value) twoAddresses(ranges []spec.Range) []spec.Range {
	first, last := ranges[0].First, ranges[1].First
	if last.Less(first) {
		first, last = last, first
	}
	hyphens := v.n.items[0].text != ranges[0].String() && v.n.items[1].text != ranges[1].String()
	if hyphens || first == last || first.Next() == last {
		return ranges
	}
	v.fail(fmt.Sprintf("lists two single addresses, %v and %v", ranges[0].First, ranges[1].First),
		fmt.Sprintf("write range = [%q] for all from the first to the last, or %q, %q for these two alone",
			spec.Range{First: first, Last: last}, first.String()+"-"+first.String(), last.String()+"-"+last.String()))
	return nil
}

func (v value) routes() []spec.Route {
	routes := each(v, value.route)
	size := 5 // for the router, which clients want to see here again (RFC 3442, "DHCP Client Behavior")
	for _, rt := range routes {
		size += 1 + (rt.To.Bits()+7)/8 + 4
	}
	if size > maxOption {
		v.fail(fmt.Sprintf("the routes need an option of %d bytes", size),
			fmt.Sprintf("write fewer: an option holds %d", maxOption))
		return nil
	}
	for i, rt := range routes {
		if slices.ContainsFunc(routes[:i], func(other spec.Route) bool {
			return rt.To.IsValid() && rt.To == other.To
		}) {
			v.fail(fmt.Sprintf("there are two routes to %v", rt.To), "keep one of them")
			return nil
		}
	}
	return routes
}

func (v value) route() spec.Route {
	s, ok := v.text()
	if !ok {
		return spec.Route{}
	}
	to, via, _ := strings.Cut(s, " via ")
	p, err := netip.ParsePrefix(strings.TrimSpace(to))
	a, aerr := netip.ParseAddr(strings.TrimSpace(via))
	switch {
	case err != nil || aerr != nil || !p.Addr().Is4() || !spec.IsHost(a):
		v.fail(fmt.Sprintf("%q is not a route", s),
			`write the network, "via", and the router to it, as in `+strings.Trim(v.field.example, "[]"))
	case p.Bits() == 0:
		v.fail("is the default route", fmt.Sprintf("write router = %q", a))
	case p != p.Masked():
		v.fail(fmt.Sprintf("%v is an address inside the network", p.Addr()),
			fmt.Sprintf("write %q", fmt.Sprintf("%v via %v", p.Masked(), a)))
	default:
		return spec.Route{To: p, Via: a}
	}
	return spec.Route{}
}

// mac reads a hardware address with colons, or with hyphens as Windows shows
// it.
func (v value) mac() ether.MAC {
	s, ok := v.text()
	if !ok {
		return ether.MAC{}
	}
	mac, err := ether.ParseMAC(s)
	switch {
	case err != nil:
		fix := "write one such as " + v.field.example
		if m, ok := macIn(s); ok {
			fix = fmt.Sprintf("write %q", m)
		}
		v.fail(fmt.Sprintf("%q is not a hardware address of six bytes", s), fix)
	case !mac.IsValid():
		v.fail(fmt.Sprintf("%q cannot be a machine's address", s),
			"write a machine's own address, as its firmware or ipconfig /all shows it")
	case mac[0]&1 != 0: // IEEE 802 §8.2.2: the group bit
		v.fail(fmt.Sprintf("%q is a multicast address", s),
			"write a machine's own address, as its firmware or ipconfig /all shows it")
	default:
		return mac
	}
	return ether.MAC{}
}

// clientID is a client identifier (option 61): at least a type and one byte
// (RFC 2132 §9.14).
func (v value) clientID() spec.Hex {
	s, ok := v.text()
	if !ok {
		return ""
	}
	b, err := spec.ParseHex(s)
	switch {
	case err != nil:
		v.fail(fmt.Sprintf("%q is not a sequence of bytes", s),
			"write two hexadecimal digits for each byte, as in "+v.field.example)
	case len(b) < 2 || len(b) > maxOption:
		v.fail(fmt.Sprintf("has %d bytes", len(b)),
			fmt.Sprintf("write 2 to %d: its type first, then the rest", maxOption))
	default:
		return spec.NewHex(b)
	}
	return ""
}

// reHost is a host name (RFC 1123 §2.1). One whose last label is all digits
// would be a mistyped address.
var reHost = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?i:[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[0-9][a-z0-9-]*[a-z])\.?$`)

func (v value) host() string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err == nil && a.Is6():
		// PXE clients with a BIOS have no IPv6 (PXE 2.1 §2.2).
		v.fail(fmt.Sprintf("%q is an IPv6 address", s), "write the server's IPv4 address or its name")
	case err == nil && !spec.IsHost(a):
		v.fail(fmt.Sprintf("%v cannot be another machine's address", a),
			"write the server's own IPv4 address, such as "+v.field.example+`, or its name`)
	case err != nil && (len(s) > 253 || !reHost.MatchString(s)):
		fix := `write one such as ` + v.field.example + ` or "wds.example.org"`
		if host := hostIn(s); reHost.MatchString(host) {
			fix = fmt.Sprintf("write %q", host)
		} else if a, ok := addressIn(s); ok {
			fix = fmt.Sprintf("write %q", a)
		}
		v.fail(fmt.Sprintf("%q is neither an IPv4 address nor a host name", s), fix)
	}
	return s
}

// hostPort is a host and, after a colon, the number of a port; 0 where there is
// none.
func (v value) hostPort() (string, uint16) {
	s, ok := v.text()
	if !ok {
		return "", 0
	}
	host, port, found := strings.Cut(s, ":")
	if !found || strings.Contains(port, ":") || strings.Contains(port, "/") {
		return v.host(), 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		v.fail(fmt.Sprintf("%q is not a port number", port),
			"write a number from 1 to 65535 after the colon, or leave both out")
		return "", 0
	}
	only := *v.n
	only.text = host
	return value{v.in, &only, v.field}.host(), uint16(n)
}

// domain is a domain name without the dot at its end, which options 15 and
// 119 do not have.
func (v value) domain() string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 || !reHost.MatchString(s) {
		v.fail(fmt.Sprintf("%q is not a domain name", s), "write one such as "+strings.Trim(v.field.example, "[]"))
		return ""
	}
	return s
}

func (v value) search() []string {
	names := each(v, value.domain)
	size := 0
	for _, n := range names {
		size += len(n) + 2 // a length before each label, and the root behind the last (RFC 1035 §3.1)
	}
	if size > maxOption {
		v.fail(fmt.Sprintf("the names need an option of %d bytes", size),
			fmt.Sprintf("write fewer: an option holds %d", maxOption))
		return nil
	}
	return names
}

// reLabel is one label of a host name (RFC 1123 §2.1).
var reLabel = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$`)

// hostname is a machine's name without its domain.
func (v value) hostname() string {
	s, ok := v.text()
	if !ok || reLabel.MatchString(s) {
		return s
	}
	fix := "use up to 63 letters, digits and hyphens, as in " + v.field.example
	if first, _, dotted := strings.Cut(s, "."); dotted && reLabel.MatchString(first) {
		fix = fmt.Sprintf("write %q: what follows the dot is the domain", first)
	} else if n := strings.ReplaceAll(plainText(s), "_", "-"); reLabel.MatchString(strings.ReplaceAll(n, " ", "-")) {
		fix = fmt.Sprintf("write %q: letters, digits and hyphens", strings.ReplaceAll(n, " ", "-"))
	}
	v.fail(fmt.Sprintf("%q is not a valid host name", s), fix)
	return ""
}
