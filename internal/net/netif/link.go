// Package netif gets the box onto the network and keeps it there, by netlink:
// which interface, its address (fixed, leased from the site's DHCP server, or
// link-local if there is none), its routes and name servers. It reports the
// resulting state of the kernel, so that the servers know the box's address. It
// does not know what they answer.
package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link is the current state of the interface.
type Link struct {
	Name  string
	Index int
	HW    net.HardwareAddr
	MTU   int
	Up    bool         // switched on, and with a carrier
	Addr  netip.Prefix // zero if it has none
}

// Equal reports whether two Links are the same to their users.
func (l Link) Equal(o Link) bool {
	return l.Name == o.Name && l.Index == o.Index && l.HW.String() == o.HW.String() &&
		l.MTU == o.MTU && l.Up == o.Up && l.Addr == o.Addr
}

// candidate is an interface as choose sees it.
type candidate struct {
	name     string
	kind     string // netlink's: "device" for hardware and QEMU's interfaces
	ethernet bool
	loopback bool
	wireless bool
	on       bool // switched on; one that is off cannot report a carrier
	carrier  bool
}

// choice is the interface to serve on. If the settings name none and there are
// several, among holds all of them.
type choice struct {
	candidate
	among []candidate
}

// settled reports whether later carriers cannot change the choice: the first
// interface by name has one, or there is nothing to choose from.
func (c choice) settled() bool {
	return len(c.among) == 0 || c.carrier && c.name == c.among[0].name
}

var errNoInterface = errors.New("no wired network interface")

// choose finds the interface to serve on: the named one; otherwise, among the
// wired ones, the one that was kept so far, the only one that has a carrier, or
// the first by name. Bridges, tunnels and wireless interfaces must be named. A
// virtual Ethernet pair counts if there is no hardware, as in a container.
//
// kept exists because a carrier that comes and goes must not move a DHCP server
// to the machine's other network.
func choose(all []candidate, name, kept string) (choice, error) {
	if name != "" {
		i := slices.IndexFunc(all, func(c candidate) bool { return c.name == name })
		if i < 0 {
			return choice{}, missing(all, fmt.Sprintf("no network interface %q", name))
		}
		return choice{candidate: all[i]}, nil
	}
	var wired []candidate
	for _, kind := range []string{"device", "veth"} {
		wired = slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
			return c.kind != kind || !c.ethernet || c.loopback || c.wireless
		})
		if len(wired) > 0 {
			break
		}
	}
	switch len(wired) {
	case 0:
		return choice{}, errNoInterface
	case 1:
		return choice{candidate: wired[0]}, nil
	}
	slices.SortFunc(wired, func(a, b candidate) int { return strings.Compare(a.name, b.name) })
	best := wired[0]
	live := slices.DeleteFunc(slices.Clone(wired), func(c candidate) bool { return !c.carrier })
	if len(live) == 1 {
		best = live[0]
	}
	if i := slices.IndexFunc(wired, func(c candidate) bool { return c.name == kept }); i >= 0 {
		best = wired[i]
	}
	return choice{candidate: best, among: wired}, nil
}

func names(all []candidate) string {
	s := make([]string, len(all))
	for i, c := range all {
		s[i] = c.name
	}
	return strings.Join(s, ", ")
}

// candidates returns the kernel's interfaces.
func candidates() ([]candidate, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var all []candidate
	for _, l := range links {
		a := l.Attrs()
		_, err := os.Stat("/sys/class/net/" + a.Name + "/phy80211")
		all = append(all, candidate{
			name: a.Name, kind: l.Type(),
			ethernet: a.EncapType == "ether", loopback: a.Flags&net.FlagLoopback != 0, wireless: err == nil,
			on: a.Flags&net.FlagUp != 0, carrier: carrier(a),
		})
	}
	return all, nil
}

// carrier reports whether the interface is on and has a link partner.
func carrier(a *netlink.LinkAttrs) bool {
	return a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0
}

// read gets the link's state from the kernel. If there are several addresses,
// it takes the wanted one, or else the first that is not just link-local.
func read(index int, want netip.Prefix) (Link, error) {
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		return Link{}, fmt.Errorf("read network interface: %w", err)
	}
	a := l.Attrs()
	link := Link{Name: a.Name, Index: a.Index, HW: a.HardwareAddr, MTU: a.MTU, Up: carrier(a)}
	addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return Link{}, fmt.Errorf("read addresses of %s: %w", a.Name, err)
	}
	var have []netip.Prefix
	for _, x := range addrs {
		have = append(have, prefix(x.IPNet))
	}
	link.Addr = pick(have, want)
	return link, nil
}

func pick(have []netip.Prefix, want netip.Prefix) netip.Prefix {
	if want.IsValid() {
		if slices.Contains(have, want) {
			return want
		}
		return netip.Prefix{}
	}
	for _, linkLocal := range []bool{false, true} {
		for _, p := range have {
			if p.Addr().IsLinkLocalUnicast() == linkLocal {
				return p
			}
		}
	}
	return netip.Prefix{}
}

func prefix(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
