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

// machines is how many machines request an address while the power is cut.
const machines = 200

// cutLeases cuts the power while the box hands out leases. Later the box must
// know every lease whose ACK a machine received.
func cutLeases(p *powered, chance *rand.Rand) (disk.Loss, func(*powered)) {
	p.on()
	p.waitServing()
	c := newCrowd(p)
	defer c.conn.Close()
	ctx, stop := context.WithCancel(p.within(boxBoots))
	defer stop()

	// An ACK follows a transaction of a few writes, which many ACKs share.
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

// checkLeases restarts machines that remember their addresses (RFC 2131 §3.2).
// A server without a record of them stays silent.
func checkLeases(p *powered, leases map[uint32]netip.Addr) {
	p.t.Helper()
	c := newCrowd(p)
	defer c.conn.Close()
	remembers := func(number uint32, addr netip.Addr) *dhcpv4.DHCPv4 {
		return message(number, dhcpv4.MessageTypeRequest,
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())))
	}
	// A machine that is unknown to the box shows that the ACKs to the others
	// mean something. Its request is the first, so it has had enough time for
	// an answer once the last of the others has its answer.
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
		p.t.Errorf("of %d leases that were acknowledged before the cut %d are not known any more: %v",
			len(leases), len(lost), lost)
	}
	select {
	case a := <-strange:
		p.t.Errorf("a machine that never had a lease gets %v", a.MessageType())
	default:
	}
}

// crowd is many machines behind one host of the LAN. Each has a number, from
// which its MAC and its transaction IDs derive.
type crowd struct {
	conn net.PacketConn

	mu      sync.Mutex
	answers map[uint32]chan *dhcpv4.DHCPv4 // by machine
	leases  map[uint32]netip.Addr          // the acknowledged addresses
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
				return // the connection is closed
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
			default: // no machine asked, or it has its answer
			}
		}
	}()
	return c
}

// message returns a machine's message. Its answers come as broadcasts, because
// the machine has no network stack.
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

// expect returns the channel that receives a machine's answers from now on.
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
	const again = time.Second // the loss of a datagram is not an event
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

// askAll lets all machines request an address, several at a time, until each
// has one or ctx ends.
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
