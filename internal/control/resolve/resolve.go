// Package resolve finds the IPv4 addresses of a host. It uses Go's resolver,
// which reads /etc/hosts and /etc/resolv.conf, and reads them again when they
// change. The caller decides how often to ask.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// patience is how long to wait for one name server's answer. Go's resolver waits
// for 5 s, which is all the time that a caller has.
const patience = time.Second

// Lookup returns a host's IPv4 addresses.
func Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return lookup(ctx, host, new(net.Dialer).DialContext)
}

type dialer func(ctx context.Context, network, server string) (net.Conn, error)

func lookup(ctx context.Context, host string, dial dialer) ([]netip.Addr, error) {
	// Go's resolver, because the C library's does not use Dial.
	r := net.Resolver{PreferGo: true, Dial: dial.impatient}
	addrs, err := r.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return nil, explain(host, err)
	}
	return addrs, nil
}

// impatient dials a name server that gets only patience to answer over UDP. The
// resolver uses TCP only after the server truncated an answer.
func (dial dialer) impatient(ctx context.Context, network, server string) (net.Conn, error) {
	c, err := dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	if udp, ok := c.(*net.UDPConn); ok {
		return impatientConn{udp}, nil
	}
	return c, nil
}

// impatientConn shortens the deadline that the resolver sets.
type impatientConn struct{ *net.UDPConn }

func (c impatientConn) SetDeadline(t time.Time) error {
	if soon := time.Now().Add(patience); soon.Before(t) {
		t = soon
	}
	return c.UDPConn.SetDeadline(t)
}

// explain rewrites an error of the resolver for the log. The same failure always
// gives the same text, so that the caller can log it once: the resolver's text
// contains the local port.
func explain(host string, err error) error {
	var failed *net.DNSError
	if !errors.As(err, &failed) {
		return fmt.Errorf("look up %s: %w", host, err)
	}
	if failed.IsNotFound {
		return fmt.Errorf("look up %s: no IPv4 address has this name", host)
	}
	cause := strings.TrimSpace(failed.Err[strings.LastIndex(failed.Err, ": ")+1:])
	if failed.Server == "" {
		return fmt.Errorf("look up %s: %s", host, cause)
	}
	// Where resolv.conf names no server, the resolver asks the local host.
	hint := ""
	if a, err := netip.ParseAddrPort(failed.Server); err == nil && a.Addr().IsLoopback() {
		hint = "; to use another name server, set dns in [network]"
	}
	return fmt.Errorf("look up %s: name server %s: %s%s", host, failed.Server, cause, hint)
}
