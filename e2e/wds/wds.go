// Package wds stands in for a Windows Deployment Services server: its TFTP
// with the default ReadFilter, and its boot information service (BINL) on UDP
// 4011. It answers what network boot programs ask until they have fetched the
// next program, and records what was asked, byte for byte. It never leases an
// address, holds no Windows image, and is used by tests only.
package wds

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Ports that the server listens on.
const (
	PortTFTP = 69
	PortBINL = 4011
)

// Read is a TFTP read request as it came in.
type Read struct {
	Time time.Time
	From netip.AddrPort
	Name string // byte for byte
	Err  error  // why it was refused, or nil
}

// Query is a request on PortBINL as it came in.
type Query struct {
	Time    time.Time
	From    netip.AddrPort
	Request *dhcpv4.DHCPv4
	Control []Sub // option 250, nil without one
}

// Config says what a Server is made of.
type Config struct {
	// Addr is the server's own address, which it puts into its answers.
	Addr netip.Addr
	// Listen opens a UDP port on Addr; port 0 means any free one.
	Listen func(port uint16) (net.PacketConn, error)
	// Files are what TFTP serves, by their path with backslashes, as in
	// `boot\x64\wdsnbp.com`. SetFile changes them.
	Files map[string][]byte
	// TFTPOnly makes it a host that has the same files, and is no WDS server:
	// nobody listens on PortBINL.
	TFTPOnly bool
	Log      *slog.Logger
}

// Server is a running stand-in.
type Server struct {
	Config

	mu      sync.Mutex
	files   map[string][]byte // by fileKey
	filter  []string
	conns   map[net.PacketConn]bool
	closed  bool
	reads   []Read
	queries []Query

	running sync.WaitGroup
}

// Start makes a server and opens it.
func Start(c Config) (*Server, error) {
	s := &Server{Config: c, files: make(map[string][]byte), filter: defaultReadFilter, conns: make(map[net.PacketConn]bool)}
	for name, content := range c.Files {
		s.files[fileKey(name)] = content
	}
	if err := s.Open(); err != nil {
		return nil, err
	}
	return s, nil
}

// Open starts the service, again after Close: it opens its ports and serves
// them. What it was asked before is not forgotten.
func (s *Server) Open() error {
	s.mu.Lock()
	s.closed = false
	s.mu.Unlock()
	err := s.spawn(PortTFTP, s.serveTFTP)
	if err == nil && !s.TFTPOnly {
		err = s.spawn(PortBINL, s.serveBINL)
	}
	if err != nil {
		s.Close()
	}
	return err
}

// SetFile replaces a file, or adds one, for the read requests that come after
// it.
func (s *Server) SetFile(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[fileKey(name)] = content
}

// SetReadFilter sets what names TFTP lets through, by how they begin; without
// any it is as a new server has it. It counts for the read requests that come
// after it.
func (s *Server) SetReadFilter(prefixes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = prefixes
	if len(prefixes) == 0 {
		s.filter = defaultReadFilter
	}
}

// spawn opens a port and runs serve on it; serve ends when the port is closed.
func (s *Server) spawn(port uint16, serve func(net.PacketConn)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	conn, err := s.Listen(port)
	if err != nil {
		return err
	}
	s.conns[conn] = true
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, conn)
			conn.Close()
		}()
		serve(conn)
	}()
	return nil
}

// receive passes on each datagram that comes in at a port, until the service is
// closed. What handle gets is overwritten by the next one.
func (s *Server) receive(conn net.PacketConn, handle func(b []byte, peer net.Addr)) {
	for buf := make([]byte, 1500); ; {
		n, peer, err := conn.ReadFrom(buf)
		if err == nil {
			handle(buf[:n], peer)
		} else if s.isClosed(err) {
			return
		}
	}
}

// Close stops the service, as an administrator does, and ends the transfers under
// way. The host stays up: it tells whoever asks that the ports are closed.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Reads returns the TFTP read requests so far.
func (s *Server) Reads() []Read {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reads)
}

// Queries returns the BINL requests so far.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

// isClosed tells the end of a connection from a failure of one datagram.
func (s *Server) isClosed(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || errors.Is(err, net.ErrClosed)
}

// addrPortOf is the IPv4 address and port of a datagram's sender.
func addrPortOf(a net.Addr) netip.AddrPort {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := udp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
