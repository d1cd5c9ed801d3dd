package dnsmasq

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// dhcpRange is a network with the tags that its machines get.
type dhcpRange struct {
	dhcpconf.Network
	tags []string
}

// option is an option with the tags of the machines that receive it.
type option struct {
	dhcpconf.Option
	tags   []string
	within netip.Prefix // the machines' network; the zero Prefix means any
	domain bool         // from domain=
	used   bool
}

// tagged removes the tags from the start of some arguments: the required tags and
// the tags to set. In older files "net:" or a bare word can be either.
func tagged(args []string) (need, set, rest []string) {
	for i, a := range args {
		kind, tag, ok := strings.Cut(a, ":")
		switch {
		case ok && kind == "tag":
			need = append(need, tag)
		case ok && kind == "set":
			set = append(set, tag)
		case ok && kind == "net":
			need, set = append(need, tag), append(set, tag)
		default:
			return need, set, args[i:]
		}
	}
	return need, set, nil
}

var reLease = regexp.MustCompile(`^([0-9]+)([smhdw]?)$`)

// lease parses a time: a number of seconds, or a number with a unit.
func lease(s string) (time.Duration, bool) {
	if s == "infinite" {
		return infinite, true
	}
	m := reLease.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	if err != nil || n == 1<<32-1 {
		return infinite, true
	}
	unit := map[string]time.Duration{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}[m[2]] * time.Second
	if time.Duration(n) > infinite/unit {
		return infinite, true
	}
	return time.Duration(n) * unit, true
}

const (
	// infinite represents a lease without an end.
	infinite = 100 * 365 * 24 * time.Hour
	// defaultLease is dnsmasq's default (its manual page, dhcp-range).
	defaultLease = time.Hour
)

// reTag matches a tag without a prefix, as older files write it.
var reTag = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// dhcpRange parses
// dhcp-range=[tag:T,][set:T,]START[,END|MODE[,MASK[,BROADCAST]]][,LEASE].
func (p *parser) dhcpRange(l dhcpconf.Line, args []string) {
	net := slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "net:") })
	need, set, rest := tagged(args)
	if net {
		need = nil // in dhcp-range a bare tag sets a tag
	}
	if len(rest) > 1 && reTag.MatchString(rest[0]) {
		set, rest = append(set, rest[0]), rest[1:]
	}
	if len(rest) == 0 {
		p.cfg.Lost(l, "names no address")
		return
	}
	first, err := netip.ParseAddr(rest[0])
	switch {
	case strings.Contains(rest[0], ":"):
		p.cfg.Lost(l, "the box serves IPv4 only")
		return
	case err != nil || !first.Is4():
		p.cfg.Lost(l, "%q is not an IPv4 address", unhide(rest[0]))
		return
	case len(need) > 0:
		p.cfg.Lost(l, "is for certain machines, but the box leases a range to its whole network")
		return
	}
	r := dhcpRange{Network: dhcpconf.Network{Line: l, LeaseAt: l}, tags: set}
	last := first
	var dotted []netip.Addr
	fixed := false // no addresses are leased to machines without a dhcp-host
	for _, a := range rest[1:] {
		addr, err := netip.ParseAddr(a)
		d, isLease := lease(a)
		switch {
		case err == nil && addr.Is4():
			dotted = append(dotted, addr)
		case a == "static":
			fixed = true
		case a == "proxy":
			r.Proxy = true
		case isLease:
			r.Lease = d
		case a == "deprecated", a == "":
		default:
			p.cfg.Lost(l, "%q is not known", unhide(a))
			return
		}
	}
	if len(dotted) > 0 && !fixed && !r.Proxy {
		last, dotted = dotted[0], dotted[1:]
	}
	if last.Less(first) {
		p.cfg.Lost(l, "its last address comes before its first")
		return
	}
	r.Prefix, r.Guessed = dhcpconf.Guess(first, last), true
	if len(dotted) > 0 {
		prefix, ok := dhcpconf.Prefix(first, dotted[0])
		if !ok {
			p.cfg.Lost(l, "%v is not a netmask", dotted[0])
			return
		}
		r.Prefix, r.Guessed = prefix, false
	}
	if !fixed && !r.Proxy {
		r.Ranges = []dhcpconf.Range{{Range: spec.Range{First: first, Last: last}, Line: l}}
	}
	if len(p.ranges) == dhcpconf.MaxItems {
		p.cfg.Lost(l, "is one range too many: at most %d are read", dhcpconf.MaxItems)
		return
	}
	p.ranges = append(p.ranges, r)
}

var (
	// Wildcards are specific to dnsmasq; the prefix is the ARP hardware type.
	reMAC      = regexp.MustCompile(`^(?i:[0-9a-f]{1,2}-)?(?i:([0-9a-f]{1,2}|\*)(:([0-9a-f]{1,2}|\*)){5})$`)
	reMACAgain = regexp.MustCompile(`^(?i:([0-9a-f]{2}-){5}[0-9a-f]{2})$`)
)

// host parses
// dhcp-host=[MAC][,MAC][,id:ID][,set:TAG][,ADDRESS][,NAME][,LEASE][,ignore].
func (p *parser) host(l dhcpconf.Line, args []string) {
	h := dhcpconf.Host{Line: l}
	var more []string
	ignore, wildcard, tagged := false, false, false
	for _, a := range args {
		addr, err := netip.ParseAddr(a)
		kind, value, _ := strings.Cut(a, ":")
		_, isLease := lease(a)
		switch {
		case reMAC.MatchString(a) || reMACAgain.MatchString(a):
			mac := mac(a)
			switch {
			case mac == "":
				wildcard = true
			case h.MAC == "":
				h.MAC = mac
			default:
				more = append(more, mac)
			}
		case err == nil && addr.Is4():
			h.Address = addr
		case kind == "id" && value == "*":
			// This machine's client identifier is ignored: the box also
			// identifies machines by their MAC address.
		case kind == "id":
			h.Client = clientID(unhide(value))
		case kind == "set", kind == "net":
		case kind == "tag":
			tagged = true
		case a == "ignore":
			ignore = true
		case isLease && h.Address.IsValid() || a == "infinite":
			p.cfg.Remark(l, "the lease time is that of the network")
		case strings.HasPrefix(a, "["), a == "":
		default:
			name, domain, _ := strings.Cut(unhide(a), ".")
			if !dhcpconf.IsHostname(name) {
				p.cfg.Lost(l, "%q is not a valid host name", unhide(a))
				return
			}
			if h.Hostname = name; domain != "" {
				p.cfg.Remark(l, "the name is %s: the domain is that of the network", name)
			}
		}
	}
	switch {
	case ignore:
		p.cfg.Lost(l, "the box answers every machine")
	case wildcard:
		p.cfg.Lost(l, "is for several machines: a reservation is for one")
	case tagged:
		p.cfg.Lost(l, "is for a machine in certain networks only: a reservation has no conditions")
	case h.MAC == "" && len(h.Client) == 0:
		p.cfg.Lost(l, "has no MAC address and no client identifier: a reservation needs one")
	case !h.Address.IsValid():
		p.cfg.Lost(l, "has no IPv4 address: a reservation needs one")
	default:
		if len(more) > 0 {
			p.cfg.Lost(l, "an address belongs to one machine: %s is left out", strings.Join(more, ", "))
		}
		p.cfg.Hosts = append(p.cfg.Hosts, h)
	}
}

// mac returns a hardware address in the form of a pxebox.toml, or "" for one with
// a wildcard.
func mac(s string) string {
	if i := strings.IndexByte(s, '-'); i > 0 && strings.Contains(s, ":") {
		s = s[i+1:] // the hardware type
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' })
	for i, part := range parts {
		if len(part) == 1 && part != "*" {
			parts[i] = "0" + part
		}
	}
	return dhcpconf.MAC(strings.Join(parts, ":"))
}

// clientID parses hexadecimal bytes, or else returns the text.
func clientID(s string) []byte {
	if b, ok := hexBytes(s); ok {
		return b
	}
	return []byte(s)
}

func hexBytes(s string) ([]byte, bool) {
	var out []byte
	parts := strings.Split(s, ":")
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil || len(part) > 2 {
			return nil, false
		}
		out = append(out, byte(n))
	}
	return out, len(parts) > 1
}

func (p *parser) domain(l dhcpconf.Line, args []string) {
	if len(args) == 0 || args[0] == "" || args[0] == "#" {
		p.cfg.Lost(l, "names no domain")
		return
	}
	o := option{Option: dhcpconf.Option{Code: 15, Line: l, Text: unhide(args[0])}, domain: true}
	if len(args) > 1 {
		within, err := netip.ParsePrefix(args[1])
		if err != nil || !within.Addr().Is4() {
			p.cfg.Lost(l, "is for a part of a network: a domain is for all of it")
			return
		}
		o.within = within.Masked()
	}
	p.options = append(p.options, o)
}

// boot parses dhcp-boot=[tag:T,]FILE[,NAME[,ADDRESS]].
func (p *parser) boot(l dhcpconf.Line, args []string) {
	_, _, rest := tagged(args)
	if len(rest) > 1 && slices.Contains([]string{"#", "!"}, rest[0][:min(1, len(rest[0]))]) {
		rest = rest[1:]
	}
	b := dhcpconf.Boot{Line: l}
	for i, a := range rest {
		switch a = unhide(a); {
		case i == 0:
			b.File = a
		case a != "" && i <= 2:
			b.Server = a // the address comes last
		}
	}
	if b.File == "" && b.Server == "" {
		p.cfg.Lost(l, "names no file")
		return
	}
	p.cfg.Boots = append(p.cfg.Boots, b)
}

// service parses pxe-service=[tag:T,]CSA,"TEXT"[,FILE|TYPE[,SERVER]].
func (p *parser) service(l dhcpconf.Line, args []string) {
	_, _, rest := tagged(args)
	if len(rest) < 2 {
		p.cfg.Lost(l, "is incomplete")
		return
	}
	b := dhcpconf.Boot{Line: l, Label: unhide(rest[1])}
	if len(rest) > 3 {
		b.Server = unhide(rest[3])
	}
	file := ""
	if len(rest) > 2 {
		file = unhide(rest[2])
	}
	switch n, err := strconv.Atoi(file); {
	case file == "" || err == nil && n == 0:
		p.cfg.Remark(l, "starts the machine's disk: the menu has an entry for that")
		return
	case err == nil && n == 1 && b.Server != "":
		b.File = windowsProgram // PXE 2.1, appendix E: Microsoft Windows NT
	case err == nil:
		p.cfg.Lost(l, "machines look for a boot server of type %d: if that is a WDS server, write a [[wds]]", n)
		return
	default:
		b.File = file
	}
	p.cfg.Boots = append(p.cfg.Boots, b)
}

// windowsProgram is a WDS server's program for BIOS.
const windowsProgram = `boot\x64\wdsnbp.com`

// finish assigns each network its options.
func (p *parser) finish() {
	if p.knownOnly != nil {
		p.leaseToKnown()
	}
	p.merge()
	leases := false
	for i := range p.ranges {
		r := &p.ranges[i]
		leases = leases || !r.Proxy
		r.Options = p.optionsOf(r)
		if r.Lease == 0 && !r.Proxy {
			r.Lease = defaultLease
		}
		p.cfg.Networks = append(p.cfg.Networks, r.Network)
	}
	for _, o := range p.options {
		switch {
		case o.used:
		case len(p.ranges) == 0:
			p.cfg.Lost(o.Line, "no dhcp-range uses it")
		case o.within.IsValid() && !slices.ContainsFunc(p.ranges,
			func(r dhcpRange) bool { return o.within.Overlaps(r.Prefix) }):
			p.cfg.Lost(o.Line, "there is no dhcp-range in %v", o.within)
		case len(o.tags) > 0:
			p.cfg.Lost(o.Line, "is for certain machines: an option is for all of a network")
		default:
			p.cfg.Lost(o.Line, "another line replaces it")
		}
	}
	p.cfg.NamesItself.Router, p.cfg.NamesItself.DNS = leases, leases && p.dns
}

// leaseToKnown removes the ranges, because the box would lease them to unknown
// machines.
func (p *parser) leaseToKnown() {
	p.cfg.Lost(*p.knownOnly,
		"the box answers every machine: only those with a reservation get an address, because no range was converted")
	for i := range p.ranges {
		for _, r := range p.ranges[i].Ranges {
			p.cfg.Lost(r.Line, "is leased only to machines with a dhcp-host: the box would lease it to all")
		}
		p.ranges[i].Ranges = nil
	}
}

// merge joins the ranges of one network.
func (p *parser) merge() {
	var out []dhcpRange
	for _, r := range p.ranges {
		i := slices.IndexFunc(out, func(o dhcpRange) bool { return o.Prefix.Overlaps(r.Prefix) })
		if i < 0 {
			out = append(out, r)
			continue
		}
		o := &out[i]
		if o.Guessed && (!r.Guessed || r.Prefix.Bits() < o.Prefix.Bits()) {
			o.Prefix, o.Guessed = r.Prefix, r.Guessed
		}
		o.Ranges = append(o.Ranges, r.Ranges...)
		o.Proxy = o.Proxy && r.Proxy
		for _, t := range r.tags {
			if !slices.Contains(o.tags, t) {
				o.tags = append(o.tags, t)
			}
		}
		if o.Lease == 0 {
			o.Lease, o.LeaseAt = r.Lease, r.LeaseAt
		} else if r.Lease != 0 && r.Lease != o.Lease {
			p.cfg.Remark(r.Line, "a network has one lease time: that of line %d", o.LeaseAt.Number)
		}
	}
	p.ranges = out
}

// rank orders several lines that set the same option. domain= only counts where
// there is no option 15.
func (o *option) rank() int {
	switch {
	case !o.domain:
		return 2 + len(o.tags)
	case o.within.IsValid():
		return 1
	}
	return 0
}

// optionsOf returns the options of a network's machines. A line with a tag wins
// over one without, and a later line over an earlier one.
func (p *parser) optionsOf(r *dhcpRange) []dhcpconf.Option {
	best := map[uint8]*option{}
	var order []uint8
	for i := range p.options {
		o := &p.options[i]
		if o.within.IsValid() && !o.within.Overlaps(r.Prefix) ||
			slices.ContainsFunc(o.tags, func(t string) bool { return !slices.Contains(r.tags, t) }) {
			continue
		}
		was := best[o.Code]
		if was == nil {
			order = append(order, o.Code)
		}
		if was == nil || o.rank() >= was.rank() {
			best[o.Code] = o
		}
	}
	var out []dhcpconf.Option
	for _, code := range order {
		best[code].used = true
		out = append(out, best[code].Option)
	}
	return out
}
