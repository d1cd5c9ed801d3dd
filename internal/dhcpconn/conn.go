// Package dhcpconn is the wire under DHCP on Linux: the sockets that hear
// ports 67 and 4011 on one interface, and the ways to reach a machine that
// has no address yet. It decides nothing.
package dhcpconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/dhcp"
)

// maxPacket is the largest packet that is looked at. Firmware sends some 550
// bytes, and nothing on an Ethernet link needs more; what is longer was made
// to keep a parser busy.
const maxPacket = 1500

// receiveBuffer is asked of the kernel for each socket. With the usual 208
// KiB a classroom that is switched on at once loses most of its packets.
const receiveBuffer = 4 << 20

// Conn is the box's DHCP presence on one interface.
type Conn struct {
	ifindex int
	servers map[int]*ipv4.PacketConn // by port
	raw     *os.File                 // AF_PACKET socket, for clients without an address
}

// Listen opens the DHCP server's and the boot server's port on one
// interface. It needs CAP_NET_RAW and CAP_NET_BIND_SERVICE.
func Listen(ctx context.Context, ifname string, ifindex int) (*Conn, error) {
	// SOCK_DGRAM leaves the Ethernet header to the kernel; protocol 0
	// receives nothing.
	raw, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	c := &Conn{ifindex: ifindex, raw: os.NewFile(uintptr(raw), "packet socket"), servers: map[int]*ipv4.PacketConn{}}
	for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
		p, err := ListenUDP(ctx, ifname, port)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.servers[port] = ipv4.NewPacketConn(p)
	}
	return c, nil
}

// ListenUDP opens a UDP port on one interface.
func ListenUDP(ctx context.Context, ifname string, port int) (net.PacketConn, error) {
	var lc net.ListenConfig
	lc.Control = func(_, _ string, rc syscall.RawConn) error {
		var err error
		if e := rc.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, ifname),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1))
			// FORCE passes the system's limit but wants CAP_NET_ADMIN.
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
			}
		}); e != nil {
			return e
		}
		return err
	}
	conn, err := lc.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", ifname, err)
	}
	return conn, nil
}

// Close ends all calls to Receive.
func (c *Conn) Close() error {
	errs := []error{c.raw.Close()}
	for _, p := range c.servers {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Receive waits for the next well-formed DHCP packet on one of the two
// ports. What is malformed or too long is dropped without a word: anybody
// can send it. The error is the socket's own.
func (c *Conn) Receive(port int) (dhcp.Question, error) {
	buf := make([]byte, maxPacket+1)
	for {
		n, _, from, err := c.servers[port].ReadFrom(buf)
		if err != nil {
			return dhcp.Question{}, err
		}
		if n > maxPacket {
			continue
		}
		m, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			continue
		}
		return dhcp.Question{Msg: m, Port: port, From: from.(*net.UDPAddr).AddrPort()}, nil
	}
}

// Send puts an answer on the wire, from the address self and the port that
// the question came to.
func (c *Conn) Send(self netip.Addr, port int, a dhcp.Answer) error {
	b := a.Msg.ToBytes()
	if a.Link != nil {
		return c.sendLink(netip.AddrPortFrom(self, uint16(port)), a, b)
	}
	cm := &ipv4.ControlMessage{Src: self.AsSlice(), IfIndex: c.ifindex}
	if _, err := c.servers[port].WriteTo(b, cm, net.UDPAddrFromAddrPort(a.To)); err != nil {
		return fmt.Errorf("send to %v: %w", a.To, err)
	}
	return nil
}

// sendLink sends to a hardware address. The kernel would first ask by ARP
// who has the address, and the client does not know yet that it does (RFC
// 2131 §4.1).
func (c *Conn) sendLink(from netip.AddrPort, a dhcp.Answer, payload []byte) error {
	to := unix.SockaddrLinklayer{
		Protocol: 0x0008, // ETH_P_IP in network order
		Ifindex:  c.ifindex,
		Halen:    uint8(len(a.Link)),
	}
	copy(to.Addr[:], a.Link)
	rc, err := c.raw.SyscallConn()
	if err == nil {
		if e := rc.Control(func(fd uintptr) {
			err = unix.Sendto(int(fd), udp4(from, a.To, payload), 0, &to)
		}); e != nil {
			err = e // closed
		}
	}
	if err != nil {
		return fmt.Errorf("send to %v at %v: %w", a.To, a.Link, err)
	}
	return nil
}
