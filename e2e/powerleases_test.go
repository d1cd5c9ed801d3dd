//go:build e2e

package e2e

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/disk"
	"github.com/pxebox/pxebox/e2e/lab"
)

// machines is how many machines ask for an address while the power is cut.
const machines = 200

// cutLeases cuts the power while the box hands out leases. Later the box has
// to know each of which a machine heard the ACK.
func cutLeases(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	p.on()
	p.waitServing()
	c := newCrowd(p)
	defer c.conn.Close()
	ctx, stop := context.WithCancel(p.within(boxBoots))
	defer stop()

	// An ACK stands behind a transaction of a few writes, which many share.
	n := 1 + chance.IntN(60)
	cut := p.Disk.CutAtWrite(n, chance)
	all := make(chan struct{})
	go func() {
		defer close(all)
		c.askAll(ctx)
	}()
	var loss disk.Loss
	select {
	case loss = <-cut:
	case <-all:
		loss = p.Disk.Cut(chance)
	}
	p.Off()
	stop()
	<-all
	p.t.Logf("%d leases were acknowledged before write %d", len(c.leases), n)
	return loss, func(p *powered) { checkLeases(p, c.leases) }
}

// checkLeases has machines start again that remember their addresses (RFC 2131
// §3.2). A server that has no record of them is silent.
func checkLeases(p *powered, leases map[uint32]netip.Addr) {
	p.t.Helper()
	c := newCrowd(p)
	defer c.conn.Close()
	remembers := func(number uint32, addr netip.Addr) *dhcpv4.DHCPv4 {
		return message(number, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())))
	}
	// The one that the box never heard of shows that the others' ACKs mean
	// something. Its question is the first, so silence has had time enough
	// once the last of the others has its answer.
	const stranger = machines
	strange := c.expect(stranger)
	if err := c.send(remembers(stranger, lab.FirstLease)); err != nil {
		p.t.Fatal(err)
	}
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		lost []netip.Addr
	)
	for number, addr := range leases {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
			defer cancel()
			a := c.ask(ctx, number, remembers(number, addr))
			if a == nil || a.MessageType() != dhcpv4.MessageTypeAck || !a.YourIPAddr.Equal(addr.AsSlice()) {
				mu.Lock()
				lost = append(lost, addr)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(lost) > 0 {
		p.t.Errorf("of %d leases that were acknowledged before the cut %d are not known any more: %v", len(leases), len(lost), lost)
	}
	select {
	case a := <-strange:
		p.t.Errorf("a machine that never had a lease gets %v", a.MessageType())
	default:
	}
}

// crowd is many machines behind one station of the LAN. Each is known by a
// number, from which its MAC and its transactions are made.
type crowd struct {
	conn net.PacketConn

	mu      sync.Mutex
	answers map[uint32]chan *dhcpv4.DHCPv4 // by machine
	leases  map[uint32]netip.Addr          // what was acknowledged
}

func newCrowd(p *powered) *crowd {
	p.t.Helper()
	conn, err := p.Observer.ListenUDP(dhcpv4.ClientPort)
	if err != nil {
		p.t.Fatal(err)
	}
	c := &crowd{conn: conn, answers: map[uint32]chan *dhcpv4.DHCPv4{}, leases: map[uint32]netip.Addr{}}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return // closed
			}
			a, err := dhcpv4.FromBytes(buf[:n])
			if err != nil || a.OpCode != dhcpv4.OpcodeBootReply {
				continue
			}
			c.mu.Lock()
			waiting := c.answers[binary.BigEndian.Uint32(a.TransactionID[:])]
			c.mu.Unlock()
			select {
			case waiting <- a:
			default: // nobody asked, or it has its answer
			}
		}
	}()
	return c
}

// message is one of a machine's. Its answers come as broadcasts, since the
// machine has no network of its own.
func message(number uint32, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	mac := binary.BigEndian.AppendUint32([]byte{0x02, 0x77}, number)
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithHwAddr(mac),
		dhcpv4.WithTransactionID(dhcpv4.TransactionID(binary.BigEndian.AppendUint32(nil, number))),
		dhcpv4.WithBroadcast(true),
		dhcpv4.WithMessageType(kind),
	}, more...)...)
	if err != nil {
		panic(err) // it only fails without randomness
	}
	return m
}

// expect returns where the answers to a machine go from now on.
func (c *crowd) expect(number uint32) <-chan *dhcpv4.DHCPv4 {
	answers := make(chan *dhcpv4.DHCPv4, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[number] = answers
	return answers
}

func (c *crowd) send(m *dhcpv4.DHCPv4) error {
	_, err := c.conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort})
	return err
}

// ask sends a message until it is answered. nil means that ctx ended first.
func (c *crowd) ask(ctx context.Context, number uint32, m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	const again = time.Second // a lost datagram is no event
	answers := c.expect(number)
	for c.send(m) == nil {
		select {
		case a := <-answers:
			return a
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
	return nil
}

// askAll has all machines ask for an address, some at a time, until each has
// one or ctx ends.
func (c *crowd) askAll(ctx context.Context) {
	const together = 8
	var wait sync.WaitGroup
	for first := range uint32(together) {
		wait.Go(func() {
			for number := first; number < machines; number += together {
				c.lease(ctx, number)
			}
		})
	}
	wait.Wait()
}

func (c *crowd) lease(ctx context.Context, number uint32) {
	offer := c.ask(ctx, number, message(number, dhcpv4.MessageTypeDiscover))
	if offer == nil {
		return
	}
	ack := c.ask(ctx, number, message(number, dhcpv4.MessageTypeRequest,
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
		return
	}
	addr, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leases[number] = addr
}
