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
	// sets another. It fits the buffers of common network cards.
	defaultWindow = 64
	requestPort   = 69
	maxRequest    = 1500 // bytes; firmware sends nothing longer
	requestBatch  = 64
	maxReactors   = 4
	// refusedAgain is how long the log does not warn again about a client that
	// asks for names that no boot loader asks for. A client that tries one such
	// name tries many.
	refusedAgain = time.Hour
)

// Server answers read requests.
type Server struct {
	// Open returns the file that a client asks for, by the name as the client
	// sent it. The client is sent "not found" for fs.ErrNotExist, "access
	// violation" for ErrRefused, and "server error" for any other error. A
	// request for which Open returns ErrLater is dropped. An open file must be
	// cheap to keep, because forged requests can hold thousands of them.
	Open func(client netip.AddrPort, name string) (File, error)
	// Allow reports whether to answer a source address. TFTP sends more than it
	// receives, so strangers must not be able to use the server for
	// amplification.
	Allow func(netip.Addr) bool
	// MaxBlockSize is the largest block, in bytes. The link's MTU less 32 (IP
	// 20, UDP 8, TFTP 4) keeps each block in one packet. Zero means 65464, the
	// limit of RFC 2348.
	MaxBlockSize int
	// MaxWindow is the largest window, in blocks. Zero means 64.
	MaxWindow int
	// Bounds, if set, is called for each request and may return lower limits
	// than those two. The limits may change while transfers run.
	Bounds func() (blockSize, window int)

	Log *slog.Logger
	// Began, if set, is called for each transfer that begins, but for a file of
	// at most Brief bytes only once the client does not answer in time. Its
	// Event has only Client, File, Size and Start, with the values that Done
	// gets later.
	// Done, if set, is called for each transfer that has ended, and for each
	// request that was refused. Both are called from several goroutines and
	// must not block.
	Began, Done func(Event)
	Brief       int64
	// Packet, if set, is called with the packets that show how transfers begin
	// and end: requests, OACKs, ERRORs, and the first and the last packet of a
	// client. It must not block or keep the payload.
	Packet func(from, to netip.AddrPort, payload []byte)

	limits   limits // zero: defaultLimits
	reactors int    // zero: half the processors
	active   atomic.Int64
	taken    atomic.Uint64 // datagrams received on port 69, whatever was in them
	answered atomic.Uint64 // messages of all transfers, and refusals
	running  atomic.Pointer[[]*reactor]
	progress progress
	refusals loglimit.Once[netip.Addr] // clients that were logged as refused
}

// Active returns how many transfers are running.
func (s *Server) Active() int { return int(s.active.Load()) }

// progress is the last result of Progress.
type progress struct {
	turns           []uint64 // of each reactor
	taken, answered uint64
}

// Progress returns how many datagrams were received on port 69, and how many
// were sent. Both counts stand still while any reactor hangs, because the
// progress of the others says nothing about it. One goroutine calls Progress
// now and then.
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
		r.link.wake() // so that an idle reactor takes a turn before the next call
	}
	if all {
		p.taken, p.answered = s.taken.Load(), s.answered.Load()
	}
	return p.taken, p.answered
}

// Event is a transfer that has ended, or a request that was refused. For a
// refused request, Err is ErrRefused, fs.ErrNotExist or another error of Open.
type Event struct {
	Client      netip.AddrPort
	File        string // as the client asked for it
	Size        int64  // bytes
	Sent        int64  // bytes that the client acknowledged
	Start       time.Time
	Duration    time.Duration
	Retransmits int // datagrams sent again
	BlockSize   int // bytes
	Window      int // blocks
	Err         error
	Aborted     bool // the client caused Err: it may have wanted only the size, or has sent a new request
	Begun       bool // Began was called for it
}

func (e Event) log(log *slog.Logger) {
	level, text := slog.LevelInfo, "tftp: sent"
	switch {
	case e.Aborted:
		level, text = slog.LevelDebug, "tftp: aborted by the client"
	case e.Err != nil:
		level, text = slog.LevelWarn, "tftp: transfer failed"
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
var ErrLater = errors.New("not available yet")

// Serve answers requests on conn, the socket of port 69, until ctx ends or a
// socket fails. Transfers use other ports (RFC 1350 §4), on the interface and
// the address that conn is bound to.
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

// listen receives the requests of port 69 and opens their files, so that a slow
// disk delays only new transfers.
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
				if s.Packet != nil {
					s.Packet(a.client, netip.AddrPortFrom(a.local, requestPort), m.Buffers[0][:m.N])
				}
				// A request and its repeats go to the same reactor.
				b := a.client.Addr().As4()
				if !rs[(int(b[3])+int(a.client.Port()))%len(rs)].offer(a) && a.file != nil {
					a.file.Close()
				}
			}
		}
	}
}

// arrival parses a packet. It returns false if the packet must not be answered.
func (s *Server) arrival(client netip.AddrPort, local netip.Addr, b []byte) (arrival, bool) {
	client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	if client.Port() == 0 { // nothing can be sent to port 0
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

// refused logs and reports a request that is answered with an ERROR.
func (s *Server) refused(a arrival, level slog.Level, err error) {
	s.Log.Log(context.Background(), level, "tftp: refused", "client", a.client.Addr(), "file", a.Name, "err", err)
	if s.Done != nil {
		s.Done(Event{Client: a.client, File: a.Name, Start: time.Now(), Err: err})
	}
}
