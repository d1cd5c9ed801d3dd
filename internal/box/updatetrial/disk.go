package updatetrial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/box/volume"
)

// Disk is the disk that the running root is on.
type Disk struct {
	Running Slot
	parts   map[int]string // device files by partition
}

// Find determines where the running root came from. It needs /sys.
func Find() (*Disk, error) {
	dir, err := volume.RootDevice()
	if err != nil {
		return nil, err
	}
	running, err := number(dir)
	if err != nil {
		return nil, err
	}
	d := &Disk{Running: Slot(running), parts: map[int]string{}}
	siblings, err := filepath.Glob(filepath.Dir(dir) + "/*/partition")
	if err != nil {
		return nil, err
	}
	for _, file := range siblings {
		part := filepath.Dir(file)
		n, err := number(part)
		if err != nil {
			return nil, err
		}
		d.parts[n] = "/dev/" + filepath.Base(part)
	}
	for _, n := range []int{bootPartition, 2, 3} {
		if d.parts[n] == "" {
			return nil, fmt.Errorf("%s has no partition %d", filepath.Dir(dir), n)
		}
	}
	if running != 2 && running != 3 {
		return nil, fmt.Errorf("the root is on partition %d, not 2 or 3", running)
	}
	return d, nil
}

func number(dir string) (int, error) {
	b, err := os.ReadFile(dir + "/partition")
	if err != nil {
		return 0, fmt.Errorf("%s is not a partition: %w", filepath.Base(dir), err)
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

const bootPartition = 1

// mountPoint is an empty folder that every root has.
const mountPoint = "/mnt"

// The files that name the root. The MBR's boot loader, the Raspberry Pi and
// kexec read the first. systemd-boot (UEFI) reads the second, which an image
// without a GPT lacks.
var bootFiles = []string{"cmdline.txt", "loader/entries/gokrazy.conf"}

// OtherRoot calls f with the files of the root that does not run: after an
// update, that of the version before. It fails if there is none yet.
func (d *Disk) OtherRoot(f func(root fs.FS) error) (err error) {
	dir, err := os.MkdirTemp("", "root")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	dev := d.parts[int(d.Running.other())]
	// gokrazy writes to the partition directly, bypassing the file system.
	if err := flush(dev); err != nil {
		return err
	}
	if err := unix.Mount(dev, dir, "squashfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
		""); err != nil {
		return fmt.Errorf("mount %s: %w", dev, err)
	}
	defer func() {
		if e := unix.Unmount(dir, 0); e != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", dev, e))
		}
	}()
	return f(os.DirFS(dir))
}

// change replaces the text of each boot file with what f returns for it. Each
// file is smaller than one sector, so that a power cut leaves either the old
// text or the new. No firmware reads both files.
func (d *Disk) change(f func(text string) (string, error)) (err error) {
	dev := d.parts[bootPartition]
	// gokrazy writes to the partition directly, bypassing the file system.
	if err := flush(dev); err != nil {
		return err
	}
	if err := unix.Mount(dev, mountPoint, "vfat", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOATIME,
		""); err != nil {
		return fmt.Errorf("mount %s: %w", dev, err)
	}
	defer func() {
		if e := unix.Unmount(mountPoint, 0); e != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", dev, e))
		}
	}()
	for i, name := range bootFiles {
		e := changeFile(filepath.Join(mountPoint, name), f)
		if i > 0 && errors.Is(e, os.ErrNotExist) {
			continue
		}
		err = errors.Join(err, e)
	}
	return err
}

// changeFile overwrites a file in place: the MBR's boot loader finds it by its
// sector.
func changeFile(name string, f func(string) (string, error)) (err error) {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	const most = 512 // a write of more than one sector could be torn
	if info.Size() > most {
		return fmt.Errorf("%s has %d bytes", name, info.Size())
	}
	old := make([]byte, info.Size())
	if _, err := file.ReadAt(old, 0); err != nil {
		return err
	}
	text, err := f(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if text == string(old) {
		return nil
	}
	if len(text) != len(old) {
		return fmt.Errorf("%s: %d bytes, but must have %d", name, len(text), len(old))
	}
	if _, err := file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return file.Sync()
}

// flush writes back what the kernel has cached of a partition, and drops the
// cache.
func flush(dev string) error {
	f, err := os.Open(dev)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKFLSBUF, 0); err != nil {
		return fmt.Errorf("flush %s: %w", dev, err)
	}
	return nil
}

// protect makes the kernel refuse writes to a root's partition, or allow them
// again. The programs that run from it would not survive an update, and a
// failed trial could not fall back to it.
func (d *Disk) protect(s Slot, protected bool) error {
	f, err := os.Open(d.parts[int(s)])
	if err != nil {
		return err
	}
	defer f.Close()
	v := 0
	if protected {
		v = 1
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.BLKROSET, v); err != nil {
		return fmt.Errorf("protect %s: %w", f.Name(), err)
	}
	return nil
}
