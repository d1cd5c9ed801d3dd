package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/durable"
)

// Writable is a mounted file system that is read-only but for the moment of
// each Write: the medium may be pulled out at any time.
type Writable struct {
	device Device
	format Format
	dir    string
}

// Open mounts a device on a folder of its own.
func Open(d Device, f Format) (*Writable, error) {
	dir, err := os.MkdirTemp("", d.Name)
	if err != nil {
		return nil, err
	}
	if err := Mount(d, f, dir); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Writable{d, f, dir}, nil
}

// maxFile bounds what is read of a file, in bytes. The clusters of a file on a
// damaged FAT volume may form a ring, so that gigabytes come from a volume of
// three megabytes.
const maxFile = 4 << 20

// Read returns what is in a file, or the beginning of one that is too large to
// be there.
func (w *Writable) Read(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// Write replaces files: each is whole on the medium before it has its name. It
// has looked at the medium itself before it says that they are there.
func (w *Writable) Write(files map[string][]byte) error {
	if err := w.remount(0); err != nil {
		return err
	}
	for name, content := range files {
		if err := w.write(name, content); err != nil {
			return errors.Join(err, w.remount(unix.MS_RDONLY))
		}
	}
	if err := w.remount(unix.MS_RDONLY); err != nil {
		return err
	}
	// FAT has no journal: what an earlier power cut has left may keep the kernel
	// from writing, and of all that is written late nobody is told.
	if err := unix.Unmount(w.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", w.device.Name, err)
	}
	if err := Mount(w.device, w.format, w.dir); err != nil {
		return err
	}
	for name, content := range files {
		if there, err := w.Read(name); err != nil {
			return err
		} else if !bytes.Equal(there, content) {
			return fmt.Errorf("%s was written, and is not on %s: check that volume on a computer", name, w.device.Name)
		}
	}
	return nil
}

// write replaces a file, so that a power cut leaves no two names for the same
// clusters, and no name for clusters that are free: the kernel would find that
// out when it next replaces the file, and write no more.
func (w *Writable) write(name string, content []byte) (err error) {
	target := filepath.Join(w.dir, name)
	// While it is open nothing of the old file is free.
	old, err := os.Open(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	// FAT knows a short name of eight and three letters best.
	temp := filepath.Join(w.dir, "NEW.TMP")
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = fmt.Errorf("write %s: %w", name, errors.Join(err, removed(temp)))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		return err
	}
	// The temporary name goes at once, and where the new content lies is written
	// with the file itself: one after the other.
	if err := durable.SyncDir(w.dir); err != nil {
		return err
	}
	return f.Sync()
}

// removed removes a file, if it is there.
func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remount changes between writing and not. Back to read-only, the kernel
// writes all that it has and marks the file system as clean.
func (w *Writable) remount(readOnly uintptr) error {
	if err := unix.Mount("", w.dir, "", unix.MS_REMOUNT|hardened|readOnly, options[w.format.Type]); err != nil {
		return fmt.Errorf("remount %s: %w", w.device.Name, err)
	}
	return nil
}

// Close takes the mount away.
func (w *Writable) Close() error {
	if err := unix.Unmount(w.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", w.device.Name, err)
	}
	return os.Remove(w.dir)
}
