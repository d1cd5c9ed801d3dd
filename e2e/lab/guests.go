package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pxebox/pxebox/e2e/peer"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// Accelerator returns how guests run, in all labs of this process.
var Accelerator = sync.OnceValues(func() (qemu.Choice, error) {
	return qemu.Choose(context.Background(), os.Getenv(qemu.AccelVariable), func() (string, error) {
		builddir, err := findBuilddir()
		if err != nil {
			return "", err
		}
		return peer.Kernel(builddir)
	})
})

// findBuilddir finds the directory that pins the appliance's kernel, from
// anywhere in the repository.
func findBuilddir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		builddir := filepath.Join(dir, "gokrazy", "builddir")
		if _, err := os.Stat(filepath.Join(builddir, "go.mod")); !errors.Is(err, fs.ErrNotExist) {
			return builddir, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("gokrazy/builddir is missing; run this in the repository")
		}
		dir = parent
	}
}

// Firmware returns the firmware of a Debian release, or of the one that the
// environment forces on all machines.
func (l *Lab) Firmware(release string) (qemu.Firmware, error) {
	return qemu.FindFirmware(filepath.Join(l.dir, "firmware"), release, os.Getenv(qemu.FirmwareVariable))
}

// Watch returns a context that also ends when a guest ends that should keep
// running, with QEMU's own message as the cause: the event that a test waits
// for will not happen.
func (l *Lab) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.guests, func() { cancel(context.Cause(l.guests)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// watch ends the contexts of Watch when a guest has failed.
func (l *Lab) watch(m *qemu.Machine) {
	<-m.Exited()
	if m.Failed() {
		l.guestFailed(m.Err())
	}
}
