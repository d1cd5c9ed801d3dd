package volume

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"
)

// poll is how often a look is taken at which disks there are. It reads no disk
// but those that are new.
const poll = 2 * time.Second

// patience is how many looks in a row a medium is given that cannot be read or
// mounted: its file in /dev may come after what /sys says of it, and some sticks
// take seconds before they answer.
const patience = 5

// Watcher keeps the medium with a label mounted, read-only, while it is
// plugged in.
type Watcher struct {
	Label string
	Dir   string // where it is mounted
	Log   *slog.Logger

	own     string // the disk of the running system, which is never looked at
	seen    []Device
	mounted Device
	failed  int // looks in a row
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	own, err := RootDisk()
	if err != nil {
		return err
	}
	w.own = own
	// A card that is put into a reader, or taken out, changes nothing in /sys
	// until somebody asks the reader. By itself the kernel does not
	// (block/disk-events.c); told to, it asks those with removable media only.
	const events = "/sys/module/block/parameters/events_dfl_poll_msecs"
	if err := os.WriteFile(events, strconv.AppendInt(nil, poll.Milliseconds(), 10), 0o644); err != nil {
		w.Log.Warn("cards in a reader will not be noticed", "err", err)
	}
	// A program that ended may have left its mount.
	if err := Unmount(w.Dir); err == nil {
		w.Log.Info("unmounted what was left", "dir", w.Dir)
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

// look takes up which devices there are now.
func (w *Watcher) look(now []Device) {
	before := w.seen
	added, gone := changed(before, now, w.mounted)
	w.seen = now
	if gone {
		if err := Unmount(w.Dir); err != nil {
			w.Log.Error("medium is gone", "err", err)
		}
		w.Log.Info("medium is gone", "device", w.mounted.Name)
		w.mounted = Device{}
		before, added = nil, now // another one may have been there all the time
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

// mount mounts the first of the devices that has the label.
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
	w.Log.Info("medium is mounted", "device", d.Name, "type", f.Type, "dir", w.Dir)
	return nil
}
