package tftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/net/sock"
)

const (
	inBatch  = 64  // datagrams that one system call may receive
	outBatch = 64  // datagrams, or windows, that one system call may send
	inSize   = 600 // an ACK has four bytes; the text of an ERROR may be truncated
	maxIOV   = 1024
	// The kernel segments a message into at most maxSegments datagrams
	// (UDP_MAX_SEGMENTS). A message has at most maxMessage bytes: the limit of
	// an IP packet, less its header and UDP's.
	maxSegments = 64
	maxMessage  = 65535 - 20 - 8

	receiveBuffer = 4 << 20
	sendBuffer    = 4 << 20

	// spinTime is how long a busy reactor polls for packets before it sleeps.
	// Waking it up takes about as long as a client on the same switch takes to
	// answer.
	spinTime = 30 * time.Microsecond
	// maxPause limits for how many waits a reactor that spun in vain does not
	// spin again, as a power of two.
	maxPause = 8
)

// link is the sockets of one reactor. Only wake may be called from another
// goroutine.
type link struct {
	socks []*outbox
	gso   int // the largest datagram, in bytes, that the kernel segments a message into; 0: it cannot
	// sendmmsg is the system call. It returns how many messages were sent, or
	// the errno of the first one.
	sendmmsg func(fd int, msgs []unix.Mmsghdr) (int, unix.Errno)

	// The sockets have a separate poller. In the Go runtime's poller, each
	// packet would wake a runtime thread, even while the reactor is at work.
	epoll   int
	events  [8]unix.EpollEvent
	nEvents int
	wakeup  *os.File // an eventfd; a File, so that wake is safe after close
	wakeFD  int
	spin    spinner
	// alone says that other goroutines have no other processor. Then the runtime's
	// poller waits for the separate one.
	alone bool
	file  *os.File // epoll
	raw   syscall.RawConn
	find  func(uintptr) bool // look, for raw

	sent int // messages that the kernel accepted; the reactor counts them and sets it to 0

	in    [inBatch]unix.Mmsghdr
	names [inBatch]unix.RawSockaddrInet4
	iovs  [inBatch]unix.Iovec
	bufs  [inBatch][inSize]byte
	got   []datagram
}

// outbox is a socket, and the messages that wait to be sent from it.
type outbox struct {
	fd     int
	port   uint16
	msgs   [outBatch]unix.Mmsghdr
	names  [outBatch]unix.RawSockaddrInet4
	ctl    [outBatch][ctlSize]byte
	bytes  [outBatch]int // in the message
	blocks [outBatch]int
	size   [outBatch]int // of the first DATA packet; only a file's last packet is shorter
	n      int           // messages
	iov    [maxIOV]unix.Iovec
	nIOV   int
	heads  [maxIOV][dataHeader]byte
	plain  []byte // packets that are not DATA, one after the other
}

// ctlSize fits IP_PKTINFO (12 bytes) and UDP_SEGMENT (2), each with its header
// and padding.
const ctlSize = 64

// openLink opens the sockets of one reactor, on the interface and the address
// that conn is bound to.
func openLink(conn net.PacketConn, sockets int) (l *link, err error) {
	device, local, err := binding(conn)
	if err != nil {
		return nil, err
	}
	l = &link{epoll: -1, gso: maxMessage, sendmmsg: sendmmsg, got: make([]datagram, 0, inBatch)}
	l.alone = runtime.GOMAXPROCS(0) == 1
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if l.wakeFD, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l.wakeup = os.NewFile(uintptr(l.wakeFD), "eventfd")
	if l.alone {
		if err := unix.SetNonblock(l.epoll, true); err != nil {
			return nil, fmt.Errorf("epoll: %w", err)
		}
		l.file = os.NewFile(uintptr(l.epoll), "epoll")
		if l.raw, err = l.file.SyscallConn(); err != nil {
			return nil, fmt.Errorf("epoll: %w", err)
		}
		l.find = func(uintptr) bool {
			l.look()
			return l.nEvents > 0
		}
	}
	if err := l.watch(l.wakeFD, -1); err != nil {
		return nil, err
	}
	for i := range sockets {
		fd, err := openSocket(device, local)
		if err != nil {
			return nil, err
		}
		l.socks = append(l.socks, &outbox{fd: fd, port: portOf(fd)})
		// A kernel that cannot segment (before 4.18) would send the whole
		// message as one datagram.
		if _, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT); err != nil {
			l.gso = 0
		}
		if err := l.watch(fd, i); err != nil {
			return nil, err
		}
	}
	for i := range l.in {
		l.iovs[i].Base = &l.bufs[i][0]
		l.iovs[i].SetLen(inSize)
		h := &l.in[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&l.names[i]))
		h.Iov = &l.iovs[i]
		h.SetIovlen(1)
	}
	return l, nil
}

// binding returns the interface and address that a socket is bound to.
func binding(conn net.PacketConn) (device string, local [4]byte, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return "", local, errors.New("not a system socket")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return "", local, err
	}
	var e error
	if err := raw.Control(func(fd uintptr) {
		device, e = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	}); err != nil {
		return "", local, err
	}
	if e != nil {
		return "", local, fmt.Errorf("interface of the socket: %w", e)
	}
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		copy(local[:], a.IP.To4())
	}
	return device, local, nil
}

func openSocket(device string, local [4]byte) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if device != "" {
		err = sock.OnInterface(device)(fd)
	}
	// Without this, a forged ICMP message could make the kernel assume a small
	// path MTU and refuse to segment.
	err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT))
	// FORCE exceeds the system's limit but needs CAP_NET_ADMIN.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
	if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrInet4{Addr: local})); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("socket for transfers: %w", err)
	}
	return fd, nil
}

// portOf returns a socket's port; 0 if the kernel does not say it.
func portOf(fd int) uint16 {
	a, err := unix.Getsockname(fd)
	if v4, ok := a.(*unix.SockaddrInet4); ok && err == nil {
		return uint16(v4.Port)
	}
	return 0
}

// local returns the address and port that a peer's packets are sent from.
func (l *link) local(p peer) netip.AddrPort {
	return netip.AddrPortFrom(p.local, l.socks[p.socket].port)
}

// watch makes the poller report fd, as event number i.
func (l *link) watch(fd, i int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (l *link) close() {
	for _, s := range l.socks {
		unix.Close(s.fd)
	}
	if l.wakeup != nil {
		l.wakeup.Close()
	}
	switch {
	case l.file != nil:
		l.file.Close()
	case l.epoll >= 0:
		unix.Close(l.epoll)
	}
}

// wake ends the wait of receive. On a closed link it does nothing.
func (l *link) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = l.wakeup.Write(one[:])
}

// look polls which sockets are readable, without waiting.
func (l *link) look() {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
	if l.nEvents = int(n); e != 0 {
		l.nEvents = 0
	}
}

// receive waits for packets until the deadline, or without limit if it is zero,
// or not at all (poll). It returns the packets that have arrived: none after
// the deadline and after wake. busy says that clients are about to answer. more
// says that other packets wait. The packets are valid until the next call.
func (l *link) receive(deadline time.Time, poll, busy bool) (got []datagram, more bool, err error) {
	if poll {
		l.look()
	} else if err := l.await(deadline, busy); err != nil {
		return nil, false, err
	}
	l.got = l.got[:0]
	for _, ev := range l.events[:l.nEvents] {
		if ev.Fd >= 0 {
			// The packets of one socket may fill all buffers. The poller takes
			// turns: the next call reads the next socket.
			l.read(int(ev.Fd))
			more = l.nEvents > 1 || len(l.got) == inBatch
			break
		}
		var count [8]byte
		_, _ = unix.Read(l.wakeFD, count[:])
	}
	return l.got, more, nil
}

// await waits until a socket is readable. If clients are about to answer, it
// spins first: on a fast link, a client answers before the runtime could put
// the thread to sleep and wake it.
func (l *link) await(deadline time.Time, busy bool) error {
	if busy && l.spin.worthwhile() {
		for began := time.Now(); ; {
			l.look()
			if l.nEvents > 0 {
				l.spin.worked()
				return nil
			}
			if time.Since(began) >= spinTime {
				break
			}
			if l.alone {
				runtime.Gosched()
			}
		}
		l.spin.failed()
	}
	if l.alone {
		return l.park(deadline)
	}
	timeout := -1
	if !deadline.IsZero() {
		// Rounded up, so that it waits only once for a deadline.
		timeout = max(int((time.Until(deadline)+time.Millisecond-1)/time.Millisecond), 0)
	}
	n, err := unix.EpollWait(l.epoll, l.events[:], timeout)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	l.nEvents = max(n, 0)
	return nil
}

// park waits until a socket is readable, and leaves the processor to other
// goroutines at once. The runtime notices only after 20 µs to 10 ms that a
// goroutine waits in a system call: until then, no request would begin.
func (l *link) park(deadline time.Time) error {
	if err := l.file.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	switch err := l.raw.Read(l.find); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.look() // Read looks at nothing if the deadline has passed before
	case err != nil:
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// spinner decides whether to spin before a wait. Spinning keeps a processor
// from the other threads. If one of them is what the reactor waits for, such as
// a client on the same machine, spinning only delays it. So each spin in vain
// doubles the number of waits until the next one.
type spinner struct {
	pauses uint // spins in vain since the last that worked, at most maxPause
	rest   int  // waits until the next spin
}

// worthwhile reports whether to spin before this wait.
func (s *spinner) worthwhile() bool {
	if s.rest > 0 {
		s.rest--
		return false
	}
	return true
}

// worked notes that a packet arrived during a spin.
func (s *spinner) worked() { s.pauses = 0 }

// failed notes that no packet arrived during a spin.
func (s *spinner) failed() {
	s.pauses = min(s.pauses+1, maxPause)
	s.rest = 1<<s.pauses - 1
}

// read receives the packets of one socket.
func (l *link) read(i int) {
	for j := range l.in {
		l.in[j].Hdr.Namelen = unix.SizeofSockaddrInet4
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(l.socks[i].fd),
		uintptr(unsafe.Pointer(&l.in[0])), inBatch, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return // no packet, or an error of one packet: the next call reads the rest
	}
	for j := range int(n) {
		name := &l.names[j]
		port := (*[2]byte)(unsafe.Pointer(&name.Port))
		l.got = append(l.got, datagram{
			from:   netip.AddrPortFrom(netip.AddrFrom4(name.Addr), binary.BigEndian.Uint16(port[:])),
			socket: i,
			data:   l.bufs[j][:l.in[j].Len],
		})
	}
}

// message begins a message to p.
func (l *link) message(p peer) *outbox {
	s := l.socks[p.socket]
	if s.n == outBatch || s.nIOV+8 > maxIOV {
		l.flushSocket(s)
	}
	name := &s.names[s.n]
	name.Family = unix.AF_INET
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], p.addr.Port())
	name.Addr = p.addr.Addr().As4()
	s.bytes[s.n], s.blocks[s.n] = 0, 0
	h := &s.msgs[s.n].Hdr
	h.Name = (*byte)(unsafe.Pointer(name))
	h.Namelen = unix.SizeofSockaddrInet4
	h.Iov = &s.iov[s.nIOV]
	h.SetIovlen(0)
	// The answer must come from the address that was asked.
	ctl := s.ctl[s.n][:]
	c := (*unix.Cmsghdr)(unsafe.Pointer(&ctl[0]))
	c.Level, c.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	c.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	*(*unix.Inet4Pktinfo)(unsafe.Pointer(&ctl[unix.CmsgLen(0)])) = unix.Inet4Pktinfo{Spec_dst: p.local.As4()}
	h.Control = &ctl[0]
	h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	s.n++
	return s
}

// add appends b to the newest message. b must not change until flush.
func (s *outbox) add(b []byte) {
	if len(b) == 0 {
		return
	}
	v := &s.iov[s.nIOV]
	v.Base = &b[0]
	v.SetLen(len(b))
	s.nIOV++
	m := s.n - 1
	s.bytes[m] += len(b)
	s.msgs[m].Hdr.SetIovlen(int(s.msgs[m].Hdr.Iovlen) + 1)
}

// packet sends a packet that is not DATA.
func (l *link) packet(p peer, b []byte) {
	s := l.message(p)
	at := len(s.plain)
	s.plain = append(s.plain, b...)
	s.add(s.plain[at:])
}

// block begins a DATA packet. size is the size of a full packet. The block
// joins the previous one's message if more is set and the kernel can segment
// that message.
func (l *link) block(p peer, number uint16, size int, more bool) {
	s := l.socks[p.socket]
	m := s.n - 1
	if !more || m < 0 || size > l.gso || s.blocks[m] == maxSegments || s.bytes[m]+size > maxMessage ||
		s.nIOV+8 > maxIOV {
		s = l.message(p)
		m = s.n - 1
	}
	s.blocks[m]++
	switch s.blocks[m] {
	case 1:
		s.size[m] = size
	case 2:
		h := &s.msgs[m].Hdr
		at := unix.CmsgSpace(unix.SizeofInet4Pktinfo)
		c := (*unix.Cmsghdr)(unsafe.Pointer(&s.ctl[m][at]))
		c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		c.SetLen(unix.CmsgLen(2))
		*(*uint16)(unsafe.Pointer(&s.ctl[m][at+unix.CmsgLen(0)])) = uint16(size)
		h.SetControllen(at + unix.CmsgSpace(2))
	}
	head := s.heads[s.nIOV][:]
	putDATA(head, number)
	s.add(head)
}

// bytes appends a part of a block after the header.
func (l *link) bytes(p peer, b []byte) { l.socks[p.socket].add(b) }

// flush sends everything that waits. What the system does not accept is lost,
// like a datagram on the wire.
func (l *link) flush() {
	for _, s := range l.socks {
		l.flushSocket(s)
	}
}

func (l *link) flushSocket(s *outbox) {
	patient := true
	for i := 0; i < s.n; {
		n, e := l.sendmmsg(s.fd, s.msgs[i:s.n])
		switch {
		case e == 0:
			i += n
			l.sent += n
		case e == unix.EINTR:
		case e == unix.EAGAIN && patient:
			// The interface is the bottleneck: let it drain.
			patient = false
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, 20)
		case e == unix.EAGAIN:
			i = s.n
		default:
			// The other messages must not fail with this one. Its blocks are
			// sent again after the time-out, in single datagrams.
			if s.blocks[i] > 1 {
				l.gso = min(l.gso, segmentable(e, s.size[i]))
			}
			i++
		}
	}
	s.n, s.nIOV, s.plain = 0, 0, s.plain[:0]
}

// segmentable returns the largest datagram, in bytes, that a message may still
// be segmented into after the kernel refused a message with datagrams of the
// given size.
func segmentable(e unix.Errno, size int) int {
	switch e {
	// the interface leaves checksums to the kernel, or does not segment
	case unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		return 0
	case unix.EINVAL, unix.EMSGSIZE: // they do not fit the MTU; the errno depends on the kernel's version
		return size - 1
	}
	return maxMessage // it failed for another reason
}

// sendmmsg never blocks, so the runtime's scheduler need not know about it.
func sendmmsg(fd int, msgs []unix.Mmsghdr) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])), uintptr(len(msgs)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

// toBroadcast reports whether a datagram was sent to a broadcast address: "A
// TFTP request directed to a broadcast address SHOULD be silently ignored" (RFC
// 1123 §4.2.3.5). Only the kernel knows the broadcast addresses of its
// networks. Next to the destination it gives the address that it would answer
// from (ip(7), ipi_spec_dst). For a broadcast, the two differ.
func toBroadcast(control []byte) bool {
	msgs, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, m := range msgs {
		if m.Header.Level != unix.IPPROTO_IP || m.Header.Type != unix.IP_PKTINFO ||
			len(m.Data) < unix.SizeofInet4Pktinfo {
			continue
		}
		info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&m.Data[0]))
		return info.Spec_dst != [4]byte{} && info.Spec_dst != info.Addr
	}
	return false
}
