// Package dhcpd is the DHCP server: DHCP and proxyDHCP on port 67, and PXE's
// boot server on port 4011. It owns the leases, the limits, the search for
// other servers and the sockets. Package dhcp decides how to answer a packet.
// This package does not know which files exist.
package dhcpd

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
	"github.com/pxebox/pxebox/internal/serve/ratelimit"
)

// lookAgain is how often the server checks what no packet reports: whether the
// lease database can be opened now, and whether another PXE server is gone.
const lookAgain = 2 * time.Second

// Options are the server's dependencies.
type Options struct {
	DataDir string         // holds the lease database
	Clients *clients.Table // records which machine has which address
	Events  *event.Bus
	Tap     *event.Tap // takes copies of packets; nil: none
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Config is the server's configuration until the next one.
type Config struct {
	DHCP spec.DHCP
	Plan handoff.Plan // which machines boot from a WDS server
	// Ladder is what machines did after earlier answers; nil: answers do not
	// adapt.
	Ladder *ladder.Table
	Copies []string   // as in dhcp.Settings
	Link   netif.Link // Index is 0 if there is none yet
}

// Server is the DHCP server. Its state belongs to the goroutine of Serve,
// except for commit, which has its own goroutine: it waits for the disk while
// the next packets are decided, so that one fsync serves everything that
// arrived meanwhile.
//
// The goroutine of Serve calls Configure, Handle and Verdict. A test may call
// them instead of Serve. All other exported methods may be called from any
// goroutine.
type Server struct {
	Options

	config   Config
	settings atomic.Pointer[dhcp.Settings] // made from config and others
	pools    dhcp.Pools
	stages   dhcp.Stages
	limit    *ratelimit.Limiter
	report   *reporter

	probes   probes
	delays   delays
	disk     disk
	others   others
	inbox    inbox
	progress progress
}

// inbox is how values reach the goroutine of Serve.
type inbox struct {
	configs  chan configuring
	turns    chan struct{}
	packets  chan Packets
	inUse    chan netip.Addr
	verdicts chan otherdhcp.Verdict
	rivals   chan otherdhcp.Rival
	sites    chan otherdhcp.Site
}

// configuring is a Config, and a channel that is closed once it is in use.
type configuring struct {
	Config
	done chan struct{}
}

// progress is what Progress counts.
type progress struct {
	sent atomic.Uint64 // answers sent
	conn atomic.Pointer[dhcpconn.Conn]
}

// New makes a server. It stays silent until its first Config.
func New(o Options) *Server { return newServer(time.Now(), o) }

func newServer(now time.Time, o Options) *Server {
	s := &Server{
		Options: o, pools: dhcp.Pools{}, limit: ratelimit.New(now), report: newReporter(o),
		probes: newProbes(), delays: newDelays(), disk: newDisk(), others: others{guard: otherdhcp.New(o.Log)},
		inbox: inbox{
			configs: make(chan configuring), turns: make(chan struct{}), packets: make(chan Packets),
			inUse: make(chan netip.Addr), verdicts: make(chan otherdhcp.Verdict), rivals: make(chan otherdhcp.Rival),
			sites: make(chan otherdhcp.Site),
		},
	}
	s.Configure(now, Config{})
	return s
}

// Use makes the server answer by c. When Use returns, c is in use, unless ctx
// has ended.
func (s *Server) Use(ctx context.Context, c Config) {
	done := make(chan struct{})
	task.Give(ctx, s.inbox.configs, configuring{c, done})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Turn returns once the server's loop has received it, or ctx has ended. It
// lets a caller check that the server does not hang.
func (s *Server) Turn(ctx context.Context) { task.Give(ctx, s.inbox.turns, struct{}{}) }

// Settings returns the settings that the server uses at this moment.
func (s *Server) Settings() *dhcp.Settings { return s.settings.Load() }

// Serves reports whether a machine of a served network can have the address.
func (s *Server) Serves(a netip.Addr) bool { return s.settings.Load().Serves(a) }

// Progress counts the packets that the server has received on the present link,
// and the answers that it has sent.
func (s *Server) Progress() (taken, answered uint64) {
	if c := s.progress.conn.Load(); c != nil {
		taken = c.Taken()
	}
	return taken, s.progress.sent.Load()
}

// Serve answers until ctx ends or a socket fails.
func (s *Server) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.commit(ctx) })
	g.Go(func() error { return s.own(ctx) })
	return g.Wait()
}

// own is the goroutine that owns the state.
func (s *Server) own(ctx context.Context) error {
	sockets, guards := task.New(ctx), task.New(ctx)
	defer sockets.Stop()
	defer guards.Stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		packets := s.inbox.packets
		if s.mustWait(time.Now()) {
			packets = nil
		}
		batches, toDisk := s.toCommit(time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-s.inbox.configs:
			s.use(c.Config, sockets, guards)
			close(c.done)
		case <-s.inbox.turns:
		case p := <-packets:
			s.Handle(time.Now(), p)
		case a := <-s.inbox.inUse:
			s.addressInUse(time.Now(), a)
		case now := <-s.probes.timer.C:
			s.probesDone(now)
		case now := <-s.delays.timer.C:
			s.delaysDone(now)
		case batches <- toDisk:
			s.committing()
		case done := <-s.disk.committed:
			s.onDisk(time.Now(), done)
		case o := <-s.disk.opened:
			s.storeOpened(time.Now(), o)
		case v := <-s.inbox.verdicts:
			s.Verdict(time.Now(), v)
		case r := <-s.inbox.rivals:
			s.rivalHeard(time.Now(), r)
		case site := <-s.inbox.sites:
			s.siteHeard(time.Now(), site)
		case err := <-sockets.Failed:
			return err
		case now := <-look.C:
			s.openStore(now, s.config.DHCP.Mode)
			s.rivalGone(now)
		}
	}
}

// use applies c, and starts the sockets and the search for other servers that
// it needs.
func (s *Server) use(c Config, sockets, guards *task.Task) {
	old, l := s.config.Link, c.Link
	other := old.Index != l.Index || old.Name != l.Name
	// Where DHCP is off, another program may have the ports.
	turned := l.Index != 0 && s.config.DHCP.Mode.Answers() != c.DHCP.Mode.Answers()
	reopen := other || turned || old.MTU != l.MTU || old.HW.String() != l.HW.String()
	if reopen {
		sockets.Stop()
		s.disconnect()
	}
	s.openStore(time.Now(), c.DHCP.Mode)
	// A cable that comes back may lead to another network.
	s.watchOthers(c, guards, other || !old.Up && l.Up)
	s.Configure(time.Now(), c)
	if reopen {
		mode := c.DHCP.Mode
		sockets.Start(func(ctx context.Context) error { return s.listen(ctx, l, mode) })
	}
}

// Configure makes the settings from c and from what is known about other
// servers.
func (s *Server) Configure(now time.Time, c Config) {
	s.config = c
	own := []net.HardwareAddr{c.Link.HW, s.others.guard.MAC()}
	settings := dhcp.NewSettings(c.DHCP, c.Link.Addr, own, s.pools)
	settings.Hold, settings.Rival, settings.Plan, settings.Stages = s.others.hold, s.others.rival, c.Plan, &s.stages
	settings.Allow, settings.Ladder, settings.Copies = s.limit.Allow, c.Ladder, c.Copies
	s.settings.Store(settings)
	s.count(now)
}

// count updates the number of leases in the metrics.
func (s *Server) count(now time.Time) { s.Metrics.Leases(s.pools.Leases(now)) }

// disconnect drops the answers that were to be sent through sockets that are
// now closed.
func (s *Server) disconnect() {
	clear(s.probes.waiting)
	clear(s.delays.waiting)
	s.probes.order, s.delays.order, s.disk.pending = nil, nil, nil
}
