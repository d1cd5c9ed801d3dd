package pxed

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
)

// lookUp is longer than it takes to find a name in a folder.
const lookUp = time.Minute

// look opens the folder that is now at the boot folder's path, publishes its
// contents, and reports whether it is a different folder than before. Open
// files stay open.
func (f *files) look() bool {
	site, err := os.OpenRoot(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false // it may exist: the box has too many files open, or the disk fails
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
		log.Warn("boot folder is gone", "dir", f.dir)
	} else {
		log.Info("boot folder found", "dir", f.dir)
	}
	f.site = site
	f.publish()
	if old != nil {
		// Requests that use the old catalog may still look up names in
		// it. If it stayed open, it would keep its medium busy.
		time.AfterFunc(lookUp, func() { old.Close() })
	}
	return true
}

// sameFolder reports whether a and b are the same folder; nil is none.
func sameFolder(a, b *os.Root) bool {
	if a == nil || b == nil {
		return a == b
	}
	// While a is open, no other folder can get its inode number.
	one, oneErr := a.Stat(".")
	other, otherErr := b.Stat(".")
	return oneErr == nil && otherErr == nil && os.SameFile(one, other)
}
