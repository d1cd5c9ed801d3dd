package tftp

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

// client is a small TFTP client with windows, on 127.0.0.1 or another
// address of loopback.
type client struct {
	t      testing.TB
	conn   *net.UDPConn
	server netip.AddrPort // for port 69
	peer   netip.AddrPort // the transfer's
}

func dial(t testing.TB, server string, local string) *client {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(local)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn, server: netip.MustParseAddrPort(server)}
}

func (c *client) ask(parts ...string) {
	c.conn.WriteToUDPAddrPort(rrq(parts...), c.server)
}

// next waits for a packet. If the server sends nothing, the test fails at the
// time limit of go test.
func (c *client) next(b []byte) (n int, from netip.AddrPort) {
	n, from, err := c.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		c.t.Error(err)
	}
	return n, from
}

// fetch gets a whole file. It repeats requests without an answer: within the
// server's limits a request may have to wait, or be dropped.
func (c *client) fetch(name string, blockSize, window int) ([]byte, error) {
	return tftpclient.Fetch(c.conn, net.UDPAddrFromAddrPort(c.server), name,
		tftpclient.Options{BlockSize: blockSize, Window: window},
		tftpclient.Retry{After: 500 * time.Millisecond, Tries: 20})
}

type diskFile struct {
	*os.File
	size int64
}

func (f diskFile) Size() int64 { return f.size }

type byteFile struct {
	memFile
	b []byte
}

func (f byteFile) Bytes() []byte { return f.b }

// The same bytes arrive from memory, from a reader and from the disk, in
// windows of any length, across the boundaries of the chunks.
func TestFetchWindows(t *testing.T) {
	content := make([]byte, 5*chunkSize+77)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	addr := serveAs(t, &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			switch r := (memFile{bytes.NewReader(content)}); name {
			case "reader":
				return r, nil
			case "memory":
				return byteFile{r, content}, nil
			}
			f, err := os.Open(path)
			return diskFile{f, int64(len(content))}, err
		},
		Allow: everybody,
	})
	for _, name := range []string{"reader", "memory", "disk"} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i, window := range []int{1, 2, 4, 16, 64, 1000} {
				for j, blockSize := range []int{100, 512, 1468, maxBlockSize} {
					c := dial(t, addr, fmt.Sprintf("127.0.%d.%d", i, j+1))
					wg.Go(func() {
						got, err := c.fetch(name, blockSize, min(window, defaultWindow))
						if err != nil || !bytes.Equal(got, content) {
							t.Errorf("window %d, block size %d: %d bytes, %v", window, blockSize, len(got), err)
						}
					})
				}
			}
			wg.Wait()
		})
	}
}

func TestFileCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan Event, 1)
	addr := serveAs(t, &Server{
		Open: func(netip.AddrPort, string) (File, error) {
			f, err := os.Open(path)
			return diskFile{f, 100_000}, err
		},
		Allow: everybody,
		Done:  func(e Event) { done <- e },
	})
	if got, err := dial(t, addr, "127.0.0.1").fetch("file", 512, 4); err == nil ||
		err.Error() != `TFTP error 0: "server error"` {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if e := <-done; e.Err == nil || e.Aborted || e.Sent != 0 {
		t.Errorf("told about %+v", e)
	}
}

func TestEvents(t *testing.T) {
	began, done := make(chan Event, 8), make(chan Event, 1)
	s := &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			if name == "missing" {
				return nil, fs.ErrNotExist
			}
			return memFile{bytes.NewReader(make([]byte, 5000))}, nil
		},
		Allow: everybody,
		Began: func(e Event) { began <- e },
		Done:  func(e Event) { done <- e },
	}
	addr := serveAs(t, s)
	c := dial(t, addr, "127.0.0.1")
	ended := func(t *testing.T) Event {
		t.Helper()
		e := <-done
		if b := <-began; b.Client != e.Client || b.File != e.File || b.Size != e.Size || !b.Start.Equal(e.Start) {
			t.Errorf("told about %+v at its end, and of %+v when it began", e, b)
		}
		return e
	}
	t.Run("all is sent", func(t *testing.T) {
		if _, err := c.fetch("a", 1000, 4); err != nil {
			t.Fatal(err)
		}
		e := ended(t)
		if e.File != "a" || e.Size != 5000 || e.Sent != 5000 || e.BlockSize != 1000 || e.Window != 4 || e.Err != nil ||
			e.Client != c.conn.LocalAddr().(*net.UDPAddr).AddrPort() {
			t.Errorf("%+v", e)
		}
	})
	t.Run("the client only wanted the size", func(t *testing.T) {
		c.ask("a", "octet", "tsize", "0")
		b := make([]byte, 600)
		_, from := c.next(b)
		c.conn.WriteToUDPAddrPort([]byte("\x00\x05\x00\x08bye\x00"), from)
		if e := ended(t); !e.Aborted || e.Sent != 0 || e.Err == nil {
			t.Errorf("%+v", e)
		}
	})
	t.Run("what is refused does not begin", func(t *testing.T) {
		c.ask("missing", "octet")
		if e := <-done; e.File != "missing" || e.Err != fs.ErrNotExist || len(began) != 0 {
			t.Errorf("%+v; %d have begun", e, len(began))
		}
		c.next(make([]byte, 600))
	})
	t.Run("a client with one port forever asks again: from another port of ours", func(t *testing.T) {
		b := make([]byte, 600)
		c.ask("first", "octet")
		_, first := c.next(b)
		if n := s.Active(); n != 1 {
			t.Errorf("%d transfers are running", n)
		}
		c.conn.WriteToUDPAddrPort(ack(1), first)
		c.next(b)
		c.ask("second", "octet")
		_, second := c.next(b)
		if first == second || first == c.server {
			t.Errorf("answered from %v, then %v", first, second)
		}
		if e := ended(t); e.File != "first" || e.Err != errSuperseded || !e.Aborted {
			t.Errorf("%+v", e)
		}
	})
}

func TestBeginningOfBriefFiles(t *testing.T) {
	for _, tc := range []struct {
		situation string
		size      int
		stalls    bool // the client leaves the first packet unanswered
		begins    bool
	}{
		{situation: "brief", size: 700},
		{situation: "brief, and stalls", size: 700, stalls: true, begins: true},
		{situation: "not brief", size: 701, begins: true},
		{situation: "not brief, and stalls", size: 701, stalls: true, begins: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			began, done := make(chan Event, 8), make(chan Event, 1)
			c := dial(t, serveAs(t, &Server{
				Open: func(netip.AddrPort, string) (File, error) {
					return memFile{bytes.NewReader(make([]byte, tc.size))}, nil
				},
				Allow: everybody, Brief: 700,
				Began: func(e Event) { began <- e }, Done: func(e Event) { done <- e },
			}), "127.0.0.1")
			b := make([]byte, 600)
			c.ask("file", "octet", "tsize", "0")
			_, from := c.next(b)
			if tc.stalls {
				c.next(b) // the server's repeat
			}
			for n := range uint16(3) {
				c.conn.WriteToUDPAddrPort(ack(n), from)
				if n < 2 {
					c.next(b)
				}
			}
			e := <-done
			if e.Begun != tc.begins || e.Err != nil || len(began) > 1 || (len(began) == 1) != tc.begins {
				t.Fatalf("told about the beginning %d times, and at the end: %+v", len(began), e)
			}
			if tc.begins {
				if got := <-began; !got.Start.Equal(e.Start) || got.File != "file" || got.Size != int64(tc.size) {
					t.Errorf("begins: %+v", got)
				}
			}
		})
	}
}

// With all slots taken, requests wait, and no client gets an error.
func TestStorm(t *testing.T) {
	content := make([]byte, 20_000)
	addr := serveAs(t, &Server{
		Open:     func(netip.AddrPort, string) (File, error) { return memFile{bytes.NewReader(content)}, nil },
		Allow:    everybody,
		limits:   limits{running: 4, perAddress: 2, backlog: 200, patience: time.Minute, grace: time.Minute},
		reactors: 2,
	})
	var wg sync.WaitGroup
	for i := range 100 {
		c := dial(t, addr, fmt.Sprintf("127.0.0.%d", 1+i/2))
		wg.Go(func() {
			if got, err := c.fetch("a", 1000, 4); err != nil || len(got) != len(content) {
				t.Errorf("client %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}

// Forged requests in one client's name, or in many names, hold no slot for
// long. Otherwise they would outlast the client's patience here.
func TestForgedRequestsGiveWay(t *testing.T) {
	for _, tc := range []struct{ situation, forged string }{
		{"in the client's own name", "127.0.0.%[2]d"},
		{"in many names", "127.0.0.%[1]d"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			addr := serveAs(t, &Server{
				Open: func(netip.AddrPort, string) (File,
					error) {
					return memFile{bytes.NewReader(make([]byte, 5000))}, nil
				},
				Allow: everybody,
				limits: limits{running: 4, perAddress: 2, backlog: 100, patience: time.Minute,
					grace: time.Millisecond},
				reactors: 1,
			})
			const client = 200
			for i := range 24 {
				name := fmt.Sprintf(tc.forged, 1+i, client)
				dial(t, addr, name).ask("a", "octet", "tsize", "0")
			}
			if got, err := dial(t, addr, fmt.Sprintf("127.0.0.%d", client)).fetch("a", 512, 4); err != nil ||
				len(got) != 5000 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// A client that answered slowly, or whose answer was lost, still gets its file,
// even if others waited for its slot.
func TestSlowToAnswer(t *testing.T) {
	content := make([]byte, 5000)
	done := make(chan Event, 8)
	addr := serveAs(t, &Server{
		Open:     func(netip.AddrPort, string) (File, error) { return memFile{bytes.NewReader(content)}, nil },
		Allow:    everybody,
		Done:     func(e Event) { done <- e },
		limits:   limits{running: 1, perAddress: 1, backlog: 10, patience: time.Minute, grace: time.Millisecond},
		reactors: 1,
	})
	b := make([]byte, 2048)
	slow := dial(t, addr, "127.0.0.1")
	slow.ask("slow", "octet", "tsize", "0")
	_, slow.peer = slow.next(b)
	// Meanwhile this client has its slot.
	if got, err := dial(t, addr, "127.0.0.2").fetch("a", 512, 4); err != nil || len(got) != len(content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if e := <-done; e.File != "a" || e.Err != nil {
		t.Fatalf("%+v", e)
	}
	for block := uint16(0); block <= 10; block++ {
		slow.conn.WriteToUDPAddrPort(ack(block), slow.peer)
		if block < 10 {
			if n, _ := slow.next(b); n < 4 || !bytes.Equal(b[:4], []byte{0, opDATA, 0, byte(block + 1)}) {
				t.Fatalf("after ACK %d: %x", block, b[:n])
			}
		}
	}
	if e := <-done; e.File != "slow" || e.Err != nil || e.Sent != int64(len(content)) {
		t.Errorf("%+v", e)
	}
	// All slots are released.
	if got, err := dial(t, addr, "127.0.0.2").fetch("b", 512, 4); err != nil || len(got) != len(content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A hundred thousand useless packets: malformed ones, and requests that no
// client follows up. Memory stays bounded, and a real client is served meanwhile.
func TestFlood(t *testing.T) {
	content := make([]byte, 50_000)
	addr := serveAs(t, &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			if name == "missing" {
				return nil, fs.ErrNotExist
			}
			return memFile{bytes.NewReader(content)}, nil
		},
		Allow: everybody,
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	server := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var flood sync.WaitGroup
	for i := range 20 {
		c := dial(t, addr, fmt.Sprintf("127.0.1.%d", i+1))
		packets := [][]byte{
			{}, {0}, []byte("\x00\x01"), []byte("\x00\x01a"), bytes.Repeat([]byte{255}, 1400), ack(7),
			rrq("missing", "octet"), rrq("a", "netascii"), []byte("\x00\x02a\x00octet\x00"),
			rrq("a", "octet"), rrq("b", "octet", "blksize", "1468", "windowsize", "64"),
			rrq("c", "octet", "timeout", "255"),
		}
		flood.Go(func() {
			for n := range 5000 {
				c.conn.WriteTo(packets[n%len(packets)], server)
				if n%500 == 0 { // as from another port
					c = dial(t, addr, fmt.Sprintf("127.0.1.%d", i+1))
				}
			}
			cancel()
		})
	}
	c := dial(t, addr, "127.0.2.1")
	for served := 0; ctx.Err() == nil || served == 0; served++ {
		if got, err := c.fetch("a", 1468, 4); err != nil || len(got) != len(content) {
			t.Fatalf("in the flood: %d bytes, %v", len(got), err)
		}
	}
	flood.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}
