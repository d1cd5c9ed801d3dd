package syslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// patient limits the wait for what must happen.
const patient = 20 * time.Second

// logged is a log that tests wait for.
type logged struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{}
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.text.Write(b)
	l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) await(t *testing.T, part string) {
	t.Helper()
	for end := time.After(patient); !strings.Contains(l.String(), part); {
		select {
		case <-l.grown:
		case <-end:
			t.Fatalf("%q is not logged; the log:\n%s", part, l)
		}
	}
}

// start runs a Sender until the test ends.
func start(t *testing.T) (*Sender, *logged) {
	log := &logged{grown: make(chan struct{}, 1)}
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "logs.example.org" {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
		return nil, errors.New("no such host")
	}
	s := New(lookup, func() string { return "pxebox.local" }, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return s, log
}

func TestSendsByUDP(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s, _ := start(t)
	s.Send(stopped) // to no server: it is not sent later either
	s.Use(Target{Server: "logs.example.org", Port: netip.MustParseAddrPort(server.LocalAddr().String()).Port()})
	for _, entry := range []string{"one", "two"} {
		s.Send(Report{Entry: entry})
		server.SetReadDeadline(time.Now().Add(patient))
		b := make([]byte, 9000)
		n, err := server.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, fields, _ := read(t, b[:n]); fields["entry"] != entry {
			t.Errorf("got %s, want entry %s", b[:n], entry)
		}
	}
}

// frame reads one message with its length before it.
func frame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var n int
	if _, err := fmt.Fscanf(r, "%d ", &n); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The server is restarted between two boots: both lines arrive.
func TestSendsByTCP(t *testing.T) {
	server, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(patient))
	s, _ := start(t)
	s.Use(Target{Server: "127.0.0.1", Port: netip.MustParseAddrPort(server.Addr().String()).Port(), TCP: true})
	for range 3 {
		s.Send(stopped)
		c, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patient))
		if got := frame(t, bufio.NewReader(c)); got != string(Line("pxebox.local", stopped)) {
			t.Errorf("got %s", got)
		}
		c.Close()
	}
}

// A server that is not there is logged once, and drops are counted.
func TestServerIsAway(t *testing.T) {
	s, log := start(t)
	s.Use(Target{Server: "nowhere.example.org", Port: 514})
	for range queue + 100 {
		s.Send(stopped) // returns at once
	}
	log.await(t, "boots are not sent to the log server")
	if n := s.dropped.Load(); n < 50 {
		t.Errorf("%d are dropped", n)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("it logs %d lines:\n%s", n, log)
	}
	s.Use(Target{})
	s.Send(stopped)
}
