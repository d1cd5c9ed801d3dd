package lan

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	mtu = 1500
	nic = tcpip.NICID(1)
)

// Host is a host on the segment with its own TCP/IP stack.
type Host struct {
	Addr netip.Addr

	stack *stack.Stack
	link  *channel.Endpoint
	stop  context.CancelFunc
}

// Host plugs in a host with a fixed IPv4 address. The host is removed with the
// LAN.
func (l *LAN) Host(mac [6]byte, addr netip.Prefix) (*Host, error) {
	link := channel.New(queueLen, mtu+header.EthernetMinimumSize, tcpip.LinkAddress(mac[:]))
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{udp.NewProtocol, tcp.NewProtocol, icmp.NewProtocol4},
	})
	ctx, stop := context.WithCancel(context.Background())
	h := &Host{Addr: addr.Addr(), stack: s, link: link, stop: stop}
	if err := s.CreateNIC(nic, ethernet.New(link)); err != nil {
		h.close()
		return nil, fmt.Errorf("host %v: %v", addr, err)
	}
	own := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(addr.Addr().As4()), PrefixLen: addr.Bits()},
	}
	if err := s.AddProtocolAddress(nic, own, stack.AddressProperties{}); err != nil {
		h.close()
		return nil, fmt.Errorf("host %v: %v", addr, err)
	}
	s.SetRouteTable([]tcpip.Route{
		{Destination: own.AddressWithPrefix.Subnet(), NIC: nic},
		{Destination: header.IPv4EmptySubnet, NIC: nic}, // 255.255.255.255 among others
	})

	p, err := l.plug(func(frame []byte) error {
		dst := [6]byte(frame[0:6])
		if dst != mac && dst[0]&1 == 0 {
			return nil // the switch floods frames; the stack filters nothing itself
		}
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
		link.InjectInbound(0, pkt) // the Ethernet layer reads the type itself
		pkt.DecRef()
		return nil
	})
	if err != nil {
		h.close()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		p.unplug()
		h.close()
		return nil, net.ErrClosed
	}
	l.hosts = append(l.hosts, h)
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		for {
			pkt := link.ReadContext(ctx)
			if pkt == nil {
				return
			}
			view := pkt.ToView()
			frame := append([]byte(nil), view.AsSlice()...)
			view.Release()
			pkt.DecRef()
			l.forward(p, frame)
		}
	}()
	return h, nil
}

func (h *Host) close() {
	h.stop()
	h.stack.Destroy()
}

// ListenUDP opens a UDP port; 0 means any free one. The port receives
// broadcasts and may send them, as a DHCP server does.
func (h *Host) ListenUDP(port uint16) (net.PacketConn, error) {
	var wq waiter.Queue
	ep, err := h.stack.NewEndpoint(udp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	if err != nil {
		return nil, h.opError("listen", "udp", port, err)
	}
	ep.SocketOptions().SetBroadcast(true)
	if err := ep.Bind(tcpip.FullAddress{NIC: nic, Port: port}); err != nil {
		ep.Close()
		return nil, h.opError("listen", "udp", port, err)
	}
	return gonet.NewUDPConn(&wq, ep), nil
}

// DialUDP opens a UDP port for one peer only. If the peer's port is closed,
// reading fails with "connection refused", because ICMP reports it.
func (h *Host) DialUDP(to netip.AddrPort) (net.Conn, error) {
	full := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom4(to.Addr().As4()), Port: to.Port()}
	return gonet.DialUDP(h.stack, nil, &full, ipv4.ProtocolNumber)
}

// ListenTCP opens a TCP port.
func (h *Host) ListenTCP(port uint16) (net.Listener, error) {
	return gonet.ListenTCP(h.stack, tcpip.FullAddress{NIC: nic, Port: port}, ipv4.ProtocolNumber)
}

// DialContext connects over TCP to an IPv4 address and port; it fits
// http.Transport.
func (h *Host) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	full := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom4(to.Addr().As4()), Port: to.Port()}
	return gonet.DialContextTCP(ctx, h.stack, full, ipv4.ProtocolNumber)
}

func (h *Host) opError(op, network string, port uint16, err tcpip.Error) error {
	return &net.OpError{
		Op: op, Net: network,
		Addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(h.Addr, port)),
		Err:  fmt.Errorf("%v", err),
	}
}
