// Package clientport is the DHCP client's side of the wire on Linux: UDP port
// 68 (RFC 2131 §4.1) of an interface that may have no address yet. It is a
// packet socket, so that another DHCP client on the same machine keeps its
// port, and what this machine itself broadcasts is never heard. It reads no
// message.
package clientport

import (
	"errors"
	"fmt"
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Conn hears port 68 and broadcasts from it, whatever the address it is told
// to send to. It is a net.PacketConn whose addresses are of type
// *net.UDPAddr. One goroutine may read.
type Conn struct {
	net.PacketConn // UDP in IPv4, over frames
	frames         *frames
}

// Listen opens the port on an interface. It needs CAP_NET_RAW.
func Listen(ifname string, ifindex int, hw net.HardwareAddr) (*Conn, error) {
	// Without the filter every block that the box receives would be copied
	// out of the kernel only to be thrown away here.
	filter, err := bpf.Assemble(toPort68)
	if err != nil {
		return nil, fmt.Errorf("filter for the DHCP client's port: %w", err)
	}
	raw, err := packet.Listen(&net.Interface{Name: ifname, Index: ifindex, HardwareAddr: hw},
		packet.Datagram, unix.ETH_P_IP, &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("DHCP client's port on %s: %w", ifname, err)
	}
	f := &frames{PacketConn: raw}
	return &Conn{
		PacketConn: nclient4.NewBroadcastUDPConn(f, &net.UDPAddr{Port: dhcpv4.ClientPort}),
		frames:     f,
	}, nil
}

// Sender is the hardware address that the datagram read last came from.
func (c *Conn) Sender() net.HardwareAddr { return c.frames.sender }

// frames is the packet socket, which remembers who sent the last frame.
type frames struct {
	net.PacketConn
	sender net.HardwareAddr
}

func (f *frames) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := f.PacketConn.ReadFrom(b)
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once when the interface goes down; it may come back
		}
		if a, ok := from.(*packet.Addr); ok && a != nil {
			f.sender = a.HardwareAddr
		}
		return n, from, err
	}
}

// toPort68 passes UDP datagrams to port 68 that came in one piece (RFC 791
// §3.1, RFC 768). The first byte is the IP header's.
var toPort68 = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4}, // more fragments, or an offset
	bpf.LoadMemShift{Off: 0},                                    // the header's length
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: dhcpv4.ClientPort, SkipTrue: 1},
	bpf.RetConstant{Val: 0x10000},
	bpf.RetConstant{Val: 0},
}
