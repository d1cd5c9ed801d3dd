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

// maxPacket is the largest packet that is looked at, in bytes; see the same
// bound of package dhcpconn.
const maxPacket = 1500

// Guard looks for other servers. It asks under one hardware address for as
// long as the program runs, so that it takes up one offer of another server's
// pool at most.
type Guard struct {
	mac       net.HardwareAddr
	suspicion chan netip.Addr
	log       *slog.Logger
}

// New makes a Guard.
func New(log *slog.Logger) *Guard {
	mac := make(net.HardwareAddr, 6)
	// It is no secret: whoever listens sees it. After power-on, a machine without
	// a source of chance takes a second until it has enough for secrets.
	for i := range mac {
		mac[i] = byte(rand.Uint32())
	}
	mac[0] = mac[0]&^0b01 | 0b10 // one machine's, locally administered (IEEE 802 §8.4)
	return &Guard{mac: mac, suspicion: make(chan netip.Addr, 1), log: log}
}

// MAC is the client hardware address of the probes. The box's own server must
// not answer it: a relay agent or a second interface may bring them back.
func (g *Guard) MAC() net.HardwareAddr { return g.mac }

// Heard tells that a client's REQUEST named another server. That is easily
// forged, so it is only a reason to look now. It never blocks.
func (g *Guard) Heard(server netip.Addr) {
	select {
	case g.suspicion <- server:
	default: // the one that waits already is as good
	}
}

// Watch looks for other servers on one interface, whose link has just come
// up, until ctx ends or the socket fails; its error is either's. It reports
// each change of the verdict and logs none. The first comes after some
// seconds, and until then nothing may be leased. own says which addresses are
// the box's at this moment. Both functions are called one at a time.
func (g *Guard) Watch(ctx context.Context, ifname string, ifindex int, hw net.HardwareAddr, own func(netip.Addr) bool, report func(Verdict)) error {
	conn, err := clientport.Listen(ifname, ifindex, hw)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
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
			failed <- err // for the end
			return fmt.Errorf("guard: %w", err)
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
						g.log.Warn("guard: cannot look for other DHCP servers; trying on", "interface", ifname, "err", err)
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

// read reads a reply of a server, as tolerantly as a client may: a server that
// leaves out the end option is one all the same.
func read(b []byte) (*dhcpv4.DHCPv4, bool) {
	m, bare, err := dhcp.Parse(b)
	return m, err == nil && !bare
}

// receive hands over the packets that come to the client's port.
func receive(ctx context.Context, conn *clientport.Conn, to chan<- reply) error {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, ok := read(buf[:n])
		if !ok {
			continue // anybody can send that
		}
		r := reply{
			msg: m, from: from.(*net.UDPAddr).AddrPort().Addr().Unmap(),
			sender: bytes.Clone(conn.Sender()), onLink: conn.Broadcast(),
		}
		select {
		case to <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// discover sends one question. The frame's own source is the interface's, as
// a switch may let only that through. The answer is asked for by broadcast
// (RFC 2131 §4.1), as no interface listens to the address asked for.
func (g *Guard) discover(conn *clientport.Conn, asked *recent) error {
	m, err := dhcpv4.NewDiscovery(g.mac, dhcpv4.WithBroadcast(true))
	if err != nil {
		return fmt.Errorf("make a DISCOVER: %w", err)
	}
	asked.add(m.TransactionID)
	if _, err := conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort}); err != nil {
		return fmt.Errorf("send a DISCOVER: %w", err)
	}
	return nil
}

// recent are the transactions of the last DISCOVERs: those of two probes, since
// an answer may be late.
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
