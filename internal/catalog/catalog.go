package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// File is one published file, open for reading: an *InMemory or an *OnDisk.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Catalog is what one generation publishes. It does not change: a transfer
// that began with one generation ends with it.
type Catalog struct {
	menus  map[string]*InMemory // by lower-case name
	assets map[string]*InMemory // by lower-case name
	site   *os.Root             // nil: the site has no boot files
}

// New makes a catalog of the rendered menus, the folder with the site's boot
// files (nil for none) and the bundled files. The folder stays the caller's
// to close.
func New(menus map[string][]byte, site *os.Root, assets map[string][]byte) *Catalog {
	return &Catalog{menus: inMemory(menus), assets: inMemory(assets), site: site}
}

// Open finds the file for a name as firmware sent it. Its errors are ErrName
// and fs.ErrNotExist; any other is the disk's.
func (c *Catalog) Open(raw string) (File, error) {
	name, err := Clean(raw)
	if err != nil {
		return nil, err
	}
	folded := strings.ToLower(name)
	if f, ok := c.menus[folded]; ok {
		return f, nil
	}
	f, err := c.openSite(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if f, ok := c.assets[folded]; ok {
		return f, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (c *Catalog) openSite(name string) (File, error) {
	if c.site == nil {
		return nil, fs.ErrNotExist
	}
	f, err := c.openFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if name, err = c.fold(name); err == nil {
			f, err = c.openFile(name)
		}
	}
	if err != nil {
		return nil, missing(err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !st.Mode().IsRegular() { // a folder, a device, a pipe that would block
		f.Close()
		return nil, fs.ErrNotExist
	}
	return &OnDisk{f, st}, nil
}

// openFile opens without waiting: a pipe in the folder would otherwise hold
// the transfer until somebody writes to it.
func (c *Catalog) openFile(name string) (*os.File, error) {
	return c.site.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// fold finds the name that differs from the one asked for in case alone:
// Windows' programs ask as they please. Where several differ so, the first
// in the folder's order is taken.
func (c *Catalog) fold(name string) (string, error) {
	found := "."
	for part := range strings.SplitSeq(name, "/") {
		dir, err := c.site.Open(found)
		if err != nil {
			return "", err
		}
		match, err := findFold(dir, part)
		dir.Close()
		if err != nil {
			return "", err
		}
		found = path.Join(found, match)
	}
	return found, nil
}

func findFold(dir *os.File, part string) (string, error) {
	for {
		names, err := dir.Readdirnames(256)
		for _, n := range names {
			if strings.EqualFold(n, part) {
				return n, nil
			}
		}
		if err != nil { // io.EOF at the end; ENOTDIR where it is a file
			return "", fs.ErrNotExist
		}
	}
}

// missing makes "not there" of all that a client is not to tell apart from
// it: a path through a file, a link that leaves the folder or leads to
// itself. The box's own troubles stay what they are.
func missing(err error) error {
	for _, own := range []error{syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, fs.ErrPermission} {
		if errors.Is(err, own) {
			return err
		}
	}
	return fmt.Errorf("%w (%v)", fs.ErrNotExist, err)
}
