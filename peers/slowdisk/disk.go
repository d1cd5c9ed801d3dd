package slowdisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pxebox/pxebox/e2e/disk"
)

// size of the disk, in bytes. Only what is written takes space.
const size = 256 << 20

// mount mounts a new ext4 file system on a disk whose flushes can take longer, and
// returns its folder. The disk is an NBD server. Few kernels have an NBD client, so
// QEMU's is used: it shows the disk as a file, and a loop device is on that file. A
// flush of the file system is one of each of them, and at last of the disk.
func mount(ctx context.Context, dir string) (medium *disk.Disk, folder string, unmount func() error, err error) {
	var undo []func() error // in reverse
	unmount = func() (err error) {
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unmount())
		}
	}()
	image, socket, file := filepath.Join(dir, "image"), filepath.Join(dir, "nbd"), filepath.Join(dir, "disk")
	folder = filepath.Join(dir, "mounted")
	err = errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, size), os.WriteFile(file, nil, 0o600),
		os.Mkdir(folder, 0o755))
	if err != nil {
		return nil, "", nil, err
	}
	// No tables that are written later, in the background.
	if err := run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image); err != nil {
		return nil, "", nil, err
	}
	if medium, err = disk.Open(image, size); err != nil {
		return nil, "", nil, err
	}
	undo = append(undo, medium.Close)
	server, err := medium.Serve(socket)
	if err != nil {
		return nil, "", nil, err
	}
	undo = append(undo, server.Close)
	export := exec.CommandContext(ctx, "qemu-storage-daemon",
		"--blockdev", "driver=nbd,node-name=disk,server.type=unix,server.path="+socket,
		"--export", "type=fuse,id=export,node-name=disk,writable=on,mountpoint="+file)
	export.Stderr = os.Stderr
	if err := export.Start(); err != nil {
		return nil, "", nil, err
	}
	undo = append(undo, func() error {
		err := export.Process.Signal(syscall.SIGTERM)
		return errors.Join(err, export.Wait())
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if info, err := os.Stat(file); err == nil && info.Size() == size {
			break
		}
		if time.Since(began) > 10*time.Second {
			return nil, "", nil, fmt.Errorf("qemu-storage-daemon does not show the disk as %s", file)
		}
	}
	if err := run("mount", "-o", "loop", file, folder); err != nil {
		return nil, "", nil, err
	}
	undo = append(undo, func() error { return run("umount", folder) })
	return medium, folder, unmount, nil
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
