package connlimit

import (
	"net"
	"net/netip"
	"testing"
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

func TestListener(t *testing.T) {
	const stranger, another, owner = "127.0.0.2", "127.0.0.3", "127.0.0.4"
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listener(inner, 5, 2)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	open := map[string]net.Conn{} // the last one of each, as the server has it
	for _, step := range []struct {
		situation, from string
		closes          string // whose last connection ends before
		in              bool
	}{
		{"the first", stranger, "", true},
		{"a second one of the same", stranger, "", true},
		{"a third one of the same", stranger, "", false},
		{"somebody else", another, "", true},
		{"a second one of theirs", another, "", true},
		{"the owner has the last place", owner, "", true},
		{"all are taken", owner, "", false},
		{"one has ended", owner, another, true},
		{"all are taken again", another, "", false},
		{"the same once it has ended one", stranger, stranger, true},
		{"that made room for one only", stranger, "", false},
	} {
		if c := open[step.closes]; c != nil {
			c.Close()
			c.Close() // gives no second place
		}
		c := dial(t, l.Addr(), step.from)
		if step.in {
			s := <-accepted
			if got := Source(s.RemoteAddr()); got.String() != step.from {
				t.Fatalf("%s: %s is let in", step.situation, got)
			}
			open[step.from] = s
			continue
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatalf("%s: it is not closed", step.situation)
		}
	}
	l.Close()
	if c, more := <-accepted; more {
		t.Errorf("%s was let in", c.RemoteAddr())
	}
}

func TestSource(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[fe80::1%eth0]:5": "fe80::1%eth0"} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := Source(a); got.String() != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
}
