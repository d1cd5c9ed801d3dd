package otherdhcp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/base/jitter"
	"github.com/pxebox/pxebox/internal/net/netif/clientport"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
)

// maxPacket is the largest packet that is read, in bytes; see the same bound in
// package dhcpconn.
const maxPacket = 1500

// Detector looks for other servers. It uses the same client hardware address as
// long as the program runs, so that it occupies at most one address of another
// server's pool.
type Detector struct {
	mac       net.HardwareAddr
	suspicion chan netip.Addr
	log       *slog.Logger
}

// New makes a Detector.
func New(log *slog.Logger) *Detector {
	mac := make(net.HardwareAddr, 6)
	// It need not be secret: any host that listens sees it. After power-on,
	// a machine without an entropy source takes a second to gather enough
	// for secrets.
	for i := range mac {
		mac[i] = byte(rand.Uint32())
	}
	mac[0] = mac[0]&^0b01 | 0b10 // unicast, locally administered (IEEE 802 §8.4)
	return &Detector{mac: mac, suspicion: make(chan netip.Addr, 1), log: log}
}

// MAC returns the client hardware address of the probes. The box's DHCP server
// must not answer it: a relay agent or a second interface may send the probes
// back.
func (g *Detector) MAC() net.HardwareAddr { return g.mac }

// Suspect reports that a client's REQUEST named another server. Such a REQUEST is
// easily forged, so it only triggers a probe. It never blocks.
func (g *Detector) Suspect(server netip.Addr) {
	select {
	case g.suspicion <- server:
	default: // the one that is already waiting is just as good
	}
}

// Watch looks for other servers on one interface, whose link has just come up,
// until ctx ends or the socket fails; it returns the error of either. It
// reports each change of the verdict and logs none. The first verdict comes
// after a few seconds, and until then nothing may be leased. own reports
// whether an address currently belongs to the box. The two functions are never
// called at the same time.
func (g *Detector) Watch(
	ctx context.Context, ifname string, ifindex int, hw net.HardwareAddr, own func(netip.Addr) bool,
	report func(Verdict),
) error {
	conn, err := clientport.Listen(ifname, ifindex, hw)
	if err != nil {
		return fmt.Errorf("look for other DHCP servers: %w", err)
	}
	replies, failed := make(chan reply), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		conn.Close()
		<-failed
	}()
	go func() { failed <- receive(ctx, conn, replies) }()

	var asked recent
	me := self{hw: hw, mac: g.mac, own: own, asked: asked.has}
	s := newState(time.Now(), jitter.Tenth)
	last, sick := s.verdict(), false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			failed <- err // read again by the deferred call
			return fmt.Errorf("look for other DHCP servers: %w", err)
		case r := <-replies:
			s.heard(time.Now(), judge(me, r))
		case a := <-g.suspicion:
			if !own(a) {
				s.heard(time.Now(), finding{kind: suspect, server: a})
			}
		case <-timer.C:
			if now := time.Now(); s.step(now) {
				if err := g.discover(conn, &asked); err != nil {
					s.unsent(now)
					if !sick {
						g.log.Warn("dhcp: cannot look for other DHCP servers; retrying", "interface", ifname,
							"err", err)
					}
					sick = true
				} else {
					sick = false
				}
			}
		}
		if v := s.verdict(); v != last {
			last = v
			report(v)
		}
		timer.Reset(time.Until(s.due))
	}
}

// read decodes a server's reply, as leniently as a client may: a server that
// leaves out the end option counts too.
func read(b []byte) (*dhcpv4.DHCPv4, bool) {
	m, bare, err := dhcp.Parse(b)
	return m, err == nil && !bare
}

// receive passes on the packets that arrive on the client's port.
func receive(ctx context.Context, conn *clientport.Conn, to chan<- reply) error {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, ok := read(buf[:n])
		if !ok {
			continue // any host can send that
		}
		r := reply{
			msg: m, raw: bytes.Clone(buf[:n]), from: from.(*net.UDPAddr).AddrPort().Addr().Unmap(),
			sender: bytes.Clone(conn.Sender()), onLink: conn.Broadcast(),
		}
		select {
		case to <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// discover sends one DISCOVER. The frame's source is the interface's hardware
// address, since a switch may let only that through. It requests the answer by
// broadcast (RFC 2131 §4.1), since no interface listens to the address that the
// probe would get.
func (g *Detector) discover(conn *clientport.Conn, asked *recent) error {
	m, err := dhcpv4.NewDiscovery(g.mac, dhcpv4.WithBroadcast(true))
	if err != nil {
		return fmt.Errorf("create a DISCOVER: %w", err)
	}
	asked.add(m.TransactionID)
	if _, err := conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}); err != nil {
		return fmt.Errorf("send a DISCOVER: %w", err)
	}
	return nil
}

// recent holds the transactions of the last DISCOVERs: those of two probes,
// since an answer may be late.
type recent struct {
	ids  [2 * discovers]dhcpv4.TransactionID
	next int
}

func (r *recent) add(id dhcpv4.TransactionID) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

// has reports whether a transaction is one of them. No DISCOVER has xid 0.
func (r *recent) has(id dhcpv4.TransactionID) bool {
	return id != dhcpv4.TransactionID{} && slices.Contains(r.ids[:], id)
}
