package httpd

import (
	"net"
	"net/netip"
)

// listener accepts connections from the addresses that allow permits.
type listener struct {
	*net.TCPListener
	allow func(netip.Addr) bool
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if l.allow(remote(c)) {
			return &conn{TCPConn: c}, nil
		}
		reset(c) // no state is kept for a stranger
	}
}
