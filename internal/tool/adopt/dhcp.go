package adopt

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// lan is one of the site's networks, with what its machines are told.
type lan struct {
	dhcpconf.Network
	keys    []block          // from the parameters, in the order of the keys
	byName  map[string]block // the same by key
	options []block          // [[dhcp.option]] or [[subnet.option]]
	router  netip.Addr
	servers []netip.Addr // addresses of other machines
}

// Limits of a pxebox.toml.
const (
	maxLease        = 365 * 24 * time.Hour
	maxSubnets      = 256
	maxReservations = 4096
)

// takeDHCP adds the contents of DHCP servers' configurations, and leaves out what
// a pxebox.toml does not allow.
func (c *converter) takeDHCP(s sources, own netip.Prefix) error {
	if len(s.dhcp) > 0 || own.IsValid() {
		c.sources = s.files
		c.dhcp(s.dhcp, own)
		c.tftpRoots(s)
		if s.tree == "" {
			c.fromDHCP()
		}
	}
	if err := c.settle(); err != nil {
		return fmt.Errorf("the converted menu is not valid: %w", err)
	}
	return nil
}

// dhcp creates the parts of the pxebox.toml from other DHCP servers'
// configurations. own is the box's address with its network; if it is zero, the
// box takes the server's address from the configurations.
func (c *converter) dhcp(all []*dhcpconf.Config, own netip.Prefix) {
	cfg := joined(all)
	for _, n := range cfg.Notes {
		c.tell(note{line: lineFrom(n.Line), why: n.Why, lost: n.Lost})
	}
	c.optionBoots(cfg)
	c.boots(cfg)
	if len(cfg.Networks) == 0 && len(cfg.Hosts) == 0 {
		if own.IsValid() {
			c.blocks = append(c.blocks, block{text: "\n[network]\n", fixed: true}, key("address", quote(own.String())))
		}
		return
	}
	at := ownNetwork(cfg.Networks, cmp.Or(own.Addr(), cfg.Address))
	var networks []lan
	for _, n := range cfg.Networks {
		networks = append(networks, c.network(cfg, n))
	}
	if at > 0 {
		networks[0], networks[at] = networks[at], networks[0]
	}
	leases := len(cfg.Hosts) > 0 || slices.ContainsFunc(networks, func(n lan) bool { return len(n.Ranges) > 0 })
	if leases && !own.IsValid() {
		own = c.place(cfg, networks)
	}
	if len(networks) > 1 && !own.IsValid() {
		c.remark(lineFrom(networks[0].Line),
			"is assumed to be the box's own network: to use another one, set --address")
	}
	c.head(networks, own, leases, cfg.NoProbe)
	for i, n := range networks {
		if i > maxSubnets {
			c.lost(lineFrom(n.Line), "is one network too many: a configuration has at most %d", maxSubnets)
			continue
		}
		c.subnet(networks, i, own)
	}
	c.reservations(cfg.Hosts, networks, own)
}

// lineFrom returns a line in the form that notes use.
func lineFrom(l dhcpconf.Line) pxelinux.Line {
	return pxelinux.Line{File: l.File, Number: l.Number, Keyword: l.Text}
}

// joined merges several configurations into one.
func joined(all []*dhcpconf.Config) *dhcpconf.Config {
	out := &dhcpconf.Config{}
	for _, c := range all {
		out.Address = cmp.Or(out.Address, c.Address)
		out.NamesItself.Router = out.NamesItself.Router || c.NamesItself.Router
		out.NamesItself.DNS = out.NamesItself.DNS || c.NamesItself.DNS
		out.NoProbe = out.NoProbe || c.NoProbe
		for _, n := range c.Networks {
			if i := slices.IndexFunc(out.Networks,
				func(o dhcpconf.Network) bool { return o.Prefix.Overlaps(n.Prefix) }); i >= 0 {
				out.Remark(n.Line,
					"overlaps the network of %s:%d: its ranges are added to that one, and its options are left out",
					out.Networks[i].Line.File, out.Networks[i].Line.Number)
				out.Networks[i].Ranges = append(out.Networks[i].Ranges, n.Ranges...)
				continue
			}
			out.Networks = append(out.Networks, n)
		}
		out.Hosts = append(out.Hosts, c.Hosts...)
		out.Boots = append(out.Boots, c.Boots...)
		out.Notes = append(out.Notes, c.Notes...)
	}
	return out
}

// ownNetwork returns the box's network: the one that contains its address, or
// else the first one that leases addresses.
func ownNetwork(networks []dhcpconf.Network, own netip.Addr) int {
	if i := slices.IndexFunc(networks, func(n dhcpconf.Network) bool { return n.Prefix.Contains(own) }); i >= 0 {
		return i
	}
	if own.IsValid() {
		return -1
	}
	return max(0, slices.IndexFunc(networks, func(n dhcpconf.Network) bool { return len(n.Ranges) > 0 }))
}

// place returns the old server's address with its network, which the box takes.
// It returns the zero Prefix where machines use that server for other services,
// which the box does not offer, or where the configuration does not give the
// address.
func (c *converter) place(cfg *dhcpconf.Config, networks []lan) netip.Prefix {
	const needs = `to lease addresses, the box needs an address and mode = "server": ` +
		`pxebox adopt --address ADDRESS/LENGTH writes both. Until then it works next to the old server`
	at := pxelinux.Line{}
	if len(cfg.Hosts) > 0 {
		at = lineFrom(cfg.Hosts[0].Line)
	}
	for _, n := range networks {
		if len(n.Ranges) > 0 {
			at = lineFrom(n.Ranges[0].Line)
			break
		}
	}
	used := slices.ContainsFunc(networks, func(n lan) bool {
		return n.router == cfg.Address || slices.Contains(n.servers, cfg.Address)
	})
	switch {
	case !cfg.Address.IsValid() || len(networks) == 0 || !networks[0].Prefix.Contains(cfg.Address):
		c.starting(at, needs)
	case used:
		c.starting(at, "machines use %v for other services, so the box needs another address: %s", cfg.Address,
			needs)
	default:
		c.starting(at, "the box gets the old server's address %v: switch that server off first", cfg.Address)
		return netip.PrefixFrom(cfg.Address, networks[0].Prefix.Bits())
	}
	return netip.Prefix{}
}

// head writes [network] and the start of [dhcp].
func (c *converter) head(networks []lan, own netip.Prefix, leases, noProbe bool) {
	if own.IsValid() {
		c.blocks = append(c.blocks, block{text: "\n[network]\n", fixed: true}, key("address", quote(own.String())))
		if len(networks) > 0 && networks[0].router.IsValid() && networks[0].router != own.Addr() &&
			own.Contains(networks[0].router) {
			c.blocks = append(c.blocks, key("gateway", quote(networks[0].router.String())))
		}
	}
	head := "\n[dhcp]\n"
	if len(networks) > 0 && (!own.IsValid() || networks[0].Prefix.Contains(own.Addr())) {
		head = "\n# " + oneLine(lineFrom(networks[0].Line).Place()) + head
	}
	c.blocks = append(c.blocks, block{text: strings.Replace(head, "\n\n[", "\n[", 1), fixed: true})
	switch proxy := slices.ContainsFunc(networks, func(n lan) bool { return n.Proxy }); {
	case leases && own.IsValid():
		c.blocks = append(c.blocks, serverMode)
	case leases:
		c.blocks = append(c.blocks,
			block{text: "# \"server\" leases the addresses below, and needs address below [network].\n"},
			key("mode", quote(string(spec.ModeAuto))))
	case proxy:
		c.blocks = append(c.blocks, key("mode", quote(string(spec.ModeProxy))))
	}
	if noProbe && leases {
		c.blocks = append(c.blocks, key("probe", "false"))
	}
}

// inherited are the keys of [dhcp] that also apply to a [[subnet]].
var inherited = []string{"lease", "dns", "domain", "search", "ntp", "mtu"}

// subnet adds a network: the first one to [dhcp], and the others as a [[subnet]].
func (c *converter) subnet(networks []lan, i int, own netip.Prefix) {
	n, first := networks[i], networks[0]
	l := lineFrom(n.Line)
	table, at := "dhcp", len(c.blocks)
	elsewhere := own.IsValid() && !first.Prefix.Contains(own.Addr())
	if elsewhere {
		first = lan{} // [dhcp] is empty
	}
	if i > 0 || elsewhere {
		defer func() {
			for j := range c.blocks[at:] {
				c.blocks[at+j].subnet = i + 1
			}
		}()
		table = "subnet"
		if n.Guessed {
			c.remark(l, "the network is assumed to be %v: the old server takes its size from its interface", n.Prefix)
		}
		b := block{text: "\n[[subnet]]\n", fixed: true}
		if l.File != "" {
			b.text = "\n# " + oneLine(l.Place()) + "\n[[subnet]]\n"
		}
		c.blocks = append(c.blocks, b, block{text: "network = " + quote(n.Prefix.String()) + "\n",
			from: []pxelinux.Line{l}, fixed: true})
	}
	c.ranges(n, own)
	for _, k := range n.keys {
		name, _, _ := strings.Cut(k.text, " ")
		if table == "subnet" && first.byName[name].text == k.text && slices.Contains(inherited, name) {
			continue
		}
		c.blocks = append(c.blocks, k)
	}
	if table == "dhcp" {
		for _, o := range n.options {
			c.blocks = append(c.blocks, block{text: "\n[[dhcp.option]]\n" + o.text, from: o.from})
		}
		return
	}
	c.withoutInherited(n, first, l)
	for _, o := range n.options {
		if !slices.ContainsFunc(first.options, func(f block) bool { return f.text == o.text }) {
			c.blocks = append(c.blocks, block{text: "\n[[subnet.option]]\n" + o.text, from: o.from})
		}
	}
}

// withoutInherited keeps a subnet from inheriting what [dhcp] sets and the subnet
// does not.
func (c *converter) withoutInherited(n, first lan, l pxelinux.Line) {
	for _, k := range first.keys {
		name, _, _ := strings.Cut(k.text, " ")
		if _, has := n.byName[name]; has || !slices.Contains(inherited, name) {
			continue
		}
		if strings.HasPrefix(k.text, name+" = [") {
			c.blocks = append(c.blocks, key(name, "[]", l))
		} else if name != "lease" {
			c.remark(l, "has no %s, and inherits that of the first network", name)
		}
	}
	for _, o := range first.options {
		code, _, _ := strings.Cut(o.text, "\n")
		if !slices.ContainsFunc(n.options, func(own block) bool { return strings.HasPrefix(own.text, code+"\n") }) {
			c.remark(l, "has no option %s, and inherits that of the first network", strings.TrimPrefix(code, "code = "))
		}
	}
}

// ranges writes the ranges of a network, without the addresses in them that
// cannot be leased.
func (c *converter) ranges(n lan, own netip.Prefix) {
	taken := append([]netip.Addr{n.router, own.Addr()}, n.servers...)
	if !n.Guessed || own.IsValid() {
		taken = append(taken, n.Prefix.Addr(), spec.Broadcast(n.Prefix))
	}
	var out []spec.Range
	var from []pxelinux.Line
	for _, r := range n.Ranges {
		l := lineFrom(r.Line)
		if !n.Prefix.Contains(r.First) || !n.Prefix.Contains(r.Last) {
			c.lost(l, "%v is not in the network %v", r.Range, n.Prefix)
			continue
		}
		left := []spec.Range{r.Range}
		for _, a := range taken {
			left = except(left, spec.Range{First: a, Last: a}, func() {
				c.remark(l, "the range leaves out %v, which is in use", a)
			})
		}
		for _, have := range out {
			left = except(left, have, func() { c.remark(l, "the range leaves out %v, which is in another line", have) })
		}
		out, from = append(out, left...), append(from, l)
	}
	if len(out) == 0 {
		return
	}
	texts := make([]string, len(out))
	for i, r := range out {
		texts[i] = r.String()
	}
	c.blocks = append(c.blocks, key("range", quoteAll(texts), from...))
}

// except removes a range from others, and calls taken if any of them contains
// part of it.
func except(from []spec.Range, out spec.Range, taken func()) []spec.Range {
	var left []spec.Range
	hit := false
	for _, r := range from {
		if !out.First.IsValid() || out.Last.Less(r.First) || r.Last.Less(out.First) {
			left = append(left, r)
			continue
		}
		hit = true
		if r.First.Less(out.First) {
			left = append(left, spec.Range{First: r.First, Last: out.First.Prev()})
		}
		if out.Last.Less(r.Last) {
			left = append(left, spec.Range{First: out.Last.Next(), Last: r.Last})
		}
	}
	if hit {
		taken()
	}
	return left
}

// reservations writes the reserved address of each machine.
func (c *converter) reservations(hosts []dhcpconf.Host, networks []lan, own netip.Prefix) {
	machines, addresses := map[string]dhcpconf.Line{}, map[netip.Addr]dhcpconf.Line{}
	for _, h := range hosts {
		l := lineFrom(h.Line)
		id := cmp.Or(h.MAC, string(spec.NewHex(h.Client)))
		if at, ok := machines[id]; ok {
			c.lost(l, "the machine already has a reservation, at %s:%d", at.File, at.Number)
			continue
		}
		if at, ok := addresses[h.Address]; ok {
			c.lost(l, "%v is already reserved for another machine, at %s:%d", h.Address, at.File, at.Number)
			continue
		}
		if h.Address == own.Addr() {
			c.lost(l, "%v is the box's own address", h.Address)
			continue
		}
		if len(machines) == maxReservations {
			c.lost(l, "is one reservation too many: a configuration has at most %d", maxReservations)
			continue
		}
		machines[id], addresses[h.Address] = h.Line, h.Line
		var b strings.Builder
		b.WriteString("\n# " + oneLine(printable(lineFrom(h.Line).Place())))
		if h.Name != "" && h.Name != h.Hostname {
			b.WriteString(" " + oneLine(printable(h.Name)))
		}
		b.WriteString("\n[[reservation]]\n")
		if h.MAC != "" {
			fmt.Fprintf(&b, "mac = %s\n", quote(h.MAC))
		} else {
			fmt.Fprintf(&b, "client = %s\n", quote(string(spec.NewHex(h.Client))))
		}
		fmt.Fprintf(&b, "address = %s\n", quote(h.Address.String()))
		if h.Hostname != "" {
			if dhcpconf.IsHostname(h.Hostname) {
				fmt.Fprintf(&b, "hostname = %s\n", quote(h.Hostname))
			} else {
				c.remark(l, "%q is not a valid host name, and is left out", printable(h.Hostname))
			}
		}
		c.blocks = append(c.blocks, block{text: b.String(), from: []pxelinux.Line{l}})
	}
}
