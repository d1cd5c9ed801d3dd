// Package pxed is the data plane's daemon: DHCP, TFTP and HTTP servers that
// share one table of clients and one service for hand-overs. It passes each new
// generation and each link change to the servers. The packages that it ties
// together decide what the servers answer.
package pxed

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcpd"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/tracesocket"
	"github.com/pxebox/pxebox/internal/serve/wdshandoff"
)

const (
	// firstGeneration is how long startup waits for menuwatch before the
	// built-in default is served. Both programs start at the same time.
	// Without the wait, a box with a fixed address would first ask for one
	// by DHCP.
	firstGeneration = 5 * time.Second
	// lookAgain is how often the boot folder is checked: /perm may be
	// mounted late, and the folder may be replaced by another one.
	lookAgain = 2 * time.Second

	// maxMachines is how many addresses the client table holds: more
	// machines than any site boots at a time. A full table, with a GUID per
	// machine, takes 6 MB.
	maxMachines = 16384
)

// Options locate what the daemon reads and writes.
type Options struct {
	RunDir    string // holds the generation, and a note of the address that was set
	BootDir   string // the site's boot files
	StickDir  string // more boot files, on a removable medium; empty for none
	CacheDir  string // files that menuwatch takes out of images of Windows PE; empty for none
	DataDir   string // holds the lease database and the machines that have had their one boot
	Interface string // network interface; empty: the one that the generation names
	Log       *slog.Logger
	// NetworkLog gets the lines about how the box gets onto the network, or
	// why it cannot; nil: they go to Log.
	NetworkLog *slog.Logger
}

// part returns the logger of one part of the program.
func (o Options) part(name string) *slog.Logger { return o.Log.With("part", name) }

// daemon is the state that the servers share. The DHCP server runs as long as
// the program; the TFTP and HTTP servers are created for each link
// (serveFiles).
type daemon struct {
	Options
	tell  *teller
	feed  *tracesocket.Server
	desk  *wdshandoff.Service
	dhcp  *dhcpd.Server
	files *files // what TFTP and HTTP serve
	now   current
	reach reach
	link  atomic.Pointer[netif.Link]
}

// current is the generation in use. It belongs to the goroutine that runs run.
type current struct {
	generation.Generation
	rules wdshandoff.Rules // of this generation
}

func newDaemon(o Options) *daemon {
	d := &daemon{Options: o, tell: newTeller(o.part("files")), reach: newReach()}
	d.link.Store(&netif.Link{})
	clients := clients.NewTable(maxMachines)
	d.desk = wdshandoff.New(time.Now(), wdshandoff.Options{
		RunDir: o.RunDir, DataDir: o.DataDir, Clients: clients, Neighbor: new(netif.Neighbours).At, Resolve: netif.Resolve,
		Log:  o.part("handoff"),
		Link: func() wdshandoff.Link { l := d.link.Load(); return wdshandoff.Link{Index: l.Index, Addr: l.Addr} },
	})
	d.dhcp = dhcpd.New(dhcpd.Options{
		DataDir: o.DataDir, Clients: clients, Events: d.tell.bus, Tap: d.tell.tap, Metrics: d.tell.metrics,
		Log: o.part("dhcp"),
	})
	bundled, copies := bundle()
	d.files = &files{
		dir: o.BootDir, stick: o.StickDir, cache: o.CacheDir, bundled: bundled, copies: copies,
		desk: d.desk, tell: d.tell, log: o.part("files"),
		self: func() netip.Addr { return d.link.Load().Addr.Addr() },
	}
	d.feed = tracesocket.New(tracesocket.Options{
		RunDir: o.RunDir, Address: d.files.self, Events: d.tell.bus, Tap: d.tell.tap, Log: o.part("stream"),
		Whose:  func(a netip.Addr) ether.MAC { m, _ := clients.At(a); return m.MAC },
		Holder: d.desk.Holder,
	})
	return d
}

// Run serves until ctx ends or a socket fails.
func Run(ctx context.Context, o Options) error {
	m := assets.Manifest()
	for _, p := range m.Programs() {
		facts := append([]any{"name", p.Program, "package", p.Name, "version", p.Version}, m.Facts(p)...)
		o.Log.Info("boot program built in", facts...)
	}
	d := newDaemon(o)
	generations := make(chan generation.Generation)
	network := make(chan spec.Network)
	links := make(chan netif.Link)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		generation.Watch(ctx, o.RunDir, o.part("generation"),
			func(gen generation.Generation) { task.Give(ctx, generations, gen) })
		return ctx.Err()
	})
	g.Go(func() error {
		k := &netif.Keeper{
			Interface: o.Interface, RunDir: o.RunDir, Leased: d.dhcp.Leased,
			Substitute: netif.IsBox(), Problem: d.networkProblem(),
			Log: cmp.Or(o.NetworkLog, o.Log).With("part", "network"),
		}
		k.Run(ctx, network, func(ctx context.Context, l netif.Link) { task.Give(ctx, links, l) })
		return ctx.Err()
	})
	g.Go(func() error { return d.tell.metrics.Count(ctx, d.tell.bus.Subscribe()) })
	g.Go(func() error {
		return event.LogBoots(ctx, d.tell.bus.Subscribe(), d.whose, d.tell.metrics.Boot, o.part("boot"))
	})
	g.Go(func() error { return d.feed.Serve(ctx) })
	g.Go(func() error { return d.desk.Serve(ctx) })
	g.Go(func() error { return d.dhcp.Serve(ctx) })
	g.Go(func() error { return d.run(ctx, generations, network, links) })
	return g.Wait()
}

// networkProblem returns a function that writes down why the interface of the
// settings cannot be used, for the console and the page.
func (d *daemon) networkProblem() func(why string) {
	last := "not written yet"
	return func(why string) {
		if why == last {
			return
		}
		last = why
		if err := netproblem.Write(d.RunDir, why); err != nil {
			d.part("network").Error("cannot write why the network interface cannot be used", "err", err)
		}
	}
}

// run passes each generation and each link change to the servers.
func (d *daemon) run(
	ctx context.Context, generations <-chan generation.Generation, network chan<- spec.Network, links <-chan netif.Link,
) error {
	first := generation.Default()
	select {
	case first = <-generations:
	case <-time.After(firstGeneration):
		d.part("generation").Warn("no generation from menuwatch: serving the built-in default")
	case <-ctx.Done():
		return ctx.Err()
	}
	sockets := task.New(ctx)
	defer sockets.Stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	alive := pulse.New(d.RunDir, "pxed")

	d.use(first)
	d.dhcp.Use(ctx, d.dhcpConfig())
	task.Give(ctx, network, first.Network)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case gen := <-generations:
			old := d.now
			d.use(gen)
			d.dhcp.Use(ctx, d.dhcpConfig())
			if !sameNetwork(old.Network, gen.Network) {
				task.Give(ctx, network, gen.Network)
			}
			if old.TFTP.Port != gen.TFTP.Port || old.HTTP.Port != gen.HTTP.Port {
				d.restartFiles(sockets)
			}
		case l := <-links:
			d.linkChanged(ctx, l, sockets)
		case err := <-sockets.Failed:
			return err
		case <-look.C:
			d.files.look()
			d.lookForRoutes()
			d.dhcp.Turn(ctx)
			alive.Beat(d.progress())
		}
	}
}

// progress returns what the servers of the current link have done. The caller
// uses it to tell a flood from a hung program.
func (d *daemon) progress() (p pulse.Progress) {
	p.DHCP.Taken, p.DHCP.Answered = d.dhcp.Progress()
	if s := d.tell.tftp.Load(); s != nil {
		p.TFTP.Taken, p.TFTP.Answered = s.Progress()
	}
	return p
}

func sameNetwork(a, b spec.Network) bool {
	return a.Interface == b.Interface && a.Address == b.Address && a.Gateway == b.Gateway && slices.Equal(a.DNS, b.DNS)
}

// use swaps a generation in. Transfers in progress keep the files that they
// started with.
func (d *daemon) use(g generation.Generation) {
	d.tell.metrics.Generation(g.ID)
	loglimit.Keep(d.part("generation"), "generation").Info("generation", "generation", g.ID, "mode", g.DHCP.Mode,
		"menus", len(g.Files))
	d.desk.Keep(g.Machines)
	d.now = current{g, d.desk.Rules(g.DHCP.Mode, g.Machines, g.Handoffs)}
	d.files.use(g, d.now.rules)
	d.reach.changed()
}

// dhcpConfig returns the DHCP server's current configuration.
func (d *daemon) dhcpConfig() dhcpd.Config {
	c := dhcpd.Config{DHCP: d.now.DHCP, Plan: d.now.rules.Plan, Link: *d.link.Load()}
	if d.now.DHCP.Adapt {
		c.Copies = d.files.copies
		c.Ladder, c.Plan = d.desk.Ladder(), c.Plan.WithFallback(d.now.DHCP.Fallback)
	}
	return c
}

// linkChanged serves on a new or changed link. It notifies the DHCP server
// first, because that server decides which addresses are served.
func (d *daemon) linkChanged(ctx context.Context, l netif.Link, sockets *task.Task) {
	old := d.link.Swap(&l)
	d.reach.changed()
	loglimit.Keep(d.part("network"), "network").Info("network",
		"interface", l.Name, "mac", l.HW.String(), "address", l.Addr, "mtu", l.MTU, "carrier", l.Up)
	reopen := old.Index != l.Index || old.Name != l.Name || old.MTU != l.MTU || old.HW.String() != l.HW.String()
	if reopen {
		sockets.Stop()
	}
	d.dhcp.Use(ctx, d.dhcpConfig())
	if reopen {
		d.restartFiles(sockets)
	}
}

// restartFiles opens the ports of TFTP and HTTP on the current link, and closes
// earlier ones.
func (d *daemon) restartFiles(sockets *task.Task) {
	sockets.Stop()
	l, tftp, http := *d.link.Load(), d.now.TFTP.Port, d.now.HTTP.Port
	if l.Index == 0 {
		return // no interface was found yet
	}
	sockets.Start(func(ctx context.Context) error { return d.serveFiles(ctx, l, tftp, http) })
}

// lookForRoutes logs the networks behind routers that the box cannot reach.
func (d *daemon) lookForRoutes() {
	var networks []netip.Prefix
	for _, s := range d.now.DHCP.Subnets {
		networks = append(networks, s.Network.Masked())
	}
	l := d.link.Load()
	lost, err := d.reach.look(*l, networks)
	log := cmp.Or(d.NetworkLog, d.Log).With("part", "network")
	if err != nil {
		log.Error("network: cannot read the routing table", "err", err)
	}
	for _, n := range lost {
		log.Warn("network: no route to a configured network, so its machines receive no files;"+
			" write gateway in [network], or let the site's DHCP server name a router", "interface", l.Name,
			"network", n)
	}
}

// whose returns the MAC of the machine at an address, for the log; zero if it
// is not known.
func (d *daemon) whose(a netip.Addr) ether.MAC { return d.desk.Holder(a) }
