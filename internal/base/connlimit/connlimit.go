// Package connlimit bounds how many connections a TCP server has open, in total
// and from one address, so that no stranger can take all of them. A new
// connection evicts one whose client has not logged in yet, never one whose
// client has. What is said on a connection, and how long that may take, is up
// to the server.
package connlimit

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Limits are the limits of one listener.
type Limits struct {
	Total     int // open connections
	PerSource int // open connections from one address, or one IPv6 network
	// Known reports whether an address has logged in before. Connections from
	// such an address are closed last. Nil means that no address is known.
	Known func(netip.Addr) bool
}

// Listener returns l with those limits. A connection above a limit does not
// wait, because those behind it would wait too: either an older one is closed
// to make room, or the new one is closed.
func Listener(l net.Listener, limits Limits) net.Listener {
	if limits.Known == nil {
		limits.Known = func(netip.Addr) bool { return false }
	}
	return &listener{Listener: l, limits: limits}
}

// Source returns the address at the other end of a connection.
func Source(remote net.Addr) netip.Addr {
	from, _ := netip.ParseAddrPort(remote.String())
	return from.Addr().Unmap()
}

// Client returns what is counted as one client: an IPv4 address, or the /64
// network of an IPv6 address, because one machine can use all addresses in it.
func Client(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return from
}

// LoggedIn records that the client of a connection has logged in. The
// connection is one of such a listener, or a TLS connection over one; other
// connections are ignored.
func LoggedIn(c net.Conn) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		c.loggedIn = true
	}
}

type contextKey struct{}

// Context returns ctx with a connection for RequestLoggedIn. It serves as the
// ConnContext of an http.Server.
func Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// RequestLoggedIn is LoggedIn for the connection of an HTTP request, given the
// request's context.
func RequestLoggedIn(ctx context.Context) {
	if c, ok := ctx.Value(contextKey{}).(net.Conn); ok {
		LoggedIn(c)
	}
}

type listener struct {
	net.Listener
	limits Limits

	mu   sync.Mutex
	open []*conn // oldest first
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		added := &conn{Conn: c, l: l, from: Source(c.RemoteAddr())}
		added.client = Client(added.from)
		victim := l.add(added)
		if victim != nil {
			victim.Conn.Close()
		}
		if victim != added {
			return added, nil
		}
	}
}

// add adds a connection and returns the one that must be closed, if any.
func (l *listener) add(c *conn) (victim *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, c)
	same := 0
	for _, o := range l.open {
		if o.client == c.client {
			same++
		}
	}
	switch {
	case same > l.limits.PerSource:
		victim = l.worst(c, func(o *conn) bool { return o.client == c.client })
	case len(l.open) > l.limits.Total:
		victim = l.worst(c, func(*conn) bool { return true })
	default:
		return nil
	}
	l.drop(victim)
	return victim
}

// worst picks a connection that has not logged in: those of unknown addresses
// first, then those of the client with the most connections, then the oldest.
// So a client that opens one connection after another evicts only its own. If
// no other qualifies, worst returns the newest.
func (l *listener) worst(newest *conn, among func(*conn) bool) *conn {
	// The newest comes last, so it loses every tie.
	count := map[netip.Addr]int{}
	for _, o := range l.open {
		if !o.loggedIn {
			count[o.client]++
		}
	}
	victim := newest
	rank := func(o *conn) (known bool, open int) { return l.limits.Known(o.from), count[o.client] }
	for _, o := range slices.Backward(l.open) {
		if o.loggedIn || !among(o) {
			continue
		}
		known, open := rank(o)
		worstKnown, most := rank(victim)
		if worstKnown && !known || known == worstKnown && open >= most {
			victim = o
		}
	}
	return victim
}

func (l *listener) drop(c *conn) {
	if i := slices.Index(l.open, c); i >= 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	l        *listener
	from     netip.Addr
	client   netip.Addr
	loggedIn bool // guarded by l.mu
}

func (c *conn) Close() error {
	defer func() {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		c.l.drop(c)
	}()
	return c.Conn.Close()
}
