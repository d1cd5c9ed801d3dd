package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/durable"
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

// Read returns what is in a file.
func (w *Writable) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(w.dir, name)) }

// Write replaces files: each is whole on the medium before it has its name.
func (w *Writable) Write(files map[string][]byte) error {
	if err := w.remount(0); err != nil {
		return err
	}
	for name, content := range files {
		if err := w.write(name, content); err != nil {
			return errors.Join(err, w.remount(unix.MS_RDONLY))
		}
	}
	return w.remount(unix.MS_RDONLY)
}

func (w *Writable) write(name string, content []byte) (err error) {
	// FAT knows a short name of eight and three letters best.
	temp := filepath.Join(w.dir, "NEW.TMP")
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, filepath.Join(w.dir, name))
	}
	if err == nil {
		err = durable.SyncDir(w.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(temp))
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
