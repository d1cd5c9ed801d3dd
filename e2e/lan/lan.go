// Package lan is one Ethernet segment inside a process: a learning switch whose
// ports are QEMU guests (over Unix sockets), hosts on a user-space TCP/IP stack and
// other segments. It writes every frame to a packet capture and every UDP datagram to a
// record that tests can wait on. It needs no root and touches no network of the
// machine that it runs on. It does not interpret the datagrams (DHCP, TFTP,
// WDS) and never will.
package lan

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pxebox/pxebox/internal/base/pcap"
	frames "github.com/pxebox/pxebox/internal/test/frame"
	"github.com/pxebox/pxebox/internal/test/journal"
)

// Datagram is one UDP datagram as it crossed the segment; Time is when it reached
// the switch. Its Payload must not be modified.
type Datagram = frames.Datagram

// queueLen is how many frames a port queues for a guest that reads slowly. Like
// any switch, a full port drops. A guest under software emulation may not read
// for tens of milliseconds.
const queueLen = 4096

// LAN is a running segment. Make one with New.
type LAN struct {
	capture   *pcap.Writer // may be nil
	datagrams journal.Journal[Datagram]

	mu        sync.Mutex
	blocked   func(Datagram) bool // may be nil
	ports     map[*port]bool
	learned   map[[6]byte]*port
	dropped   int
	err       error // first error of the capture
	listeners []io.Closer
	hosts     []*Host
	closed    bool

	running sync.WaitGroup
}

// port is one socket of the switch.
type port struct {
	out  chan []byte
	done chan struct{} // closed when the port is unplugged
	once sync.Once
}

func (p *port) unplug() { p.once.Do(func() { close(p.done) }) }

// New starts a segment. It writes the capture in pcap format, one Write per
// frame, so that a crash leaves a readable file; nil means no capture.
func New(capture io.Writer) (*LAN, error) {
	l := &LAN{
		ports:   make(map[*port]bool),
		learned: make(map[[6]byte]*port),
	}
	if capture != nil {
		var err error
		if l.capture, err = pcap.NewWriter(capture, pcap.Ethernet); err != nil {
			return nil, err
		}
	}
	if err := l.advertiseRouter(); err != nil {
		return nil, err
	}
	return l, nil
}

// Close unplugs everything and waits for it to end. It returns the first error
// of the capture.
func (l *LAN) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	for _, c := range l.listeners {
		c.Close()
	}
	for p := range l.ports {
		p.unplug()
	}
	hosts := l.hosts
	l.mu.Unlock()

	for _, h := range hosts {
		h.close()
	}
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Dropped returns how many frames found a port's queue full.
func (l *LAN) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// plug adds a port. One goroutine passes its frames to send, in order, until
// the port is unplugged or send fails.
func (l *LAN) plug(send func(frame []byte) error) (*port, error) {
	p := &port{out: make(chan []byte, queueLen), done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	l.ports[p] = true
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		defer l.remove(p)
		for {
			select {
			case frame := <-p.out:
				if err := send(frame); err != nil {
					return
				}
			case <-p.done:
				return
			}
		}
	}()
	return p, nil
}

func (l *LAN) remove(p *port) {
	p.unplug()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ports, p)
	for mac, q := range l.learned {
		if q == p {
			delete(l.learned, mac)
		}
	}
}

// Block drops each UDP datagram that match accepts, as a firewall between the
// switch's ports does; nil lets all pass. The capture and the record of datagrams
// still contain what is dropped. match must be fast.
func (l *LAN) Block(match func(Datagram) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked = match
}

// forward is the switch: it records a frame, learns its sender's port, and
// forwards the frame. It retains frame.
func (l *LAN) forward(from *port, frame []byte) {
	if len(frame) < frames.EthernetHeader {
		return
	}
	dst, src := [6]byte(frame[0:6]), [6]byte(frame[6:12])
	now := time.Now()

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.capture != nil && l.err == nil {
		l.err = l.capture.Frame(now, frame)
	}
	if d, ok := frames.UDP(frame); ok {
		d.Time = now
		l.datagrams.Add(d)
		if l.blocked != nil && l.blocked(d) {
			return
		}
	}
	if src[0]&1 == 0 {
		l.learned[src] = from
	}
	if to := l.learned[dst]; to != nil {
		if to != from {
			l.queue(to, frame)
		}
		return
	}
	for p := range l.ports {
		if p != from {
			l.queue(p, frame)
		}
	}
}

func (l *LAN) queue(p *port, frame []byte) {
	select {
	case p.out <- frame:
	default:
		l.dropped++
	}
}

// Datagram waits for the i-th UDP datagram that crossed the segment, counting
// from 0, and returns it. It fails only when ctx ends.
func (l *LAN) Datagram(ctx context.Context, i int) (Datagram, error) {
	d, _, err := l.datagrams.Await(ctx, i, func(Datagram) bool { return true })
	return d, err
}

// WaitUDP returns the first datagram since the start of the segment that match
// accepts. It waits for one until ctx ends.
func (l *LAN) WaitUDP(ctx context.Context, match func(Datagram) bool) (Datagram, error) {
	d, _, err := l.datagrams.Await(ctx, 0, match)
	return d, err
}

// UDP returns the datagrams so far.
func (l *LAN) UDP() []Datagram { return l.datagrams.From(0) }

// Listen lets QEMU guests connect to a Unix socket. Each connection is a port:
//
//	-netdev stream,id=n0,server=off,addr.type=unix,addr.path=PATH
func (l *LAN) Listen(path string) error { return l.listen(path, 0) }

// ListenTrunk is Listen for guests on a trunk port: this segment is one of the
// VLANs there, and their frames have its tag. The switch drops a guest's other
// frames, as it does with a VLAN that the port does not carry. vlan is not 0.
func (l *LAN) ListenTrunk(path string, vlan uint16) error { return l.listen(path, vlan) }

func (l *LAN) listen(path string, vlan uint16) error {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		ln.Close()
		return net.ErrClosed
	}
	l.listeners = append(l.listeners, ln)
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // a guest that disconnected before it was accepted
			}
			l.running.Add(1)
			go func() {
				defer l.running.Done()
				l.serveGuest(conn, vlan)
			}()
		}
	}()
	return nil
}

// serveGuest carries one guest's frames until it disconnects. vlan is the tag that
// they have at the guest; 0 means none.
func (l *LAN) serveGuest(conn net.Conn, vlan uint16) {
	if vlan == 0 {
		l.serve(conn, func() ([]byte, error) { return readFrame(conn) },
			func(frame []byte) error { return writeFrame(conn, frame) })
		return
	}
	l.serve(conn, func() ([]byte, error) {
		for {
			tagged, err := readFrame(conn)
			if err != nil {
				return nil, err
			}
			if frame, ok := removeTag(tagged, vlan); ok {
				return frame, nil
			}
		}
	}, func(frame []byte) error { return writeFrame(conn, addTag(frame, vlan)) })
}

// Trunk connects another segment by a device such as a TAP interface: each Read
// returns one frame from there, and each Write sends one. The LAN closes it.
func (l *LAN) Trunk(device io.ReadWriteCloser) {
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		l.serve(device, func() ([]byte, error) {
			frame := make([]byte, maxFrame)
			n, err := device.Read(frame)
			return frame[:n], err
		}, func(frame []byte) error {
			_, err := device.Write(frame)
			return err
		})
	}()
}

// serve carries the frames of a guest or another segment until it disconnects.
func (l *LAN) serve(conn io.Closer, read func() ([]byte, error), write func(frame []byte) error) {
	defer conn.Close()
	p, err := l.plug(write)
	if err != nil {
		return
	}
	defer p.unplug()
	unplugged := make(chan struct{})
	defer close(unplugged)
	go func() { // closing the connection ends the read below
		select {
		case <-p.done:
			conn.Close()
		case <-unplugged:
		}
	}()
	for {
		frame, err := read()
		if err != nil {
			return
		}
		l.forward(p, frame)
	}
}
