package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Neighbour is the hardware address that the kernel sends to for an address
// on the link. It is nil where the kernel has none: nothing was sent there
// lately, or nobody answered ARP.
//
// One entry is asked for, not the table: the question may come from a
// stranger's packet, and a large network has thousands.
func Neighbour(index int, a netip.Addr) (net.HardwareAddr, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.AddData(&netlink.Ndmsg{Family: unix.AF_INET, Index: uint32(index)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, a.AsSlice()))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up neighbour %v: %w", a, err)
	}
	const useless = netlink.NUD_INCOMPLETE | netlink.NUD_FAILED
	for _, m := range msgs {
		n, err := netlink.NeighDeserialize(m)
		if err != nil {
			return nil, fmt.Errorf("read neighbour %v: %w", a, err)
		}
		if n.State&useless == 0 && len(n.HardwareAddr) > 0 {
			return n.HardwareAddr, nil
		}
	}
	return nil, nil
}
