package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// The NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md): fixed
// newstyle negotiation, simple replies.
const (
	magicServer  = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption  = 0x49484156454f5054 // "IHAVEOPT"
	magicReply   = 0x3e889045565a9
	magicRequest = 0x25609513
	magicSimple  = 0x67446698

	flagFixedNewstyle = 1 << 0
	flagNoZeroes      = 1 << 1

	flagHasFlags  = 1 << 0
	flagSendFlush = 1 << 2
	flagSendFUA   = 1 << 3

	optExportName = 1
	optAbort      = 2
	optInfo       = 6
	optGo         = 7

	repAck      = 1
	repInfo     = 3
	repUnsup    = 1<<31 | 1
	infoExport  = 0
	infoBlock   = 3
	cmdRead     = 0
	cmdWrite    = 1
	cmdDisc     = 2
	cmdFlush    = 3
	cmdFlagFUA  = 1 << 0
	maxTransfer = 32 << 20
)

// exportFlags are the disk's features. No TRIM, no WRITE_ZEROES: as on most SD
// cards, zeros are written like any other data.
const exportFlags = flagHasFlags | flagSendFlush | flagSendFUA

var errCut = errors.New("disk: the power is cut")

// Server serves one disk on a Unix socket.
type Server struct {
	disk     *Disk
	listener net.Listener
	serving  sync.WaitGroup
}

// Serve starts to serve the disk on a Unix socket. QEMU's name for it is
// nbd+unix:///?socket=PATH.
func (d *Disk) Serve(path string) (*Server, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	s := &Server{disk: d, listener: l}
	s.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			boot, err := d.begin(func() { conn.Close() })
			if err != nil {
				conn.Close()
				continue
			}
			s.serving.Go(func() {
				defer conn.Close()
				c := &connection{disk: d, boot: boot, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}
				// A guest that disconnects in the middle of a request is
				// expected here.
				_ = c.serve()
			})
		}
	})
	return s, nil
}

// Close stops the server; the disk stays as it is. Connections end by a cut, or
// when their guests end.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.serving.Wait()
	return err
}

type connection struct {
	disk *Disk
	boot int
	in   *bufio.Reader
	out  *bufio.Writer
}

func (c *connection) serve() error {
	export, err := c.negotiate()
	if err != nil || !export {
		return err
	}
	for {
		if err := c.request(); err != nil {
			return err
		}
	}
}

// send writes values, each in network byte order, and flushes them.
func (c *connection) send(values ...any) error {
	for _, v := range values {
		if err := binary.Write(c.out, binary.BigEndian, v); err != nil {
			return err
		}
	}
	return c.out.Flush()
}

// negotiate reports whether the client continues and uses the disk.
func (c *connection) negotiate() (bool, error) {
	if err := c.send(uint64(magicServer), uint64(magicOption), uint16(flagFixedNewstyle|flagNoZeroes)); err != nil {
		return false, err
	}
	var flags uint32
	if err := binary.Read(c.in, binary.BigEndian, &flags); err != nil {
		return false, err
	}
	for {
		var o struct {
			Magic          uint64
			Option, Length uint32
		}
		if err := binary.Read(c.in, binary.BigEndian, &o); err != nil {
			return false, err
		}
		if o.Magic != magicOption {
			return false, fmt.Errorf("nbd: an option begins with %#x", o.Magic)
		}
		// Its content, a name and requests, makes no difference: there is one
		// export.
		if _, err := io.CopyN(io.Discard, c.in, int64(o.Length)); err != nil {
			return false, err
		}
		reply := func(kind uint32, data ...any) error {
			length := uint32(0)
			for _, d := range data {
				length += uint32(binary.Size(d))
			}
			return c.send(append([]any{uint64(magicReply), o.Option, kind, length}, data...)...)
		}
		var err error
		switch o.Option {
		case optExportName: // the only option whose answer has no header
			err = c.send(uint64(c.disk.size), uint16(exportFlags))
			if flags&flagNoZeroes == 0 && err == nil {
				err = c.send([124]byte{})
			}
			return true, err
		case optInfo, optGo:
			err = errors.Join(
				reply(repInfo, uint16(infoExport), uint64(c.disk.size), uint16(exportFlags)),
				reply(repInfo, uint16(infoBlock), uint32(Sector), uint32(4096), uint32(maxTransfer)),
				reply(repAck))
		case optAbort:
			return false, reply(repAck)
		default:
			err = reply(repUnsup)
		}
		if err != nil || o.Option == optGo {
			return true, err
		}
	}
}

// request answers one request.
func (c *connection) request() error {
	var r struct {
		Magic       uint32
		Flags, Type uint16
		Cookie      uint64
		Offset      int64
		Length      uint32
	}
	if err := binary.Read(c.in, binary.BigEndian, &r); err != nil {
		return err
	}
	if r.Magic != magicRequest {
		return fmt.Errorf("nbd: a request begins with %#x", r.Magic)
	}
	var data []byte
	var fault syscall.Errno
	if r.Type == cmdRead || r.Type == cmdWrite {
		if r.Length > maxTransfer {
			return fmt.Errorf("nbd: a request for %d bytes", r.Length)
		}
		data = make([]byte, r.Length)
		if r.Offset%Sector != 0 || r.Length%Sector != 0 || r.Offset < 0 || r.Offset+int64(r.Length) > c.disk.size {
			fault = syscall.EINVAL
		}
	}
	var err error
	if r.Type == cmdWrite || r.Type == cmdFlush {
		c.disk.work(r.Type == cmdFlush || r.Flags&cmdFlagFUA != 0)
	}
	switch r.Type {
	case cmdRead:
		if fault == 0 {
			err = c.disk.read(data, r.Offset)
		}
	case cmdWrite:
		if _, err = io.ReadFull(c.in, data); err == nil && fault == 0 {
			err = c.disk.write(data, r.Offset, r.Flags&cmdFlagFUA != 0, c.boot)
		}
	case cmdFlush:
		err = c.disk.flush(c.boot)
	case cmdDisc:
		return io.EOF
	default:
		fault = syscall.EINVAL
	}
	if err != nil {
		return err
	}
	if r.Type != cmdRead || fault != 0 {
		data = nil
	}
	return c.send(uint32(magicSimple), uint32(fault), r.Cookie, data)
}
