// Package durable replaces files so that a power cut leaves either the old
// content or the new, and so that what was reported as written survives. What
// the files contain is up to the callers.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// WriteFile replaces a file, or creates it. perm is its mode afterwards, less the
// umask, whatever the mode of the old file: a secret does not inherit one that
// others may read.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(name)
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(dir), renameio.WithPermissions(perm))
	if err != nil {
		return err
	}
	defer f.Cleanup() // does nothing once the file is in its place
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return SyncDir(dir)
}

// ReadOrCreate reads a file, or creates it with what generate returns. Of several
// programs that create it at the same time one succeeds, and all return its
// content. A file that exists and cannot be read stays as it is.
func ReadOrCreate(name string, generate func() ([]byte, error), perm fs.FileMode) ([]byte, error) {
	b, err := os.ReadFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if b, err = generate(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(name)
	// Other programs use the folders above.
	if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o755), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close())
	if err == nil {
		// Unlike a rename, a link replaces no file.
		err = os.Link(f.Name(), name)
	}
	lost := errors.Is(err, fs.ErrExist)
	if lost {
		err = nil
	}
	if err = errors.Join(err, os.Remove(f.Name()), SyncDir(dir)); err != nil {
		return nil, err
	}
	if lost {
		return os.ReadFile(name)
	}
	return b, nil
}

// SyncDir syncs the names in a directory: without it, a file whose data was
// synced may exist and have no name.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
