package volume

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"
)

// poll is how often the list of disks is checked. Only new disks are read.
const poll = 2 * time.Second

// patience is the number of checks in a row for which a medium that cannot be
// read or mounted is retried. Its file in /dev may appear later than its entry
// in /sys, and some sticks take seconds to answer.
const patience = 5

// Watcher keeps the medium with a label mounted read-only while it is plugged
// in.
type Watcher struct {
	Label string
	Dir   string // mount point
	Log   *slog.Logger

	own     string // the disk of the running system, which is never read
	seen    []Device
	mounted Device
	failed  int // checks in a row
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	own, err := RootDisk()
	if err != nil {
		return err
	}
	w.own = own
	// Inserting or removing a card changes nothing in /sys until the reader is
	// polled. By default the kernel does not poll (block/disk-events.c). If it
	// is enabled, it polls only readers with removable media.
	const events = "/sys/module/block/parameters/events_dfl_poll_msecs"
	if err := os.WriteFile(events, strconv.AppendInt(nil, poll.Milliseconds(), 10), 0o644); err != nil {
		w.Log.Warn("cards inserted into a reader will not be detected", "err", err)
	}
	// A program that exited may have left its mount.
	if err := Unmount(w.Dir); err == nil {
		w.Log.Info("unmounted a medium from an earlier run", "dir", w.Dir)
	}
	sys := os.DirFS("/sys")
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		now, err := Devices(sys)
		if err != nil {
			return err
		}
		w.look(now)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look handles the current list of devices.
func (w *Watcher) look(now []Device) {
	before := w.seen
	added, gone := changed(before, now, w.mounted)
	w.seen = now
	if gone {
		if err := Unmount(w.Dir); err != nil {
			w.Log.Error("medium removed, but not unmounted", "err", err)
		}
		w.Log.Info("medium removed", "device", w.mounted.Name)
		w.mounted = Device{}
		before, added = nil, now // another one may have been there all along
	}
	if (w.mounted != Device{}) || len(added) == 0 {
		w.failed = 0
		return
	}
	err := w.mount(added)
	if err == nil || errors.Is(err, ErrNoLabel) {
		w.failed = 0
		return
	}
	if w.failed++; w.failed < patience {
		w.seen = before
		return
	}
	w.Log.Error("medium cannot be used", "err", err)
	w.failed = 0
}

// mount mounts the first device that has the label.
func (w *Watcher) mount(devices []Device) error {
	d, f, err := Find(devices, w.Label, func(d Device) bool { return d.Disk != w.own })
	if err != nil {
		return err
	}
	protect(d)
	if err := Mount(d, f, w.Dir); err != nil {
		return err
	}
	w.mounted = d
	w.Log.Info("medium mounted", "device", d.Name, "type", f.Type, "dir", w.Dir)
	return nil
}
