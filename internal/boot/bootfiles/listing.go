package bootfiles

import (
	"container/list"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// maxFolders is how many folders are remembered, and maxNames how many
	// names, both in total and per folder: about 8 MiB.
	maxFolders = 64
	maxNames   = 1 << 16
	// settled is the age that a folder's last change must have before the
	// folder's time reliably shows the next change: FAT counts it in steps
	// of two seconds (ext4 in ticks of the kernel's clock). A listing that
	// was read earlier is trusted for unsettled.
	settled   = 2 * time.Second
	unsettled = 250 * time.Millisecond
)

// listings cache the names in folders. Without the cache, each request for a
// missing name, in any case, would read a whole folder: a few hundred such
// requests a second, with a few thousand files, would keep the box fully busy.
type listings struct {
	mu       sync.Mutex
	folders  map[folder]*list.Element // the values are *listing
	lastUsed list.List                // most recently used first
	names    int
}

// listing holds the names in a folder, by lower-case name.
type listing struct {
	folder folder
	count  int // its share of listings.names

	mu       sync.Mutex // held while the folder is read: other requests wait instead of reading it too
	names    map[string]string
	modified time.Time // the folder's modification time, from before it was read
	read     time.Time
}

// find returns the name in a folder that differs from name only in case, or
// fs.ErrNotExist.
func (ls *listings) find(dir *os.File, name string, now time.Time) (string, error) {
	info, err := dir.Stat()
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fs.ErrNotExist
	}
	l := ls.of(folderOf(dir, info))
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.holds(info.ModTime(), now) {
		names, err := foldedNames(dir)
		if err != nil {
			return "", err
		}
		l.names, l.modified, l.read = names, info.ModTime(), now
		ls.count(l, len(names))
	}
	match, ok := l.names[strings.ToLower(name)]
	if !ok {
		return "", fs.ErrNotExist
	}
	return match, nil
}

// holds reports whether the names are still up to date.
func (l *listing) holds(modified, now time.Time) bool {
	if l.names == nil || !modified.Equal(l.modified) {
		return false
	}
	// The root of a FAT file system has no modification time; it shows 1970
	// on every stick. Abs, because a clock that started in 1970 may be
	// behind the folder's time, and only the distance matters.
	if l.modified.Unix() == 0 || l.read.Sub(l.modified).Abs() < settled {
		return now.Sub(l.read).Abs() < unsettled
	}
	return true
}

// of returns the listing of a folder, which may not have been read yet.
func (ls *listings) of(id folder) *listing {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if e, ok := ls.folders[id]; ok {
		ls.lastUsed.MoveToFront(e)
		return e.Value.(*listing)
	}
	if ls.folders == nil {
		ls.folders = map[folder]*list.Element{}
	}
	l := &listing{folder: id}
	ls.folders[id] = ls.lastUsed.PushFront(l)
	ls.trim(l)
	return l
}

// count records how many names a listing has.
func (ls *listings) count(l *listing, names int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if e, ok := ls.folders[l.folder]; !ok || e.Value != l {
		return // it was evicted while it was read
	}
	ls.names += names - l.count
	l.count = names
	ls.trim(l)
}

// trim evicts the least recently used listings, but not the one in use now.
func (ls *listings) trim(now *listing) {
	for len(ls.folders) > maxFolders || ls.names > maxNames {
		e := ls.lastUsed.Back()
		l := e.Value.(*listing)
		if l == now {
			return
		}
		ls.lastUsed.Remove(e)
		delete(ls.folders, l.folder)
		ls.names -= l.count
	}
}

// foldedNames reads a folder, up to maxNames names: a stick may hold one with
// millions, and the names after the limit can be found only exactly. If names
// differ only in case, the first is taken.
func foldedNames(dir interface{ Readdirnames(int) ([]string, error) }) (map[string]string, error) {
	const batch = 4096
	names := map[string]string{}
	for range maxNames / batch { // a damaged folder may start over at its end
		some, err := dir.Readdirnames(batch)
		for _, n := range some {
			low := strings.ToLower(n)
			if _, ok := names[low]; !ok {
				names[low] = n
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}
