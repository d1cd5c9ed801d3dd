package httpd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/event"
)

// soon is a limit that a test waits for.
const soon = 50 * time.Millisecond

func TestSlowClientsAreLetGo(t *testing.T) {
	for _, tc := range []struct {
		situation string
		limits    Limits
		send      string
		answers   int
	}{
		{"says nothing", Limits{Header: soon}, "", 0},
		{"stops in its header", Limits{Header: soon}, "GET /debian/linux HTTP/1.1\r\nHost: ", 0},
		{"does not ask again", Limits{Idle: soon}, "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\n", 1},
		{"stops in its second header", Limits{Header: soon}, "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\nGET /deb", 1},
		{"promises a body", Limits{}, "PUT /debian/linux HTTP/1.1\r\nHost: box\r\nContent-Length: 1000\r\n\r\n", 1},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s, _, _ := newServer(t)
			s.Limits = tc.limits
			c := dial(t, start(t, s))
			io.WriteString(c, tc.send)
			in := bufio.NewReader(c)
			for range tc.answers {
				r, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Fatal(err)
				}
			}
			// net/http says 408 to a header that does not end; then it closes.
			if _, err := io.Copy(io.Discard, in); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open")
			}
		})
	}
}

// large puts a file into the boot folder that no socket buffer holds, and
// that takes no room on the disk.
func large(t *testing.T, boot string, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(boot, "large"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

// Those that do not take what they asked for.
func TestTransfersThatEndEarly(t *testing.T) {
	const size = 1 << 30
	for _, tc := range []struct {
		situation string
		limits    Limits
		then      func(*net.TCPConn)
		outcome   event.Outcome
	}{
		{"reads nothing", Limits{Stall: soon}, func(*net.TCPConn) {}, event.TimedOut},
		{"hangs up", Limits{}, func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, event.Aborted},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s, boot, events := newServer(t)
			large(t, boot, size)
			s.Limits = tc.limits
			c := dial(t, start(t, s))
			fmt.Fprint(c, "GET /large HTTP/1.1\r\nHost: box\r\n\r\n")
			if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil { // it has begun
				t.Fatal(err)
			}
			tc.then(c)
			if e := <-events; e.Outcome != tc.outcome || e.Bytes <= 0 || e.Bytes >= size || e.What != "large" {
				t.Errorf("got %+v, want %q", e, tc.outcome)
			}
		})
	}
}

func TestOutcome(t *testing.T) {
	for _, tc := range []struct {
		situation string
		response  response
		length    string
		method    string
		want      event.Outcome
		trouble   bool
	}{
		{"all sent", response{status: 200, sent: 10}, "10", "GET", event.Sent, false},
		{"only the header was asked for", response{status: 200}, "10", "HEAD", event.Sent, false},
		{"known already", response{status: 304}, "", "GET", event.Sent, false},
		{"the file became shorter meanwhile", response{status: 200, sent: 5}, "10", "GET", event.Failed, true},
		{"the disk", response{status: 200, sent: 5, err: errors.New("read: input/output error")}, "10", "GET", event.Failed, true},
		{"no such range", response{status: 416}, "", "GET", event.Refused, false},
		{"cannot be read", response{status: 500}, "", "GET", event.Failed, true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tc.response.ResponseWriter = &spy{header: http.Header{"Content-Length": {tc.length}}}
			if got, err := tc.response.outcome(tc.method); got != tc.want || (err != nil) != tc.trouble {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

// limited listens on loopback within limits.
func limited(t *testing.T, allow func(netip.Addr) bool, limits Limits) *listener {
	t.Helper()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(tcp.(*net.TCPListener), allow, limits)
	t.Cleanup(func() { l.Close() })
	return l
}

// accept takes the connection that comes next, which must be c.
func accept(t *testing.T, l *listener, c net.Conn) net.Conn {
	t.Helper()
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close() })
	if got.RemoteAddr().String() != c.LocalAddr().String() {
		t.Fatalf("accepted %v, want %v", got.RemoteAddr(), c.LocalAddr())
	}
	return got
}

// closedByPeer waits for the connection's end.
func closedByPeer(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v; it was to be closed", n, err)
	}
}

func TestStrangersAreClosed(t *testing.T) {
	loopback := func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }
	l := limited(t, loopback, Limits{Connections: 1, PerAddress: 1})
	addr := l.Addr().String()
	other := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	stranger, err := other.DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	accept(t, l, dial(t, addr))
	closedByPeer(t, stranger)
}

func TestConnectionsOfOneAddress(t *testing.T) {
	l := limited(t, func(netip.Addr) bool { return true }, Limits{Connections: 10, PerAddress: 2})
	addr := l.Addr().String()
	other := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

	first := accept(t, l, dial(t, addr))
	accept(t, l, dial(t, addr))
	third := dial(t, addr)
	neighbour, err := other.DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer neighbour.Close()
	accept(t, l, neighbour) // the third was passed over
	closedByPeer(t, third)

	first.Close()
	first.Close() // counts once
	accept(t, l, dial(t, addr))
	fifth := dial(t, addr)
	second, err := other.DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	accept(t, l, second)
	closedByPeer(t, fifth)
}

func TestTooManyConnectionsWait(t *testing.T) {
	l := limited(t, func(netip.Addr) bool { return true }, Limits{Connections: 1, PerAddress: 9})
	addr := l.Addr().String()
	first := accept(t, l, dial(t, addr))
	waiting := dial(t, addr)
	var room atomic.Bool
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		if !room.Load() {
			t.Error("a second one was accepted beside the first")
		}
		accepted <- c
	}()
	dial(t, addr) // time enough for what must not happen
	room.Store(true)
	first.Close()
	second := <-accepted
	defer second.Close()
	if second.RemoteAddr().String() != waiting.LocalAddr().String() {
		t.Errorf("accepted %v", second.RemoteAddr())
	}

	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ends with %v", err)
	}
}
