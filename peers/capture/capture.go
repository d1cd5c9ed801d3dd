// Package capture listens to a segment. It keeps each frame in memory with the
// kernel's arrival time, for tests to wait for and check, and writes it to a
// pcap file for people to read. It sends nothing.
package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/pcap"
	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/netns"
)

// Capture is the traffic of a segment so far.
type Capture struct {
	journal.Journal[Packet]
	socket *os.File
	ending chan struct{} // closed to end the reader
	ended  chan struct{} // closed when the reader has ended

	file *bufio.Writer
	pcap *pcap.Writer
	disk *os.File
	err  error // the reader's, once it has ended
}

// Start listens to a LAN. It drops frames for which skip returns true; a nil
// skip keeps all.
func Start(l *netns.LAN, path string, skip func(Packet) bool) (*Capture, error) {
	c := &Capture{ending: make(chan struct{}), ended: make(chan struct{})}
	err := l.Do(func() (err error) {
		c.socket, err = listen(netns.Bridge)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	if c.disk, err = os.Create(path); err != nil {
		return nil, errors.Join(err, c.socket.Close())
	}
	c.file = bufio.NewWriter(c.disk)
	if c.pcap, err = pcap.NewWriter(c.file, pcap.Ethernet); err != nil {
		return nil, errors.Join(err, c.socket.Close(), c.disk.Close())
	}
	go c.read(skip)
	return c, nil
}

// Close ends the capture and the file.
func (c *Capture) Close() error {
	close(c.ending)
	err := c.socket.Close()
	<-c.ended
	return errors.Join(err, c.err, c.file.Flush(), c.disk.Close())
}

// listen opens a packet socket for all frames that pass an interface.
func listen(name string) (*os.File, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)) // htons
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		// Holds a burst while the reader decodes.
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}))
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "packet socket"), nil
}

func (c *Capture) read(skip func(Packet) bool) {
	defer close(c.ended)
	raw, err := c.socket.SyscallConn()
	if err != nil {
		c.err = err
		return
	}
	frame, control := make([]byte, 1<<16), make([]byte, 128)
	for {
		var n, nc int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, nc, _, _, failed = unix.Recvmsg(int(fd), frame, control, 0)
			return failed != unix.EAGAIN
		})
		select {
		case <-c.ending:
			return
		default:
		}
		switch {
		case failed == unix.ENETDOWN || failed == unix.EINTR:
			continue
		case err != nil || failed != nil:
			c.err = errors.Join(err, failed)
			return
		}
		p := decode(arrival(control[:nc]), append([]byte(nil), frame[:n]...))
		if skip != nil && skip(p) {
			continue
		}
		if err := c.pcap.Frame(p.Time, p.Frame); err != nil {
			c.err = err
			return
		}
		c.Add(p)
	}
}

// arrival returns the kernel's timestamp of a message.
func arrival(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS &&
			len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix())
		}
	}
	return time.Now()
}
