// Package tftpread reads a file from a TFTP server (RFC 1350, 2347, 2348, 2349,
// 7440) that is not to be trusted: a server can make it take neither more memory
// nor more time than its limits, nor send more packets than it receives. It is for
// small files; the number of a block never wraps around.
package tftpread

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/control/wdscerts"
)

// MaxLimit is the largest limit of a file, in bytes: 65,535 blocks of the smallest
// size.
const MaxLimit = 65535 * standardBlock

const (
	// silence is the wait for a packet before the last one is sent again, and tries
	// how often that is.
	silence = time.Second
	tries   = 5
	// whole is the time for the whole file.
	whole = 2 * time.Minute
	// maxUseless limits the packets that bring nothing new: those after a lost one,
	// duplicates, and those of other senders.
	maxUseless = 4096
)

// port is where a server listens (RFC 1350 §4).
const port = 69

// Program returns a boot program of a WDS server: a file of up to wdscerts.MaxSize
// bytes.
func Program(ctx context.Context, server netip.Addr, name string) ([]byte, error) {
	return Reader{}.Read(ctx, netip.AddrPortFrom(server, port), name, wdscerts.MaxSize)
}

// Reader reads files. The zero Reader is ready for use.
type Reader struct {
	Silence, Whole time.Duration // replace silence and whole unless zero
}

// Read returns a file. It gives up on one with more than limit bytes, which is at
// most MaxLimit.
func (r Reader) Read(ctx context.Context, server netip.AddrPort, name string, limit int) ([]byte, error) {
	file, err := r.read(ctx, server, name, limit)
	if err != nil {
		if op := new(net.OpError); errors.As(err, &op) {
			err = op.Err // without our port, which differs each time
		}
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return file, nil
}

func (r Reader) read(ctx context.Context, server netip.AddrPort, name string, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, or(r.Whole, whole), errSlow)
	defer cancel()
	// Not connected: the answer comes from another port (RFC 1350 §4).
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s := &session{
		conn: conn, silence: or(r.Silence, silence), server: server.Addr(), to: server,
		transfer: begin(min(limit, MaxLimit)), last: request(name),
	}
	err = s.run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.transfer.file, nil
}

var (
	errSlow    = errors.New("it takes too long")
	errSilent  = errors.New("it does not answer")
	errUseless = errors.New("it sends too many packets that bring nothing new")
)

// session is one transfer on a socket.
type session struct {
	conn     *net.UDPConn
	silence  time.Duration
	server   netip.Addr
	to       netip.AddrPort // the transfer's port, once the server has answered
	transfer *transfer
	last     []byte // sent again after a silence
	useless  int
}

// run sends and receives until the file is complete.
func (s *session) run() error {
	buf := make([]byte, 4+blockSize+1) // one byte more shows that a block is too long
	if err := s.send(s.last); err != nil {
		return err
	}
	for left := tries; ; {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.silence)); err != nil {
			return err
		}
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if left--; left == 0 {
				return errSilent
			}
			if s.transfer.answered {
				s.last = s.transfer.acknowledgment()
			}
			if err := s.send(s.last); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		useful, done, err := s.take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		if err != nil || done {
			return err
		}
		if useful {
			left = tries
		} else if s.useless++; s.useless > maxUseless {
			return s.stop(errUseless)
		}
	}
}

// take handles one packet.
func (s *session) take(b []byte, from netip.AddrPort) (useful, done bool, err error) {
	if from.Addr() != s.server {
		return false, false, nil
	}
	if s.transfer.answered && from != s.to {
		// A second transfer, which a repeated request has begun (RFC 1350 §4).
		s.conn.WriteToUDPAddrPort(failure(codeUnknown, "unknown transfer"), from)
		return false, false, nil
	}
	reply, useful, done, err := s.transfer.receive(b)
	if s.transfer.answered {
		s.to = from
	}
	if err != nil {
		if errors.As(err, new(*ServerError)) {
			return false, false, err
		}
		return false, false, s.stop(err)
	}
	if reply != nil {
		s.last = reply
		err = s.send(reply)
	}
	return useful, done, err
}

func (s *session) send(b []byte) error {
	_, err := s.conn.WriteToUDPAddrPort(b, s.to)
	return err
}

// stop tells the server that the transfer ends, so that it does not repeat its last
// packets.
func (s *session) stop(why error) error {
	s.send(failure(codeOther, "stopped"))
	return why
}

func or(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}
