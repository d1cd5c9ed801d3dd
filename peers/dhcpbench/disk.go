package dhcpbench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// diskSize is the size of a server's disk, in bytes. Only what is written takes
// space.
const diskSize = 512 << 20

// mountDisk mounts a new ext4 file system, from a file in dir, and returns its
// folder. Each server has one, so that all write to the same kind of disk. With
// the option "sync", each write returns when it is on the disk.
func mountDisk(dir string, options ...string) (folder string, unmount func() error, err error) {
	image, folder := filepath.Join(dir, "disk"), filepath.Join(dir, "mounted")
	err = errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, diskSize), os.Mkdir(folder, 0o755))
	if err != nil {
		return "", nil, err
	}
	run := func(name string, args ...string) {
		if err == nil {
			var out []byte
			if out, err = exec.Command(name, args...).CombinedOutput(); err != nil {
				err = fmt.Errorf("%s: %w: %s", name, err, out)
			}
		}
	}
	args := []string{"-o", "loop"}
	for _, o := range options {
		args = append(args, "-o", o)
	}
	// No tables that are written later, in the background.
	run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
	run("mount", append(args, image, folder)...)
	if err != nil {
		return "", nil, err
	}
	return folder, func() error {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			return fmt.Errorf("umount: %w: %s", err, out)
		}
		return nil
	}, nil
}
