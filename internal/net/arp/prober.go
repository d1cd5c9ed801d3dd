package arp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// asked is how many addresses a Prober listens for: the most recently probed
// ones. A server offers some 20,000 addresses a second at best and waits well
// below a second for each; only fresh offers are probed.
const asked = 4096

// Prober sends probes on one link. Its methods may be called by any goroutine.
type Prober struct {
	conn    *packet.Conn
	ifindex int
	hw      [6]byte
	closed  atomic.Bool

	mu     sync.Mutex
	recent recent
}

// Open opens a packet socket for ARP on one interface, whose hardware address
// is hw. It needs CAP_NET_RAW.
func Open(ifname string, ifindex int, hw net.HardwareAddr) (*Prober, error) {
	a, ok := hardware(hw)
	if !ok {
		return nil, fmt.Errorf("arp on %s: %v is not an Ethernet address", ifname, hw)
	}
	conn, err := packet.Listen(&net.Interface{Name: ifname, Index: ifindex, HardwareAddr: hw}, packet.Datagram,
		unix.ETH_P_ARP, nil)
	if err != nil {
		return nil, fmt.Errorf("arp on %s: %w", ifname, err)
	}
	return &Prober{conn: conn, ifindex: ifindex, hw: a, recent: newRecent(asked)}, nil
}

// Close ends Run.
func (p *Prober) Close() error {
	p.closed.Store(true)
	return p.conn.Close()
}

// Probe asks whether a machine uses a, and does not wait: Run reports the
// answer. The error is the socket's; most likely its buffer is full.
func (p *Prober) Probe(a netip.Addr) error {
	p.mu.Lock()
	p.recent.add(a)
	p.mu.Unlock()
	if err := p.broadcast(probe(p.hw, a)); err != nil {
		return fmt.Errorf("arp probe for %v: %w", a, err)
	}
	return nil
}

// Announce tells all hosts on the link that a is now at this interface.
func (p *Prober) Announce(a netip.Addr) error {
	if err := p.broadcast(announcement(p.hw, a)); err != nil {
		return fmt.Errorf("arp announcement of %v: %w", a, err)
	}
	return nil
}

// Run reports each sign that another machine uses a probed address, until Close
// or an error of the socket. Only the last 4,096 probed addresses count. An
// address that was leased in the meantime is reported too, once its new holder
// sends, so the caller must know which addresses it waits for.
func (p *Prober) Run(report func(a netip.Addr, usedBy net.HardwareAddr)) error {
	buf := make([]byte, 64) // the shortest Ethernet frame, padding included
	for {
		n, _, err := p.conn.ReadFrom(buf)
		switch {
		case p.closed.Load():
			return nil
		case errors.Is(err, unix.ENETDOWN):
			continue // reported once when the interface goes down; it may come back
		case err != nil:
			return fmt.Errorf("arp: %w", err)
		}
		m, ok := Decode(buf[:n])
		if !ok || m.Sender == p.hw {
			continue // a switch may send our packets back
		}
		a := m.claims()
		p.mu.Lock()
		wanted := p.recent.has(a)
		p.mu.Unlock()
		if wanted {
			report(a, net.HardwareAddr(m.Sender[:]))
		}
	}
}

// broadcast sends to all hosts on the link, or fails at once.
func (p *Prober) broadcast(m Packet) error {
	to := unix.SockaddrLinklayer{
		Protocol: 0x0608, // ETH_P_ARP in network order
		Ifindex:  p.ifindex,
		Halen:    6,
		Addr:     [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	rc, err := p.conn.SyscallConn()
	if err != nil {
		return err
	}
	send := func(fd uintptr) {
		err = unix.Sendto(int(fd), m.Encode(), unix.MSG_DONTWAIT, &to)
		if errors.Is(err, unix.ENETDOWN) {
			// The interface may have been down: a packet socket
			// reports that once, to its next caller, possibly long
			// afterwards.
			err = unix.Sendto(int(fd), m.Encode(), unix.MSG_DONTWAIT, &to)
		}
	}
	// Conn's write would block until there is room.
	if e := rc.Control(send); e != nil {
		return e
	}
	return err
}

// recent is the set of the most recently added addresses.
type recent struct {
	ring []netip.Addr
	next int
	in   map[netip.Addr]int // how often in ring
}

func newRecent(n int) recent {
	return recent{ring: make([]netip.Addr, n), in: make(map[netip.Addr]int)}
}

func (r *recent) add(a netip.Addr) {
	if old := r.ring[r.next]; old.IsValid() {
		if r.in[old]--; r.in[old] == 0 {
			delete(r.in, old)
		}
	}
	r.ring[r.next] = a
	r.in[a]++
	r.next = (r.next + 1) % len(r.ring)
}

func (r *recent) has(a netip.Addr) bool { return r.in[a] > 0 }
