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
	// maxFolders is how many folders' names are remembered, and maxNames how
	// many names in all, and of one folder: some 8 MiB.
	maxFolders = 64
	maxNames   = 1 << 16
	// settled is how old a folder's last change must be for its time to show
	// the next one: FAT counts it in steps of two seconds (ext4 in ticks of the
	// kernel's clock). A list that was read sooner is trusted for unsettled.
	settled   = 2 * time.Second
	unsettled = 250 * time.Millisecond
)

// listings remember the names in folders. Who asks for what is not there, in
// whatever case, would otherwise have a whole folder read each time: a few
// hundred such requests a second beside some thousand files would be all that
// the box does.
type listings struct {
	mu       sync.Mutex
	folders  map[folder]*list.Element // the values are *listing
	lastUsed list.List                // the one used last first
	names    int
}

// listing is the names in a folder, by the lower case.
type listing struct {
	folder folder
	count  int // of those in listings.names

	mu       sync.Mutex // held while the folder is read: others wait for that, and read it not
	names    map[string]string
	modified time.Time // the folder's own time, from before it was read
	read     time.Time
}

// find returns the name in a folder that differs from the given one in case
// alone, or fs.ErrNotExist.
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

// holds tells whether the names are still those of the folder.
func (l *listing) holds(modified, now time.Time) bool {
	if l.names == nil || !modified.Equal(l.modified) {
		return false
	}
	// The root of a FAT file system has no time of its own, and stays at 1970
	// from one stick to the next. Abs: of a clock that stands there only the
	// distance tells something.
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

// count notes how many names a listing has.
func (ls *listings) count(l *listing, names int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if e, ok := ls.folders[l.folder]; !ok || e.Value != l {
		return // it was dropped while it was read
	}
	ls.names += names - l.count
	l.count = names
	ls.trim(l)
}

// trim drops what was not used for longest, but not what is in use now.
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
// millions, and what comes after these is found by its exact name only. Of names
// that differ in case alone the first is taken.
func foldedNames(dir interface{ Readdirnames(int) ([]string, error) }) (map[string]string, error) {
	const batch = 4096
	names := map[string]string{}
	for range maxNames / batch { // a damaged folder may begin again where it ends
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
