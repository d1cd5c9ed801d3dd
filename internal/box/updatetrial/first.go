package updatetrial

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// StartTrial is what the safe root runs as process 1, before it hands the machine
// over to the root to be tried. It does not return. guard is the command line
// of a program that calls GuardTrial.
func StartTrial(log *slog.Logger, guard ...string) {
	if err := prepare(); err != nil {
		// The files may still ask for a trial, at every boot. This root then
		// runs as it always did.
		log.Error("cannot prepare the trial of the new root", "err", err)
		log.Error("cannot start gokrazy", "err", unix.Exec(gokrazyPath, []string{gokrazyPath}, os.Environ()))
		reset()
	}
	// From here on every reset leads to the safe root.
	err := hand(log, guard)
	log.Error("the new root cannot be tried", "err", err)
	reset()
}

const gokrazyPath = "/gokrazy/init"

// prepare removes the trial from the boot files: it is valid for one boot.
func prepare() error {
	for _, m := range []struct{ fs, dir string }{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}} {
		// The kernel may have mounted /dev itself.
		if err := unix.Mount(m.fs, m.dir, m.fs, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	d, err := Find()
	if err != nil {
		return err
	}
	return d.change(func(text string) (string, error) {
		plain, err := boots(text, d.Running)
		if err != nil {
			return "", err
		}
		return hasTried(plain, d.Running.other())
	})
}

// hand starts the guard and hands the machine over to the other root. It
// returns only on failure.
func hand(log *slog.Logger, guard []string) error {
	d, err := Find()
	if err != nil {
		return err
	}
	// An update during the trial would overwrite the root to fall back to.
	if err := d.protect(d.Running, true); err != nil {
		return err
	}
	// The guard keeps running from this root, whatever happens to the other
	// root and to process 1, its parent.
	cmd := exec.Command(guard[0], guard[1:]...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the guard: %w", err)
	}
	other := d.Running.other()
	if err := unix.Mount(d.parts[int(other)], mountPoint, "squashfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount root %d: %w", other, err)
	}
	log.Info("trying the other root", "root", int(other), "safe", int(d.Running))
	for _, step := range []func() error{ // as in switch_root(8)
		func() error { return unix.Chdir(mountPoint) },
		func() error { return unix.Mount(".", "/", "", unix.MS_MOVE, "") },
		func() error { return unix.Chroot(".") },
		func() error { return unix.Chdir("/") },
		func() error { return unix.Exec(gokrazyPath, []string{gokrazyPath}, os.Environ()) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("start %s of root %d: %w", gokrazyPath, other, err)
		}
	}
	return nil
}

// GuardTrial resets the machine if the root on trial is not kept in time, or if that
// cannot be determined. It runs from the safe root, and returns once the other
// root is kept.
func GuardTrial(log *slog.Logger) {
	err := guard()
	if err == nil {
		return
	}
	log.Error("going back to the old root", "err", err)
	reset()
}

func guard() error {
	d, err := Find()
	if err != nil {
		return err
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return fmt.Errorf("uptime: %w", err)
	}
	time.Sleep(Lasts - time.Duration(up.Nano()))
	return within(answers, func() error { return d.kept(d.Running) })
}

// answers bounds how long the guard waits for the disk. A new root may make the
// disk hang, and then only a reset helps.
const answers = 30 * time.Second

// within calls a function that cannot be interrupted, but waits for it no
// longer than d.
func within(d time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("the disk has not responded for %v", d)
	}
}

// reset restarts the machine through its firmware. It does not return.
func reset() {
	_ = within(answers, func() error { unix.Sync(); return nil }) // best effort
	unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	select {} // process 1 must not exit: the kernel would panic, which is slower
}
