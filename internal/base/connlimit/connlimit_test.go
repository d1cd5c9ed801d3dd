package connlimit

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// dial connects from an address of this machine.
func dial(t *testing.T, to net.Addr, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// isOpen reports whether the other end, which sends nothing, has left a
// connection open.
func isOpen(t *testing.T, c net.Conn) bool {
	t.Helper()
	// Connections are closed before the next one is accepted, so a closed one
	// shows by now.
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func TestListener(t *testing.T) {
	const stranger, another, third, owner = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
	type step struct {
		from     string
		loggedIn bool // after it is accepted
		ends     int  // the connection that its client closes first, numbered from 1
		in       bool
		closed   int // the connection that is closed to make room, numbered from 1
	}
	for situation, steps := range map[string][]step{
		"one address may have two": {
			{from: stranger, in: true}, {from: stranger, in: true}, {from: another, in: true},
		},
		"a third of one address closes its oldest": {
			{from: stranger, in: true}, {from: another, in: true}, {from: stranger, in: true},
			{from: stranger, in: true, closed: 1},
			{from: stranger, in: true, closed: 3},
		},
		"a place that was given back": {
			{from: stranger, in: true}, {from: stranger, in: true},
			{from: stranger, in: true, ends: 1},
			{from: stranger, in: true, closed: 2},
		},
		"all are taken: the oldest of an address that has the most goes": {
			{from: another, in: true},
			{from: stranger, in: true}, {from: stranger, in: true},
			{from: third, in: true},
			{from: owner, in: true, closed: 2},
		},
		"all are taken by one each: the oldest goes": {
			{from: "127.0.1.1", in: true}, {from: "127.0.1.2", in: true},
			{from: "127.0.1.3", in: true}, {from: "127.0.1.4", in: true},
			{from: third, in: true, closed: 1},
			{from: another, in: true, closed: 2},
		},
		"who has logged in stays": {
			{from: another, loggedIn: true, in: true},
			{from: stranger, in: true}, {from: third, in: true}, {from: "127.0.1.1", in: true},
			{from: "127.0.1.2", in: true, closed: 2},
			{from: "127.0.1.3", in: true, closed: 3},
		},
		"who has logged in stays, at the limit of one address": {
			{from: stranger, loggedIn: true, in: true}, {from: stranger, in: true},
			{from: stranger, in: true, closed: 2},
		},
		"a second one of who has logged in": {
			{from: stranger, loggedIn: true, in: true},
			{from: "127.0.1.1", in: true}, {from: "127.0.1.2", in: true}, {from: "127.0.1.3", in: true},
			{from: stranger, in: true, closed: 2},
		},
		"all have logged in: the new one goes": {
			{from: stranger, loggedIn: true, in: true}, {from: stranger, loggedIn: true, in: true},
			{from: stranger, in: false},
			{from: another, loggedIn: true, in: true}, {from: third, loggedIn: true, in: true},
			{from: "127.0.1.1", in: false},
		},
		"an address that has logged in before goes last": {
			{from: owner, in: true}, {from: stranger, in: true}, {from: third, in: true}, {from: another, in: true},
			{from: "127.0.1.1", in: true, closed: 2},
			{from: "127.0.1.2", in: true, closed: 3},
		},
		"a stranger closes none of an address that has logged in before": {
			{from: owner, in: true}, {from: owner, in: true},
			{from: stranger, loggedIn: true, in: true}, {from: third, loggedIn: true, in: true},
			{from: another, in: false},
		},
	} {
		t.Run(situation, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := Listener(inner, Limits{
				Total: 4, PerSource: 2, Known: func(a netip.Addr) bool { return a == netip.MustParseAddr(owner) },
			})
			defer l.Close()
			accepted := make(chan net.Conn)
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					accepted <- c
				}
			}()
			clients, served := make([]net.Conn, len(steps)+1), make([]net.Conn, len(steps)+1)
			for i, s := range steps {
				if s.ends > 0 {
					served[s.ends].Close()
					served[s.ends].Close() // does not give back a second place
				}
				c := dial(t, l.Addr(), s.from)
				clients[i+1] = c
				if !s.in {
					if _, err := c.Read(make([]byte, 1)); err == nil {
						t.Fatalf("connection %d is not closed", i+1)
					}
					continue
				}
				a := <-accepted
				defer a.Close()
				if got := Source(a.RemoteAddr()); got.String() != s.from {
					t.Fatalf("connection %d: %s is let in, not %s", i+1, got, s.from)
				}
				if served[i+1] = a; s.loggedIn {
					LoggedIn(a)
				}
				if s.closed > 0 {
					if _, err := clients[s.closed].Read(make([]byte, 1)); err == nil {
						t.Fatalf("for connection %d, connection %d is not closed", i+1, s.closed)
					}
				}
			}
			gone := map[int]bool{}
			for i, s := range steps {
				gone[s.closed], gone[s.ends] = true, true
				if !s.in {
					gone[i+1] = true
				}
			}
			for i, c := range clients[1:] {
				if !gone[i+1] && !isOpen(t, c) {
					t.Errorf("connection %d is closed", i+1)
				}
			}
		})
	}
}

func TestClient(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1",
		"::ffff:192.0.2.1":        "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::",
		"fe80::5054:ff:fe12%eth0": "fe80::",
	} {
		if got := Client(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

func TestSource(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[fe80::1%eth0]:5": "fe80::1%eth0"} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := Source(a); got.String() != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
}
