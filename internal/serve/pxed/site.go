package pxed

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
)

// lookUp is more than it takes to find a name in a folder.
const lookUp = time.Minute

// look opens the boot folder that has its path now, publishes what is in
// it, and reports whether it is another one than before. Files that are open
// stay so.
func (f *files) look() bool {
	site, err := os.OpenRoot(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false // it may be there: the box has too many files open, or a disk fails
	}
	old := f.site
	if sameFolder(old, site) {
		if site != nil {
			site.Close()
		}
		return false
	}
	log := loglimit.Keep(f.log, "boot folder")
	if site == nil {
		log.Warn("boot folder: gone", "dir", f.dir)
	} else {
		log.Info("boot folder", "dir", f.dir)
	}
	f.site = site
	f.publish()
	if old != nil {
		// Requests that had the catalog before may still look up names in it. If
		// it stayed open, it would keep its medium busy.
		time.AfterFunc(lookUp, func() { old.Close() })
	}
	return true
}

// sameFolder reports whether two are one; nil is none.
func sameFolder(a, b *os.Root) bool {
	if a == nil || b == nil {
		return a == b
	}
	// While a is open nothing else can get its number.
	one, oneErr := a.Stat(".")
	other, otherErr := b.Stat(".")
	return oneErr == nil && otherErr == nil && os.SameFile(one, other)
}
