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
	Disk string // the same as Name for a disk
	// Version differs from what was there before under the same name: another
	// stick in the same socket, another card in the same reader.
	Version string
}

// Path is where the device is opened.
func (d Device) Path() string { return "/dev/" + d.Name }

// Devices lists the disks of a machine and their partitions. A card reader is
// among them even while it seems to be empty: only when somebody opens it does
// the kernel look at a new card. sys is what is below /sys.
func Devices(sys fs.FS) ([]Device, error) {
	disks, err := fs.ReadDir(sys, "block")
	if err != nil {
		return nil, err
	}
	var out []Device
	for _, disk := range disks {
		// Each loop and RAM disk is there whether or not it is in use.
		if strings.HasPrefix(disk.Name(), "loop") || strings.HasPrefix(disk.Name(), "ram") {
			continue
		}
		dir := path.Join("block", disk.Name())
		size := read(sys, dir, "size")
		if size == "" || size == "0" && read(sys, dir, "removable") != "1" {
			continue // gone meanwhile, or in no use
		}
		sequence := read(sys, dir, "diskseq")
		out = append(out, Device{disk.Name(), disk.Name(), sequence + "/" + size})
		parts, err := fs.ReadDir(sys, dir)
		if err != nil {
			continue
		}
		for _, part := range parts {
			if in := path.Join(dir, part.Name()); read(sys, in, "partition") != "" {
				out = append(out, Device{part.Name(), disk.Name(), sequence + "/" + read(sys, in, "start") + "+" + read(sys, in, "size")})
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

// RootDevice is where /sys tells of the partition, or the disk, that the running
// system's root is on.
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

// RootDisk is the disk that the running system's root is on.
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

// ErrNoLabel is Find's answer where all devices could be read.
var ErrNoLabel = errors.New("no file system has the label")

// Find returns the device with a label among those that want accepts, and its
// format. Its error is ErrNoLabel where there is none, and another one where it
// may be on a device that cannot be read.
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

// Mount mounts a device read-only on a folder, which is made.
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

// What is on a medium is data, whoever wrote it.
const hardened = unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSUID

// options are what a file system needs so that others than its owner may read
// it and names come in UTF-8, and so that damage in it stays its own: the
// superblock of ext4 may say errors=panic, and a damaged folder would then
// restart the box, each time that a client asks for a file. ext4's journal is
// left alone: a stick that is read only is not written to by its replay either.
// Where a power cut has left something of a file on a FAT volume that we write
// to, that goes with the file: by itself the kernel would write nothing there any
// more, and report nothing. On what is mounted read-only errors=continue and
// errors=remount-ro come to the same.
var options = map[string]string{
	"vfat":  "umask=022,utf8=1,errors=continue",
	"exfat": "errors=remount-ro",
	"ext4":  "noload,errors=continue",
}

// protect has the kernel refuse every write to a device, as long as it is there.
// ext4 notes errors in the superblock of a file system that is mounted read-only
// too (ext4_handle_error). Best effort: the mount is read-only in any case.
func protect(d Device) {
	f, err := os.Open(d.Path())
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.BLKROSET, 1)
}

// Unmount takes a mount away, at once for who looks for its files and later for
// who still has one open.
func Unmount(dir string) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// changed tells which devices are new since the last list, and whether one of
// those is gone.
func changed(before, now []Device, mounted Device) (added []Device, gone bool) {
	for _, d := range now {
		if !slices.Contains(before, d) {
			added = append(added, d)
		}
	}
	return added, mounted != Device{} && !slices.Contains(now, mounted)
}
