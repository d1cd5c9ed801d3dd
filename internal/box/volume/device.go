package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Device is a disk, or a partition of one.
type Device struct {
	Name string // as in /dev
	Disk string // same as Name for a disk
	// Version changes when another device appears under the same name: another
	// stick in the same socket, another card in the same reader.
	Version string
}

// Path returns the device file.
func (d Device) Path() string { return "/dev/" + d.Name }

// Devices lists the disks of a machine and their partitions. The list includes
// card readers that seem to be empty: the kernel notices a new card only when a
// program opens the reader. sys is the content of /sys.
func Devices(sys fs.FS) ([]Device, error) {
	disks, err := fs.ReadDir(sys, "block")
	if err != nil {
		return nil, err
	}
	var out []Device
	for _, disk := range disks {
		// All loop and RAM disks are listed, whether or not they are in use.
		if strings.HasPrefix(disk.Name(), "loop") || strings.HasPrefix(disk.Name(), "ram") {
			continue
		}
		dir := path.Join("block", disk.Name())
		size := read(sys, dir, "size")
		if size == "" || size == "0" && read(sys, dir, "removable") != "1" {
			continue // gone meanwhile, or unused
		}
		sequence := read(sys, dir, "diskseq")
		out = append(out, Device{disk.Name(), disk.Name(), sequence + "/" + size})
		parts, err := fs.ReadDir(sys, dir)
		if err != nil {
			continue
		}
		for _, part := range parts {
			if in := path.Join(dir, part.Name()); read(sys, in, "partition") != "" {
				out = append(out,
					Device{part.Name(), disk.Name(),
						sequence + "/" + read(sys, in, "start") + "+" + read(sys, in, "size")})
			}
		}
	}
	return out, nil
}

func read(sys fs.FS, dir, name string) string {
	b, err := fs.ReadFile(sys, path.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// RootDevice returns the folder in /sys of the partition, or the disk, that the
// running system's root is on.
func RootDevice() (dir string, err error) {
	var st unix.Stat_t
	if err := unix.Stat("/", &st); err != nil {
		return "", fmt.Errorf("stat /: %w", err)
	}
	dir, err = filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		return "", fmt.Errorf("the device of the root: %w", err)
	}
	return dir, nil
}

// RootDisk returns the disk that the running system's root is on.
func RootDisk() (string, error) {
	dir, err := RootDevice()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir), nil
}

// ErrNoLabel is returned by Find if all devices could be read.
var ErrNoLabel = errors.New("no file system has the label")

// Find returns the device with a label among those that want accepts, and its
// format. The error is ErrNoLabel if there is no such device, and another error
// if it may be on a device that cannot be read.
func Find(devices []Device, label string, want func(Device) bool) (Device, Format, error) {
	var failed error
	for _, d := range devices {
		if !want(d) {
			continue
		}
		f, err := probe(d)
		switch {
		case err == nil && f.Label == label:
			return d, f, nil
		case err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, unix.ENOMEDIUM):
			failed = errors.Join(failed, fmt.Errorf("%s: %w", d.Name, err))
		}
	}
	if failed == nil {
		failed = fmt.Errorf("%w %s", ErrNoLabel, label)
	}
	return Device{}, Format{}, failed
}

func probe(d Device) (Format, error) {
	f, err := os.Open(d.Path())
	if err != nil {
		return Format{}, err
	}
	defer f.Close()
	return Probe(f)
}

// Mount mounts a device read-only on a folder, which it creates.
func Mount(d Device, f Format, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(d.Path(), dir, f.Type, unix.MS_RDONLY|hardened, options[f.Type]); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("mount %s: this kernel has no %s: %w", d.Name, f.Type, err)
		}
		return fmt.Errorf("mount %s: %w", d.Name, err)
	}
	return nil
}

// A medium contains only data, no matter who wrote it.
const hardened = unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSUID

// options make a file system readable for users other than its owner, make
// names UTF-8, and confine damage to the file system. The superblock of ext4
// may say errors=panic: a damaged folder would then restart the box each time a
// client requests a file. noload skips the replay of ext4's journal, which
// would write even to a stick that is mounted read-only. On a FAT volume that
// we write to, errors=continue lets the kernel remove what a power cut has left
// of a file together with the file. By default it would stop writing there, and
// report nothing. On a read-only mount errors=continue and
// errors=remount-ro are equivalent.
var options = map[string]string{
	"vfat":  "umask=022,utf8=1,errors=continue",
	"exfat": "errors=remount-ro",
	"ext4":  "noload,errors=continue",
}

// protect makes the kernel refuse all writes to a device, as long as it is
// plugged in. ext4 records errors in the superblock even if the file system is
// mounted read-only (ext4_handle_error). Best effort: the mount is read-only in
// any case.
func protect(d Device) {
	f, err := os.Open(d.Path())
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.BLKROSET, 1)
}

// Unmount removes a mount: new lookups fail at once, and files that are still
// open remain usable until they are closed.
func Unmount(dir string) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// changed returns the devices that are new since the last list, and reports
// whether the mounted one is gone.
func changed(before, now []Device, mounted Device) (added []Device, gone bool) {
	for _, d := range now {
		if !slices.Contains(before, d) {
			added = append(added, d)
		}
	}
	return added, mounted != Device{} && !slices.Contains(now, mounted)
}
