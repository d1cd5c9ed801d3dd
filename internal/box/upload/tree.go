// Package upload lets the owner of the box fill its boot folder over SFTP. It
// works with the programs that come with Windows, macOS and Linux. Uploads can
// be resumed, and a booting machine sees a complete file or none. Clients can
// reach only the boot folder, and cannot run commands.
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

// Space that uploads leave free on the medium: leases and settings must be
// written there even if no person cleans up.
const (
	reserve       = 16 << 20 // bytes
	reserveInodes = 64
)

// tree is the boot folder as uploading clients see it. It includes the parts of
// incomplete files, which are stored under the same names in another folder of
// the same file system.
type tree struct {
	boot, staging *os.Root
	reserve       int64
	free          func() (space, error) // on the medium
	log           *slog.Logger

	mu    sync.Mutex
	parts map[string]*part // being written
}

// space is free space on a medium. An image has few inodes: small files would
// use them up long before the bytes.
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

// cutParts truncates each part to what was on the medium when that was last
// recorded: this may be the start after a power cut. The client resumes there.
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
	t.log.Info("the end of an incomplete upload may not have reached the disk, and is cut off", "file", name, "bytes",
		st.Size(), "left", whole)
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

// openPart opens a file for writing. If two clients write the same file, the
// later one wins: it is most likely the same client, whose first connection
// broke unnoticed.
func (t *tree) openPart(name string, truncate, create, exclusive bool) (*part, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.parts[name]; other != nil {
		other.abandon(errTakenOver) // if it is being published right now, that finishes first
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
	if begun && truncate { // not with O_TRUNC: the attribute safe must go too
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
		// What machines get stays unchanged until this file is closed.
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

// isPart reports whether there is a part of the file.
func (t *tree) isPart(name string) bool {
	st, err := t.staging.Lstat(name)
	return err == nil && st.Mode().IsRegular()
}

// closed forgets a part that is no longer being written. The folders in staging
// are removed along with the last part in them.
func (t *tree) closed(p *part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts[p.name] != p {
		return
	}
	delete(t.parts, p.name)
	t.removeEmpty(path.Dir(p.name))
}

// removeEmpty removes a folder of staging and its parents, as long as they are
// empty.
func (t *tree) removeEmpty(dir string) {
	for ; dir != "." && t.staging.Remove(dir) == nil; dir = path.Dir(dir) {
	}
}

// publish moves a file into the boot folder. os.Root cannot rename from one
// root into another, so publish renames from folder to folder.
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

// errFull is what a client gets before the disk is full.
var errFull = errors.New("no room left: delete some boot files first")

// room returns errFull if using that much more would touch the reserve.
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

// makeRoom is like room, but if there is too little space it removes parts that
// no client is writing, oldest first, except the part named keep. Otherwise an
// interrupted and forgotten upload would take up its space forever. No age
// limit applies, because the box's clock may be wrong by years. At worst, a
// wrong clock removes the wrong part first, and its client must start over. The
// caller holds the tree's lock.
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
		t.log.Warn("incomplete upload deleted to free space", "file", name)
	}
}

// oldestPart returns the part that was least recently written, among those that
// no client is writing now, or "" if there is none.
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
	if st.Files == 0 { // a file system that creates inodes on demand
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
		return st, fmt.Errorf("free space: %w", err)
	}
	return st, nil
}

// open opens a published file.
func (t *tree) open(name string) (*os.File, error) {
	f, err := t.boot.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) && t.isPart(name) {
		return nil, fmt.Errorf("%s is still being uploaded", name)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("is not a file")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// partInfo is a part in a listing: only its owner may read it.
type partInfo struct{ fs.FileInfo }

func (partInfo) Mode() fs.FileMode { return 0o600 }

// stat describes the part if there is one: its size tells a client where to
// resume.
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

// rmdir removes an empty folder. A folder with a part in it is not empty.
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

// remove removes a file, and its part.
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
		p.abandon(errors.New("it was deleted in the meantime"))
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
	t.log.Info("boot file deleted", "file", name)
	return t.syncDir(path.Dir(name))
}

// rename renames a file or a folder. Some clients send a file under a temporary
// name first, so its checksum is verified only now.
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
			t.log.Error("incomplete uploads keep their old names", "dir", from, "err", err)
		}
	} else if t.isPart(to) { // left by an earlier upload, which this one replaces
		if err := t.staging.Remove(to); err != nil {
			t.log.Error("cannot delete an incomplete upload", "file", to, "err", err)
		}
		t.removeEmpty(path.Dir(to))
	}
	t.log.Info("boot file renamed", "file", to, "from", from)
	return errors.Join(t.syncDir(path.Dir(from)), t.syncDir(path.Dir(to)))
}

// verify returns an error if a file must not get another name.
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
		return fmt.Errorf("%s was not renamed to %s: its SHA-256 is %s, but %s says %s", file, name, got, from, want)
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
