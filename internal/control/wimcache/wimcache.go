// Package wimcache keeps, on disk, files that were taken out of WIMs: each WIM's in
// a folder whose name is a key. A folder is there whole or not at all, also after a
// power cut. When to take out what, and the keys, are up to the caller.
package wimcache

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/base/durable"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/winpe"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/control/wim"
)

// Files are files of the cache by their names in the folder of a WIM, with the
// firmware that starts them if they are EFI programs.
type Files map[string]firmware.Kind

// unfinished is how the names of folders begin that are being filled.
const unfinished = ".new-"

// Load returns what was taken out of a WIM; fs.ErrNotExist if nothing was yet.
func Load(dir, key string) (Files, error) {
	root := filepath.Join(dir, key)
	files := Files{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		files[filepath.ToSlash(rel)] = sitefiles.MachineOf(f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// Extract takes files out of a WIM of that size. An earlier folder of that key is
// replaced.
func Extract(dir, key string, from io.ReaderAt, size int64, sources []winpe.Source) (Files, error) {
	archive, err := wim.Open(from, size)
	if err != nil {
		return nil, err
	}
	found, err := archive.Find(sources)
	if err != nil {
		return nil, err
	}
	// pxed may run as another user, and reads them.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(dir, unfinished)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	folders := []string{dir, folder}
	for _, f := range found {
		to := filepath.Join(folder, filepath.FromSlash(f.Name))
		for d := filepath.Dir(to); !slices.Contains(folders, d); d = filepath.Dir(d) {
			folders = append(folders, d)
		}
		if err := write(to, func(w io.Writer) error { return archive.Copy(w, f) }); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	for _, d := range folders[1:] {
		if err := durable.SyncDir(d); err != nil {
			return nil, err
		}
	}
	whole := filepath.Join(dir, key)
	if err := os.RemoveAll(whole); err != nil {
		return nil, err
	}
	if err := os.Rename(folder, whole); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(dir); err != nil {
		return nil, err
	}
	return Load(dir, key)
}

// Permanent reports whether an error is about the WIM itself, so that another try
// meets it too.
func Permanent(err error) bool { return errors.As(err, new(wim.Error)) }

// write creates a file whose content is on the disk when it returns.
func write(name string, content func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = content(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Sweep removes all folders but those of some keys. Nothing may be taken out of a
// WIM meanwhile. Other files, which the cache has not made, stay.
func Sweep(dir string, keep []string) (removed int, err error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var errs []error
	for _, d := range all {
		if name := d.Name(); d.IsDir() && (isKey(name) || strings.HasPrefix(name, unfinished)) && !slices.Contains(keep, name) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				errs = append(errs, err)
			} else {
				removed++
			}
		}
	}
	return removed, errors.Join(append(errs, err)...)
}

// isKey reports whether a name has the form of sitefiles.Image's keys.
func isKey(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}
