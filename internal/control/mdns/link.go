package mdns

import (
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/pxebox/pxebox/internal/base/ownaddr"
)

// Link is a network that the box serves. Two are equal unless something changed
// after which the box has to probe again.
type Link struct {
	Index     int
	Interface string
	Addr      netip.Prefix // the box's; zero: there is no link
	Changes   string       // counts how often the cable was put in and out
}

// OwnLink returns a function that finds the served link now: the one whose
// address pxed set, according to its file in the run directory. If pxed uses
// the system's address, it is the one with the address that the page listens
// on, or the only network that there is.
func OwnLink(runDir string, page netip.Addr) func() Link {
	return func() Link {
		l := choose(ownaddr.Read(runDir), page, links())
		if l.Addr.IsValid() {
			b, _ := os.ReadFile("/sys/class/net/" + l.Interface + "/carrier_changes")
			l.Changes = strings.TrimSpace(string(b))
		}
		return l
	}
}

// choose returns the served link of those that are up. note is pxed's, page
// the address that the page listens on.
func choose(note []ownaddr.Own, page netip.Addr, all []Link) Link {
	for _, own := range note {
		for _, l := range all {
			if l.Interface == own.Interface && l.Addr == own.Addr {
				return l
			}
		}
	}
	switch specific := page.IsValid() && !page.IsUnspecified(); {
	case len(note) > 0:
		// The cable is out, or the address is about to be set.
	case specific:
		for _, l := range all {
			if l.Addr.Addr() == page.Unmap() {
				return l
			}
		}
	case len(all) == 1:
		return all[0]
	}
	return Link{}
}

// links returns the IPv4 addresses of the networks that are up and have a
// carrier.
func links() []Link {
	const up = net.FlagUp | net.FlagRunning | net.FlagMulticast
	var all []Link
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		if i.Flags&up != up || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				all = append(all, Link{Index: i.Index, Interface: i.Name, Addr: p})
			}
		}
	}
	return all
}
