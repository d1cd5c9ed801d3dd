package httpd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
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
		{situation: "says nothing", limits: Limits{Header: soon}},
		{situation: "stops in its header", limits: Limits{Header: soon}, send: "GET /debian/linux HTTP/1.1\r\nHost: "},
		{situation: "does not ask again", limits: Limits{Idle: soon},
			send: "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\n", answers: 1},
		{situation: "stops in its second header", limits: Limits{Header: soon},
			send: "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\nGET /deb", answers: 1},
		{situation: "promises a body", send: "PUT /debian/linux HTTP/1.1\r\nHost: box\r\nContent-Length: 1000\r\n\r\n",
			answers: 1},
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
			// net/http answers an endless header with 408 and then closes.
			if _, err := io.Copy(io.Discard, in); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open")
			}
		})
	}
}

// large creates a sparse file in the boot folder that is larger than any socket
// buffer.
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

// These clients do not read the whole answer.
func TestTransfersThatEndEarly(t *testing.T) {
	const size = 1 << 30
	for _, tc := range []struct {
		situation string
		limits    Limits
		then      func(*net.TCPConn)
		outcome   trace.Outcome
	}{
		{situation: "reads nothing", limits: Limits{Stall: soon}, then: func(*net.TCPConn) {}, outcome: trace.TimedOut},
		{situation: "hangs up", then: func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, outcome: trace.Aborted},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			s, boot, events := newServer(t)
			large(t, boot, size)
			s.Limits = tc.limits
			c := dial(t, start(t, s))
			fmt.Fprint(c, "GET /large HTTP/1.1\r\nHost: box\r\n\r\n")
			if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil { // the answer has begun
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
		want      trace.Outcome
		trouble   bool
	}{
		{situation: "all sent", response: response{status: 200, sent: 10}, length: "10", method: "GET",
			want: trace.Sent},
		{situation: "only the header was asked for", response: response{status: 200}, length: "10", method: "HEAD",
			want: trace.Sent},
		{situation: "known already", response: response{status: 304}, method: "GET", want: trace.Sent},
		{situation: "the file became shorter meanwhile", response: response{status: 200, sent: 5}, length: "10",
			method: "GET", want: trace.Failed, trouble: true},
		{situation: "the disk", response: response{status: 200, sent: 5, err: errors.New("read: input/output error")},
			length: "10", method: "GET", want: trace.Failed, trouble: true},
		{situation: "no such range", response: response{status: 416}, method: "GET", want: trace.Refused},
		{situation: "cannot be read", response: response{status: 500}, method: "GET",
			want: trace.Failed, trouble: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			tc.response.ResponseWriter = &spy{header: http.Header{"Content-Length": {tc.length}}}
			if got, err := tc.response.outcome(tc.method); got != tc.want || (err != nil) != tc.trouble {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

// dialFrom is dial from another local address.
func dialFrom(t *testing.T, from, addr string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// answers reports whether the server still answers on a connection.
func answers(c net.Conn) error {
	if _, err := io.WriteString(c, "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\n"); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

func TestStrangersAreClosed(t *testing.T) {
	s, _, _ := newServer(t)
	s.Allow = func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }
	addr := start(t, s)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	if c, err := d.DialContext(t.Context(), "tcp4", addr); err == nil { // it may be reset at once
		defer c.Close()
		if err := answers(c); err == nil {
			t.Error("it is answered")
		}
	}
	if err := answers(dial(t, addr)); err != nil {
		t.Errorf("the next client: %v", err)
	}
}

// Many connections that make no progress, from a few addresses, do not lock out
// another client.
func TestStalledClientsMakeRoom(t *testing.T) {
	const places, strangers = 16, 4
	for situation, send := range map[string]string{
		"they say nothing":          "",
		"they stop in their header": "GET /debian/linux HTTP/1.1\r\nHost: ",
		"they do not ask again":     "GET /debian/linux HTTP/1.1\r\nHost: box\r\n\r\n",
		"they do not read":          "GET /large HTTP/1.1\r\nHost: box\r\n\r\n",
	} {
		t.Run(situation, func(t *testing.T) {
			s, boot, _ := newServer(t)
			large(t, boot, 1<<30)
			s.Limits = Limits{Connections: places, Header: time.Hour, Idle: time.Hour, Stall: time.Hour}
			addr := start(t, s)
			// A download that never stops.
			download := dialFrom(t, "127.0.0.2", addr)
			fmt.Fprint(download, "GET /large HTTP/1.1\r\nHost: box\r\n\r\n")
			some := func() {
				t.Helper()
				if _, err := io.ReadFull(download, make([]byte, 1<<20)); err != nil {
					t.Fatalf("the download: %v", err)
				}
			}
			for i := range 2 * places {
				some()
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%strangers))}}
				c, err := d.DialContext(t.Context(), "tcp4", addr)
				if err != nil {
					continue // reset
				}
				defer c.Close()
				io.WriteString(c, send)
			}
			for range 3 {
				some()
				if err := answers(dial(t, addr)); err != nil {
					t.Fatalf("another client: %v", err)
				}
			}
			some()
		})
	}
}

// held returns the server's end of a connection, with data that the client does
// not read.
func held(t *testing.T, from string) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialFrom(t, from, l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// isClosed reports whether the server has closed a connection.
func isClosed(c net.Conn) bool { return errors.Is(c.SetDeadline(time.Time{}), net.ErrClosed) }

func TestAdmit(t *testing.T) {
	t0 := time.Now()
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	t.Run("a client that has stalled makes room, though its neighbour was first", func(t *testing.T) {
		conns := newConns(Limits{Connections: 2, Stall: time.Hour})
		first, second, third := held(t, "127.0.0.2"), held(t, "127.0.0.3"), held(t, "127.0.0.4")
		for i, c := range []net.Conn{first, second} {
			if !conns.admit(at(time.Duration(i)), c) {
				t.Fatal("there is room")
			}
			conns.answering(at(0), c, true)
		}
		// No data waits to be sent to the first client, so the box is slow and
		// not the client.
		if err := fill(second); err != nil {
			t.Fatal(err)
		}
		conns.measure(at(time.Millisecond)) // the bytes that the buffers accepted
		if !conns.admit(at(grace+time.Second), third) || isClosed(first) || !isClosed(second) || isClosed(third) {
			t.Errorf("closed: %v, %v, %v; want the second only", isClosed(first), isClosed(second), isClosed(third))
		}
		if conns.isCutOff(first) || !conns.isCutOff(second) {
			t.Error("it is not known which one was cut off")
		}
		conns.remove(second)
		if len(conns.open) != 2 || conns.ending != 0 {
			t.Errorf("%d are open, %d are ending", len(conns.open), conns.ending)
		}
	})
	t.Run("all have one and keep up: the next one waits for an end", func(t *testing.T) {
		conns := newConns(Limits{Connections: 1, Stall: time.Hour})
		first, second := held(t, "127.0.0.2"), held(t, "127.0.0.3")
		conns.admit(at(0), first)
		if conns.admit(at(0), second) || isClosed(first) || isClosed(second) {
			t.Fatalf("closed: %v, %v; want none", isClosed(first), isClosed(second))
		}
		conns.remove(first)
		select {
		case <-conns.freed:
		default:
			t.Error("the one that waits is not woken up")
		}
		if !conns.admit(at(0), second) {
			t.Error("it still waits")
		}
	})
	t.Run("one more of an address whose connections all keep up", func(t *testing.T) {
		conns := newConns(Limits{Connections: 2, Stall: time.Hour})
		first, second, third := held(t, "127.0.0.2"), held(t, "127.0.0.2"), held(t, "127.0.0.2")
		conns.admit(at(0), first)
		conns.admit(at(0), second)
		for _, o := range conns.open {
			o.acked = 1 << 20
		}
		if !conns.admit(at(0), third) || isClosed(first) || isClosed(second) || !isClosed(third) {
			t.Errorf("closed: %v, %v, %v; want the new one only", isClosed(first), isClosed(second), isClosed(third))
		}
	})
	t.Run("connections that were cut off and hang", func(t *testing.T) {
		conns := newConns(Limits{Connections: 1, Stall: time.Hour})
		for i := range 2 {
			if !conns.admit(at(time.Duration(i)*time.Minute), held(t, "127.0.0.2")) {
				t.Fatal("there is room")
			}
		}
		if conns.admit(at(2*time.Minute), held(t, "127.0.0.3")) {
			t.Error("a third one is open")
		}
	})
	t.Run("a client that reads nothing for a minute", func(t *testing.T) {
		conns := newConns(Limits{Connections: 2, Stall: time.Minute})
		c := held(t, "127.0.0.2")
		conns.admit(at(0), c)
		conns.answering(at(0), c, true)
		if err := fill(c); err != nil {
			t.Fatal(err)
		}
		conns.measure(at(time.Millisecond)) // the bytes that the buffers accepted
		if conns.cutOffStalled(at(59 * time.Second)); isClosed(c) {
			t.Error("it is closed early")
		}
		if conns.cutOffStalled(at(61 * time.Second)); !isClosed(c) {
			t.Error("it is still open")
		}
	})
}

// fill writes until the client's window and the buffers are full.
func fill(c net.Conn) error {
	if err := c.SetWriteDeadline(time.Now().Add(soon)); err != nil {
		return err
	}
	for {
		if _, err := c.Write(make([]byte, 1<<20)); errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A menu that contains the machine's address is sent in parts.
func TestNoCopyForEachReader(t *testing.T) {
	big := []byte(strings.Repeat("LABEL x\n"+bootmenu.MACMark+"\n", 40_000))
	files := bootfiles.New(bootfiles.Contents{Menus: map[string][]byte{"menu": big}})
	s := &Server{
		Open: func(_ netip.Addr, name string) (bootfiles.File, error) {
			return files.Open(name, bootfiles.Reader{MAC: ether.MustParseMAC(mac)})
		},
		Allow: func(netip.Addr) bool { return true }, Done: func(trace.Event) {}, Log: slog.New(slog.DiscardHandler),
	}
	r := httptest.NewRequest("GET", "/menu", nil)
	w := &discard{header: http.Header{}}
	s.ServeHTTP(w, r) // fills the pools
	const readers = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range readers {
		s.ServeHTTP(w, r)
	}
	runtime.ReadMemStats(&after)
	if each := int(after.TotalAlloc-before.TotalAlloc) / readers; each > 64<<10 || each > len(big)/10 {
		t.Errorf("a reader of a menu of %d bytes takes %d bytes of memory", len(big), each)
	}
}
