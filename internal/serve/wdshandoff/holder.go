package wdshandoff

import (
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

// evidence is how it is known whose an address is.
type evidence int

const (
	unknown evidence = iota
	byDHCP           // by a packet that any host could have sent
	byRelay          // by one that a relay agent passed on, which answers for its subnet
	byLink           // by ARP: it is where the kernel sends to
)

// holder is whose an address is. The zero holder says that this is not known.
type holder struct {
	clients.Machine
	by evidence
	// claimed is the machine that has the address by DHCP, where the link says
	// otherwise.
	claimed clients.Machine
}

// reads is who asks for a menu: the machine that its name tells, or the holder
// of the address; and whether that is certain. The name goes first, so that a
// person can look at a machine's menu from another. It is the machine's own
// word in its own request, which no other host can change; a client that reads with
// another's name reads another's menu, and no more.
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

// holder finds out whose an address is. On the link the kernel knows, for that
// is where it sends what is read: nothing in a request, and no DHCP packet, can
// change that. What the same machine has said of itself by DHCP goes along.
// Behind a router, and where the kernel has sent nothing yet, it is as DHCP saw
// it.
func (d *Desk) holder(client netip.Addr) (holder, error) {
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

// Holder is the MAC of the machine at an address; zero where it is not known.
func (d *Desk) Holder(a netip.Addr) ether.MAC {
	h, _ := d.holder(a)
	return h.MAC
}
