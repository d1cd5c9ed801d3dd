package tftp

import (
	"io/fs"
	"net/netip"
	"testing"
	"time"
)

// hanging is a file on a disk that does not answer.
type hanging struct {
	memFile
	until <-chan struct{}
}

func (hanging) Size() int64 { return 1 << 20 }

func (f hanging) ReadAt([]byte, int64) (int, error) { <-f.until; return 0, fs.ErrInvalid }

// The counts grow while a server works, idle or not, and stand still as soon as
// a part of it hangs.
func TestProgress(t *testing.T) {
	until := make(chan struct{})
	s := &Server{
		Open: func(_ netip.AddrPort, name string) (File, error) {
			if name == "hangs" {
				return hanging{until: until}, nil
			}
			return nil, fs.ErrNotExist
		},
		Allow: everybody, reactors: 2,
	}
	addr := serveAs(t, s)
	t.Cleanup(func() { close(until) }) // before the cleanup that waits for the server
	b := make([]byte, 600)
	clients := []*client{dial(t, addr, "127.0.0.1"), dial(t, addr, "127.0.0.1")}
	// One client for each reactor. The address and port select the reactor.
	for port(clients[0])%2 == port(clients[1])%2 {
		clients[1] = dial(t, addr, "127.0.0.1")
	}
	// ask sends a request that the client's reactor refuses. After that, the
	// reactor is known to run.
	ask := func(c *client) { c.ask("absent", "octet"); c.next(b) }
	// moves waits until the counts have grown, which takes a turn of each
	// reactor.
	moves := func(than uint64) (answered uint64) {
		for answered <= than {
			_, answered = s.Progress()
			time.Sleep(time.Millisecond)
		}
		return answered
	}
	for _, c := range clients {
		ask(c)
	}
	if answered := moves(1); answered != 2 {
		t.Errorf("%d answers, want 2", answered)
	}
	// Only one reactor has work to do.
	ask(clients[0])
	moves(2)

	clients[1].ask("hangs", "octet")
	ask(clients[0]) // so that the previous request has been received
	for _, r := range *s.running.Load() {
		for len(r.arrivals) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	s.Progress() // its last turn may have been after the previous call
	_, before := s.Progress()
	for range 20 {
		ask(clients[0])
		if _, answered := s.Progress(); answered != before {
			t.Fatalf("one of two reactors hangs, and the count goes on by %d", answered-before)
		}
	}
	if s.answered.Load() <= before {
		t.Error("the other one was to answer")
	}
}

func port(c *client) int { return int(netip.MustParseAddrPort(c.conn.LocalAddr().String()).Port()) }
