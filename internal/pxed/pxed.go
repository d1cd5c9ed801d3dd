// Package pxed is the data plane's daemon: it takes generations and the
// state of the network as they come, owns the leases, and ties the sockets
// to the decisions. What is decided, and how it looks on the wire, is in the
// packages that it ties together.
package pxed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/dhcpconn"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/lease"
	"github.com/pxebox/pxebox/internal/netif"
	"github.com/pxebox/pxebox/internal/tftp"
)

// firstGeneration is how long a start waits for menuwatch before the
// built-in default serves. Both start at once, and without the wait a box
// with a fixed address would ask for one by DHCP first.
const firstGeneration = 5 * time.Second

// bootDirEvery is how often a boot folder that is not there is looked for:
// /perm may be mounted late.
const bootDirEvery = 2 * time.Second

// queue is how many packets may wait for the one goroutine that decides. The
// kernel's buffer holds the rest.
const queue = 64

// Options say where things are.
type Options struct {
	RunDir    string // the generation; and a note of the address that was set
	BootDir   string // the site's boot files
	DataDir   string // the lease database
	Interface string // network interface; empty: as the generation says
	Log       *slog.Logger
}

// daemon's fields belong to the goroutine of run, but for files and link.
type daemon struct {
	Options
	gen     generation.Generation
	pool    *lease.Pool
	bundled map[string][]byte
	site    *os.Root

	files atomic.Pointer[catalog.Catalog] // what TFTP serves from now on
	link  atomic.Pointer[netif.Link]

	questions chan question
}

// question is a packet with the way back.
type question struct {
	dhcp.Question
	conn *dhcpconn.Conn
}

// Run serves until ctx ends or a socket fails.
func Run(ctx context.Context, o Options) error {
	d := &daemon{Options: o, bundled: assets.Files(), questions: make(chan question, queue)}
	d.link.Store(&netif.Link{})

	generations := make(chan generation.Generation)
	settings := make(chan config.Network)
	links := make(chan netif.Link)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		generation.Watch(ctx, o.RunDir, o.Log, func(gen generation.Generation) { give(ctx, generations, gen) })
		return ctx.Err()
	})
	g.Go(func() error {
		k := &netif.Keeper{Interface: o.Interface, RunDir: o.RunDir, Log: o.Log}
		k.Run(ctx, settings, func(ctx context.Context, l netif.Link) { give(ctx, links, l) })
		return ctx.Err()
	})
	g.Go(func() error { return d.run(ctx, generations, settings, links) })
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
func (d *daemon) run(ctx context.Context, generations <-chan generation.Generation, settings chan<- config.Network, links <-chan netif.Link) error {
	first := generation.Default()
	select {
	case first = <-generations:
	case <-time.After(firstGeneration):
		d.Log.Warn("no generation from menuwatch: serving the built-in default")
	case <-ctx.Done():
		return ctx.Err()
	}
	d.pool = lease.NewPool(first.DHCP.Ranges)
	d.use(first)
	give(ctx, settings, first.Network)

	lookForBootDir := time.NewTicker(bootDirEvery)
	defer lookForBootDir.Stop()
	listeners := newListeners(ctx)
	defer listeners.stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case gen := <-generations:
			network := d.gen.Network
			d.use(gen)
			if !sameNetwork(network, gen.Network) {
				give(ctx, settings, gen.Network)
			}
		case l := <-links:
			old := d.link.Swap(&l)
			d.Log.Info("network", "interface", l.Name, "mac", l.HW.String(), "address", l.Addr, "mtu", l.MTU)
			if old.Index != l.Index || old.Name != l.Name || old.MTU != l.MTU {
				listeners.stop()
				listeners.start(func(ctx context.Context) error { return d.listen(ctx, l) })
			}
		case q := <-d.questions:
			d.answer(q)
		case err := <-listeners.failed:
			return err
		case <-lookForBootDir.C:
			if d.openSite() {
				lookForBootDir.Stop()
			}
		}
	}
}

func sameNetwork(a, b config.Network) bool {
	return a.Interface == b.Interface && a.Address == b.Address && a.Gateway == b.Gateway && slices.Equal(a.DNS, b.DNS)
}

// use swaps a generation in. Transfers under way keep the files that they
// began with.
func (d *daemon) use(g generation.Generation) {
	if !slices.Equal(d.gen.DHCP.Ranges, g.DHCP.Ranges) {
		d.pool.Resize(g.DHCP.Ranges)
	}
	d.gen = g
	if !d.openSite() {
		d.publish()
	}
	d.Log.Info("generation", "id", g.ID, "mode", g.DHCP.Mode, "menus", len(g.Files))
}

// openSite opens the boot folder if it is not open yet, and reports whether
// it did so just now.
func (d *daemon) openSite() bool {
	if d.site != nil {
		return false
	}
	root, err := os.OpenRoot(d.BootDir)
	if err != nil {
		return false
	}
	d.site = root
	d.publish()
	return true
}

func (d *daemon) publish() { d.files.Store(catalog.New(d.gen.Files, d.site, d.bundled)) }

// answer decides one packet and sends what was decided.
func (d *daemon) answer(q question) {
	link := d.link.Load()
	s := dhcp.Settings{
		Mode: d.gen.DHCP.Mode, Self: link.Addr, Own: link.HW,
		Lease: time.Duration(d.gen.DHCP.Lease), Router: d.gen.DHCP.Router, DNS: d.gen.DHCP.DNS,
	}
	a := dhcp.Decide(time.Now(), s, d.pool, q.Question)
	log := d.Log.With("mac", q.Msg.ClientHWAddr.String(), "asked", q.Msg.MessageType(), "step", a.Why)
	switch {
	case a.Msg == nil && a.Trouble:
		log.Warn("dhcp: silent")
		return
	case a.Msg == nil:
		log.Debug("dhcp: silent")
		return
	}
	if err := q.conn.Send(s.Self.Addr(), q.Port, a); err != nil {
		log.Error("dhcp: cannot answer", "err", err)
		return
	}
	log.Info("dhcp: answered", "address", a.Msg.YourIPAddr, "file", a.Msg.BootFileName)
}

// listen serves on one link until ctx ends or a socket fails.
func (d *daemon) listen(ctx context.Context, l netif.Link) error {
	conn, err := dhcpconn.Listen(ctx, l.Name, l.Index)
	if err != nil {
		return fmt.Errorf("dhcp: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { conn.Close() })
	for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
		g.Go(func() error {
			for {
				q, err := conn.Receive(port)
				if err != nil {
					return fmt.Errorf("dhcp: receive on port %d: %w", port, err)
				}
				give(ctx, d.questions, question{q, conn})
			}
		})
	}
	g.Go(func() error {
		tc, err := dhcpconn.ListenUDP(ctx, l.Name, tftpPort)
		if err != nil {
			return fmt.Errorf("tftp: %w", err)
		}
		s := &tftp.Server{
			Open:         d.open,
			Allow:        func(a netip.Addr) bool { return d.link.Load().Addr.Contains(a) },
			MaxBlockSize: l.MTU - blockOverhead,
			Log:          d.Log,
		}
		return s.Serve(ctx, tc)
	})
	return g.Wait()
}

const (
	tftpPort = 69
	// blockOverhead is what a TFTP block has around it: IP 20, UDP 8, TFTP 4.
	blockOverhead = 32
)

// open is what TFTP may read.
func (d *daemon) open(name string) (tftp.File, error) {
	f, err := d.files.Load().Open(name)
	if errors.Is(err, catalog.ErrName) {
		return nil, tftp.ErrRefused
	}
	return f, err
}
