package bootfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// RefusedError is for an entry in a folder of boot files that is not served: a
// link that leads out of the folder or to itself, a device, a pipe. For a
// client it does not exist, so it is an fs.ErrNotExist too.
type RefusedError struct {
	Path string // of the file or the link, within its folder
	Why  string
}

func (e RefusedError) Error() string { return e.Path + " " + e.Why }

// Is implements the interface that errors.Is uses.
func (RefusedError) Is(target error) bool { return target == fs.ErrNotExist }

// openIn opens a file of a folder. anyCase lets a name find a file that differs
// from it only in case.
func (c *Catalog) openIn(folder *os.Root, name string, anyCase bool) (File, error) {
	f, err := openFile(folder, name)
	if errors.Is(err, fs.ErrNotExist) && anyCase {
		if name, err = c.fold(folder, name); err == nil {
			f, err = openFile(folder, name)
		}
	}
	if err != nil {
		return nil, missing(folder, name, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	switch {
	case st.Mode().IsRegular():
		return &OnDisk{f, st}, nil
	case st.IsDir():
		err = fs.ErrNotExist
	default:
		err = RefusedError{name, "is not a regular file"}
	}
	f.Close()
	return nil, err
}

// openFile opens without blocking: a pipe in the folder would otherwise hold up
// the transfer until a process writes to it.
func openFile(folder *os.Root, name string) (*os.File, error) {
	return folder.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// fold finds the name that differs from the requested one only in case: Windows
// programs use any case. If several names match, the first in the folder's
// order is taken. With an error, fold returns the part that it resolved.
func (c *Catalog) fold(folder *os.Root, name string) (string, error) {
	found := "."
	for part := range strings.SplitSeq(name, "/") {
		dir, err := openFile(folder, found)
		if err != nil {
			return found, err
		}
		match, err := c.listings.find(dir, part, time.Now())
		dir.Close()
		if err != nil {
			return found, err
		}
		found = path.Join(found, match)
	}
	return found, nil
}

// missing turns all errors that a client must not tell apart from "not there"
// into fs.ErrNotExist: a path through a file, a link that leaves the folder or
// leads to itself. The box's own failures stay as they are.
func missing(folder *os.Root, name string, err error) error {
	for _, own := range []error{syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, fs.ErrPermission} {
		if errors.Is(err, own) {
			return err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if link, ok := leadsOut(folder, name); ok {
		return RefusedError{link, "is a link that leads out of the folder, or to itself"}
	}
	return fmt.Errorf("%w (%v)", fs.ErrNotExist, err)
}

// leadsOut finds the link on a path that os.Root does not follow. It is called
// only for a path that exists and cannot be opened.
func leadsOut(folder *os.Root, name string) (string, bool) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		st, err := folder.Lstat(name[:i])
		if err != nil {
			return "", false
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		_, err = folder.Stat(name[:i])
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return name[:i], true
		}
	}
	return "", false
}
