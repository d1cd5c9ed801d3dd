// Package tracesocket shows what pxed does to the programs that follow it: it
// remembers the latest events and control packets, and writes them to readers
// of a Unix socket as package tracestream defines. It reads nothing from them,
// and no server waits for it: events and packets reach it through queues that
// drop what has no room, and a reader that does not read is cut off.
package tracesocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/version"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/boot/tracestream"
	"github.com/pxebox/pxebox/internal/net/sock"
	"github.com/pxebox/pxebox/internal/serve/event"
)

const (
	maxReaders = 4
	// batch is how many records are encoded and written at a time.
	batch = 64
	// patience is how long one write may take. A reader that takes longer for
	// what fits into a few packets does not read.
	patience = 10 * time.Second
	// aliveAfter is how long a stream may be silent.
	aliveAfter = 5 * time.Second
	// countLost is how often the records that were lost on the way here become
	// a record.
	countLost = time.Second
	// again is the pause after the socket could not be opened.
	again = 5 * time.Second
)

// Options are a server's dependencies.
type Options struct {
	RunDir  string            // holds the socket
	Address func() netip.Addr // the box's
	// Whose returns the MAC of the machine at an address, zero if it is not
	// known.
	Whose func(netip.Addr) ether.MAC
	// Holder is Whose from a better source that takes longer. It is called once
	// for each file that was sent.
	Holder func(netip.Addr) ether.MAC
	Events *event.Bus
	Tap    *event.Tap
	Log    *slog.Logger
}

// Server remembers what the servers did, and writes it to readers.
type Server struct {
	Options
	started  time.Time
	patience time.Duration
	store    *store
	readers  chan struct{} // has an element for each reader
	events   <-chan trace.Event
	dropped  func() uint64 // of these events
	asked    chan struct{} // has an element once a reader has come
}

// New makes a server that remembers events from now on.
func New(o Options) *Server {
	s := &Server{
		Options: o, started: time.Now(), patience: patience, store: newStore(),
		readers: make(chan struct{}, maxReaders),
		asked:   make(chan struct{}, 1),
	}
	s.events, s.dropped = o.Events.Follow()
	return s
}

// Serve works until ctx ends. The box also serves machines if the socket cannot
// be opened.
func (s *Server) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.collect(ctx) })
	g.Go(func() error {
		for said := false; ; {
			err := s.listen(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// Without a run directory there is no program yet that would read.
			if !said && !errors.Is(err, fs.ErrNotExist) {
				said = true
				s.Log.Error("socket for the page cannot be opened", "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(again):
			}
		}
	})
	return g.Wait()
}

// collect stores what the servers report. Packets are taken only after the
// first reader has come: a box without a page copies none.
func (s *Server) collect(ctx context.Context) error {
	count := time.NewTicker(countLost)
	defer count.Stop()
	var packets <-chan struct{}
	var lost, dropped uint64
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.asked:
			packets = s.Tap.Open()
		case <-packets:
			lost += s.takePackets()
		case e := <-s.events:
			// The packets that the event is about come first.
			if packets != nil {
				lost += s.takePackets()
			}
			s.event(e)
		case <-count.C:
			d := s.dropped()
			lost, dropped = lost+d-dropped, d
			if lost > 0 {
				s.store.add(machine{}, tracestream.Record{Lost: lost})
				lost = 0
			}
		}
	}
}

func (s *Server) takePackets() (lost uint64) {
	self := s.Address()
	return s.Tap.Take(func(p tracestream.Packet) {
		peer := p.From.Addr()
		if peer == self || peer.IsUnspecified() {
			peer = p.To.Addr()
		}
		s.store.add(s.who(p.MAC, peer), tracestream.Record{Packet: &p})
	})
}

func (s *Server) event(e trace.Event) {
	who := s.who(e.MAC, e.Addr)
	if wholeFile(e) && !e.MAC.IsValid() {
		// While a flood invents machines, a reader may have had no room for the
		// DHCP answers to a real one, and then knows it only by this.
		e.MAC = s.Holder(e.Addr)
	}
	s.store.add(who, tracestream.Record{Event: &e})
	if wholeFile(e) {
		s.store.serve(who)
		s.Tap.Proven(who.mac, e.Addr)
	}
}

// who returns the machine with this MAC, or at this address.
func (s *Server) who(mac ether.MAC, a netip.Addr) machine {
	if !mac.IsValid() && a.IsValid() {
		mac = s.Whose(a)
	}
	if mac.IsValid() {
		return machine{mac: mac}
	}
	return machine{addr: a}
}

// listen accepts readers until ctx ends or the socket fails. It replaces the
// socket of an earlier pxed.
func (s *Server) listen(ctx context.Context) error {
	file := filepath.Join(s.RunDir, tracestream.Socket)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The kernel gives the file the mode that the socket has before it is bound,
	// so that no other user can connect even for a moment.
	lc := net.ListenConfig{Control: sock.Control(func(fd int) error { return unix.Fchmod(fd, 0o600) })}
	l, err := lc.Listen(ctx, "unix", file)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	// By the time this program ends, the file may be the next one's.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		select {
		case s.readers <- struct{}{}:
			go func() {
				defer func() { <-s.readers }()
				s.write(ctx, conn)
			}()
		default:
			conn.Close()
		}
	}
}

// write writes the stream to one reader until it goes, fails to read or sends
// anything.
func (s *Server) write(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	go func() {
		defer cancel()
		_, _ = conn.Read(make([]byte, 1)) // until the reader closes it
	}()
	select {
	case s.asked <- struct{}{}:
	default:
	}
	wake := s.store.follow()
	defer s.store.unfollow(wake)
	var line []byte
	send := func(records ...tracestream.Record) bool {
		line = line[:0]
		for _, r := range records {
			line = tracestream.Append(line, r)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(s.patience))
		_, err := conn.Write(line)
		return err == nil
	}
	hello := tracestream.Hello{Started: s.started, Address: s.Address(), Version: version.String()}
	if !send(tracestream.Record{Hello: &hello}) {
		return
	}
	at, end := uint64(0), s.store.newest()
	for at < end { // what it may have missed
		records, last, _ := s.store.after(at, batch)
		if len(records) == 0 {
			break
		}
		if at = last; !send(records...) {
			return
		}
	}
	if !send(tracestream.Record{Alive: true}) {
		return
	}
	quiet := time.NewTimer(aliveAfter)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-quiet.C:
			if !send(tracestream.Record{Alive: true}) {
				return
			}
		case <-wake:
			for {
				records, last, evicted := s.store.after(at, batch)
				if len(records) == 0 {
					break
				}
				if at = last; evicted > 0 {
					records = append([]tracestream.Record{{Lost: evicted}}, records...)
				}
				if !send(records...) {
					return
				}
			}
		}
		quiet.Reset(aliveAfter)
	}
}
