// Package appliance ties together what only the appliance needs and a plain
// Linux host does not: maintaining its medium, and the ways in which its owner
// changes settings and boot files. It handles no packets of booting machines,
// and pxed and menuwatch run without it.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/box/disk"
)

// Options configure Run.
type Options struct {
	Perm    string       // where the box's persistent data is mounted
	Restart func() error // restarts the machine at once; it does not return
	Log     *slog.Logger
}

// Run does the appliance's tasks until ctx ends.
func Run(ctx context.Context, o Options) error {
	// Before anything writes to /perm.
	medium := o.Log.With("part", "medium")
	if err := disk.CheckMount(o.Perm); errors.Is(err, disk.ErrRestart) {
		medium.Warn("the box restarts to mount its file system again", "why", err)
		return fmt.Errorf("restart: %w", o.Restart())
	} else if err != nil {
		medium.Error("cannot determine whether growing the file system was interrupted", "dir", o.Perm, "err", err)
	}
	site := newSite(o)
	store := site.store()
	status := newStatus(o.Perm, store)
	defer watchOver(ctx, site, status, o.Log)()
	owned, err := site.own()
	if err != nil {
		// A restart would not help, and machines can still boot.
		o.Log.With("part", "access").Error("the box cannot be changed over the network", "err", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return site.showState(ctx, owned) })
	if owned.gate != nil {
		// Start this at once: growing may take long, or fail.
		g.Go(func() error { return site.servePage(ctx, status, owned.gate, owned.certificate) })
	}
	g.Go(func() error {
		err := status.serve(ctx, filepath.Join(runDir, boxstatus.Socket), site.limited)
		if ctx.Err() == nil {
			// A restart would not help, and the other ports work.
			site.limited.With("part", "page").Error("the page on port 443 does not know the state of the box", "err", err)
			<-ctx.Done()
		}
		return ctx.Err()
	})
	g.Go(func() error {
		// Do this early: the new settings may hold the box's address. Until
		// they are adopted, the other programs serve with the current ones.
		if err := site.exchangeSettings(ctx, store, owned.access); err != nil {
			o.Log.With("part", "settings").Error("the settings volume cannot be used", "err", err)
		}
		// gokrazy's init mounts /perm before it starts any program, or not at
		// all.
		err := disk.Grow(ctx, o.Perm, medium)
		status.setGrown(err)
		switch {
		case ctx.Err() != nil: // the machine is about to power off
			if err != nil {
				// Run returns only the error of the task that ended first.
				medium.Warn("the file system is not fully grown yet", "dir", o.Perm, "err", err)
			}
			return ctx.Err()
		case err != nil:
			// The box serves what it can, if necessary the built-in default.
			medium.Error("the file system cannot be grown", "dir", o.Perm, "err", err)
		}
		status.ready.Store(true)
		return site.serve(ctx, store, owned.gate)
	})
	return g.Wait()
}
