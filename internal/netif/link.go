// Package netif gets the box onto the wire and keeps it there, by netlink:
// which interface, its address (fixed, or leased from the site's DHCP
// server), its routes and name servers. It reports what the kernel then
// says, so that those who answer packets know their own address. What they
// answer is not its business.
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
)

// Link is the interface as it is now.
type Link struct {
	Name  string
	Index int
	HW    net.HardwareAddr
	MTU   int
	Addr  netip.Prefix // zero while it has none
}

// Equal reports whether nothing that a user of the link sees has changed.
func (l Link) Equal(o Link) bool {
	return l.Name == o.Name && l.Index == o.Index && l.HW.String() == o.HW.String() && l.MTU == o.MTU && l.Addr == o.Addr
}

// candidate is an interface as choose sees it.
type candidate struct {
	name     string
	kind     string // netlink's: "device" for hardware and what QEMU calls so
	ethernet bool
	loopback bool
	wireless bool
}

var errNoInterface = errors.New("no wired network interface")

// choose finds the interface to serve on: the named one, or else the only
// wired one. Bridges, tunnels and wireless interfaces must be named. A virtual
// Ethernet pair counts where there is no hardware, as in a container.
func choose(all []candidate, name string) (string, error) {
	if name != "" {
		if !slices.ContainsFunc(all, func(c candidate) bool { return c.name == name }) {
			return "", fmt.Errorf("no network interface %q; there are: %s", name, names(all))
		}
		return name, nil
	}
	for _, kind := range []string{"device", "veth"} {
		wired := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
			return c.kind != kind || !c.ethernet || c.loopback || c.wireless
		})
		switch len(wired) {
		case 0:
		case 1:
			return wired[0].name, nil
		default:
			return "", fmt.Errorf("several wired network interfaces (%s): name one in network.interface", names(wired))
		}
	}
	return "", errNoInterface
}

func names(all []candidate) string {
	s := make([]string, len(all))
	for i, c := range all {
		s[i] = c.name
	}
	return strings.Join(s, ", ")
}

// find applies choose to the interfaces that the kernel has.
func find(name string) (netlink.Link, error) {
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
		})
	}
	chosen, err := choose(all, name)
	if err != nil {
		return nil, err
	}
	return netlink.LinkByName(chosen)
}

// read asks the kernel for the link's state. Of several addresses it takes
// the wanted one, or else the first that is not merely link-local.
func read(index int, want netip.Prefix) (Link, error) {
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		return Link{}, fmt.Errorf("read network interface: %w", err)
	}
	a := l.Attrs()
	link := Link{Name: a.Name, Index: a.Index, HW: a.HardwareAddr, MTU: a.MTU}
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
