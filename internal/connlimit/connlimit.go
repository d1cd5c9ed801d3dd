// Package connlimit bounds how many connections a TCP server has open, in all
// and from one address, so that no stranger takes all of them. What is said on
// a connection, and how long that may take, is its callers' business.
package connlimit

import (
	"net"
	"net/netip"
	"sync"
)

// Listener returns l with at most total connections open at one time, and
// perSource from one address. One above that is closed at once: were it left
// to wait, those behind it would wait too, whoever they are.
func Listener(l net.Listener, total, perSource int) net.Listener {
	return &listener{Listener: l, total: total, perSource: perSource, open: map[netip.Addr]int{}}
}

// Source is the address at the other end of a connection.
func Source(remote net.Addr) netip.Addr {
	from, _ := netip.ParseAddrPort(remote.String())
	return from.Addr().Unmap()
}

type listener struct {
	net.Listener
	total, perSource int

	mu   sync.Mutex
	all  int
	open map[netip.Addr]int
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := Source(c.RemoteAddr())
		if l.add(from) {
			return &conn{Conn: c, closed: sync.OnceFunc(func() { l.remove(from) })}, nil
		}
		c.Close()
	}
}

// add reports whether there is room for one more.
func (l *listener) add(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.total || l.open[from] >= l.perSource {
		return false
	}
	l.all++
	l.open[from]++
	return true
}

func (l *listener) remove(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[from]--; l.open[from] == 0 {
		delete(l.open, from)
	}
}

// conn gives its place back once it is closed, as often as that may be.
type conn struct {
	net.Conn
	closed func()
}

func (c *conn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
