package httpd

import (
	"net"
	"net/netip"
)

// listener accepts the connections of those who may be answered.
type listener struct {
	*net.TCPListener
	allow func(netip.Addr) bool
}

// Accept is net.Listener's.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if l.allow(remote(c)) {
			return &conn{TCPConn: c}, nil
		}
		reset(c) // nothing is kept of a stranger
	}
}
