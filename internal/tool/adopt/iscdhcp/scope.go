package iscdhcp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// defaultLease is dhcpd's default (dhcpd.conf(5), default-lease-time).
const defaultLease = 43200 * time.Second

type parser struct {
	cfg   *dhcpconf.Config
	files dhcpconf.Files
	open  []string // files being read, innermost last
	read  int      // number of files
	left  int      // bytes that may still be read

	types     map[string]optionType // options that the file defines
	networks  []*scope
	ranges    []scopedRange
	options   []*option
	servers   []*server
	hostNames bool // machines get the names of their declarations
}

// scope is a block that options apply to.
type scope struct {
	parent *scope
	// network is set for a subnet; pool is set for a pool, which is a part of a
	// subnet.
	network   netip.Prefix
	pool      bool
	line      dhcpconf.Line
	options   []*option
	lease     time.Duration
	leaseAt   dhcpconf.Line
	file      string // boot program
	fileAt    dhcpconf.Line
	server    *server        // where the boot program is
	knownOnly *dhcpconf.Line // machines without a host declaration get no address
}

// server is a next-server.
type server struct {
	dhcpconf.Text
	used bool
}

type option struct {
	dhcpconf.Option
	used bool
}

type scopedRange struct {
	dhcpconf.Range
	in *scope
}

// scope reads the statements of a block, starting with those that apply to the
// whole block.
func (p *parser) scope(sc *scope, in []*statement) {
	var blocks []*statement
	for _, s := range in {
		if s.open {
			blocks = append(blocks, s)
		} else {
			p.parameter(sc, s)
		}
	}
	for _, s := range blocks {
		p.block(sc, s)
	}
	if sc.file != "" {
		p.boot(sc)
	}
}

// inherited returns the boot program of the enclosing scopes.
func (sc *scope) inherited() string {
	for up := sc; up != nil; up = up.parent {
		if up.file != "" {
			return up.file
		}
	}
	return ""
}

// boot adds the boot program of a scope.
func (p *parser) boot(sc *scope) {
	b := dhcpconf.Boot{Line: sc.fileAt, File: sc.file}
	for up := sc; up != nil && b.Server == ""; up = up.parent {
		if up.server != nil {
			b.Server, up.server.used = up.server.Value, true
		}
	}
	p.cfg.Boots = append(p.cfg.Boots, b)
}

// parameter parses a statement without a block.
func (p *parser) parameter(sc *scope, s *statement) {
	switch word := s.word(0); word {
	case "option":
		p.option(sc, s)
	case "default-lease-time":
		n, err := strconv.ParseUint(s.text(1), 10, 32)
		if err != nil {
			p.cfg.Lost(s.line, "%q is not a number of seconds", s.text(1))
			return
		}
		sc.lease, sc.leaseAt = time.Duration(n)*time.Second, s.line
	case "max-lease-time", "min-lease-time":
		p.cfg.Lost(s.line, "a lease has one length: that of default-lease-time")
	case "range":
		p.addRange(sc, s)
	case "next-server":
		p.nextServer(sc, s)
	case "filename":
		sc.file, sc.fileAt = s.text(1), s.line
	case "server-identifier", "local-address":
		if a, err := netip.ParseAddr(s.text(1)); err == nil && a.Is4() && !a.IsUnspecified() &&
			!p.cfg.Address.IsValid() {
			p.cfg.Address = a
			return
		}
		p.cfg.Lost(s.line, "is left out: the box has one address")
	case "use-host-decl-names":
		p.hostNames = flag(s.text(1))
	case "ping-check":
		p.cfg.NoProbe = !flag(s.text(1))
	case "allow", "deny", "ignore":
		p.allow(sc, s)
	case "hardware", "fixed-address":
		p.cfg.Lost(s.line, "belongs to no host")
	case "match", "spawn", "lease": // in a class
		p.cfg.Lost(s.line, conditions)
	default:
		p.cfg.Lost(s.line, "%s", why(word))
	}
}

const conditions = "the box detects the kind of firmware itself, and has no other conditions"

func why(word string) string {
	switch {
	case word == "subclass":
		return conditions
	case strings.HasPrefix(word, "ddns-"), word == "update-static-leases", word == "update-optimization",
		word == "do-forward-updates":
		return "the box does not update name servers"
	case strings.HasSuffix(word, "6"):
		return "the box serves IPv4 only"
	case strings.HasPrefix(word, "omapi-"), strings.HasPrefix(word, "ldap-"):
		return "pxebox has no key for it: all of its settings are in pxebox.toml"
	}
	return "pxebox has no key for it"
}

func (p *parser) nextServer(sc *scope, s *statement) {
	sc.server = &server{Text: dhcpconf.Text{Value: s.text(1), Line: s.line}}
	p.servers = append(p.servers, sc.server)
}

func flag(s string) bool { return slices.Contains([]string{"on", "true", "1"}, strings.ToLower(s)) }

func (p *parser) addRange(sc *scope, s *statement) {
	at := 1
	if s.word(at) == "dynamic-bootp" {
		at++
	}
	first, err := netip.ParseAddr(s.text(at))
	last := first
	if err == nil && len(s.words) > at+1 {
		last, err = netip.ParseAddr(s.text(at + 1))
	}
	if err != nil || !first.Is4() || !last.Is4() {
		p.cfg.Lost(s.line, "is not a range of IPv4 addresses")
		return
	}
	if last.Less(first) {
		first, last = last, first // dhcpd accepts either order (confpars.c, parse_address_range)
	}
	if len(p.ranges) == dhcpconf.MaxItems {
		p.cfg.Lost(s.line, "is one range too many: at most %d are read", dhcpconf.MaxItems)
		return
	}
	p.ranges = append(p.ranges, scopedRange{dhcpconf.Range{Range: spec.Range{First: first, Last: last}, Line: s.line},
		sc})
}

// allow reads which machines may get an address. A range for some machines only
// must not be leased to all.
func (p *parser) allow(sc *scope, s *statement) {
	what := s.word(1)
	if what == "dynamic" { // dynamic bootp clients
		what = ""
	}
	yes := s.word(0) == "allow"
	switch {
	case what == "unknown-clients" || what == "unknown":
		if !yes {
			sc.knownOnly = &s.line
		}
	case (what == "known-clients" || what == "known" || what == "members") && yes:
		sc.knownOnly = &s.line
	case what == "booting" || what == "bootp":
		if !yes {
			p.cfg.Lost(s.line, "the box answers every machine")
		}
	case what == "members" || what == "known-clients" || what == "known":
		p.cfg.Lost(s.line, "the box leases a range to every machine of its network")
	default:
		p.cfg.Lost(s.line, "pxebox has no key for it")
	}
}

// block parses a statement with a block.
func (p *parser) block(sc *scope, s *statement) {
	in := &scope{parent: sc, line: s.line}
	switch s.word(0) {
	case "subnet":
		a, err := netip.ParseAddr(s.text(1))
		mask, merr := netip.ParseAddr(s.text(3))
		if err == nil && merr == nil {
			in.network, _ = dhcpconf.Prefix(a, mask)
		}
		if !in.network.IsValid() || s.word(2) != "netmask" {
			p.cfg.Lost(s.line, "is not a network with its netmask")
			return
		}
		if len(p.networks) == dhcpconf.MaxItems {
			p.cfg.Lost(s.line, "is one network too many: at most %d are read", dhcpconf.MaxItems)
			return
		}
		p.networks = append(p.networks, in)
		p.scope(in, s.block)
	case "shared-network":
		n := len(p.networks)
		p.scope(in, s.block)
		if len(p.networks)-n > 1 {
			p.cfg.Remark(s.line,
				"has %d networks on one link: the box serves one of them directly, and the others through relay agents only",
				len(p.networks)-n)
		}
	case "group":
		p.scope(in, s.block)
	case "pool":
		in.pool = true
		p.scope(in, s.block)
	case "host":
		p.host(sc, s)
	case "class", "subclass", "if", "elsif", "else", "switch", "case", "default":
		p.cfg.Lost(s.line, conditions)
		p.conditional(in, s)
	case "subnet6", "pool6", "shared-network6":
		p.cfg.Lost(s.line, "the box serves IPv4 only")
	default:
		p.cfg.Lost(s.line, "is left out with its block: %s", why(s.word(0)))
	}
}

// conditional reads a block that applies to certain machines, for the boot
// programs that it names.
func (p *parser) conditional(sc *scope, s *statement) {
	for _, in := range s.block {
		switch {
		case in.open:
			p.conditional(&scope{parent: sc, line: in.line}, in)
		case in.word(0) == "next-server":
			p.nextServer(sc, in)
		case in.word(0) == "filename":
			sc.file, sc.fileAt = in.text(1), in.line
		default:
			p.cfg.Lost(in.line, "is for certain machines: left out")
		}
	}
	if sc.file == "" && sc.server != nil {
		sc.file, sc.fileAt = sc.inherited(), sc.server.Line
	}
	if sc.file != "" {
		p.boot(sc)
	}
}

// host parses a reservation.
func (p *parser) host(sc *scope, s *statement) {
	h := dhcpconf.Host{Line: s.line, Name: s.text(1)}
	in := &scope{parent: sc, line: s.line}
	for _, f := range s.block {
		switch {
		case f.open:
			p.block(in, f)
		case f.word(0) == "hardware" && f.word(1) == "ethernet":
			h.MAC = dhcpconf.MAC(mac(f.text(2)))
		case f.word(0) == "hardware":
			p.cfg.Lost(f.line, "the box serves machines on Ethernet only")
		case f.word(0) == "fixed-address":
			p.fixed(&h, f)
		case f.word(0) == "option" && f.word(1) == "host-name" && len(f.words) > 2:
			h.Hostname, _, _ = strings.Cut(f.text(2), ".")
			if h.Hostname != f.text(2) {
				p.cfg.Remark(f.line, "the name is %s: the domain is that of the network", h.Hostname)
			}
		case f.word(0) == "option" && f.word(1) == "dhcp-client-identifier" && len(f.words) > 2:
			h.Client = clientID(f.words[2:])
		case f.word(0) == "filename":
			in.file, in.fileAt = f.text(1), f.line
		case f.word(0) == "next-server":
			p.nextServer(in, f)
		default:
			p.cfg.Lost(f.line, "is for one machine: a reservation has a hostname, and no other option")
		}
	}
	if in.file != "" {
		p.cfg.Remark(in.fileAt, "is for one machine: write a [[machine]] with boot for it")
		p.boot(in)
	}
	switch {
	case h.MAC == "" && len(h.Client) == 0:
		p.cfg.Lost(s.line, "has no hardware address of Ethernet and no client identifier: a reservation needs one")
	case !h.Address.IsValid():
		p.cfg.Lost(s.line, "has no fixed-address with an IPv4 address: a reservation needs one")
	default:
		p.cfg.Hosts = append(p.cfg.Hosts, h)
	}
}

// fixed parses the addresses of a host. A machine that moves between networks has
// one address in each; a reservation has only one.
func (p *parser) fixed(h *dhcpconf.Host, s *statement) {
	for _, t := range s.words[1:] {
		if t.is(",") {
			continue
		}
		a, err := netip.ParseAddr(t.text)
		switch {
		case err != nil || !a.Is4():
			p.cfg.Lost(s.line, "%s is not an IPv4 address: write it in place of the name", t.text)
		case h.Address.IsValid():
			p.cfg.Lost(s.line, "a reservation has one address: %v is left out", a)
		default:
			h.Address = a
		}
	}
}

// mac adds the leading zeros that dhcpd does not require.
func mac(s string) string {
	parts := strings.Split(s, ":")
	for i, part := range parts {
		if len(part) == 1 {
			parts[i] = "0" + part
		}
	}
	return strings.Join(parts, ":")
}

// finish assigns each network its ranges and options.
func (p *parser) finish(top *scope) {
	if p.hostNames {
		for i, h := range p.cfg.Hosts {
			if h.Hostname == "" {
				p.cfg.Hosts[i].Hostname = h.Name
			}
		}
	}
	for _, sc := range p.networks {
		n := dhcpconf.Network{Line: sc.line, Prefix: sc.network}
		for up := sc; up != nil; up = up.parent {
			if n.Lease == 0 {
				n.Lease, n.LeaseAt = up.lease, up.leaseAt
			}
			n.Options = take(n.Options, up.options)
		}
		p.rangesOf(&n)
		if n.Lease == 0 {
			n.Lease, n.LeaseAt = defaultLease, sc.line
		}
		p.cfg.Networks = append(p.cfg.Networks, n)
	}
	for _, r := range p.ranges {
		if !slices.ContainsFunc(p.networks, func(sc *scope) bool { return sc.network.Contains(r.First) }) {
			p.cfg.Lost(r.Line, "is in no subnet")
		}
	}
	for _, s := range p.servers {
		if !s.used {
			p.cfg.Lost(s.Line, "names no boot program: the box names its own")
		}
	}
	for _, o := range p.options {
		switch {
		case o.used:
		case len(p.networks) == 0:
			p.cfg.Lost(o.Line, "no subnet uses it")
		default:
			p.cfg.Lost(o.Line, "is for certain machines: an option is for all of a network")
		}
	}
	if len(p.networks) == 0 && top.leaseAt.Number > 0 {
		p.cfg.Lost(top.leaseAt, "no subnet uses it")
	}
}

// rangesOf assigns a network the ranges in it. If one pool covers the whole
// network, the network also gets its options and its lease.
func (p *parser) rangesOf(n *dhcpconf.Network) {
	var pools []*scope
	for _, r := range p.ranges {
		if !n.Prefix.Contains(r.First) {
			continue
		}
		known := (*dhcpconf.Line)(nil)
		for up := r.in; up != nil && known == nil; up = up.parent {
			known = up.knownOnly
		}
		if known != nil {
			p.cfg.Lost(r.Line,
				"is leased only to certain machines, according to line %d: the box would lease it to all", known.Number)
			continue
		}
		n.Ranges = append(n.Ranges, r.Range)
		if !slices.Contains(pools, r.in) {
			pools = append(pools, r.in)
		}
	}
	if len(pools) == 1 && pools[0].pool {
		pool := pools[0]
		if pool.lease != 0 {
			n.Lease, n.LeaseAt = pool.lease, pool.leaseAt
		}
		n.Options = take(slices.Clone(take(nil, pool.options)), pointers(n.Options))
		return
	}
	for _, pool := range pools {
		if pool.pool && pool.lease != 0 && pool.lease != n.Lease {
			p.cfg.Lost(pool.leaseAt, "a network has one lease time")
		}
	}
}

// take adds the options of a scope, except those that an inner scope sets.
func take(have []dhcpconf.Option, more []*option) []dhcpconf.Option {
	for _, o := range more {
		o.used = true
		if !slices.ContainsFunc(have, func(h dhcpconf.Option) bool { return h.Code == o.Code }) {
			have = append(have, o.Option)
		}
	}
	return have
}

func pointers(options []dhcpconf.Option) []*option {
	out := make([]*option, len(options))
	for i, o := range options {
		out[i] = &option{Option: o}
	}
	return out
}
