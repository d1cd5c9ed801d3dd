package boots

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

// pxed is a server of the stream.
type pxed struct {
	t *testing.T
	l net.Listener
}

func listen(t *testing.T, dir string) pxed {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(dir, tracestream.Socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return pxed{t, l}
}

// accept waits for the reader, and sends what pxed remembers.
func (p pxed) accept(started float64, events ...trace.Event) net.Conn {
	p.t.Helper()
	conn, err := p.l.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	b := tracestream.Append(nil, tracestream.Record{Hello: &tracestream.Hello{Started: at(started), Version: "1"}})
	for _, e := range events {
		b = tracestream.Append(b, tracestream.Record{Event: &e})
	}
	p.send(conn, tracestream.Append(b, tracestream.Record{Alive: true}))
	return conn
}

func (p pxed) send(conn net.Conn, b []byte) {
	p.t.Helper()
	if _, err := conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// until waits until the Store is in a state.
func until(t *testing.T, s *Store, what string, is func(State) bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		changed := s.Changed()
		if is(s.State()) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%s: never; the state is %+v", what, s.State())
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	s := New(DefaultLimits)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		s.Run(ctx, dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
		close(done)
	}()
	until(t, s, "down before pxed has started", func(st State) bool { return !st.Connected && !st.Since.IsZero() })

	p := listen(t, dir)
	conn := p.accept(-10, wholeBoot(0, 1)...)
	until(t, s, "connected", func(st State) bool { return st.Connected && st.Machines == 1 && st.Hello.Version == "1" })

	// A line that cannot be read is counted, and the ones after it are read.
	second := dhcp(100, 2, "offer")
	p.send(conn, []byte("{\"event\":7}\nno JSON\n{}\n{\"a\":1}\n"))
	p.send(conn, tracestream.Append(nil, tracestream.Record{Event: &second}))
	until(t, s, "the second machine", func(st State) bool { return st.Machines == 2 && st.Lost == 2 })

	conn.Close()
	until(t, s, "the connection has ended", func(st State) bool {
		return !st.Connected && !st.Since.IsZero() && st.Machines == 2
	})
	conn = p.accept(-10, append(wholeBoot(0, 1), second)...)
	until(t, s, "connected again", func(st State) bool { return st.Connected })
	third := dhcp(200, 3, "offer")
	p.send(conn, tracestream.Append(nil, tracestream.Record{Event: &third}))
	until(t, s, "the third machine", func(st State) bool { return st.Machines == 3 })
	for _, m := range func() []Row { rows, _ := s.Machines(all, 0, 10); return rows }() {
		if m.Boots != 1 {
			t.Errorf("%v has %d boots: the repeated events were counted twice", m.MAC, m.Boots)
		}
	}

	// A line that is too long ends the connection, and not the reader.
	p.send(conn, make([]byte, tracestream.MaxLine+1))
	p.accept(300)
	until(t, s, "connected to the next pxed", func(st State) bool {
		return st.Connected && st.Hello.Started.Equal(at(300))
	})

	cancel()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("Run goes on after its context has ended")
	}
}
