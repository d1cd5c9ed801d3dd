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

// Writable is a mounted file system that is read-only except during Write: the
// medium may be pulled out at any time.
type Writable struct {
	device Device
	format Format
	dir    string
}

// Open mounts a device on a new folder.
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

// maxFile bounds how much of a file is read, in bytes. On a damaged FAT volume
// the clusters of a file may form a ring, so that a volume of three megabytes
// yields gigabytes.
const maxFile = 4 << 20

// Read returns the content of a file. If the file is implausibly large, it
// returns only the beginning.
func (w *Writable) Read(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// Write replaces files: each is complete on the medium before it gets its name.
// Write reads the medium itself before it reports success.
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
	// FAT has no journal: leftovers of an earlier power cut may keep the kernel
	// from writing, and errors of delayed writes are not reported.
	if err := w.again(); err != nil {
		return err
	}
	for name, content := range files {
		if there, err := w.Read(name); err != nil {
			return err
		} else if !bytes.Equal(there, content) {
			return fmt.Errorf("%s was written, but is not on %s: check that volume on a computer", name, w.device.Name)
		}
	}
	return nil
}

// Remove deletes a file, and checks on the medium itself that it is gone.
func (w *Writable) Remove(name string) error {
	if err := w.remount(0); err != nil {
		return err
	}
	if err := errors.Join(w.remove(name), w.remount(unix.MS_RDONLY)); err != nil {
		return err
	}
	if err := w.again(); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(w.dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was deleted, but is still on %s: check that volume on a computer", name, w.device.Name)
	}
	return nil
}

// remove deletes a file so that a power cut leaves no name for free clusters, as
// write does.
func (w *Writable) remove(name string) (err error) {
	target := filepath.Join(w.dir, name)
	// While the file is open, none of its clusters are freed.
	f, err := os.Open(target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(target); err != nil {
		return err
	}
	return durable.SyncDir(w.dir)
}

// again mounts the medium again, so that the next Read reads the medium itself.
func (w *Writable) again() error {
	if err := unix.Unmount(w.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", w.device.Name, err)
	}
	return Mount(w.device, w.format, w.dir)
}

// write replaces a file so that a power cut leaves no two names for the same
// clusters, and no name for free clusters. The kernel would detect that when it
// next replaces the file, and stop writing.
func (w *Writable) write(name string, content []byte) (err error) {
	target := filepath.Join(w.dir, name)
	// While the old file is open, none of its clusters are freed.
	old, err := os.Open(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	// A short name (8.3) suits FAT best.
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
	// SyncDir removes the temporary name at once. Sync then writes the location
	// of the new content.
	if err := durable.SyncDir(w.dir); err != nil {
		return err
	}
	return f.Sync()
}

// removed removes a file, if it exists.
func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remount switches between writable and read-only. On the switch to read-only
// the kernel writes all pending data and marks the file system as clean.
func (w *Writable) remount(readOnly uintptr) error {
	if err := unix.Mount("", w.dir, "", unix.MS_REMOUNT|hardened|readOnly, options[w.format.Type]); err != nil {
		return fmt.Errorf("remount %s: %w", w.device.Name, err)
	}
	return nil
}

// Close unmounts the file system.
func (w *Writable) Close() error {
	if err := unix.Unmount(w.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", w.device.Name, err)
	}
	return os.Remove(w.dir)
}
