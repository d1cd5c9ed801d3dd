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
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/arp"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/dhcpconn"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/guard"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/httpd"
	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/netif"
	"github.com/pxebox/pxebox/internal/selftest"
	"github.com/pxebox/pxebox/internal/tftp"
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
	// guardAgain is the pause after a guard's socket has failed.
	guardAgain = 2 * time.Second

	// maxMachines is how many addresses' machines are known: more than any
	// site boots at a time. All of them, with a GUID each, take 6 MB.
	maxMachines = 16384
	// maxHandoffs is how many machines may be on their way to WDS.
	maxHandoffs = 4096
	// maxSpent is how many machines' boots by each rule with once are remembered.
	maxSpent = 16384
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

// daemon's first fields belong to the goroutine of run. The others, from served
// on, those who serve files use as well.
type daemon struct {
	Options
	gen      generation.Generation
	bundled  map[string][]byte
	site     *os.Root
	tell     *teller
	dhcp     *server
	guard    *guard.Guard
	guarded  bool      // a guard runs
	rivalEnd time.Time // until when another PXE server counts as there
	restored bool      // once has what was written down

	served   atomic.Pointer[served]
	link     atomic.Pointer[netif.Link]
	settings atomic.Pointer[dhcp.Settings] // who is served
	tftp     atomic.Pointer[config.TFTP]
	conn     atomic.Pointer[dhcpconn.Conn]

	// What is known of machines, from one generation to the next.
	machines  *machine.Table
	asked     *handoff.Table
	key       handoff.Key
	once      *machine.Once
	refusals  refusals
	neighbour func(index int, a netip.Addr) (net.HardwareAddr, error) // netif.Neighbour
	resolve   func(index int, a netip.Addr) error                     // netif.Resolve

	questions chan received
	inUse     chan netip.Addr
	verdicts  chan guard.Verdict
	rivals    chan guard.Rival
}

// Run serves until ctx ends or a socket fails.
func Run(ctx context.Context, o Options) error {
	d := &daemon{
		Options: o, bundled: assets.Files(), guard: guard.New(o.Log), neighbour: netif.Neighbour, resolve: netif.Resolve,
		machines: machine.NewTable(maxMachines), asked: handoff.NewTable(maxHandoffs), once: machine.NewOnce(maxSpent),
		questions: make(chan received), inUse: make(chan netip.Addr), verdicts: make(chan guard.Verdict), rivals: make(chan guard.Rival),
	}
	m := assets.Manifest()
	for _, p := range m.Programs() {
		facts := append([]any{"name", p.Program, "package", p.Name, "version", p.Version}, m.Facts(p)...)
		o.Log.Info("boot program built in", facts...)
	}
	d.link.Store(&netif.Link{})
	d.key = restoreArmed(time.Now(), o.RunDir, d.asked, o.Log)
	d.tell = newTeller(o.Log)
	d.dhcp = newServer(time.Now(), o.DataDir, d.machines, o.Log, d.tell)

	generations := make(chan generation.Generation)
	network := make(chan config.Network)
	links := make(chan netif.Link)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		generation.Watch(ctx, o.RunDir, o.Log, func(gen generation.Generation) { give(ctx, generations, gen) })
		return ctx.Err()
	})
	g.Go(func() error {
		k := &netif.Keeper{Interface: o.Interface, RunDir: o.RunDir, Log: cmp.Or(o.NetworkLog, o.Log)}
		k.Run(ctx, network, func(ctx context.Context, l netif.Link) { give(ctx, links, l) })
		return ctx.Err()
	})
	g.Go(func() error { return d.tell.metrics.Count(ctx, d.tell.bus.Subscribe()) })
	g.Go(func() error { return event.LogBoots(ctx, d.tell.bus.Subscribe(), d.whose, o.Log) })
	g.Go(func() error { return d.dhcp.commit(ctx) })
	g.Go(func() error { return saveSpent(ctx, d.DataDir, d.once, d.Log) })
	g.Go(func() error { return saveArmed(ctx, d.RunDir, d.key, d.asked, d.Log) })
	g.Go(func() error { return d.run(ctx, generations, network, links) })
	return g.Wait()
}

// give hands v over unless ctx ends first.
func give[T any](ctx context.Context, c chan<- T, v T) {
	select {
	case c <- v:
	case <-ctx.Done():
	}
}

// run is the goroutine that owns the state.
func (d *daemon) run(ctx context.Context, generations <-chan generation.Generation, network chan<- config.Network, links <-chan netif.Link) error {
	first := generation.Default()
	select {
	case first = <-generations:
	case <-time.After(firstGeneration):
		d.Log.Warn("no generation from menuwatch: serving the built-in default")
	case <-ctx.Done():
		return ctx.Err()
	}
	sockets, guards := newTask(ctx), newTask(ctx)
	defer sockets.stop()
	defer guards.stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	pulse := selftest.NewPulse(d.RunDir, "pxed")

	d.use(first, guards)
	give(ctx, network, first.Network)
	for {
		questions := d.questions
		if d.dhcp.mustWait(time.Now()) {
			questions = nil
		}
		waiting, toDisk := d.dhcp.toCommit(time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case gen := <-generations:
			old := d.gen.Network
			d.use(gen, guards)
			if !sameNetwork(old, gen.Network) {
				give(ctx, network, gen.Network)
			}
		case l := <-links:
			d.linkChanged(l, sockets, guards)
		case qs := <-questions:
			d.dhcp.ask(time.Now(), qs)
		case a := <-d.inUse:
			d.dhcp.addressInUse(time.Now(), a)
		case now := <-d.dhcp.probes.C:
			d.dhcp.probesDone(now)
		case waiting <- toDisk:
			d.dhcp.committing()
		case done := <-d.dhcp.committed:
			d.dhcp.onDisk(time.Now(), done)
		case o := <-d.dhcp.opened:
			d.dhcp.storeOpened(time.Now(), o)
		case v := <-d.verdicts:
			d.verdict(v)
		case r := <-d.rivals:
			d.rivalHeard(time.Now(), r)
		case err := <-sockets.failed:
			return err
		case now := <-look.C:
			d.openSite()
			d.dhcp.openStore(now, d.gen.DHCP.Mode)
			d.rivalGone(now)
			pulse.Beat(d.progress())
		}
	}
}

// progress is what the servers of the present link have done, for whoever
// cannot tell a flood from a program that hangs.
func (d *daemon) progress() (p selftest.Progress) {
	p.DHCP.Answered = d.dhcp.sent.Load()
	if c := d.conn.Load(); c != nil {
		p.DHCP.Taken = c.Taken()
	}
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
func (d *daemon) use(g generation.Generation, guards *task) {
	d.gen = g
	d.tftp.Store(&g.TFTP)
	d.tell.metrics.Generation(g.ID)
	loglimit.Keep(d.Log, "generation").Info("generation", "id", g.ID, "mode", g.DHCP.Mode, "menus", len(g.Files))
	d.dhcp.openStore(time.Now(), g.DHCP.Mode)
	d.restoreSpent()
	d.watchOthers(guards, false)
	if !d.openSite() {
		d.publish()
	}
	d.configure()
}

func (d *daemon) linkChanged(l netif.Link, sockets, guards *task) {
	old := d.link.Swap(&l)
	loglimit.Keep(d.Log, "network").Info("network", "interface", l.Name, "mac", l.HW.String(), "address", l.Addr, "mtu", l.MTU, "carrier", l.Up)
	other := old.Index != l.Index || old.Name != l.Name
	if other || old.MTU != l.MTU || old.HW.String() != l.HW.String() {
		sockets.stop()
		d.dhcp.disconnect()
		sockets.start(func(ctx context.Context) error { return d.listen(ctx, l) })
	}
	// A cable that comes back may lead to another network.
	d.watchOthers(guards, other || !old.Up && l.Up)
	d.configure()
}

// configure makes the DHCP settings anew.
func (d *daemon) configure() {
	d.settings.Store(d.dhcp.configure(time.Now(), d.gen.DHCP, d.plan(), *d.link.Load(), d.guard.MAC()))
}

// watchOthers keeps the search for other DHCP servers running where addresses
// are to be leased, and begins it anew where again is set.
func (d *daemon) watchOthers(guards *task, again bool) {
	l := *d.link.Load()
	wanted := d.gen.DHCP.Mode.Leases() && !d.gen.DHCP.Force && l.Index != 0
	if wanted == d.guarded && !again {
		return
	}
	guards.stop()
	d.guarded = wanted
	if !wanted {
		d.dhcp.hold = ""
		return
	}
	d.dhcp.hold = "still looking for other DHCP servers"
	guards.start(func(ctx context.Context) error {
		own := func(a netip.Addr) bool { return a == d.link.Load().Addr.Addr() }
		for {
			err := d.guard.Watch(ctx, l.Name, l.Index, l.HW, own, func(v guard.Verdict) { give(ctx, d.verdicts, v) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.Log.Error("guard: cannot look for other DHCP servers", "err", err)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(guardAgain):
			}
		}
	})
}

// rivalLasts is how long another PXE server counts as there after it was heard
// last. It speaks up with each machine that boots.
const rivalLasts = time.Hour

// rivalHeard takes in that another PXE server answers on the link. Machines take
// the menu of either then, and a machine that has chosen WDS in ours may be
// answered by the other at its next boot.
func (d *daemon) rivalHeard(now time.Time, r guard.Rival) {
	if !d.gen.DHCP.Mode.Answers() {
		return
	}
	d.tell.rival(now, r)
	d.rivalEnd = now.Add(rivalLasts)
	if !d.dhcp.rival {
		d.dhcp.rival = true
		d.configure()
	}
}

// rivalGone ends what rivalHeard began.
func (d *daemon) rivalGone(now time.Time) {
	if d.dhcp.rival && !now.Before(d.rivalEnd) {
		d.dhcp.rival = false
		d.Log.Info("no other PXE server was heard on this link for some time")
		d.configure()
	}
}

// watchRivals looks for other PXE servers until ctx ends. Without it the box
// serves as well.
func (d *daemon) watchRivals(ctx context.Context, l netif.Link) error {
	own := func(a netip.Addr) bool { return a == d.link.Load().Addr.Addr() }
	for {
		err := d.guard.WatchRivals(ctx, l.Name, l.Index, l.HW, own, func(r guard.Rival) { give(ctx, d.rivals, r) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.Log.Error("cannot look for other PXE servers", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(guardAgain):
		}
	}
}

// verdict takes up what the guard has found.
func (d *daemon) verdict(v guard.Verdict) {
	log := loglimit.Keep(d.Log, "leasing")
	switch {
	case v.Allowed:
		log.Info("dhcp: leasing addresses", "why", v.Why)
		d.dhcp.hold = ""
	case v.Foreign.IsValid():
		d.dhcp.hold = fmt.Sprintf("%s: %v", v.Why, v.Foreign)
		log.Error("dhcp: not offering addresses; set dhcp.force to offer all the same", "why", v.Why, "server", v.Foreign, "server_mac", v.MAC)
	default:
		d.dhcp.hold = v.Why
	}
	d.configure()
}

// openSite opens the boot folder that has its path now, publishes what is in
// it, and reports whether it is another one than before. Files that are open
// stay so.
func (d *daemon) openSite() bool {
	site, err := os.OpenRoot(d.BootDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false // it may be there: the box has too many files open, or a disk fails
	}
	old := d.site
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
	d.site = site
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
	plan  handoff.Plan
}

func (d *daemon) publish() {
	d.served.Store(&served{catalog.New(catalog.Contents{
		Menus: d.gen.Files, Views: d.gen.Views, Site: d.site, Stick: d.StickDir, Bundled: d.bundled, Names: d.gen.Names,
	}), d.plan()})
}

// listen serves on one link until ctx ends or a socket fails.
func (d *daemon) listen(ctx context.Context, l netif.Link) error {
	conn, err := dhcpconn.Listen(ctx, l.Name, l.Index)
	if err != nil {
		return fmt.Errorf("dhcp: %w", err)
	}
	d.conn.Store(conn)
	prober, err := arp.Open(l.Name, l.Index, l.HW)
	if err != nil {
		return errors.Join(fmt.Errorf("dhcp: %w", err), conn.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { conn.Close(); prober.Close() })
	g.Go(func() error {
		return prober.Run(func(a netip.Addr, _ net.HardwareAddr) { give(ctx, d.inUse, a) })
	})
	for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
		g.Go(func() error {
			for r := conn.Receiver(port); ; {
				qs, err := r.Receive()
				if err != nil {
					return fmt.Errorf("dhcp: receive on port %d: %w", port, err)
				}
				give(ctx, d.questions, received{qs, conn, prober, d.guard})
			}
		})
	}
	g.Go(func() error { return d.watchRivals(ctx, l) })
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

// allow says who may fetch files: the machines of the link and of the
// configured subnets.
func (d *daemon) allow(a netip.Addr) bool { return d.settings.Load().Serves(a) }

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
		Open: d.openTFTP, Allow: d.allow, Log: d.Log, Began: d.tell.began, Done: d.transferred,
		Bounds: func() (int, int) { return tftpBounds(*d.tftp.Load(), mtu) }, MaxWindow: maxWindow,
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
		Open: d.openHTTP, Allow: d.allow, Began: d.tell.bus.Publish, Done: d.answered, Metrics: d.tell.metrics.Handler(), Log: d.Log,
	}
}
