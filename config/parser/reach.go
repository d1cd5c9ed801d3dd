package parser

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// checkReach warns if the box or the machines have no route to a network that they
// answer. It refuses nothing: proxy ARP or the system's own routes may cover it.
func (r *reader) checkReach() {
	r.checkGateway()
	if !r.cfg.DHCP.Mode.Leases() {
		return // the routers of machines are the site's
	}
	for i, l := range r.lans {
		inside := func(res config.Reservation) bool { return l.net.Contains(res.Address) }
		leases := len(l.ranges) > 0 || slices.ContainsFunc(r.cfg.DHCP.Reservations, inside)
		if !leases || l.Router.IsValid() || !l.net.IsValid() {
			continue
		}
		behindRouter := i > 0 // the first is the box's own
		if behindRouter {
			l.warn("router",
				fmt.Sprintf("is missing, so the machines of %v have no route to the box and receive no boot files",
					l.net),
				fmt.Sprintf("write router = %q, the router's address in that network", l.net.Addr().Next()))
		} else if away := r.bootsFrom(l).outside(l.net); len(away) > 0 {
			l.warn("router", "is missing, so machines have no route to "+away.String(),
				"write the router's address in "+l.net.Masked().String())
		}
	}
}

// checkGateway warns where the box has a fixed address, no router, and something
// to send to another network.
func (r *reader) checkGateway() {
	n := r.cfg.Network
	if !n.Address.IsValid() || n.Gateway.IsValid() {
		return
	}
	var to places
	for _, s := range r.cfg.DHCP.Subnets {
		to = append(to, place{fmt.Sprintf("the [[subnet]] %v", s.Network), s.Network.Addr()})
	}
	to = append(to, r.servers()...)
	for _, a := range n.DNS {
		to = append(to, place{fmt.Sprintf("the name server %v", a), a})
	}
	away := to.outside(n.Address)
	if len(away) == 0 {
		return
	}
	router := fmt.Sprintf("the address of the router in %v", n.Address.Masked())
	if a := r.cfg.DHCP.Router; a.IsValid() && a != n.Address.Addr() && n.Address.Contains(a) {
		router = fmt.Sprintf("gateway = %q", a)
	}
	b := r.root.table("network")
	r.warn(b.line("address"), b.key("gateway"),
		"is missing, so the box has no route to "+away.String(), "write "+router+" below [network]")
}

// place is something with an address.
type place struct {
	name string
	addr netip.Addr
}

type places []place

// outside are those that are not in a network.
func (ps places) outside(p netip.Prefix) places {
	return slices.DeleteFunc(slices.Clone(ps), func(x place) bool { return p.Contains(x.addr) })
}

// String names the first few.
func (ps places) String() string {
	const most = 3
	var names []string
	for _, p := range ps[:min(len(ps), most)] {
		names = append(names, p.name)
	}
	s := strings.Join(names, ", ")
	if more := len(ps) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// servers are the other boot servers, as far as the file has their addresses.
func (r *reader) servers() (to places) {
	for _, w := range r.cfg.WDS {
		if a, ok := w.Addr(); ok {
			to = append(to, place{fmt.Sprintf("the %s %q at %v", w.Section(), w.Name, a), a})
		}
	}
	return to
}

// bootsFrom lists the servers that the machines of a network load something from,
// or are given the address of.
func (r *reader) bootsFrom(l lan) places {
	to := r.servers()
	for _, name := range firmware.Kinds {
		u, err := url.Parse(r.cfg.DHCP.BootFiles[name])
		if err != nil {
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil {
			to = append(to, place{fmt.Sprintf("the web server %v of boot.%s", a, name), a})
		}
	}
	for _, a := range l.DNS {
		to = append(to, place{fmt.Sprintf("the name server %v", a), a})
	}
	for _, o := range l.Options {
		const tftpServer, tftpServers = 66, 150 // RFC 2132 §9.4, RFC 5859
		switch {
		case o.Code == tftpServer:
			if a, err := netip.ParseAddr(string(o.Value)); err == nil {
				to = append(to, place{fmt.Sprintf("the server %v of option 66", a), a})
			}
		case o.Code == tftpServers && len(o.Value)%4 == 0:
			for v := range slices.Chunk(o.Value, 4) {
				a, _ := netip.AddrFromSlice(v)
				to = append(to, place{fmt.Sprintf("the server %v of option 150", a), a})
			}
		}
	}
	return to
}
