// Package wds is a stand-in for a Windows Deployment Services server: its TFTP
// with the default ReadFilter, and its boot information service (BINL) on UDP
// 4011. It answers network boot programs until they have fetched the next
// program, and records their requests byte for byte. It never leases an
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

// Read is a TFTP read request as received.
type Read struct {
	Time time.Time
	From netip.AddrPort
	Name string // byte for byte
	Err  error  // the reason for the refusal, or nil
}

// Query is a request on PortBINL as received.
type Query struct {
	Time    time.Time
	From    netip.AddrPort
	Request *dhcpv4.DHCPv4
	Control []Sub // option 250, nil without one
}

// Config configures a Server.
type Config struct {
	// Addr is the server's own address, which it puts into its answers.
	Addr netip.Addr
	// Listen opens a UDP port on Addr; port 0 means any free one.
	Listen func(port uint16) (net.PacketConn, error)
	// Files are the files that TFTP serves, by their path with backslashes, as
	// in `boot\x64\wdsnbp.com`. SetFile changes them.
	Files map[string][]byte
	// TFTPOnly makes it a host that has the same files but is not a WDS server:
	// it does not listen on PortBINL.
	TFTPOnly bool
	// Has2023 makes it a server with the programs of 2023: its ReadFilter also lets
	// through the folder of FileEFI2023. Files must have that file.
	Has2023 bool
	Log     *slog.Logger
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
	s := &Server{Config: c, files: make(map[string][]byte), filter: c.readFilter(),
		conns: make(map[net.PacketConn]bool)}
	for name, content := range c.Files {
		s.files[fileKey(name)] = content
	}
	if err := s.Open(); err != nil {
		return nil, err
	}
	return s, nil
}

// readFilter returns the ReadFilter of a new server.
func (c Config) readFilter() []string {
	if c.Has2023 {
		return append(slices.Clone(defaultReadFilter), readFilter2023...)
	}
	return defaultReadFilter
}

// Open starts the service, again after Close: it opens its ports and serves
// them. It keeps the record of earlier requests.
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

// SetFile replaces or adds a file for later read requests.
func (s *Server) SetFile(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[fileKey(name)] = content
}

// SetReadFilter sets the prefixes of the names that TFTP serves, for later read
// requests. Without prefixes it restores the filter of a new server.
func (s *Server) SetReadFilter(prefixes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = prefixes
	if len(prefixes) == 0 {
		s.filter = s.readFilter()
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

// receive passes on each datagram that arrives at a port, until the service is
// closed. The next datagram overwrites the bytes that handle gets.
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

// Close stops the service, as an administrator does, and ends the transfers in
// progress. The host stays up and reports its ports as closed.
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

// isClosed distinguishes the end of a connection from a failure of one
// datagram.
func (s *Server) isClosed(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || errors.Is(err, net.ErrClosed)
}

// addrPortOf returns the IPv4 address and port of a datagram's sender.
func addrPortOf(a net.Addr) netip.AddrPort {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := udp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
