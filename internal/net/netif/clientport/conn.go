// Package clientport is the DHCP client's side of the wire on Linux: UDP port
// 68 (RFC 2131 §4.1) on an interface that may have no address yet. It uses a
// packet socket, so that another DHCP client on the same machine keeps its
// port, and so that it never receives this machine's broadcasts. It does not
// parse the messages.
package clientport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Conn receives on port 68 and broadcasts from it, whatever the address it is
// told to send to. It is a net.PacketConn whose addresses are of type
// *net.UDPAddr. Only one goroutine may read.
type Conn struct {
	net.PacketConn // UDP in IPv4, over frames
	frames         *frames
}

// Listen opens the port on an interface. It needs CAP_NET_RAW.
func Listen(ifname string, ifindex int, hw net.HardwareAddr) (*Conn, error) {
	// Without the filter the kernel would copy every block that the box
	// receives to this program, which would drop it.
	filter, err := bpf.Assemble(toPort68)
	if err != nil {
		return nil, fmt.Errorf("filter for the DHCP client's port: %w", err)
	}
	raw, err := packet.Listen(&net.Interface{Name: ifname, Index: ifindex, HardwareAddr: hw},
		packet.Raw, unix.ETH_P_IP, &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("DHCP client's port on %s: %w", ifname, err)
	}
	f := &frames{PacketConn: raw, hw: hw}
	return &Conn{
		PacketConn: nclient4.NewBroadcastUDPConn(f, &net.UDPAddr{Port: dhcpv4.ClientPort}),
		frames:     f,
	}, nil
}

// Sender returns the hardware address that the last datagram came from.
func (c *Conn) Sender() net.HardwareAddr { return c.frames.sender }

// Broadcast reports whether the last datagram was sent on this link: to the
// limited broadcast address, which no router forwards (RFC 1812 §5.3.5.1), in a
// broadcast frame. A host on another network can send a unicast here and, if
// the router allows it, a directed broadcast.
func (c *Conn) Broadcast() bool { return c.frames.broadcast }

// frames is the packet socket without Ethernet headers. It remembers the sender
// of the last frame, and whether it was a broadcast.
type frames struct {
	net.PacketConn
	hw        net.HardwareAddr // the interface's hardware address
	buf       []byte
	sender    net.HardwareAddr
	broadcast bool
}

// ethernet is the length of a frame's header: destination, source and protocol
// (IEEE 802.3 §3.1.1).
const ethernet = 14

func (f *frames) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(f.buf) < ethernet+len(b) {
		f.buf = make([]byte, ethernet+len(b))
	}
	for {
		n, from, err := f.PacketConn.ReadFrom(f.buf[:ethernet+len(b)])
		switch {
		case errors.Is(err, unix.ENETDOWN):
			continue // reported once when the interface goes down; it may come back
		case err != nil:
			return 0, from, err
		case n < ethernet:
			continue
		}
		f.sender = net.HardwareAddr(f.buf[6:12:12])
		f.broadcast = isBroadcast(f.buf[:n])
		return copy(b, f.buf[ethernet:n]), from, nil
	}
}

// isBroadcast reports whether a frame and the IPv4 packet in it are addressed
// to all hosts on the link.
func isBroadcast(frame []byte) bool {
	const toIP = ethernet + 16 // RFC 791 §3.1
	all := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	return len(frame) >= toIP+4 && bytes.Equal(frame[:6], all) && bytes.Equal(frame[toIP:toIP+4], all[:4])
}

func (f *frames) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*packet.Addr)
	if !ok || len(a.HardwareAddr) != 6 || len(f.hw) != 6 {
		return 0, fmt.Errorf("send to %v from %v: not Ethernet addresses", to, f.hw)
	}
	frame := make([]byte, 0, ethernet+len(b))
	frame = append(append(frame, a.HardwareAddr...), f.hw...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IP)
	n, err := f.PacketConn.WriteTo(append(frame, b...), to)
	return max(n-ethernet, 0), err
}

// toPort68 passes unfragmented UDP datagrams to port 68 (RFC 791 §3.1, RFC
// 768).
var toPort68 = []bpf.Instruction{
	bpf.LoadAbsolute{Off: ethernet + 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: ethernet + 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4}, // more fragments, or an offset
	bpf.LoadMemShift{Off: ethernet},                             // the IP header's length
	bpf.LoadIndirect{Off: ethernet + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: dhcpv4.ClientPort, SkipTrue: 1},
	bpf.RetConstant{Val: 0x10000},
	bpf.RetConstant{Val: 0},
}
