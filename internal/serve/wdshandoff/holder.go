package wdshandoff

import (
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

// evidence is how the holder of an address is known.
type evidence int

const (
	unknown evidence = iota
	byDHCP           // by a packet that any host could have sent
	byRelay          // by a packet from a relay agent, which vouches for its subnet
	byLink           // by ARP: the address that the kernel sends to
)

// holder is the machine that holds an address. The zero holder is unknown.
type holder struct {
	clients.Machine
	by evidence
	// claimed is the machine that has the address by DHCP, if ARP says
	// otherwise.
	claimed clients.Machine
}

// reads returns the machine that requests a menu, and whether that is certain.
// It is the machine in the menu's name or, without one, the holder of the
// address. The name has priority, so that a person can look at a machine's menu
// from another machine. The machine states its name in its own request, which
// no other host can change. A client that uses another machine's name only
// reads that machine's menu.
func (h holder) reads(named ether.MAC) (m clients.Machine, known bool) {
	switch named {
	case ether.MAC{}:
		return h.Machine, h.by == byLink || h.by == byRelay
	case h.MAC:
		return h.Machine, true
	case h.claimed.MAC:
		return h.claimed, true
	default:
		return clients.Machine{MAC: named, Firmware: "bios"}, true // PXELINUX's name
	}
}

// holder finds the machine that holds an address. On the link the kernel knows,
// because it sends the file there: nothing in a request or a DHCP packet can
// change that. What the same machine has said about itself by DHCP is added.
// Behind a router, and if the kernel has sent nothing yet, DHCP decides.
func (d *Service) holder(client netip.Addr) (holder, error) {
	tenant, ok := d.Clients.At(client)
	l := d.Link()
	if l.Addr.Contains(client) {
		mac, err := d.Neighbor(l.Index, client)
		if err != nil {
			return holder{}, err
		}
		if mac.IsValid() && ok && tenant.MAC == mac {
			return holder{Machine: tenant.Machine, by: byLink}, nil
		} else if mac.IsValid() {
			return holder{Machine: clients.Machine{MAC: mac}, by: byLink, claimed: tenant.Machine}, nil
		}
	}
	switch {
	case !ok:
		return holder{}, nil
	case tenant.Relayed && !l.Addr.Contains(client):
		return holder{Machine: tenant.Machine, by: byRelay}, nil
	}
	return holder{Machine: tenant.Machine, by: byDHCP}, nil
}

// Holder returns the MAC of the machine at an address; zero if it is not known.
func (d *Service) Holder(a netip.Addr) ether.MAC {
	h, _ := d.holder(a)
	return h.MAC
}
