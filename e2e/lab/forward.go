package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/pxebox/pxebox/e2e/lan"
)

// Forward opens a TCP port on this machine's 127.0.0.1 whose connections a host
// of the LAN passes on to an address there, until the lab is closed: a browser
// has no other way into the LAN.
func (l *Lab) Forward(host *lan.Host, to netip.AddrPort) (address string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.atClose(func() {
		cancel()
		ln.Close()
	})
	go func() {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // the client has disconnected before it was accepted
			}
			go func() {
				defer conn.Close()
				if inside, err := host.DialContext(ctx, "tcp", to.String()); err == nil {
					join(conn, inside)
				}
			}()
		}
	}()
	return ln.Addr().String(), nil
}

// join copies between two connections until either ends.
func join(a, b net.Conn) {
	ended := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go pass(a, b)
	go pass(b, a)
	<-ended
	a.Close()
	b.Close()
	<-ended
}
