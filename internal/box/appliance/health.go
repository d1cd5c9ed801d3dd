package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/base/netproblem"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/box/selftest"
)

// runDir is the folder that pxed and menuwatch share.
const runDir = "/run/pxebox"

// lastSync bounds how long a machine may flush its writes before it restarts.
const lastSync = 10 * time.Second

// watchOver supervises the daemons and updates until the returned function is
// called. Best effort: where it can do nothing, the box still serves.
func watchOver(ctx context.Context, site *site, status *status, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() {
		log := log.With("part", "update")
		if err := update(ctx, site, status, log); ctx.Err() == nil {
			log.Error("updates are not supervised: an update that does not boot is not taken back", "err", err)
			status.setUpdate(boxstatus.Update{State: boxstatus.Unknown, Why: err.Error()})
		}
	})
	tasks.Go(func() { heal(ctx, log.With("part", "health")) })
	return func() {
		cancel()
		tasks.Wait()
	}
}

// heal kills a daemon that hangs, and restarts a machine whose pxed cannot be
// recovered.
func heal(ctx context.Context, log *slog.Logger) {
	daemons := []*daemon{
		{name: "pxed", ask: func(p pulse.Progress) error { return askPxed(ctx, runDir, "", p) },
			judge: selftest.Judge{Reboots: true}},
		{name: "menuwatch"},
	}
	for _, d := range daemons {
		d.pulse = pulse.NewChecker(runDir, d.name)
	}
	look := time.NewTicker(selftest.Every)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for _, d := range daemons {
			d.look(ctx, log.With("daemon", d.name))
		}
	}
}

// askPxed is selftest.Pxed, except while pxed cannot use the interface of the
// settings: it then serves nowhere, although the box may have an address.
func askPxed(ctx context.Context, runDir, file string, since pulse.Progress) error {
	if why := netproblem.Read(runDir); why != "" {
		return fmt.Errorf("%w where it serves: %s", selftest.ErrNoAddress, why)
	}
	return selftest.Pxed(ctx, file, since)
}

// daemon is a supervised daemon.
type daemon struct {
	name  string
	ask   func(since pulse.Progress) error // nil if it answers no requests
	pulse *pulse.Checker
	judge selftest.Judge
}

func (d *daemon) look(ctx context.Context, log *slog.Logger) {
	progress, err := d.pulse.Check()
	if err == nil && d.ask != nil {
		// Without an address pxed cannot be asked; its pulse has to do.
		if e := d.ask(progress); !errors.Is(e, selftest.ErrNoAddress) {
			err = e
		}
	}
	if ctx.Err() != nil {
		return
	}
	var up unix.Timespec
	if e := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); e != nil {
		log.Error("cannot read the uptime", "err", e)
	}
	switch d.judge.Look(time.Duration(up.Nano()), err == nil) {
	case selftest.Wait:
		log.Warn("daemon does not answer", "err", err)
	case selftest.End:
		log.Error("daemon does not answer, so it is killed; gokrazy restarts it", "err", err)
		if err := end(d.name); err != nil {
			log.Error("daemon cannot be killed", "err", err)
		}
	case selftest.Reboot:
		log.Error("daemon does not answer, even after a restart: the machine is restarted", "err", err)
		syncFor(lastSync)
		if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
			log.Error("cannot restart the machine", "err", err)
		}
	}
}

// end kills the processes of one of this image's programs. It uses SIGKILL: a
// process that hangs may not handle another signal.
func end(program string) error {
	pids := selftest.Processes("/user/" + program)
	if len(pids) == 0 {
		return fmt.Errorf("%s is not running", program)
	}
	var err error
	for _, pid := range pids {
		err = errors.Join(err, unix.Kill(pid, unix.SIGKILL))
	}
	return err
}

// syncFor flushes writes to disk, but waits no longer than d: a dead disk may
// be the cause of the trouble, and a sync to it would never finish.
func syncFor(d time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		unix.Sync()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}
