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

// First is what the safe root does as the kernel's first program, before it
// gives the machine to the root that is to be tried. It does not return. guard
// is the command line of a program that calls Guard.
func First(log *slog.Logger, guard ...string) {
	if err := prepare(); err != nil {
		// The files may still ask for a trial, each time. This root then runs
		// as it always did.
		log.Error("no trial of the new root", "err", err)
		log.Error("start gokrazy", "err", unix.Exec(gokrazyPath, []string{gokrazyPath}, os.Environ()))
		reset()
	}
	// From here on every reset leads to the safe root.
	err := hand(log, guard)
	log.Error("the new root cannot be tried", "err", err)
	reset()
}

const gokrazyPath = "/gokrazy/init"

// prepare takes the trial out of the boot files: it is there for one boot.
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

// hand starts the guard and gives the machine to the other root. It returns
// only on failure.
func hand(log *slog.Logger, guard []string) error {
	d, err := Find()
	if err != nil {
		return err
	}
	// An update in the middle of the trial would take away what it goes back to.
	if err := d.protect(d.Running, true); err != nil {
		return err
	}
	// It lives on in this root, whatever becomes of the other one, and of the
	// first program, whose child it is.
	cmd := exec.Command(guard[0], guard[1:]...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the guard: %w", err)
	}
	other := d.Running.other()
	if err := unix.Mount(d.parts[int(other)], mountPoint, "squashfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount root %d: %w", other, err)
	}
	log.Info("tries the other root", "root", int(other), "safe", int(d.Running))
	for _, step := range []func() error{ // as switch_root(8) does it
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

// Guard resets the machine where the root on trial is not kept in time, or
// where that cannot be told. It runs from the safe root, and returns once the
// other one is kept.
func Guard(log *slog.Logger) {
	err := guard()
	if err == nil {
		return
	}
	log.Error("back to the old root", "err", err)
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

// answers is how long a disk may take for what a guard wants of it. A new root
// may have it hang, and only a reset would help then.
const answers = 30 * time.Second

// within does something that nothing can end, and does not wait for it longer
// than that.
func within(d time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("the disk does not answer for %v", d)
	}
}

// reset restarts the machine through its firmware. It does not return.
func reset() {
	_ = within(answers, func() error { unix.Sync(); return nil }) // with or without
	unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	select {} // the first program must not end: the kernel would panic, which is slower
}
