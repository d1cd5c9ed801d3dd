package httpd

import (
	"net"
	"net/netip"
	"sync"
)

// listener accepts connections within the limits. What is too many in all
// waits in the kernel, for in a boot storm everybody's turn comes; what is
// too many from one address is closed.
type listener struct {
	*net.TCPListener
	allow      func(netip.Addr) bool
	perAddress int
	slots      chan struct{} // one for each connection

	closing sync.Once
	closed  chan struct{}

	mu    sync.Mutex
	count map[netip.Addr]int
}

func newListener(l *net.TCPListener, allow func(netip.Addr) bool, limits Limits) *listener {
	return &listener{
		TCPListener: l, allow: allow, perAddress: limits.PerAddress,
		slots: make(chan struct{}, limits.Connections), closed: make(chan struct{}), count: map[netip.Addr]int{},
	}
}

// Accept is net.Listener's.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			<-l.slots
			return nil, err
		}
		from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if l.allow(from) && l.enter(from) {
			return &conn{TCPConn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.SetLinger(0) // a reset: nothing is kept of a stranger
		c.Close()
	}
}

// Close is net.Listener's.
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

func (l *listener) enter(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count[a] >= l.perAddress {
		return false
	}
	l.count[a]++
	return true
}

func (l *listener) leave(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count[a]--; l.count[a] == 0 {
		delete(l.count, a)
	}
	<-l.slots
}
