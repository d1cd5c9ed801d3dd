//go:build !linux

package tftp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	inBatch = 64
	inSize  = 600
)

// link is the sockets of one reactor, by nothing but package net: for
// developers. Only wake may be called from another goroutine.
type link struct {
	socks []*ipv4.PacketConn
	in    chan datagram
	woken chan struct{}
	done  chan struct{}
	timer *time.Timer
	got   []datagram
	sent  int // messages that the system took; the reactor counts them and sets it to 0

	to  peer
	out []byte // the datagram that is being put together
}

// openLink opens the sockets of one reactor on the address of conn.
func openLink(conn net.PacketConn, sockets int) (*link, error) {
	l := &link{
		in: make(chan datagram, inBatch), woken: make(chan struct{}, 1), done: make(chan struct{}),
		timer: time.NewTimer(time.Hour),
	}
	for i := range sockets {
		a := &net.UDPAddr{}
		if la, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			a.IP = la.IP
		}
		c, err := net.ListenUDP("udp4", a)
		if err != nil {
			l.close()
			return nil, err
		}
		l.socks = append(l.socks, ipv4.NewPacketConn(c))
		go l.read(i, c)
	}
	return l, nil
}

func (l *link) read(i int, c *net.UDPConn) {
	for {
		b := make([]byte, inSize)
		n, from, err := c.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // about one packet
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		select {
		case l.in <- datagram{from: from, socket: i, data: b[:n]}:
		case <-l.done:
			return
		}
	}
}

func (l *link) close() {
	close(l.done)
	for _, s := range l.socks {
		s.Close()
	}
}

// wake ends the wait of receive.
func (l *link) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// receive waits for packets until the deadline, without one (zero) for ever,
// or not at all (poll), and returns what is there: nothing after the deadline
// and after wake. more says that this was not all.
func (l *link) receive(deadline time.Time, poll, _ bool) (got []datagram, more bool, err error) {
	l.got = l.got[:0]
	if len(l.in) == 0 && !poll {
		wait := time.Hour
		if !deadline.IsZero() {
			wait = time.Until(deadline)
		}
		l.timer.Reset(wait)
		select {
		case d := <-l.in:
			l.got = append(l.got, d)
		case <-l.woken:
		case <-l.timer.C:
		}
	}
	for len(l.in) > 0 && len(l.got) < inBatch {
		l.got = append(l.got, <-l.in)
	}
	return l.got, len(l.in) > 0, nil
}

// packet sends one that is not DATA.
func (l *link) packet(p peer, b []byte) {
	l.flush()
	l.to, l.out = p, append(l.out, b...)
}

// block begins a DATA packet.
func (l *link) block(p peer, number uint16, _ int, _ bool) {
	l.flush()
	l.to, l.out = p, append(l.out, 0, 0, 0, 0)
	putDATA(l.out, number)
}

// bytes puts a part of a block behind the header.
func (l *link) bytes(_ peer, b []byte) { l.out = append(l.out, b...) }

// flush sends all that waits. What the system does not take is as lost as a
// datagram on the wire.
func (l *link) flush() {
	if len(l.out) == 0 {
		return
	}
	cm := &ipv4.ControlMessage{}
	if !l.to.local.IsUnspecified() {
		cm.Src = l.to.local.AsSlice()
	}
	if _, err := l.socks[l.to.socket].WriteTo(l.out, cm, net.UDPAddrFromAddrPort(l.to.addr)); err == nil {
		l.sent++
	}
	l.out = l.out[:0]
}

// toBroadcast would tell of a datagram that was sent to many.
func toBroadcast([]byte) bool { return false }
