// Package updatetrial makes an update of the appliance one that can be taken back.
// gok update writes the new root to the idle one of two partitions and names
// it in the boot loader's files for good. Here that becomes a trial: the files
// go on naming the old root, which is started once more, puts a guard up, and
// then gives the machine to the new root. That one has to find itself healthy
// and say so in the files. Whatever happens before, the next reset leads back
// to the old root: the guard's after two minutes, the kernel's own after a
// panic, the watchdog's, a person's.
//
// Nothing here knows what healthy means, nor how an update gets to the box.
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

// Lasts is how long after the kernel's start a new root has to be healthy.
const Lasts = 2 * time.Minute

// quiet is how long nothing has to be written to the boot partition before it
// is looked at: gokrazy writes to it in several steps.
const quiet = time.Second

// Kind is how the running root came to run.
type Kind int

const (
	Plain  Kind = iota // the boot loader's files name it
	New                // it is on trial
	Failed             // the other root was tried, and did not stay
)

// Kind tells by the kernel's command line.
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

// Keep ends the trial of the running root: from now on it is the one that
// boots.
func (d *Disk) Keep() error {
	if err := d.change(func(text string) (string, error) { return boots(text, d.Running) }); err != nil {
		return fmt.Errorf("keep the new root: %w", err)
	}
	return d.protect(d.Running.other(), false)
}

// Protect has the kernel refuse an update that would write over what runs.
func (d *Disk) Protect() error { return d.protect(d.Running, true) }

// Watch turns what names the other root for good into its trial, until ctx
// ends. gokrazy stops all programs before it restarts the machine, and waits
// for them; so the last look, after that, comes after the update's last step.
// The others are for a machine whose power is cut before it gets that far. note
// is called before each trial: what holds now is for the new root to judge by.
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

// arm looks once.
func (d *Disk) arm(note func() error, log *slog.Logger) {
	armed := false
	err := d.change(func(text string) (string, error) {
		if s, err := named(text); err != nil || s == d.Running {
			return text, err
		}
		if !armed {
			armed = true
			if err := note(); err != nil {
				log.Warn("the new root will not know what held before it", "err", err)
			}
		}
		return tries(text, d.Running)
	})
	switch {
	case err != nil:
		log.Error("cannot make a trial of the update: a root that does not boot is not taken back", "err", err)
	case armed:
		log.Info("the next boot tries the other root", "root", int(d.Running.other()), "safe", int(d.Running))
	}
}

// kept returns nil if the root that was tried is the one that boots now.
func (d *Disk) kept(safe Slot) error {
	return d.change(func(text string) (string, error) {
		s, err := named(text)
		if err == nil && s == safe {
			err = errors.New("the other root was not healthy in time")
		}
		return text, err
	})
}
