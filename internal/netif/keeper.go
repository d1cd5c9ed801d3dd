package netif

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/pxebox/pxebox/config"
)

// retryEvery is the pause after a failure that only time or a hand can mend,
// such as an interface that is not there yet.
const retryEvery = 2 * time.Second

// Keeper keeps one interface configured as the settings say.
type Keeper struct {
	// Interface overrides the settings' interface where it is not empty.
	Interface string
	// RunDir is where the Keeper notes which address it set, so that after a
	// restart it knows it from one that the system's own network setup made.
	RunDir string
	Log    *slog.Logger
}

// Run follows the settings until ctx ends, and reports the link whenever it
// has changed. It does not call report twice at a time. The context that
// report gets ends when newer settings make its news stale.
func (k *Keeper) Run(ctx context.Context, settings <-chan config.Network, report func(context.Context, Link)) {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-settings:
			stop()
			one, cancel := context.WithCancel(ctx)
			var done sync.WaitGroup
			done.Go(func() { k.keep(one, s, report) })
			stop = func() { cancel(); done.Wait() }
		}
	}
}

// keep carries out one state of the settings, for as long as it holds.
func (k *Keeper) keep(ctx context.Context, s config.Network, report func(context.Context, Link)) {
	said := ""
	for {
		err := k.attempt(ctx, s, report)
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said { // once, not every two seconds
			said = err.Error()
			k.Log.Error("network: not up; trying on", "err", err)
		}
		if !sleep(ctx, retryEvery) {
			return
		}
	}
}

// attempt brings the interface up and stays with it until it fails or ctx
// ends. It always returns an error.
func (k *Keeper) attempt(ctx context.Context, s config.Network, report func(context.Context, Link)) error {
	name := k.Interface
	if name == "" {
		name = s.Interface
	}
	l, err := find(name)
	if err != nil {
		return err
	}
	// Up already, and set up by others, is all that an unprivileged run needs.
	if err := netlink.LinkSetUp(l); err != nil && l.Attrs().Flags&net.FlagUp == 0 {
		return fmt.Errorf("bring up %s: %w", l.Attrs().Name, err)
	}

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	failed := make(chan error, 2)
	wg.Go(func() { failed <- k.observe(ctx, l.Attrs().Index, s, report) })

	now, err := read(l.Attrs().Index, s.Address)
	if err != nil {
		return err
	}
	switch {
	case s.Address.IsValid() && now.Addr == s.Address:
		// There already: leave its routes to whoever made it.
	case s.Address.IsValid():
		if err := k.apply(l, setup{addr: s.Address, gateway: s.Gateway, dns: s.DNS}); err != nil {
			return err
		}
		k.Log.Info("network: fixed address", "interface", l.Attrs().Name, "address", s.Address)
	case now.Addr.IsValid() && now.Addr != k.owned():
		k.Log.Info("network: using the address that the system has set", "interface", l.Attrs().Name, "address", now.Addr)
	default:
		wg.Go(func() { failed <- k.lease(ctx, l) })
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// observe reports the link as it is, and again after each change that the
// kernel tells of.
func (k *Keeper) observe(ctx context.Context, index int, s config.Network, report func(context.Context, Link)) error {
	links, addrs := make(chan netlink.LinkUpdate, 16), make(chan netlink.AddrUpdate, 16)
	if err := netlink.LinkSubscribe(links, ctx.Done()); err != nil {
		return fmt.Errorf("watch network interfaces: %w", err)
	}
	if err := netlink.AddrSubscribe(addrs, ctx.Done()); err != nil {
		return fmt.Errorf("watch addresses: %w", err)
	}
	var last Link
	for {
		now, err := read(index, s.Address)
		if err != nil {
			return err // the interface has gone: begin again
		}
		if !now.Equal(last) {
			report(ctx, now)
			last = now
		}
		var open bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open = <-links:
		case _, open = <-addrs:
		}
		if !open && ctx.Err() == nil {
			return fmt.Errorf("watch %s: the kernel's messages ended", now.Name)
		}
	}
}

// sleep waits; false means that ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
