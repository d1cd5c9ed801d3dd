package tftp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	pin "github.com/pin/tftp/v3"
)

type memFile struct{ *bytes.Reader }

func (memFile) Close() error { return nil }

// serve starts a server of files on loopback and returns its address.
func serve(t *testing.T, files map[string][]byte, allow func(netip.Addr) bool) string {
	t.Helper()
	return serveAs(t, &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			if strings.Contains(name, "..") {
				return nil, ErrRefused
			}
			if b, ok := files[name]; ok {
				return memFile{bytes.NewReader(b)}, nil
			}
			return nil, fs.ErrNotExist
		},
		Allow:        allow,
		MaxBlockSize: 1468,
	})
}

// serveAs starts s on loopback and returns its address.
func serveAs(t *testing.T, s *Server) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, conn, s)
}

// serveOn starts s on a socket and returns its address.
func serveOn(t *testing.T, conn net.PacketConn, s *Server) string {
	t.Helper()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return conn.LocalAddr().String()
}

// watched reports each read.
type watched struct {
	memFile
	reads chan int64
}

func (w watched) ReadAt(b []byte, off int64) (int, error) {
	w.reads <- off
	return w.memFile.ReadAt(b, off)
}

// The blocks after those in flight are read before the client asks for them.
func TestReadsAhead(t *testing.T) {
	const size = 4 * chunkSize
	reads := make(chan int64, 16)
	addr := serveAs(t, &Server{
		Open: func(netip.AddrPort, string) (File, error) {
			return watched{memFile{bytes.NewReader(make([]byte, size))}, reads}, nil
		},
		Allow: everybody,
	})
	c := dial(t, addr, "127.0.0.1")
	c.ask("f", "octet", "blksize", "1024", "windowsize", "16")
	b := make([]byte, 2048)
	_, c.peer = c.next(b) // the OACK
	c.conn.WriteToUDPAddrPort([]byte{0, opACK, 0, 0}, c.peer)
	for want := int64(0); want < 2*chunkSize; want += chunkSize { // no ACK for the first window
		if off := <-reads; off != want {
			t.Fatalf("it reads at %d, want %d", off, want)
		}
	}
}

func everybody(netip.Addr) bool { return true }

// The client of another implementation gets the right bytes, with many clients
// at a time.
func TestFetchWithPinClient(t *testing.T) {
	files := map[string][]byte{}
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 511, 512, 513, 1468, 1469, 100_000} {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		files[fmt.Sprintf("f%d", size)] = b
	}
	addr := serve(t, files, everybody)
	for _, tc := range []struct {
		situation string
		blksize   int
		tsize     bool
	}{
		{situation: "no options"},
		{situation: "tsize", tsize: true},
		{situation: "blksize as PXELINUX's", blksize: 1408, tsize: true},
		{situation: "blksize larger than the link takes", blksize: 9000},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			var wg sync.WaitGroup
			for name, want := range files {
				wg.Go(func() {
					c, err := pin.NewClient(addr)
					if err != nil {
						t.Error(err)
						return
					}
					if tc.blksize > 0 {
						c.SetBlockSize(tc.blksize)
					}
					c.RequestTSize(tc.tsize)
					from, err := c.Receive(name, "octet")
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					if n, ok := from.(pin.IncomingTransfer).Size(); tc.tsize && (!ok || n != int64(len(want))) {
						t.Errorf("%s: tsize %d, %v; want %d", name, n, ok, len(want))
					}
					h := sha256.New()
					if _, err := from.WriteTo(h); err != nil || [32]byte(h.Sum(nil)) != sha256.Sum256(want) {
						t.Errorf("%s: other bytes arrived (%v)", name, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestRefusals(t *testing.T) {
	addr := serve(t, map[string][]byte{"a": []byte("a")}, everybody)
	for _, tc := range []struct {
		situation string
		packet    []byte
		want      string
	}{
		{situation: "not there", packet: rrq("b", "octet"), want: "\x00\x05\x00\x01file not found\x00"},
		{situation: "a name that may not be asked for", packet: rrq("../a", "octet"),
			want: "\x00\x05\x00\x02access violation\x00"},
		{situation: "a write", packet: []byte("\x00\x02a\x00octet\x00"), want: "\x00\x05\x00\x04illegal operation\x00"},
		{situation: "netascii", packet: rrq("a", "netascii"), want: "\x00\x05\x00\x04illegal operation\x00"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			server, _ := net.ResolveUDPAddr("udp4", addr)
			if _, err := c.WriteTo(tc.packet, server); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			n, from, err := c.ReadFrom(b)
			if err != nil || string(b[:n]) != tc.want {
				t.Errorf("got %q, %v; want %q", b[:n], err, tc.want)
			}
			if from.String() == addr {
				t.Error("answered from the request's port; RFC 1350 §4 wants its own port")
			}
		})
	}
}

// lines is a log that a test may read while it is written.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// Refusals are reported like transfers. The log has one line for each client
// that tries names that no boot loader asks for.
func TestRefusalsAreTold(t *testing.T) {
	done, log := make(chan Event, 1), make(lines, 10)
	addr := serveAs(t, &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			if name == "missing" {
				return nil, fs.ErrNotExist
			}
			return nil, fmt.Errorf("%w: a name that leaves the folder", ErrRefused)
		},
		Allow: everybody,
		Done:  func(e Event) { done <- e },
		Log:   slog.New(slog.NewTextHandler(log, nil)),
	})
	for _, tc := range []struct {
		situation, client, name string
		err                     error
		lines                   int // in the log by then
	}{
		{situation: "not there", client: "127.0.0.1", name: "missing", err: fs.ErrNotExist},
		{situation: "a bad name", client: "127.0.0.1", name: "../a", err: ErrRefused, lines: 1},
		{situation: "the same client tries on", client: "127.0.0.1", name: "../b", err: ErrRefused, lines: 1},
		{situation: "another client", client: "127.0.0.2", name: "../a", err: ErrRefused, lines: 2},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c := dial(t, addr, tc.client)
			c.ask(tc.name, "octet")
			e := <-done
			if !errors.Is(e.Err, tc.err) || e.File != tc.name || e.Client.Addr().String() != tc.client {
				t.Errorf("told about %+v", e)
			}
			if len(log) != tc.lines {
				t.Errorf("%d lines in the log, want %d", len(log), tc.lines)
			}
		})
	}
}

// A request that cannot be decided yet is dropped, and its repeat is answered.
func TestLaterIsSilence(t *testing.T) {
	asked, told := 0, make(chan Event, 4)
	addr := serveAs(t, &Server{
		Open: func(netip.AddrPort, string) (File, error) {
			if asked++; asked == 1 {
				return nil, ErrLater
			}
			return nil, fs.ErrNotExist
		},
		Allow: everybody, Done: func(e Event) { told <- e }, Log: slog.New(slog.DiscardHandler),
	})
	c := dial(t, addr, "127.0.0.1")
	c.ask("menu", "octet")
	c.ask("menu", "octet")
	if e := <-told; !errors.Is(e.Err, fs.ErrNotExist) || asked != 2 {
		t.Errorf("told about %+v after %d requests", e, asked)
	}
}

// A request from outside gets no answer: the next answer is for a later request
// from inside.
func TestStrangersGetNothing(t *testing.T) {
	var mu sync.Mutex
	heard := make(chan struct{})
	// Both clients are on loopback, so the address cannot tell them apart. The
	// server calls Allow once for each packet, and the stranger's is the first.
	first := true
	addr := serve(t, map[string][]byte{"a": []byte("a")}, func(netip.Addr) bool {
		mu.Lock()
		defer mu.Unlock()
		if first {
			first = false
			close(heard)
			return false
		}
		return true
	})
	server, _ := net.ResolveUDPAddr("udp4", addr)
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.WriteTo(rrq("not-there", "octet"), server)
	<-heard
	c.WriteTo(rrq("a", "octet"), server)
	b := make([]byte, 100)
	n, _, err := c.ReadFrom(b)
	if err != nil || string(b[:n]) != "\x00\x03\x00\x01a" {
		t.Errorf("got %q, %v; the first request was not to be answered", b[:n], err)
	}
}
