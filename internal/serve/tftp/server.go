package tftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/loglimit"
)

const (
	// defaultWindow is the largest window that is granted unless the Server
	// says otherwise. It is what fits the buffers of common network cards.
	defaultWindow = 64
	maxRequest    = 1500 // bytes; what is longer was not made by firmware
	requestBatch  = 64
	maxReactors   = 4
	// refusedAgain is how long the log does not warn again of a client that asks
	// for names that no boot loader asks for: a client that tries one tries many.
	refusedAgain = time.Hour
)

// Server answers read requests.
type Server struct {
	// Open finds the file that a client asks for, by the name as it sent it.
	// fs.ErrNotExist is told to the client as "not found", ErrRefused as
	// "access violation", any other error as nothing but "server error". A
	// request for which it returns ErrLater is dropped. What it opens is cheap
	// to keep: forged requests hold some thousands.
	Open func(client netip.AddrPort, name string) (File, error)
	// Allow says whether a source address is one to answer. TFTP sends more
	// than it is asked with: it must not be lent to strangers.
	Allow func(netip.Addr) bool
	// MaxBlockSize is the largest block, in bytes. The link's MTU less 32 (IP
	// 20, UDP 8, TFTP 4) keeps each in one packet; 65464, which is RFC 2348's
	// own limit, where it is zero.
	MaxBlockSize int
	// MaxWindow is the largest window, in blocks; 64 where it is zero.
	MaxWindow int
	// Bounds, where it is set, is asked with each request, and may be lower
	// than those two: they may change while transfers run.
	Bounds func() (blockSize, window int)

	Log *slog.Logger
	// Began, where it is set, is told of each transfer that begins, and of
	// nothing but what Done will be told of it: Client, File, Size and Start.
	// Done, where it is set, is told of each transfer that has ended, and of
	// each request that was refused. They are called from several goroutines
	// and must not wait.
	Began, Done func(Event)

	limits   limits // zero: defaultLimits
	reactors int    // zero: half the processors
	active   atomic.Int64
	taken    atomic.Uint64 // datagrams of port 69, whatever was in them
	answered atomic.Uint64 // messages of all transfers, and refusals
	running  atomic.Pointer[[]*reactor]
	progress progress
	refusals loglimit.Once[netip.Addr] // clients that were logged as refused
}

// Active is how many transfers are running.
func (s *Server) Active() int { return int(s.active.Load()) }

// progress is what Progress has said last.
type progress struct {
	turns           []uint64 // of each reactor
	taken, answered uint64
}

// Progress counts the datagrams that were taken from port 69, and those that
// were sent. Both counts stand still while any of the reactors does: what the
// others do says nothing of it. It is called by one goroutine, now and then.
func (s *Server) Progress() (taken, answered uint64) {
	p := &s.progress
	rs := s.running.Load()
	if rs == nil {
		return p.taken, p.answered
	}
	if p.turns == nil {
		p.turns = make([]uint64, len(*rs))
	}
	all := true
	for i, r := range *rs {
		turns := r.turns.Load()
		all = all && turns != p.turns[i]
		p.turns[i] = turns
		r.link.wake() // one that has nothing to do turns all the same, until the next call
	}
	if all {
		p.taken, p.answered = s.taken.Load(), s.answered.Load()
	}
	return p.taken, p.answered
}

// Event is a transfer that has ended, or a request that was refused: Err then
// is ErrRefused, fs.ErrNotExist or what else Open said.
type Event struct {
	Client      netip.AddrPort
	File        string // as the client asked for it
	Size        int64  // bytes
	Sent        int64  // of them, those that the client acknowledged
	Start       time.Time
	Duration    time.Duration
	Retransmits int // datagrams sent again
	BlockSize   int // bytes
	Window      int // blocks
	Err         error
	Aborted     bool // Err is the client's own doing: it may have wanted no more than the size, or asks anew
}

func (e Event) log(log *slog.Logger) {
	level, text := slog.LevelInfo, "tftp: sent"
	switch {
	case e.Aborted:
		level, text = slog.LevelDebug, "tftp: ended by the client"
	case e.Err != nil:
		level, text = slog.LevelWarn, "tftp: broken off"
	}
	if !log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.Any("client", e.Client.Addr()), slog.String("file", e.File), slog.Int64("bytes", e.Size),
		slog.Duration("took", e.Duration.Round(time.Millisecond)), slog.Int("retransmits", e.Retransmits),
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("err", e.Err))
	}
	log.LogAttrs(context.Background(), level, text, attrs...)
}

// ErrRefused is for names that Open will not look up.
var ErrRefused = errors.New("refused")

// ErrLater is for a request that Open cannot decide yet. The client repeats it.
var ErrLater = errors.New("not known yet")

// Serve answers requests on conn, the socket of port 69, until ctx ends or a
// socket fails. Transfers have other ports (RFC 1350 §4), on the interface
// and the address that conn is bound to.
func (s *Server) Serve(ctx context.Context, conn net.PacketConn) error {
	p := ipv4.NewPacketConn(conn)
	// The answer must come from the address that was asked.
	if err := p.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return fmt.Errorf("tftp: packet info: %w", err)
	}
	if s.MaxBlockSize == 0 {
		s.MaxBlockSize = maxBlockSize
	}
	if s.MaxWindow == 0 {
		s.MaxWindow = defaultWindow
	}
	lim := s.limits
	if lim == (limits{}) {
		lim = defaultLimits()
	}
	s.refusals = loglimit.Once[netip.Addr]{Most: maxRemembered, Again: refusedAgain}
	n := s.reactors
	if n == 0 {
		n = min(max(runtime.GOMAXPROCS(0)/2, 1), maxReactors)
	}
	g, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	rs := make([]*reactor, n)
	for i := range rs {
		l, err := openLink(conn, socketsPerReactor)
		if err != nil {
			for _, r := range rs[:i] {
				r.link.close()
			}
			return fmt.Errorf("tftp: %w", err)
		}
		rs[i] = newReactor(l, s, lim.split(n), maxChunks/n)
	}
	s.running.Store(&rs)
	for _, r := range rs {
		stop := context.AfterFunc(ctx, r.link.wake)
		defer stop()
		g.Go(func() error {
			if err := r.run(ctx); err != nil {
				return fmt.Errorf("tftp: %w", err)
			}
			return nil
		})
	}
	g.Go(func() error { return s.listen(ctx, p, rs) })
	err := g.Wait()
	for _, r := range rs {
		r.close(err)
	}
	return err
}

// listen takes the requests of port 69 and opens their files, so that a slow
// disk holds up new transfers only.
func (s *Server) listen(ctx context.Context, p *ipv4.PacketConn, rs []*reactor) error {
	msgs := make([]ipv4.Message, requestBatch)
	for i := range msgs {
		msgs[i].Buffers = [][]byte{make([]byte, maxRequest)}
		msgs[i].OOB = ipv4.NewControlMessage(ipv4.FlagDst)
	}
	for {
		n, err := p.ReadBatch(msgs, 0)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("tftp: receive: %w", err)
		}
		s.taken.Add(uint64(n))
		for _, m := range msgs[:n] {
			from, ok := m.Addr.(*net.UDPAddr)
			var cm ipv4.ControlMessage
			if !ok || cm.Parse(m.OOB[:m.NN]) != nil || toBroadcast(m.OOB[:m.NN]) {
				continue
			}
			local, _ := netip.AddrFromSlice(cm.Dst.To4())
			if a, ok := s.arrival(from.AddrPort(), local, m.Buffers[0][:m.N]); ok {
				// A request and its repeat have one reactor.
				b := a.client.Addr().As4()
				if !rs[(int(b[3])+int(a.client.Port()))%len(rs)].offer(a) && a.file != nil {
					a.file.Close()
				}
			}
		}
	}
}

// arrival makes a request of a packet, where it is one to be answered.
func (s *Server) arrival(client netip.AddrPort, local netip.Addr, b []byte) (arrival, bool) {
	client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	if client.Port() == 0 { // it cannot be sent to
		return arrival{}, false
	}
	if !client.Addr().Is4() || !s.Allow(client.Addr()) {
		return arrival{}, false
	}
	r, err := parseRequest(b)
	if err == errMalformed {
		return arrival{}, false
	}
	if !local.Is4() {
		local = netip.IPv4Unspecified() // the kernel's choice
	}
	a := arrival{Request: r, client: client, local: local}
	if err != nil {
		a.code = CodeIllegal
		s.refused(a, slog.LevelDebug, err)
		return a, true
	}
	if s.Bounds != nil {
		block, window := s.Bounds()
		a.BlockSize, a.Window = min(a.BlockSize, block), min(a.Window, window)
	}
	f, err := s.Open(client, r.Name)
	switch {
	case err == nil:
		a.file = f
	case errors.Is(err, ErrLater):
		return arrival{}, false
	case errors.Is(err, fs.ErrNotExist):
		a.code = CodeNotFound
		s.refused(a, slog.LevelDebug, err)
	case errors.Is(err, ErrRefused):
		a.code = CodeAccess
		level := slog.LevelDebug
		if s.refusals.First(time.Now(), client.Addr()) {
			level = slog.LevelWarn
		}
		s.refused(a, level, err)
	default:
		a.code = CodeUndefined
		s.refused(a, slog.LevelError, err)
	}
	return a, true
}

// refused tells of a request that is answered by an ERROR.
func (s *Server) refused(a arrival, level slog.Level, err error) {
	s.Log.Log(context.Background(), level, "tftp: refused", "client", a.client.Addr(), "file", a.Name, "err", err)
	if s.Done != nil {
		s.Done(Event{Client: a.client, File: a.Name, Start: time.Now(), Err: err})
	}
}
