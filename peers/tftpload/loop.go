package tftpload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

const (
	batch = 16 // messages per system call
	// maxMessage is the largest message: the bytes of an IP packet, or many
	// datagrams that the kernel has left together.
	maxMessage = 64 << 10
	// patrol is how often to check the clients that receive nothing.
	patrol = 20 * time.Millisecond
	// receiveBuffer of each client holds several windows: packets that a full
	// buffer drops would be counted against the server.
	receiveBuffer = 4 << 20
)

// client is one machine with its current transfer.
type client struct {
	tftpclient.Transfer
	fd        int        // -1: none, the client has ended
	from      netip.Addr // invalid: the kernel chooses
	connected bool       // to the server's port for this transfer (RFC 1350 §4)
	heard     time.Duration
	tries     int
	serial    uint32 // number of its transfer
}

// held is an ACK that waits for its delay to pass.
type held struct {
	due    time.Duration
	client int
	serial uint32
	packet [4]byte
}

// loop runs clients on one thread. Times are since begun.
type loop struct {
	Load
	epoll   int
	clients []client
	running int
	waiting int // clients that have not started
	server  unix.RawSockaddrInet4
	request []byte
	random  *rand.Rand
	begun   time.Time
	now     time.Duration
	held    []held // in order of due
	report  Report

	messages [batch]mmsghdr
	vectors  [batch]unix.Iovec
	names    [batch]unix.RawSockaddrInet4
	controls [batch]control
	buffers  [batch][maxMessage]byte
}

// control is the only requested control message: the length of each of the
// datagrams in a message.
type control struct {
	unix.Cmsghdr
	size int32
	_    int32
}

// mmsghdr is struct mmsghdr of recvmmsg(2), on 64-bit Linux.
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ uint32
}

func newLoop(l Load) (*loop, error) {
	if !l.Server.Addr().Is4() {
		return nil, fmt.Errorf("%v is not an IPv4 address", l.Server)
	}
	w := &loop{
		Load: l, clients: make([]client, l.Clients),
		request: l.options().Request(l.Name),
		random:  rand.New(rand.NewPCG(l.Seed, 1)),
	}
	w.server = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: l.Server.Addr().As4(),
		Port: networkOrder(l.Server.Port())}
	for i := range batch {
		w.vectors[i].Base = &w.buffers[i][0]
		w.vectors[i].SetLen(maxMessage)
		m := &w.messages[i].Msghdr
		m.Iov, m.Iovlen = &w.vectors[i], 1
		// The kernel leaves the length as it is, because all addresses have the
		// same length.
		m.Name, m.Namelen = (*byte)(unsafe.Pointer(&w.names[i])), unix.SizeofSockaddrInet4
		m.Control = (*byte)(unsafe.Pointer(&w.controls[i]))
	}
	for i := range w.clients {
		w.clients[i].fd = -1
	}
	var err error
	w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return w, os.NewSyscallError("epoll_create1", err)
}

func (w *loop) close() error {
	for i := range w.clients {
		w.hangUp(&w.clients[i])
	}
	return unix.Close(w.epoll)
}

func networkOrder(port uint16) uint16 { return port<<8 | port>>8 }

// run runs until the time is over, or until each client has the file.
func (w *loop) run(ctx context.Context) (Report, error) {
	w.begun = time.Now()
	for i := range w.clients {
		if w.Start != nil {
			w.waiting++
			continue
		}
		if len(w.From) > 0 {
			w.clients[i].from = w.From[i%len(w.From)]
		}
		if err := w.dial(i); err != nil {
			return w.report, err
		}
	}
	nextPatrol := patrol
	events := make([]unix.EpollEvent, 256)
	for w.running+w.waiting > 0 {
		if err := w.start(); err != nil {
			return w.report, err
		}
		wait := int(patrol / time.Millisecond)
		if w.Spin || len(w.held) > 0 {
			wait = 0 // for an ACK that is due soon: a timer would be some 50 µs late
		}
		n, err := unix.EpollWait(w.epoll, events, wait)
		if err != nil && err != unix.EINTR {
			return w.report, os.NewSyscallError("epoll_wait", err)
		}
		w.now = time.Since(w.begun)
		for _, e := range events[:max(n, 0)] {
			if err := w.receive(int(e.Fd)); err != nil {
				return w.report, err
			}
		}
		if err := w.release(); err != nil {
			return w.report, err
		}
		if w.now < nextPatrol && (w.Duration == 0 || w.now < w.Duration) {
			continue
		}
		nextPatrol = w.now + patrol
		if w.Duration > 0 && w.now >= w.Duration {
			break
		}
		if err := errors.Join(ctx.Err(), w.patrol()); err != nil {
			return w.report, err
		}
	}
	w.report.Elapsed = w.now
	return w.report, nil
}

// start starts the clients whose addresses have come.
func (w *loop) start() error {
	for w.waiting > 0 {
		select {
		case from := <-w.Start:
			i := len(w.clients) - w.waiting
			w.waiting--
			w.clients[i].from = from
			if err := w.dial(i); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// dial starts a client's next transfer.
func (w *loop) dial(i int) error {
	c := &w.clients[i]
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	*c = client{
		Transfer: w.options().Begin(w.compare),
		fd:       fd, from: c.from, heard: w.now, serial: c.serial + 1,
	}
	w.running++
	if c.from.IsValid() {
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: c.from.As4()}); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	if w.Window > 1 {
		// A message that a server sends in one piece, and that no card has
		// split, must not be split here: on a virtual cable the server would
		// pay for that.
		if err := unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1); err != nil {
			return os.NewSyscallError("setsockopt UDP_GRO", err)
		}
		// Exceeds the system's limit, if allowed.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUFFORCE", err)
		}
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	return w.ask(c)
}

// hangUp ends a client's transfer. If the transfer is incomplete, it also ends
// it at the server.
func (w *loop) hangUp(c *client) {
	if c.fd < 0 {
		return
	}
	if c.connected {
		send(c.fd, []byte("\x00\x05\x00\x00enough\x00"), nil)
	}
	// Without this call, the registration would only disappear with the last
	// copy of the socket, which a program being started may hold for a moment.
	_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	unix.Close(c.fd)
	c.fd = -1
	w.running--
}

func (w *loop) lost() bool { return w.Loss > 0 && w.random.Float64() < w.Loss }

// ask sends the request.
func (w *loop) ask(c *client) error {
	if w.lost() {
		return nil
	}
	return send(c.fd, w.request, &w.server)
}

// ack acknowledges all blocks received in order, after the delay.
func (w *loop) ack(i int) error {
	if w.lost() {
		return nil
	}
	c := &w.clients[i]
	packet := c.ACK()
	if w.Delay == 0 {
		return send(c.fd, packet[:], nil)
	}
	w.held = append(w.held, held{w.now + w.Delay, i, c.serial, packet})
	return nil
}

// release sends the ACKs whose delay has passed.
func (w *loop) release() error {
	n := 0
	for ; n < len(w.held) && w.held[n].due <= w.now; n++ {
		h := &w.held[n]
		if c := &w.clients[h.client]; c.serial == h.serial && c.fd >= 0 {
			if err := send(c.fd, h.packet[:], nil); err != nil {
				return err
			}
		}
	}
	if n > 0 {
		w.held = w.held[:copy(w.held, w.held[n:])]
	}
	return nil
}

// patrol makes clients retransmit if they have received nothing.
func (w *loop) patrol() error {
	for i := range w.clients {
		c := &w.clients[i]
		if c.fd < 0 || w.now-c.heard < w.Retry {
			continue
		}
		if c.tries++; c.tries > w.Tries {
			return fmt.Errorf("tftpload: no answer; %d bytes of the file have come", c.Bytes)
		}
		c.heard = w.now
		w.report.Repeats++
		var err error
		if c.connected {
			c.Again()
			err = w.ack(i)
		} else {
			err = w.ask(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive reads what has arrived for a client.
func (w *loop) receive(i int) error {
	for k := range w.messages {
		w.messages[k].SetControllen(int(unsafe.Sizeof(control{})))
	}
	c := &w.clients[i]
	// The socket never blocks, so the scheduler need not know.
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&w.messages[0])), batch,
		unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return nil
	default:
		return os.NewSyscallError("recvmmsg", errno)
	}
	serial := c.serial
	for k := range int(n) {
		b := w.buffers[k][:w.messages[k].n]
		size := len(b)
		if w.messages[k].Controllen > 0 && w.controls[k].Type == unix.UDP_GRO {
			size = int(w.controls[k].size)
		}
		for first := true; first || len(b) > 0; first = false {
			datagram := b[:min(size, len(b))]
			b = b[len(datagram):]
			if err := w.datagram(i, &w.names[k], datagram); err != nil {
				return err
			}
			if c.serial != serial || c.fd < 0 {
				return nil // that was the last datagram of this transfer
			}
		}
	}
	return nil
}

// datagram processes one datagram, unless it is chosen to be lost.
func (w *loop) datagram(i int, from *unix.RawSockaddrInet4, b []byte) error {
	if w.lost() {
		return nil
	}
	c := &w.clients[i]
	if !c.connected {
		// The port that the server answers from is the transfer's.
		if _, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(c.fd), uintptr(unsafe.Pointer(from)),
			unix.SizeofSockaddrInet4); errno != 0 {
			return os.NewSyscallError("connect", errno)
		}
		c.connected = true
	}
	before := c.Bytes
	ack, done, err := c.Receive(b)
	if err != nil {
		return fmt.Errorf("tftpload: %w", err)
	}
	c.heard, c.tries = w.now, 0
	w.report.Bytes += c.Bytes - before
	w.report.BlockSize, w.report.Window = c.BlockSize, c.Window
	switch {
	case done:
		return w.complete(i)
	case ack:
		return w.ack(i)
	}
	return nil
}

// complete ends a complete transfer, and starts the next.
func (w *loop) complete(i int) error {
	c := &w.clients[i]
	w.report.Files++
	// The last ACK is not delayed, because the socket is closed after it.
	packet := c.ACK()
	if !w.lost() {
		if err := send(c.fd, packet[:], nil); err != nil {
			return err
		}
	}
	c.connected = false // so that no ERROR follows
	w.hangUp(c)
	if w.Complete != nil {
		w.Complete(c.from)
	}
	if w.Duration == 0 {
		return nil
	}
	return w.dial(i)
}

// send sends a datagram; to is nil for the connected peer. A full queue counts
// as a loss, and a server that has closed its port stops answering: patrol
// detects both.
func send(fd int, b []byte, to *unix.RawSockaddrInet4) error {
	size := uintptr(0)
	if to != nil {
		size = unix.SizeofSockaddrInet4
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0,
		uintptr(unsafe.Pointer(to)), size)
	switch errno {
	case 0, unix.EAGAIN, unix.ECONNREFUSED, unix.ENOBUFS, unix.EINTR:
		return nil
	}
	return os.NewSyscallError("sendto", errno)
}
