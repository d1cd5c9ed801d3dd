package pxeload

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/net/sock"
	"github.com/pxebox/pxebox/peers/netns"
)

// Load is a room of machines that are switched on.
type Load struct {
	Link     string // the interface that all machines share; it has no address
	Machines int
	Kinds    []Kind        // of the machines, in turn
	Within   time.Duration // until the last machine is switched on
	Seed     byte          // part of the machines' MAC addresses
	// Leased, if set, is called when a machine has its address. It must not
	// block.
	Leased func(machine int, a netip.Addr)
}

// Lease is what one machine experienced.
type Lease struct {
	Addr    netip.Addr // invalid: the machine gave up
	Took    time.Duration
	Repeats int
}

// waits are how long firmware waits for an answer before it repeats its packet
// or gives up (PXE 2.1, §2.2.3.2: 4, 8, 16 and 32 s; EDK2 uses the same).
var waits = []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second}

// check is how often repeats that are due are looked for.
const check = 5 * time.Millisecond

// machine is the state of one machine.
type machine struct {
	Kind
	mac       net.HardwareAddr
	xid       uint32
	on        time.Duration // when it is switched on, since the start
	packet    []byte        // the last one that it sent; nil: it is off
	requested bool          // the packet is a REQUEST
	due       time.Duration // of its repeat
	tries     int           // of this packet
	over      bool
	Lease
}

// Run switches the machines on. It returns when each has an address or has
// given up.
func (l Load) Run(ctx context.Context, host *netns.Namespace) ([]Lease, error) {
	conn, err := listen(ctx, host, l.Link)
	if err != nil {
		return nil, fmt.Errorf("load of machines: %w", err)
	}
	defer conn.Close()
	machines := make([]*machine, l.Machines)
	for i := range machines {
		machines[i] = &machine{
			Kind: l.Kinds[i%len(l.Kinds)], xid: uint32(i) + 1,
			mac: net.HardwareAddr{0x02, 0x57, 0x0a, l.Seed, byte(i >> 8), byte(i)},
			on:  l.Within * time.Duration(i) / time.Duration(max(l.Machines-1, 1)),
		}
	}
	buf := make([]byte, 1500)
	for begun, left, next := time.Now(), l.Machines, time.Duration(0); left > 0; {
		now := time.Since(begun)
		if now >= next {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			for _, m := range machines {
				gaveUp, err := m.wake(now, conn)
				if err != nil {
					return nil, fmt.Errorf("load of machines: %w", err)
				}
				if gaveUp {
					left--
				}
			}
			next = now + check
		}
		if err := conn.SetReadDeadline(begun.Add(next)); err != nil {
			return nil, err
		}
		n, _, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load of machines: %w", err)
		}
		d, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			return nil, fmt.Errorf("load of machines: the server sent %x: %w", buf[:n], err)
		}
		i := int(binary.BigEndian.Uint32(d.TransactionID[:])) - 1
		if i < 0 || i >= len(machines) || !slices.Equal(machines[i].mac, d.ClientHWAddr) {
			continue
		}
		leased, err := machines[i].receive(time.Since(begun), d, conn)
		if err != nil {
			return nil, fmt.Errorf("load of machines: %w", err)
		}
		if leased {
			left--
			if l.Leased != nil {
				l.Leased(i, machines[i].Addr)
			}
		}
	}
	leases := make([]Lease, len(machines))
	for i, m := range machines {
		leases[i] = m.Lease
	}
	return leases, nil
}

var everybody = &net.UDPAddr{IP: net.IPv4bcast, Port: 67}

// wake switches the machine on, or repeats its packet, if that is due.
func (m *machine) wake(now time.Duration, conn net.PacketConn) (gaveUp bool, err error) {
	switch {
	case m.over || now < m.on || m.packet != nil && now < m.due:
		return false, nil
	case m.packet == nil:
		return false, m.say(now, conn, m.message(m.mac, m.xid, dhcpv4.MessageTypeDiscover))
	case m.tries == len(waits):
		m.over, m.Took = true, now-m.on
		return true, nil
	}
	m.Repeats++
	m.due = now + waits[m.tries]
	m.tries++
	_, err = conn.WriteTo(m.packet, everybody)
	return false, err
}

// say sends a new packet.
func (m *machine) say(now time.Duration, conn net.PacketConn, d *dhcpv4.DHCPv4) error {
	m.packet, m.tries, m.due = d.ToBytes(), 1, now+waits[0]
	_, err := conn.WriteTo(m.packet, everybody)
	return err
}

// receive handles an answer. It takes the first offer: firmware waits for
// others, which would only add the same time to each boot.
func (m *machine) receive(now time.Duration, d *dhcpv4.DHCPv4, conn net.PacketConn) (leased bool, err error) {
	switch t := d.MessageType(); {
	case m.over || m.packet == nil:
	case t == dhcpv4.MessageTypeOffer && !m.requested:
		m.requested = true
		return false, m.say(now, conn, m.message(m.mac, m.xid, dhcpv4.MessageTypeRequest,
			dhcpv4.OptRequestedIPAddress(d.YourIPAddr), dhcpv4.OptServerIdentifier(d.ServerIdentifier())))
	case t == dhcpv4.MessageTypeNak && m.requested:
		m.requested = false
		return false, m.say(now, conn, m.message(m.mac, m.xid, dhcpv4.MessageTypeDiscover))
	case t == dhcpv4.MessageTypeAck && m.requested:
		m.over, m.Took = true, now-m.on
		m.Addr, _ = netip.AddrFromSlice(d.YourIPAddr.To4())
		return true, nil
	}
	return false, nil
}

// listen opens the clients' port. It receives broadcasts.
func listen(ctx context.Context, host *netns.Namespace, link string) (conn net.PacketConn, err error) {
	lc := net.ListenConfig{Control: sock.Control(func(fd int) error {
		return errors.Join(sock.OnInterface(link)(fd),
			os.NewSyscallError("setsockopt SO_BROADCAST", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)),
			os.NewSyscallError("setsockopt SO_RCVBUFFORCE",
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)))
	})}
	err = host.Do(func() error {
		conn, err = lc.ListenPacket(ctx, "udp4", ":68")
		return err
	})
	return conn, err
}

// Percentile returns the time that a fraction of all machines needed at most.
// Machines that gave up count with the time at which they did.
func Percentile(leases []Lease, p float64) time.Duration {
	var all []time.Duration
	for _, l := range leases {
		all = append(all, l.Took)
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(p*float64(len(all)-1)+0.5)]
}
