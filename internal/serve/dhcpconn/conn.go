// Package dhcpconn is the network layer under DHCP on Linux: the sockets that
// receive on ports 67 and 4011 of one interface, and the ways to reach a
// machine that has no address yet. It makes no decisions.
package dhcpconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/portowner"
	"github.com/pxebox/pxebox/internal/net/sock"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
)

// room is the size of a packet buffer: one byte more than dhcp.Parse reads, so
// that Parse detects packets that are too long.
const room = 1501

// receiveBuffer is the buffer size requested from the kernel for each socket.
// With the usual 208 KiB, a classroom that is switched on at once loses most of
// its packets.
const receiveBuffer = 4 << 20

// batch is how many packets one system call may receive or send.
const batch = 64

// Conn is the box's DHCP sockets on one interface.
type Conn struct {
	ifindex int
	servers map[int]*ipv4.PacketConn // by port
	raw     *os.File                 // AF_PACKET socket, for clients without an address
	// Keep reports whether questions include their packet; nil means never. It
	// is set before Receiver is called.
	Keep func() bool

	taken atomic.Uint64
}

// Listen opens the ports of the DHCP server and the boot server on one
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
	lc := net.ListenConfig{Control: sock.Control(func(fd int) error {
		// FORCE exceeds the system's limit but needs CAP_NET_ADMIN.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
		return errors.Join(sock.OnInterface(ifname)(fd), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1))
	})}
	conn, err := lc.ListenPacket(ctx, "udp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", ifname, use(port).Explain(err))
	}
	return conn, nil
}

// use returns what a port is for.
func use(port int) portowner.Use {
	switch port {
	case dhcp.ServerPort:
		return portowner.DHCP
	case dhcp.BootServerPort:
		return portowner.BootServer
	}
	return portowner.TFTP.At(port)
}

// Taken returns the number of packets that Receive has received on the DHCP
// server's port, whatever their contents.
func (c *Conn) Taken() uint64 { return c.taken.Load() }

// Close ends all calls to Receive.
func (c *Conn) Close() error {
	errs := []error{c.raw.Close()}
	for _, p := range c.servers {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Receiver receives on one port.
type Receiver struct {
	port int
	conn *ipv4.PacketConn
	msgs []ipv4.Message

	taken *atomic.Uint64 // nil: not counted
	keep  func() bool
}

// Receiver makes the receiver of a port, for one goroutine.
func (c *Conn) Receiver(port int) *Receiver {
	r := &Receiver{port: port, conn: c.servers[port], msgs: make([]ipv4.Message, batch), keep: c.Keep}
	if port == dhcp.ServerPort {
		r.taken = &c.taken
	}
	for i := range r.msgs {
		r.msgs[i].Buffers = [][]byte{make([]byte, room)}
	}
	return r
}

// Malformed is a packet that cannot be read, and where it came from.
type Malformed struct {
	dhcp.MalformedError
	From netip.Addr
}

// Receive waits for packets and returns those that are available. The error is
// the socket's.
func (r *Receiver) Receive() ([]dhcp.Question, []Malformed, error) {
	n, err := r.conn.ReadBatch(r.msgs, 0)
	if err != nil {
		return nil, nil, err
	}
	if r.taken != nil {
		r.taken.Add(uint64(n))
	}
	qs, bad := read(r.port, r.msgs[:n], r.keep != nil && r.keep())
	return qs, bad, nil
}

// read parses packets that arrived on a port.
func read(port int, msgs []ipv4.Message, keep bool) (qs []dhcp.Question, bad []Malformed) {
	for _, msg := range msgs {
		from, isUDP := msg.Addr.(*net.UDPAddr)
		if !isUDP {
			continue
		}
		m, bare, err := dhcp.Parse(msg.Buffers[0][:msg.N])
		if err != nil {
			var why dhcp.MalformedError
			errors.As(err, &why)
			bad = append(bad, Malformed{why, from.AddrPort().Addr().Unmap()})
			continue
		}
		q := dhcp.NewQuestion(m, port, from.AddrPort())
		q.Bare = bare
		if keep {
			q.Raw = bytes.Clone(msg.Buffers[0][:msg.N])
		}
		qs = append(qs, q)
	}
	return qs, bad
}

// Reply is an answer ready to send, and the port to send it from: the one on
// which the question arrived.
type Reply struct {
	Port int
	To   netip.AddrPort
	Link net.HardwareAddr // as in dhcp.Answer
	Data []byte
}

// Send sends replies from the address self. It tries all of them; the error is
// about those that failed.
func (c *Conn) Send(self netip.Addr, replies []Reply) error {
	var errs []error
	cm := (&ipv4.ControlMessage{Src: self.AsSlice(), IfIndex: c.ifindex}).Marshal()
	byPort := map[int][]ipv4.Message{}
	for _, r := range replies {
		if r.Link != nil {
			errs = append(errs, c.sendLink(self, r))
			continue
		}
		byPort[r.Port] = append(byPort[r.Port], ipv4.Message{
			Buffers: [][]byte{r.Data}, OOB: cm, Addr: net.UDPAddrFromAddrPort(r.To),
		})
	}
	for port, msgs := range byPort {
		for len(msgs) > 0 {
			n, err := c.servers[port].WriteBatch(msgs, 0)
			if err != nil {
				// The first could not be sent; the others may.
				errs = append(errs, fmt.Errorf("send to %v: %w", msgs[0].Addr, err))
				n = max(n, 1)
			}
			msgs = msgs[n:]
		}
	}
	return errors.Join(errs...)
}

// sendLink sends to a hardware address. The kernel would first ask by ARP who
// has the IP address, and the client does not know yet that it has it (RFC 2131
// §4.1).
func (c *Conn) sendLink(self netip.Addr, r Reply) error {
	to := unix.SockaddrLinklayer{
		Protocol: 0x0008, // ETH_P_IP in network order
		Ifindex:  c.ifindex,
		Halen:    uint8(len(r.Link)),
	}
	copy(to.Addr[:], r.Link)
	frame := udp4(netip.AddrPortFrom(self, uint16(r.Port)), r.To, r.Data)
	rc, err := c.raw.SyscallConn()
	if err == nil {
		if e := rc.Control(func(fd uintptr) { err = unix.Sendto(int(fd), frame, 0, &to) }); e != nil {
			err = e // closed
		}
	}
	if err != nil {
		return fmt.Errorf("send to %v at %v: %w", r.To, r.Link, err)
	}
	return nil
}
