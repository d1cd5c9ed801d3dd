package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// checkNetwork looks at what [network] and [dhcp] say of each other.
func (r *reader) checkNetwork() {
	network, dhcp := r.cfg.Network, r.cfg.DHCP
	fixed := network.Address.IsValid()
	if !fixed && r.ok("network", 0, "address") {
		for _, key := range []string{"gateway", "dns"} {
			if r.has("network", 0, key) {
				r.failAt("network", 0, key, "has no use while the box asks a DHCP server for its address", `write address = "192.168.77.1/24" as well, or leave it out`)
			}
		}
	}
	if fixed && r.ok("network", 0, "gateway") && network.Gateway.IsValid() {
		r.checkGateway(network)
	}
	if !r.ok("dhcp", 0, "mode", "range") {
		return
	}
	r.checkOverlaps(dhcp.Ranges)
	r.checkSize(dhcp.Ranges)
	if fixed {
		for _, rg := range dhcp.Ranges {
			r.checkRange(rg, network.Address)
		}
		if r.ok("dhcp", 0, "router") && dhcp.Router.IsValid() && dhcp.Mode.Leases() && !network.Address.Contains(dhcp.Router) {
			r.failAt("dhcp", 0, "router", fmt.Sprintf("%v is not in the box's network %v", dhcp.Router, network.Address.Masked()), "write the router's address in that network")
		}
	}
	if !dhcp.Mode.Leases() {
		return
	}
	if len(dhcp.Ranges) == 0 {
		r.failAt("dhcp", 0, "range", `is missing, and mode = "server" leases addresses`, `write range = ["192.168.77.100-192.168.77.150"]`)
	}
	// A server that asked another server for its own address would be a
	// second one on that network.
	if !fixed && r.ok("network", 0, "address") {
		r.failAt("dhcp", 0, "mode", `is "server", but the box has no fixed address`, `write address = "192.168.77.1/24" below [network], or mode = "auto"`)
	}
	if r.ok("dhcp", 0, "router") {
		r.checkLeased("router", dhcp.Router)
	}
	if r.ok("dhcp", 0, "dns") {
		for _, a := range dhcp.DNS {
			r.checkLeased("dns", a)
		}
	}
}

func (r *reader) checkGateway(n Network) {
	if !n.Address.Contains(n.Gateway) {
		r.failAt("network", 0, "gateway", fmt.Sprintf("%v is not in the box's network %v", n.Gateway, n.Address.Masked()), "write the router's address in that network")
	} else if n.Gateway == n.Address.Addr() {
		r.failAt("network", 0, "gateway", "is the box's own address", "write the router's address, or leave it out")
	}
}

// checkLeased refuses to lease an address that clients are told is a server.
func (r *reader) checkLeased(key string, a netip.Addr) {
	for _, rg := range r.cfg.DHCP.Ranges {
		if a.IsValid() && rg.Contains(a) {
			r.failAt("dhcp", 0, "range", fmt.Sprintf("%v would lease %v, which dhcp.%s gives to another machine", rg, a, key), fmt.Sprintf("write a range without %v", a))
		}
	}
}

func (r *reader) checkOverlaps(ranges []Range) {
	for i, b := range ranges {
		for _, a := range ranges[:i] {
			if a.Contains(b.First) || b.Contains(a.First) {
				r.failAt("dhcp", 0, "range", fmt.Sprintf("%v and %v overlap", a, b), "name each address once")
				break
			}
		}
	}
}

func (r *reader) checkSize(ranges []Range) {
	n := 0
	for _, rg := range ranges {
		n += rg.Size()
	}
	if n > maxLeases {
		r.failAt("dhcp", 0, "range", fmt.Sprintf("holds %d addresses", n), fmt.Sprintf("keep it to %d, as many as a /16 network has", maxLeases))
	}
}

func (r *reader) checkRange(rg Range, own netip.Prefix) {
	net, bcast := own.Masked(), broadcast(own)
	switch {
	case !own.Contains(rg.First) || !own.Contains(rg.Last):
		r.failAt("dhcp", 0, "range", fmt.Sprintf("%v is not in the box's network %v", rg, net), fmt.Sprintf("write addresses from %v to %v", net.Addr().Next(), bcast.Prev()))
	case rg.Contains(net.Addr()):
		r.failAt("dhcp", 0, "range", fmt.Sprintf("%v holds %v, which is the network itself", rg, net.Addr()), fmt.Sprintf("begin with %v or later", net.Addr().Next()))
	case rg.Contains(bcast):
		r.failAt("dhcp", 0, "range", fmt.Sprintf("%v holds the broadcast address %v", rg, bcast), fmt.Sprintf("end with %v or earlier", bcast.Prev()))
	case rg.Contains(own.Addr()):
		r.failAt("dhcp", 0, "range", fmt.Sprintf("%v holds the box's own address %v", rg, own.Addr()), fmt.Sprintf("write a range without %v", own.Addr()))
	}
}

// checkWDS looks at each [[wds]] as a whole.
func (r *reader) checkWDS() {
	seen := map[string]int{}
	for i, w := range r.cfg.WDS {
		if r.bad[r.key("wds", i, "")] {
			continue
		}
		r.require("wds", i, "name", w.Name, `write name = "wds"`)
		r.require("wds", i, "server", w.Server, `write server = "192.168.77.2"`)
		r.unique("wds", i, w.Name, seen)
	}
}

// require reports a key that must be there and is not.
func (r *reader) require(section string, i int, key, value, mend string) {
	if value == "" && r.ok(section, i, key) {
		r.failAt(section, i, key, "is missing", mend)
	}
}

// unique reports a name that was there before; seen has the lines of those.
func (r *reader) unique(section string, i int, name string, seen map[string]int) {
	if name == "" || !r.ok(section, i, "name") {
		return
	}
	if line, ok := seen[name]; ok {
		r.failAt(section, i, "name", fmt.Sprintf("%q is taken by the [[%s]] of line %d", name, section, line), "give each one a name of its own")
		return
	}
	seen[name] = r.item(section, i).line
}

// checkEntries looks at each [[entry]] as a whole, and at what it refers to.
func (r *reader) checkEntries() {
	if n := r.root.get("entry"); n != nil && len(n.items) == 0 && !r.bad["entry"] {
		// The menu program ends with "Initial menu has no LABEL entries!".
		r.fail(n.line, "entry", "is an empty list", "write one [[entry]] at least, or leave it out for the machine's own disk")
	}
	var wds, names []string
	for _, w := range r.cfg.WDS {
		wds = append(wds, w.Name)
	}
	seen := map[string]int{}
	for i := range r.cfg.Entries {
		e := &r.cfg.Entries[i]
		names = append(names, e.Name)
		if !r.has("entry", i, "label") && e.Label == "" {
			e.Label = e.Name
		}
		if r.root.get("entry") == nil || r.bad[r.key("entry", i, "")] {
			continue
		}
		r.require("entry", i, "name", e.Name, `write name = "debian"`)
		r.unique("entry", i, e.Name, seen)
		r.checkKind(i, *e)
		if e.WDS != "" && r.ok("entry", i, "wds") {
			r.refers("entry", i, "wds", e.WDS, "[[wds]]", wds)
		}
	}
	if d := r.cfg.Menu.Default; d != "" && r.ok("menu", 0, "default") {
		r.refers("menu", 0, "default", d, "[[entry]]", names)
	}
}

// refers reports a name that nothing has.
func (r *reader) refers(section string, i int, key, name, to string, names []string) {
	for _, n := range names {
		if n == name {
			return
		}
	}
	mend := "write the name of one"
	if n := nearest(name, names); n != "" {
		mend = fmt.Sprintf("write %q", n)
	} else if len(names) == 0 {
		mend = "add one"
	} else if len(names) <= 8 {
		mend = "write one of " + strings.Join(names, ", ")
	}
	r.failAt(section, i, key, fmt.Sprintf("there is no %s with the name %q", to, name), mend)
}

// checkKind makes sure that an entry does one thing.
func (r *reader) checkKind(i int, e Entry) {
	var kinds []string
	for _, key := range []string{"wds", "kernel", "file"} {
		if r.has("entry", i, key) {
			kinds = append(kinds, key)
		}
	}
	if e.Disk {
		kinds = append(kinds, "disk")
	}
	switch {
	case len(kinds) == 0 && !r.ok("entry", i, "disk"):
	case len(kinds) == 0 && r.has("entry", i, "initrd"):
		r.failAt("entry", i, "initrd", "is there without a kernel", `write kernel = "debian/linux" as well`)
	case len(kinds) == 0:
		r.failAt("entry", i, "", "does not say what to start", "write one of wds, kernel, file, or disk = true")
	case len(kinds) > 1:
		r.failAt("entry", i, kinds[1], "is one thing too many: the entry has "+strings.Join(kinds, " and "), "keep one, and make another entry of the other")
	default:
		if kinds[0] != "kernel" && r.has("entry", i, "initrd") {
			r.failAt("entry", i, "initrd", "goes with a kernel only", "leave it out")
		}
		if (kinds[0] == "wds" || kinds[0] == "disk") && r.has("entry", i, "append") {
			r.failAt("entry", i, "append", "goes with a kernel or a file only", "leave it out")
		}
	}
	// The menu puts both on one command line (readconfig.c, record).
	if n := len(e.Kernel) + len(e.File) + len(" initrd=") + len(strings.Join(e.Initrd, ",")) + len(e.Append); n > maxCommand-len(".linux  ") {
		r.failAt("entry", i, "append", fmt.Sprintf("makes a command line of %d characters", n), fmt.Sprintf("keep file names and arguments under %d together", maxCommand-20))
	}
}
