// Package dhcpd is the DHCP server: DHCP and proxyDHCP on port 67, and PXE's
// boot server on port 4011. It owns the leases, the limits, the search for
// other servers and the sockets. What a packet is answered is package dhcp's
// decision, and which files there are is not this package's business.
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
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
	"github.com/pxebox/pxebox/internal/serve/ratelimit"
)

// lookAgain is how often the server looks at what no packet reports: a lease
// database that may be opened by now, another PXE server that is gone.
const lookAgain = 2 * time.Second

// Options are what the server has from its surroundings.
type Options struct {
	DataDir string         // of the lease database
	Clients *clients.Table // learns which machine has which address
	Events  *event.Bus
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Config is what the server answers by, until the next one.
type Config struct {
	DHCP spec.DHCP
	Plan handoff.Plan // which machines boot from a WDS server
	Link netif.Link   // with Index 0 for none yet
}

// Server is the DHCP server. Its state belongs to the goroutine of Serve, but
// for commit, which has one to itself: it waits for the disk while the next
// packets are decided, so that one fsync serves all that came in meanwhile.
//
// Configure, Handle and Verdict are what that goroutine calls. A test may call
// them instead of Serve. All other exported methods may be called from
// everywhere.
type Server struct {
	Options

	config   Config
	settings atomic.Pointer[dhcp.Settings] // made of config and others
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

// inbox is how values come to the goroutine of Serve.
type inbox struct {
	configs  chan configuring
	turns    chan struct{}
	packets  chan Packets
	inUse    chan netip.Addr
	verdicts chan otherdhcp.Verdict
	rivals   chan otherdhcp.Rival
	sites    chan otherdhcp.Site
}

// configuring is a Config, and who waits until it is in use.
type configuring struct {
	Config
	done chan struct{}
}

// progress is what Progress counts.
type progress struct {
	sent atomic.Uint64 // answers that are on the wire
	conn atomic.Pointer[dhcpconn.Conn]
}

// New makes a server. It is silent before its first Config.
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

// Use has the server answer by c from now on: when it returns, unless ctx has
// ended, that is so.
func (s *Server) Use(ctx context.Context, c Config) {
	done := make(chan struct{})
	task.Give(ctx, s.inbox.configs, configuring{c, done})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Turn returns once the server has come round to it, or ctx has ended. It is
// for a caller who wants to know that the server does not hang.
func (s *Server) Turn(ctx context.Context) { task.Give(ctx, s.inbox.turns, struct{}{}) }

// Settings are what the server answers by at this moment.
func (s *Server) Settings() *dhcp.Settings { return s.settings.Load() }

// Serves reports whether an address is one that a machine of a served network
// can have.
func (s *Server) Serves(a netip.Addr) bool { return s.settings.Load().Serves(a) }

// Progress counts the packets that the server has taken on the present link,
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

// use takes c into use, with the sockets and the search for other servers that
// it needs.
func (s *Server) use(c Config, sockets, guards *task.Task) {
	old, l := s.config.Link, c.Link
	other := old.Index != l.Index || old.Name != l.Name
	reopen := other || old.MTU != l.MTU || old.HW.String() != l.HW.String()
	if reopen {
		sockets.Stop()
		s.disconnect()
	}
	s.openStore(time.Now(), c.DHCP.Mode)
	// A cable that comes back may lead to another network.
	s.watchOthers(c, guards, other || !old.Up && l.Up)
	s.Configure(time.Now(), c)
	if reopen {
		sockets.Start(func(ctx context.Context) error { return s.listen(ctx, l) })
	}
}

// Configure makes the settings of c, and of what is known of other servers.
func (s *Server) Configure(now time.Time, c Config) {
	s.config = c
	own := []net.HardwareAddr{c.Link.HW, s.others.guard.MAC()}
	settings := dhcp.NewSettings(c.DHCP, c.Link.Addr, own, s.pools)
	settings.Hold, settings.Rival, settings.Plan, settings.Stages = s.others.hold, s.others.rival, c.Plan, &s.stages
	settings.Allow = s.limit.Allow
	s.settings.Store(settings)
	s.count(now)
}

// count brings the number of leases in the metrics up to date.
func (s *Server) count(now time.Time) { s.Metrics.Leases(s.pools.Leases(now)) }

// disconnect drops what was to go out by sockets that are closed now.
func (s *Server) disconnect() {
	clear(s.probes.waiting)
	clear(s.delays.waiting)
	s.probes.order, s.delays.order, s.disk.pending = nil, nil, nil
}
