// Package upload lets the owner of the box fill its boot folder by SFTP: with
// the programs that Windows, macOS and Linux have, resumable, and so that a
// booting machine sees a file whole or not at all. Nothing but the boot folder
// can be reached, and no command can be run.
package upload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What uploads leave free on the medium: leases and settings have to be written
// there when nobody cleans up.
const (
	reserve       = 16 << 20 // bytes
	reserveInodes = 64
)

// tree is the boot folder as those see it who fill it: with the parts of files
// that are not whole yet, which lie under the same names in another folder of
// the same file system.
type tree struct {
	boot, staging *os.Root
	reserve       int64
	free          func() (space, error) // on the medium
	log           *slog.Logger

	mu    sync.Mutex
	parts map[string]*part // being written
}

// space is room on a medium. An image has few inodes: small files would use them
// up long before the bytes.
type space struct{ bytes, inodes int64 }

func openTree(boot, staging string, log *slog.Logger) (_ *tree, err error) {
	t := &tree{reserve: reserve, log: log, parts: map[string]*part{}}
	t.free = t.available
	for _, dir := range []struct {
		root **os.Root
		name string
	}{{&t.boot, boot}, {&t.staging, staging}} {
		if err := os.MkdirAll(dir.name, 0o755); err != nil {
			return nil, errors.Join(err, t.close())
		}
		if *dir.root, err = os.OpenRoot(dir.name); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	if err := t.cutParts(); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// cutParts leaves of each part what was on the medium when it was last noted:
// this may be the start after a power cut. Its client goes on from there.
func (t *tree) cutParts() error {
	return fs.WalkDir(t.staging.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if err := t.cutPart(name); err != nil {
			return fmt.Errorf("part of %s: %w", name, err)
		}
		return nil
	})
}

func (t *tree) cutPart(name string) error {
	f, err := t.staging.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	whole := safeLength(f)
	if whole > 0 && whole >= st.Size() {
		return nil
	}
	t.log.Info("part of a boot file was perhaps not on the medium", "file", name, "bytes", st.Size(), "left", whole)
	if whole > 0 {
		return f.Truncate(whole)
	}
	err = t.staging.Remove(name)
	t.removeEmpty(path.Dir(name))
	return err
}

func (t *tree) close() (err error) {
	for _, root := range []*os.Root{t.boot, t.staging} {
		if root != nil {
			err = errors.Join(err, root.Close())
		}
	}
	return err
}

// openPart opens a file for writing. Of two that write the same, the later one
// goes on: it is most likely the same client, whose first connection broke
// without a word.
func (t *tree) openPart(name string, truncate, create, exclusive bool) (*part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.parts[name]; other != nil {
		other.abandon(errTakenOver) // and if it is just being published, that comes first
	}
	there, err := t.boot.Lstat(name)
	switch {
	case err == nil && there.IsDir():
		return nil, &fs.PathError{Op: "write", Path: name, Err: unix.EISDIR}
	case err == nil && exclusive:
		return nil, &fs.PathError{Op: "write", Path: name, Err: fs.ErrExist}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	begun := t.isPart(name)
	if there == nil && !begun && !create {
		return nil, &fs.PathError{Op: "write", Path: name, Err: fs.ErrNotExist}
	}
	dir := path.Dir(name)
	if st, err := t.boot.Stat(dir); err != nil {
		return nil, err
	} else if !st.IsDir() {
		return nil, &fs.PathError{Op: "write", Path: name, Err: unix.ENOTDIR}
	}
	if begun && truncate { // not by O_TRUNC: the note of what is safe goes too
		if err := t.staging.Remove(name); err != nil {
			return nil, err
		}
		begun = false
	}
	var need space
	if !begun {
		need.inodes = 1
	}
	if err := t.makeRoom(need, name); err != nil {
		return nil, err
	}
	if err := t.staging.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := t.staging.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if there != nil && there.Mode().IsRegular() && !begun && !truncate {
		// What machines have now stays as it is until this is closed.
		if err := t.copyPublished(name, f, there.Size()); err != nil {
			return nil, errors.Join(err, f.Close(), t.staging.Remove(name))
		}
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p := newPart(t, name, f, st.Size())
	t.parts[name] = p
	return p, nil
}

func (t *tree) copyPublished(name string, to *os.File, size int64) error {
	if err := t.makeRoom(space{bytes: size}, name); err != nil {
		return err
	}
	from, err := t.boot.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// isPart reports whether a part of the file is there.
func (t *tree) isPart(name string) bool {
	st, err := t.staging.Lstat(name)
	return err == nil && st.Mode().IsRegular()
}

// closed forgets a part that nobody writes any longer. The folders in staging
// go with the last part in them.
func (t *tree) closed(p *part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts[p.name] != p {
		return
	}
	delete(t.parts, p.name)
	t.removeEmpty(path.Dir(p.name))
}

// removeEmpty removes a folder of staging and those that it is in, as far as
// nothing else is there.
func (t *tree) removeEmpty(dir string) {
	for ; dir != "." && t.staging.Remove(dir) == nil; dir = path.Dir(dir) {
	}
}

// publish gives a file its place in the boot folder. os.Root has no renaming
// from one root into another, so it is done from folder to folder.
func (t *tree) publish(name string) error {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	from, err := t.staging.Open(dir)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := t.boot.Open(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := unix.Renameat(int(from.Fd()), base, int(to.Fd()), base); err != nil {
		return &fs.PathError{Op: "publish", Path: name, Err: err}
	}
	return errors.Join(to.Sync(), from.Sync())
}

// errFull is what a client is told before the disk is full.
var errFull = errors.New("no room left: delete something first")

// room returns errFull where so much more would touch the reserve.
func (t *tree) room(need space) error {
	free, err := t.free()
	if err != nil {
		return err
	}
	if free.bytes-need.bytes < t.reserve || need.inodes > 0 && free.inodes-need.inodes < reserveInodes {
		return errFull
	}
	return nil
}

// makeRoom is room, but where there is too little it removes parts that nobody
// writes, the oldest first, and not that of the name to keep: an upload that was
// broken off and forgotten would take its room for ever. No age makes one too
// old, since the box's clock may be wrong by years; that makes at most the wrong
// one go first, and its client begin anew. The tree is locked.
func (t *tree) makeRoom(need space, keep string) error {
	for {
		err := t.room(need)
		if !errors.Is(err, errFull) {
			return err
		}
		name, e := t.oldestPart(keep)
		if e != nil || name == "" {
			return errors.Join(err, e)
		}
		if e := t.staging.Remove(name); e != nil {
			return errors.Join(err, e)
		}
		t.removeEmpty(path.Dir(name))
		t.log.Warn("an incomplete boot file is removed: no client resumes it, and its space is needed", "file", name)
	}
}

// oldestPart is the part that was written to the longest ago, of those that
// nobody writes now; "" if there is none.
func (t *tree) oldestPart(keep string) (oldest string, err error) {
	var since time.Time
	err = fs.WalkDir(t.staging.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || name == keep || t.parts[name] != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && (oldest == "" || info.ModTime().Before(since)) {
			oldest, since = name, info.ModTime()
		}
		return err
	})
	return oldest, err
}

func (t *tree) available() (space, error) {
	st, err := t.statfs()
	free := space{int64(st.Bavail) * st.Frsize, int64(st.Ffree)}
	if st.Files == 0 { // a file system that makes inodes as it goes
		free.inodes = math.MaxInt64
	}
	return free, err
}

func (t *tree) statfs() (unix.Statfs_t, error) {
	var st unix.Statfs_t
	d, err := t.staging.Open(".")
	if err != nil {
		return st, err
	}
	defer d.Close()
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		return st, fmt.Errorf("space: %w", err)
	}
	return st, nil
}

// open opens a published file.
func (t *tree) open(name string) (*os.File, error) {
	f, err := t.boot.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) && t.isPart(name) {
		return nil, fmt.Errorf("%s is not whole yet", name)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("is no file")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// partInfo is a part in a listing: only its owner may read it.
type partInfo struct{ fs.FileInfo }

func (partInfo) Mode() fs.FileMode { return 0o600 }

// stat tells of the part where there is one: by its size a client knows from
// where to go on.
func (t *tree) stat(name string, follow bool) (fs.FileInfo, error) {
	if st, err := t.staging.Lstat(name); err == nil && st.Mode().IsRegular() {
		return partInfo{st}, nil
	}
	if follow {
		return t.boot.Stat(name)
	}
	return t.boot.Lstat(name)
}

func (t *tree) list(name string) ([]fs.FileInfo, error) {
	d, err := t.boot.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	infos, err := d.Readdir(-1)
	if err != nil {
		return nil, err
	}
	if parts, err := fs.ReadDir(t.staging.FS(), name); err == nil {
		for _, e := range parts {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			infos = slices.DeleteFunc(infos, func(i fs.FileInfo) bool { return i.Name() == info.Name() })
			infos = append(infos, partInfo{info})
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return infos, nil
}

func (t *tree) mkdir(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.makeRoom(space{inodes: 1}, ""); err != nil {
		return err
	}
	if err := t.boot.Mkdir(name, 0o755); err != nil {
		return err
	}
	return t.syncDir(path.Dir(name))
}

// rmdir removes an empty folder. One with a part in it is not empty.
func (t *tree) rmdir(name string) error {
	st, err := t.boot.Lstat(name)
	if err != nil {
		return err
	}
	if !st.IsDir() || name == "." {
		return &fs.PathError{Op: "rmdir", Path: name, Err: unix.ENOTDIR}
	}
	if err := t.staging.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.boot.Remove(name); err != nil {
		return err
	}
	return t.syncDir(path.Dir(name))
}

// remove removes a file, and the part of it.
func (t *tree) remove(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	st, err := t.boot.Lstat(name)
	begun := t.isPart(name)
	switch {
	case err == nil && st.IsDir():
		return &fs.PathError{Op: "remove", Path: name, Err: unix.EISDIR}
	case err != nil && !(begun && errors.Is(err, fs.ErrNotExist)):
		return err
	}
	if p := t.parts[name]; p != nil {
		p.abandon(errors.New("it was deleted meanwhile"))
	}
	if begun {
		// Its writer may have dropped it just now.
		if err := t.staging.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if st != nil {
		if err := t.boot.Remove(name); err != nil {
			return err
		}
	}
	t.log.Info("boot file is deleted", "file", name)
	return t.syncDir(path.Dir(name))
}

// rename renames a file or a folder. Some clients send a file under another
// name first, so that its sum is looked at only now.
func (t *tree) rename(from, to string, replace bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.parts {
		if name == from || name == to || strings.HasPrefix(name, from+"/") {
			return fmt.Errorf("%s is being written", name)
		}
	}
	if _, err := t.boot.Lstat(to); !replace && err == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	st, err := t.boot.Lstat(from)
	if err != nil {
		return err
	}
	if st.Mode().IsRegular() {
		if err := t.verify(from, to); err != nil {
			return err
		}
	}
	if err := t.boot.Rename(from, to); err != nil {
		return err
	}
	if st.IsDir() {
		if err := t.renameParts(from, to); err != nil {
			t.log.Error("parts stay under the old name", "dir", from, "err", err)
		}
	} else if t.isPart(to) { // of an earlier upload, which this one takes the place of
		if err := t.staging.Remove(to); err != nil {
			t.log.Error("the part stays", "file", to, "err", err)
		}
		t.removeEmpty(path.Dir(to))
	}
	t.log.Info("boot file is renamed", "file", to, "from", from)
	return errors.Join(t.syncDir(path.Dir(from)), t.syncDir(path.Dir(to)))
}

// verify reports whether a file may have another name.
func (t *tree) verify(file, name string) error {
	want, from, err := t.expected(name)
	if err != nil || from == "" {
		return err
	}
	f, err := t.open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := sumOf(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if got != want {
		return fmt.Errorf("%s stays %s: its SHA-256 is %s, but %s says %s", name, file, got, from, want)
	}
	return nil
}

func (t *tree) renameParts(from, to string) error {
	if _, err := t.staging.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := t.staging.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	return t.staging.Rename(from, to)
}

func (t *tree) setTimes(name string, accessed, modified time.Time) error {
	if t.isPart(name) {
		return t.staging.Chtimes(name, accessed, modified)
	}
	return t.boot.Chtimes(name, accessed, modified)
}

func (t *tree) syncDir(name string) error {
	d, err := t.boot.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
