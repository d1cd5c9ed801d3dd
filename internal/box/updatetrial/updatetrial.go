// Package updatetrial makes it possible to take back an update of the
// appliance. gok update writes the new root to the idle one of two partitions,
// and makes it permanent in the boot loader's files. This package turns that
// into a trial: the files keep naming the old root, which starts once more,
// launches a guard, and then hands the machine over to the new root. The new
// root must find itself healthy and record that in the files. Until then, any
// reset leads back to the old root: by the guard after two minutes, by the
// kernel after a panic, by the watchdog, or by a person.
//
// The package does not define what healthy means, nor how an update reaches the
// box.
package updatetrial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Lasts is how long after the kernel starts a new root must be healthy.
const Lasts = 2 * time.Minute

// quiet is how long the boot partition must have had no writes before it is
// checked: gokrazy writes to it in several steps.
const quiet = time.Second

// Kind is why the running root was booted.
type Kind int

const (
	Plain  Kind = iota // the boot loader's files name it
	New                // it is on trial
	Failed             // the other root was tried, and was not kept
)

// Kind determines the kind from the kernel's command line.
func (d *Disk) Kind() (Kind, error) {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return 0, err
	}
	safe, err := named(string(b))
	switch {
	case err != nil:
		return 0, fmt.Errorf("/proc/cmdline: %w", err)
	case isTrial(string(b)) && safe != d.Running:
		return New, nil
	case strings.Contains(string(b), tried):
		return Failed, nil
	}
	return Plain, nil
}

// Keep ends the trial of the running root: from now on this root boots.
func (d *Disk) Keep() error {
	if err := d.change(func(text string) (string, error) { return boots(text, d.Running) }); err != nil {
		return fmt.Errorf("keep the new root: %w", err)
	}
	return d.protect(d.Running.other(), false)
}

// Protect makes the kernel refuse an update that would overwrite the running
// root.
func (d *Disk) Protect() error { return d.protect(d.Running, true) }

// Watch turns a permanent switch to the other root into a trial, until ctx
// ends. Before gokrazy restarts the machine, it stops all programs and waits
// for them. So the last check, when ctx ends, comes after the update's last
// step. The earlier checks are for a machine whose power is cut before that.
// Watch calls note before each trial, to record the current state: the new root
// compares itself with it.
func (d *Disk) Watch(ctx context.Context, note func() error, log *slog.Logger) error {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		defer w.Close()
		err = w.Add(d.parts[bootPartition])
	}
	if err != nil {
		return fmt.Errorf("watch the boot partition: %w", err)
	}
	look := time.NewTimer(0)
	for {
		select {
		case <-w.Events:
			look.Reset(quiet)
		case err := <-w.Errors:
			return fmt.Errorf("watch the boot partition: %w", err)
		case <-look.C:
			d.arm(note, log)
		case <-ctx.Done():
			d.arm(note, log)
			return ctx.Err()
		}
	}
}

// arm checks the boot files once.
func (d *Disk) arm(note func() error, log *slog.Logger) {
	armed := false
	err := d.change(func(text string) (string, error) {
		if s, err := named(text); err != nil || s == d.Running {
			return text, err
		}
		if !armed {
			armed = true
			if err := note(); err != nil {
				log.Warn("cannot record the current state for the new root", "err", err)
			}
		}
		return tries(text, d.Running)
	})
	switch {
	case err != nil:
		log.Error("cannot turn the update into a trial: a root that does not boot is not taken back", "err", err)
	case armed:
		log.Info("the next boot tries the other root", "root", int(d.Running.other()), "safe", int(d.Running))
	}
}

// kept returns nil if the root that was tried is now the one that boots.
func (d *Disk) kept(safe Slot) error {
	return d.change(func(text string) (string, error) {
		s, err := named(text)
		if err == nil && s == safe {
			err = errors.New("the other root was not healthy in time")
		}
		return text, err
	})
}
