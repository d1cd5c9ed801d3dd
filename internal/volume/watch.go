package volume

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

// poll is how often a look is taken at which disks there are. It reads no disk
// but those that are new.
const poll = 2 * time.Second

// Watcher keeps the medium with a label mounted, read-only, while it is
// plugged in.
type Watcher struct {
	Label string
	Dir   string // where it is mounted
	Log   *slog.Logger
}

// Run watches until ctx ends. The disk of the running system is never looked
// at.
func (w *Watcher) Run(ctx context.Context) error {
	log := w.Log.With("step", "usb")
	own, err := RootDisk()
	if err != nil {
		return err
	}
	// A program that ended may have left its mount.
	if err := Unmount(w.Dir); err == nil {
		log.Info("unmounted what was left", "dir", w.Dir)
	}
	var seen []Device
	var mounted Device
	sys := os.DirFS("/sys")
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		now, err := Devices(sys)
		if err != nil {
			return err
		}
		added, gone := changed(seen, now, mounted)
		seen = now
		if gone {
			if err := Unmount(w.Dir); err != nil {
				log.Error("medium is gone", "err", err)
			}
			log.Info("medium is gone", "device", mounted.Name)
			mounted = Device{}
			added = now // another one may have been there all the time
		}
		if (mounted == Device{}) && len(added) > 0 {
			mounted = w.mount(added, own, log)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// mount mounts the first of the devices that has the label, and returns it.
func (w *Watcher) mount(devices []Device, own string, log *slog.Logger) Device {
	d, f, err := Find(devices, w.Label, func(d Device) bool { return d.Disk != own })
	if errors.Is(err, fs.ErrNotExist) {
		return Device{}
	}
	if err == nil {
		err = Mount(d, f, w.Dir)
	}
	if err != nil {
		log.Error("medium cannot be used", "device", d.Name, "err", err)
		return Device{}
	}
	log.Info("medium is mounted", "device", d.Name, "type", f.Type, "dir", w.Dir)
	return d
}
