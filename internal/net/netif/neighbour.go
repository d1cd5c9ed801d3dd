package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Neighbour returns the hardware address that the kernel uses for an IP address
// on the link. It is zero if the kernel has none: it has sent nothing there
// lately, or no machine answered ARP.
//
// It requests a single entry, not the table: a stranger's packet may trigger
// the call, and a large network has thousands of entries.
func Neighbour(index int, a netip.Addr) (ether.MAC, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.AddData(&netlink.Ndmsg{Family: unix.AF_INET, Index: uint32(index)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, a.AsSlice()))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	if errors.Is(err, unix.ENOENT) {
		return ether.MAC{}, nil
	}
	if err != nil {
		return ether.MAC{}, fmt.Errorf("look up neighbor %v: %w", a, err)
	}
	const useless = netlink.NUD_INCOMPLETE | netlink.NUD_FAILED
	for _, m := range msgs {
		n, err := netlink.NeighDeserialize(m)
		if err != nil {
			return ether.MAC{}, fmt.Errorf("read neighbor %v: %w", a, err)
		}
		if mac := ether.From(n.HardwareAddr); n.State&useless == 0 && mac.IsValid() {
			return mac, nil
		}
	}
	return ether.MAC{}, nil
}

// Resolve makes the kernel send an ARP request for an address on the link, and
// does not wait for the answer.
func Resolve(index int, a netip.Addr) error {
	err := netlink.NeighSet(&netlink.Neigh{LinkIndex: index, Family: unix.AF_INET, State: netlink.NUD_NONE,
		Flags: netlink.NTF_USE, IP: a.AsSlice()})
	if errors.Is(err, unix.EPERM) { // no CAP_NET_ADMIN, as in the Debian package
		err = poke(index, a)
	}
	if err != nil {
		return fmt.Errorf("look for neighbor %v: %w", a, err)
	}
	return nil
}

// discard is the port of a service that throws away what it receives (RFC 863).
const discard = 9

// poke sends an empty datagram to an address on the link, for which the kernel
// needs its hardware address.
func poke(index int, a netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index); err != nil {
		return os.NewSyscallError("setsockopt SO_BINDTOIFINDEX", err)
	}
	return os.NewSyscallError("sendto", unix.Sendto(fd, nil, 0, &unix.SockaddrInet4{Port: discard, Addr: a.As4()}))
}
