package parser

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// checkNetwork looks at [network] as a whole.
func (r *reader) checkNetwork() {
	b, n := r.root.table("network"), r.cfg.Network
	if !b.ok("address") {
		return
	}
	if !n.Address.IsValid() {
		for _, key := range []string{"gateway", "dns"} {
			if b.has(key) {
				b.fail(key, "has no effect while the box gets its address by DHCP",
					`write address = "192.168.77.1/24" as well, or leave it out`)
			}
		}
		return
	}
	switch {
	case !n.Gateway.IsValid():
	case !n.Address.Contains(n.Gateway):
		b.fail("gateway", fmt.Sprintf("%v is not in the box's network %v", n.Gateway, n.Address.Masked()),
			"write the router's address in that network")
	case n.Gateway == n.Address.Addr():
		b.fail("gateway", "is the box's own address", "write the router's address, or leave it out")
	}
}

// lan is a network whose machines are served: the box's own, or one behind a
// relay agent.
type lan struct {
	block               // [dhcp], or the [[subnet]]
	title  string       // what errors call it
	net    netip.Prefix // the box's own with its address; zero: not known
	ranges []spec.Range
	*config.Parameters
}

// checkDHCP looks at what [dhcp], [[subnet]] and [[reservation]] say of each
// other and of [network]. What is needed to lease is asked for in that mode
// only: a site may switch the mode and keep the rest.
func (r *reader) checkDHCP() {
	c, b, network := &r.cfg.DHCP, r.root.table("dhcp"), r.root.table("network")
	lans := []lan{{b, "the box's network", r.cfg.Network.Address, c.Ranges, &c.Parameters}}
	checkOptions(b, c.Options)
	subnets := r.root.items("subnet")
	if len(subnets) > maxSubnets {
		subnets[maxSubnets].fail("", "is one too many", fmt.Sprintf("keep it to %d subnets", maxSubnets))
		return // which networks there are is not known
	}
	for i, sb := range subnets {
		if !sb.ok("") {
			continue
		}
		s := &c.Subnets[i]
		sb.require("network", `write network = "10.1.0.0/24"`)
		inherit(sb, &s.Parameters, c.Parameters)
		checkOptions(sb, s.Options)
		lans = append(lans, lan{sb, "the subnet", s.Network, s.Ranges, &s.Parameters})
	}
	r.lans = lans
	checkNetworks(lans)
	checkSize(lans)
	for _, l := range lans {
		if l.ok("range") {
			l.checkOverlaps()
			l.checkRanges()
		}
		if c.Mode.Leases() {
			l.checkLeased()
			l.checkRouters()
		}
	}
	r.checkReservations(lans)
	if !c.Mode.Leases() {
		return
	}
	leases := len(c.Reservations) > 0 ||
		slices.ContainsFunc(lans, func(l lan) bool { return len(l.ranges) > 0 || !l.ok("range") })
	if !leases && b.ok("mode") {
		b.fail("range", `is missing, but mode = "server" leases addresses`,
			`write range = ["192.168.77.100-192.168.77.150"]`)
	}
	// A server that asked another server for its own address would be a
	// second one on that network.
	if !r.cfg.Network.Address.IsValid() && network.ok("address") {
		b.fail("mode", `is "server", but the box has no fixed address`,
			`write address = "192.168.77.1/24" below [network], or mode = "auto"`)
	}
}

// inherit gives a subnet what it leaves out. A router and the routes through
// others are of one network only.
func inherit(b block, p *config.Parameters, from config.Parameters) {
	if !b.has("identify") {
		p.Identify = from.Identify
	}
	if !b.has("lease") {
		p.Lease = from.Lease
	}
	if !b.has("dns") {
		p.DNS = from.DNS
	}
	if !b.has("domain") {
		p.Domain = from.Domain
	}
	if !b.has("search") {
		p.Search = from.Search
	}
	if !b.has("ntp") {
		p.NTP = from.NTP
	}
	if !b.has("mtu") {
		p.MTU = from.MTU
	}
	for _, o := range from.Options {
		if !slices.ContainsFunc(p.Options, func(own spec.Option) bool { return own.Code == o.Code }) {
			p.Options = append(p.Options, o)
		}
	}
}

// checkNetworks refuses networks that share addresses: a relay agent's address
// has to name one of them.
func checkNetworks(lans []lan) {
	for i, l := range lans {
		for _, other := range lans[:i] {
			// Overlaps is false for the zero Prefix.
			if l.net.Overlaps(other.net) {
				l.fail("network", fmt.Sprintf("%v overlaps %s %v", l.net, other.title, other.net.Masked()),
					"write networks that do not overlap")
				break
			}
		}
	}
}

func checkSize(lans []lan) {
	n, at := 0, -1
	for i, l := range lans {
		if !l.ok("range") {
			continue
		}
		for _, rg := range l.ranges {
			n += rg.Size()
		}
		if n > maxLeases && at < 0 {
			at = i
		}
	}
	if at >= 0 {
		lans[at].fail("range", fmt.Sprintf("brings the number of addresses to lease to %d", n),
			fmt.Sprintf("keep all ranges together to at most %d", maxLeases))
	}
}

// checkOverlaps looks at the ranges in the order of their first addresses: one
// that overlaps an earlier one overlaps the one of those that reaches furthest.
func (l lan) checkOverlaps() {
	sorted := slices.SortedFunc(slices.Values(l.ranges),
		func(a, b spec.Range) int { return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last)) })
	for i, furthest := 1, 0; i < len(sorted); i++ {
		if sorted[furthest].Contains(sorted[i].First) {
			l.fail("range", fmt.Sprintf("%v and %v overlap", sorted[furthest], sorted[i]), "list each address once")
		}
		if sorted[furthest].Last.Less(sorted[i].Last) {
			furthest = i
		}
	}
}

func (l lan) checkRanges() {
	if !l.net.IsValid() {
		return
	}
	net, bcast := l.net.Masked(), spec.Broadcast(l.net)
	for _, rg := range l.ranges {
		switch {
		case !net.Contains(rg.First) || !net.Contains(rg.Last):
			l.fail("range", fmt.Sprintf("%v is not in %s %v", rg, l.title, net),
				fmt.Sprintf("write addresses from %v to %v", net.Addr().Next(), bcast.Prev()))
		case rg.Contains(net.Addr()):
			l.fail("range", fmt.Sprintf("%v includes %v, which is the network's own address", rg, net.Addr()),
				fmt.Sprintf("begin with %v or later", net.Addr().Next()))
		case rg.Contains(bcast):
			l.fail("range", fmt.Sprintf("%v includes the broadcast address %v", rg, bcast),
				fmt.Sprintf("end with %v or earlier", bcast.Prev()))
		case rg.Contains(l.net.Addr()): // of a subnet this is the network itself
			l.fail("range", fmt.Sprintf("%v includes the box's own address %v", rg, l.net.Addr()),
				fmt.Sprintf("write a range without %v", l.net.Addr()))
		}
	}
}

// checkLeased refuses to lease an address that clients are told is a server.
func (l lan) checkLeased() {
	if !l.ok("range") {
		return
	}
	check := func(key string, addrs ...netip.Addr) {
		from := l.key(key)
		if !l.has(key) {
			from = "dhcp." + key // inherited
		}
		for _, a := range addrs {
			for _, rg := range l.ranges {
				if a.IsValid() && rg.Contains(a) {
					l.fail("range", fmt.Sprintf("%v includes %v, which %s assigns to another machine", rg, a, from),
						fmt.Sprintf("write a range without %v", a))
				}
			}
		}
	}
	check("router", l.Router)
	check("dns", l.DNS...)
	check("ntp", l.NTP...)
}

// checkRouters makes sure that machines can reach their routers.
func (l lan) checkRouters() {
	if !l.net.IsValid() {
		return
	}
	outside := func(key string, a netip.Addr) {
		if a.IsValid() && !l.net.Contains(a) {
			l.fail(key, fmt.Sprintf("%v is not in %s %v", a, l.title, l.net.Masked()),
				"write the router's address in that network")
		}
	}
	outside("router", l.Router)
	for _, route := range l.Routes {
		outside("routes", route.Via)
	}
}

// checkReservations looks at each [[reservation]] as a whole.
func (r *reader) checkReservations(lans []lan) {
	blocks := r.root.items("reservation")
	if len(blocks) > maxReservations {
		blocks[maxReservations].fail("", "is one too many", fmt.Sprintf("keep it to %d reservations", maxReservations))
		return
	}
	machines, addresses := map[spec.Hex]int{}, map[string]int{} // lines
	for i, b := range blocks {
		if !b.ok("") {
			continue
		}
		res := r.cfg.DHCP.Reservations[i]
		b.require("address", `write address = "192.168.77.20"`)
		if res.Address.IsValid() {
			b.unique("address", res.Address.String(), addresses, "give each machine a unique address")
		}
		if b.has("mac") && b.has("client") {
			b.fail("client", "is given together with mac", "keep one of them")
		} else if !b.has("mac") && !b.has("client") {
			b.fail("mac", "is missing", `write mac = "52:54:00:12:34:56", or client`)
		} else if key, id := machine(res); id != "" {
			if line, ok := machines[id]; ok {
				b.fail(key, fmt.Sprintf("names the same machine as the [[reservation]] on line %d", line),
					"list each machine once")
			} else {
				machines[id] = b.node.line
			}
		}
		if res.Address.IsValid() {
			r.checkReserved(b, res, lans)
		}
	}
}

// machine tells by which key a reservation names its machine, and which client
// identifier that is: of a hardware address, the one of type 1 (RFC 2132
// §9.14).
func machine(res config.Reservation) (key string, id spec.Hex) {
	if res.MAC.IsValid() {
		return "mac", spec.NewHex(append([]byte{1}, res.MAC[:]...))
	}
	return "client", res.Client
}

// checkReserved makes sure that a machine can have its address.
func (r *reader) checkReserved(b block, res config.Reservation, lans []lan) {
	a, known := res.Address, true // known: all networks
	for _, l := range lans {
		if !l.net.IsValid() {
			known = false
			continue
		}
		if !l.net.Contains(a) {
			continue
		}
		fix := "write another address in " + l.net.Masked().String()
		switch a {
		case l.net.Masked().Addr():
			b.fail("address", fmt.Sprintf("%v is the network's own address", a), fix)
		case spec.Broadcast(l.net):
			b.fail("address", fmt.Sprintf("%v is the network's broadcast address", a), fix)
		case l.net.Addr():
			b.fail("address", fmt.Sprintf("%v is the box's own address", a), fix)
		case l.Router:
			b.fail("address", fmt.Sprintf("%v is the router's address", a), fix)
		}
		if res.Client != "" && l.Identify == spec.IdentifyMAC {
			b.fail("client", `has no effect in `+l.title+`, which has identify = "mac"`,
				`write mac = "52:54:00:12:34:56" instead`)
		}
		return
	}
	if known && r.cfg.DHCP.Mode.Leases() {
		b.fail("address", fmt.Sprintf("%v is not in a network that the box serves", a),
			"write an address of the box's network or of a [[subnet]]")
	}
}
