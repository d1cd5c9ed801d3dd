// Package pxed is the data plane's daemon: it takes generations and the
// state of the network as they come, owns the leases, and ties the sockets
// to the decisions. What is decided, and how it looks on the wire, is in the
// packages that it ties together.
package pxed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/dhcpconn"
	"github.com/pxebox/pxebox/internal/dhcpd"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/httpd"
	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/netif"
	"github.com/pxebox/pxebox/internal/selftest"
	"github.com/pxebox/pxebox/internal/task"
	"github.com/pxebox/pxebox/internal/tftp"
	"github.com/pxebox/pxebox/internal/wdshandoff"
)

const (
	// firstGeneration is how long a start waits for menuwatch before the
	// built-in default serves. Both start at once, and without the wait a box
	// with a fixed address would ask for one by DHCP first.
	firstGeneration = 5 * time.Second
	// lookAgain is how often the boot folder is looked for: /perm may be
	// mounted late, and a folder moved away for another.
	lookAgain = 2 * time.Second
	// lookUp is more than it takes to find a name in a folder.
	lookUp = time.Minute

	// maxMachines is how many addresses' machines are known: more than any
	// site boots at a time. All of them, with a GUID each, take 6 MB.
	maxMachines = 16384
)

// Options say where things are.
type Options struct {
	RunDir    string // the generation; and a note of the address that was set
	BootDir   string // the site's boot files
	StickDir  string // more of them, on a medium that comes and goes; empty for none
	DataDir   string // the lease database; which machines have had their one boot
	Interface string // network interface; empty: as the generation says
	Log       *slog.Logger
	// NetworkLog is told how the box gets onto the network, and why it does
	// not; nil: Log is.
	NetworkLog *slog.Logger
}

// daemon ties the three servers to one table of clients and to the way to WDS.
type daemon struct {
	Options
	tell  *teller
	dhcp  *dhcpd.Server
	files files
	desk  *wdshandoff.Desk

	gen  generation.Generation // belongs to the goroutine of run
	link atomic.Pointer[netif.Link]
}

// files are what TFTP and HTTP serve.
type files struct {
	bundled map[string][]byte
	site    *os.Root // belongs to the goroutine of run
	served  atomic.Pointer[served]
	tftp    atomic.Pointer[config.TFTP]
}

func newDaemon(o Options) *daemon {
	d := &daemon{Options: o, tell: newTeller(o.Log), files: files{bundled: assets.Files()}}
	clients := machine.NewTable(maxMachines)
	d.desk = wdshandoff.New(time.Now(), wdshandoff.Options{
		RunDir: o.RunDir, DataDir: o.DataDir, Clients: clients, Neighbor: netif.Neighbour, Resolve: netif.Resolve, Log: o.Log,
		Link: func() wdshandoff.Link { l := d.link.Load(); return wdshandoff.Link{Index: l.Index, Addr: l.Addr} },
	})
	d.dhcp = dhcpd.New(dhcpd.Options{
		DataDir: o.DataDir, Clients: clients, Events: d.tell.bus, Metrics: d.tell.metrics, Log: o.Log,
	})
	d.link.Store(&netif.Link{})
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
	network := make(chan config.Network)
	links := make(chan netif.Link)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		generation.Watch(ctx, o.RunDir, o.Log, func(gen generation.Generation) { task.Give(ctx, generations, gen) })
		return ctx.Err()
	})
	g.Go(func() error {
		k := &netif.Keeper{Interface: o.Interface, RunDir: o.RunDir, Log: cmp.Or(o.NetworkLog, o.Log)}
		k.Run(ctx, network, func(ctx context.Context, l netif.Link) { task.Give(ctx, links, l) })
		return ctx.Err()
	})
	g.Go(func() error { return d.tell.metrics.Count(ctx, d.tell.bus.Subscribe()) })
	g.Go(func() error { return event.LogBoots(ctx, d.tell.bus.Subscribe(), d.whose, o.Log) })
	g.Go(func() error { return d.desk.Serve(ctx) })
	g.Go(func() error { return d.dhcp.Serve(ctx) })
	g.Go(func() error { return d.run(ctx, generations, network, links) })
	return g.Wait()
}

// run hands each generation and each change of the link to the servers.
func (d *daemon) run(
	ctx context.Context, generations <-chan generation.Generation, network chan<- config.Network, links <-chan netif.Link,
) error {
	first := generation.Default()
	select {
	case first = <-generations:
	case <-time.After(firstGeneration):
		d.Log.Warn("no generation from menuwatch: serving the built-in default")
	case <-ctx.Done():
		return ctx.Err()
	}
	sockets := task.New(ctx)
	defer sockets.Stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	pulse := selftest.NewPulse(d.RunDir, "pxed")

	d.use(first)
	d.dhcp.Use(ctx, d.dhcpConfig())
	task.Give(ctx, network, first.Network)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case gen := <-generations:
			old := d.gen.Network
			d.use(gen)
			d.dhcp.Use(ctx, d.dhcpConfig())
			if !sameNetwork(old, gen.Network) {
				task.Give(ctx, network, gen.Network)
			}
		case l := <-links:
			d.linkChanged(ctx, l, sockets)
		case err := <-sockets.Failed:
			return err
		case <-look.C:
			d.openSite()
			d.dhcp.Turn(ctx)
			pulse.Beat(d.progress())
		}
	}
}

// progress is what the servers of the present link have done, for a caller that
// cannot tell a flood from a program that hangs.
func (d *daemon) progress() (p selftest.Progress) {
	p.DHCP.Taken, p.DHCP.Answered = d.dhcp.Progress()
	if s := d.tell.tftp.Load(); s != nil {
		p.TFTP.Taken, p.TFTP.Answered = s.Progress()
	}
	return p
}

func sameNetwork(a, b config.Network) bool {
	return a.Interface == b.Interface && a.Address == b.Address && a.Gateway == b.Gateway && slices.Equal(a.DNS, b.DNS)
}

// use swaps a generation in. Transfers under way keep the files that they
// began with.
func (d *daemon) use(g generation.Generation) {
	d.gen = g
	d.files.tftp.Store(&g.TFTP)
	d.tell.metrics.Generation(g.ID)
	loglimit.Keep(d.Log, "generation").Info("generation", "id", g.ID, "mode", g.DHCP.Mode, "menus", len(g.Files))
	d.desk.Keep(g.Machines)
	if !d.openSite() {
		d.publish()
	}
}

// dhcpConfig is what the DHCP server answers by now.
func (d *daemon) dhcpConfig() dhcpd.Config {
	return dhcpd.Config{DHCP: d.gen.DHCP, Plan: d.rules().Plan, Link: *d.link.Load()}
}

// linkChanged serves on another link, or on one that has changed. The DHCP server
// knows it first: it decides which addresses are served.
func (d *daemon) linkChanged(ctx context.Context, l netif.Link, sockets *task.Task) {
	old := d.link.Swap(&l)
	loglimit.Keep(d.Log, "network").Info("network", "interface", l.Name, "mac", l.HW.String(), "address", l.Addr, "mtu", l.MTU, "carrier", l.Up)
	reopen := old.Index != l.Index || old.Name != l.Name || old.MTU != l.MTU || old.HW.String() != l.HW.String()
	if reopen {
		sockets.Stop()
	}
	d.dhcp.Use(ctx, d.dhcpConfig())
	if reopen {
		sockets.Start(func(ctx context.Context) error { return d.serveFiles(ctx, l) })
	}
}

// openSite opens the boot folder that has its path now, publishes what is in
// it, and reports whether it is another one than before. Files that are open
// stay so.
func (d *daemon) openSite() bool {
	site, err := os.OpenRoot(d.BootDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false // it may be there: the box has too many files open, or a disk fails
	}
	old := d.files.site
	if sameFolder(old, site) {
		if site != nil {
			site.Close()
		}
		return false
	}
	log := loglimit.Keep(d.Log, "boot folder")
	if site == nil {
		log.Warn("boot folder: gone", "path", d.BootDir)
	} else {
		log.Info("boot folder", "path", d.BootDir)
	}
	d.files.site = site
	d.publish()
	if old != nil {
		// Names may still be looked up in it, by those who had the catalog
		// before. Held for ever it would keep its medium busy.
		time.AfterFunc(lookUp, func() { old.Close() })
	}
	return true
}

// sameFolder tells whether two are one; nil is none.
func sameFolder(a, b *os.Root) bool {
	if a == nil || b == nil {
		return a == b
	}
	// While a is open nothing else can get its number.
	one, oneErr := a.Stat(".")
	other, otherErr := b.Stat(".")
	return oneErr == nil && otherErr == nil && os.SameFile(one, other)
}

// served is what is served from now on, and whose menus are whose. They are of
// one generation: the next one may have another menu under the same name.
type served struct {
	files *catalog.Catalog
	rules wdshandoff.Rules
}

// rules makes a generation's rules ready.
func (d *daemon) rules() wdshandoff.Rules {
	return d.desk.Rules(d.gen.DHCP.Mode, d.gen.Machines, d.gen.Handoffs)
}

func (d *daemon) publish() {
	d.files.served.Store(&served{catalog.New(catalog.Contents{
		Menus: d.gen.Files, Views: d.gen.Views, Site: d.files.site, Stick: d.StickDir, Bundled: d.files.bundled, Names: d.gen.Names,
	}), d.rules()})
}

// serveFiles serves on one link until ctx ends or a socket fails.
func (d *daemon) serveFiles(ctx context.Context, l netif.Link) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.serveTFTP(ctx, l) })
	g.Go(func() error { return d.serveHTTP(ctx, l) })
	return g.Wait()
}

const (
	tftpPort = 69
	httpPort = 80
	// blockOverhead is what a TFTP block has around it: IP 20, UDP 8, TFTP 4.
	blockOverhead = 32
	maxWindow     = 256 // that the settings can say
)

func (d *daemon) serveTFTP(ctx context.Context, l netif.Link) error {
	conn, err := dhcpconn.ListenUDP(ctx, l.Name, tftpPort)
	if err != nil {
		return fmt.Errorf("tftp: %w", err)
	}
	s := d.tftpServer(l.MTU)
	d.tell.tftp.Store(s)
	return s.Serve(ctx, conn)
}

func (d *daemon) tftpServer(mtu int) *tftp.Server {
	return &tftp.Server{
		Open: d.openTFTP, Allow: d.dhcp.Serves, Log: d.Log, Began: d.tell.began, Done: d.transferred,
		Bounds: func() (int, int) { return tftpBounds(*d.files.tftp.Load(), mtu) }, MaxWindow: maxWindow,
	}
}

func (d *daemon) serveHTTP(ctx context.Context, l netif.Link) error {
	listener, err := httpd.Listen(ctx, l.Name, httpPort)
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	s := d.httpServer()
	d.tell.http.Store(s)
	return s.Serve(ctx, listener)
}

func (d *daemon) httpServer() *httpd.Server {
	return &httpd.Server{
		Open: d.openHTTP, Allow: d.dhcp.Serves, Began: d.tell.bus.Publish, Done: d.answered, Metrics: d.tell.metrics.Handler(), Log: d.Log,
	}
}
