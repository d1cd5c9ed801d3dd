package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// maxTransfers bounds the transfers under way at one time. A request beyond
// it goes unanswered, and the client asks again.
const maxTransfers = 1000

// File is a file to send.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Server answers read requests.
type Server struct {
	// Open finds the file for a name as the client sent it. fs.ErrNotExist
	// is told to the client as "not found", ErrRefused as "access
	// violation", any other error as nothing but "server error".
	Open func(name string) (File, error)
	// Allow says whether a source address is one to answer. TFTP sends more
	// than it is asked with: it must not be lent to strangers.
	Allow func(netip.Addr) bool
	// MaxBlockSize is the largest block, in bytes: the link's MTU less 32
	// (IP 20, UDP 8, TFTP 4).
	MaxBlockSize int
	Log          *slog.Logger

	mu      sync.Mutex
	running map[netip.AddrPort]struct{} // by client: a repeated request starts no second transfer
}

// ErrRefused is for names that Open will not look up.
var ErrRefused = errors.New("refused")

// Serve answers requests on conn, the socket of port 69, until ctx ends or
// the socket fails. Each transfer has a socket of its own (RFC 1350 §4).
func (s *Server) Serve(ctx context.Context, conn net.PacketConn) error {
	s.running = map[netip.AddrPort]struct{}{}
	p := ipv4.NewPacketConn(conn)
	// The answer must come from the address that was asked.
	if err := p.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return fmt.Errorf("tftp: packet info: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var transfers sync.WaitGroup
	defer transfers.Wait()

	buf := make([]byte, 1500)
	for {
		n, cm, from, err := p.ReadFrom(buf)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("tftp: receive: %w", err)
		}
		client := from.(*net.UDPAddr).AddrPort()
		if !s.Allow(client.Addr().Unmap()) || cm == nil {
			continue
		}
		r, err := parseRequest(buf[:n])
		if err == errMalformed || !s.begin(client) {
			continue
		}
		transfers.Go(func() {
			defer s.end(client)
			s.answer(ctx, cm.Dst, client, r, err)
		})
	}
}

func (s *Server) begin(client netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.running[client]; ok || len(s.running) >= maxTransfers {
		return false
	}
	s.running[client] = struct{}{}
	return true
}

func (s *Server) end(client netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, client)
}

// answer refuses or carries out one request, from a socket of its own.
func (s *Server) answer(ctx context.Context, local net.IP, client netip.AddrPort, r Request, refused error) {
	log := s.Log.With("client", client.Addr(), "file", r.Name)
	if local.Equal(net.IPv4bcast) || local.IsMulticast() {
		local = nil // the kernel's choice
	}
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: local}, net.UDPAddrFromAddrPort(client))
	if err != nil {
		log.Error("tftp: no socket for the transfer", "err", err)
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	refuse := func(code ErrorCode) { conn.Write(appendERROR(nil, code)) }
	if refused != nil {
		log.Debug("tftp: refused", "err", refused)
		refuse(CodeIllegal)
		return
	}
	f, err := s.Open(r.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		log.Debug("tftp: not found")
		refuse(CodeNotFound)
		return
	case errors.Is(err, ErrRefused):
		log.Warn("tftp: refused")
		refuse(CodeAccess)
		return
	case err != nil:
		log.Error("tftp: cannot open", "err", err)
		refuse(CodeUndefined)
		return
	}
	defer f.Close()

	begin := time.Now()
	t := NewTransfer(r, f.Size(), s.MaxBlockSize)
	err = t.run(conn, f)
	log = log.With("bytes", f.Size(), "time", time.Since(begin).Round(time.Millisecond), "retransmits", t.Retransmits)
	var told clientError
	switch {
	case err == nil:
		log.Info("tftp: sent")
	case errors.As(err, &told):
		log.Debug("tftp: ended by the client", "err", err)
	default:
		log.Warn("tftp: broken off", "err", err)
	}
}

// run drives the state machine over a connected socket.
func (t *Transfer) run(conn *net.UDPConn, f io.ReaderAt) error {
	out := make([]byte, 0, 4+t.blockSize)
	in := make([]byte, 600)
	a := t.Start(time.Now())
	for !a.Done {
		switch {
		case a.OACK:
			out = appendOACK(out[:0], t.options)
		case a.DATA:
			out = appendDATA(out[:0], a.Block)
			out = out[:4+a.Length]
			if n, err := f.ReadAt(out[4:], a.Offset); n < a.Length {
				conn.Write(appendERROR(nil, CodeUndefined))
				return fmt.Errorf("read at %d: %w", a.Offset, err)
			}
		}
		if a.OACK || a.DATA {
			if _, err := conn.Write(out); err != nil {
				return err
			}
		}
		if err := conn.SetReadDeadline(a.Deadline); err != nil {
			return err
		}
		n, err := conn.Read(in)
		switch {
		case err == nil:
			a = t.Receive(time.Now(), in[:n])
		case errors.Is(err, os.ErrDeadlineExceeded):
			a = t.Timeout(time.Now())
		default: // "connection refused": the client's port is closed, it has gone
			return err
		}
	}
	return a.Err
}
