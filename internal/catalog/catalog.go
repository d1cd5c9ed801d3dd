package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/menu"
)

// File is one published file, open for reading: an *InMemory or an *OnDisk.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Contents are what a catalog is made of.
type Contents struct {
	// Menus are the rendered ones, and Views those of certain machines in
	// their place.
	Menus map[string][]byte
	Views map[string]map[string][]byte
	// Site is the folder with the site's boot files; nil for none. It stays
	// the caller's to close.
	Site *os.Root
	// Stick is the path of a second such folder, for what Site does not
	// have: a medium that comes and goes, so it is opened for each name.
	// Empty for none.
	Stick   string
	Bundled map[string][]byte
	Names   config.Files
}

// Catalog is what one generation publishes. It does not change: a transfer
// that began with one generation ends with it.
type Catalog struct {
	// By lower-case name; the views by their own name first.
	menus, bundled map[string]*InMemory
	views          map[string]map[string]*InMemory

	site  *os.Root
	stick string
	names config.Files
}

// New makes a catalog.
func New(c Contents) *Catalog {
	views := make(map[string]map[string]*InMemory, len(c.Views))
	for name, files := range c.Views {
		views[name] = inMemory(files)
	}
	return &Catalog{inMemory(c.Menus), inMemory(c.Bundled), views, c.Site, c.Stick, c.Names}
}

// Reader is what is known of the machine that asks. The zero Reader is
// anybody.
type Reader struct {
	View string // the menus that it gets before the general ones
	MAC  config.MAC
}

// Open finds the file for a name as firmware sent it. Its errors are ErrName
// and fs.ErrNotExist; any other is the disk's.
func (c *Catalog) Open(raw string, r Reader) (File, error) {
	name, err := Clean(raw)
	if err != nil {
		return nil, err
	}
	folded := strings.ToLower(name)
	ownFirst := c.names.OwnMenus && isConfiguration(folded)
	if !ownFirst {
		if f, ok := c.openMenu(folded, r); ok {
			return f, nil
		}
	}
	f, err := c.openSite(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if ownFirst {
		if f, ok := c.openMenu(folded, r); ok {
			return f, nil
		}
	}
	if f, ok := c.bundled[folded]; ok {
		return f, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// openMenu finds a rendered menu, and writes the machine's address into it.
func (c *Catalog) openMenu(folded string, r Reader) (*InMemory, bool) {
	// The menu is answered to the name with the machine's own address already,
	// by which PXELINUX says who it is: it then need not ask for the nine that
	// follow. Where the site has menus of its own, one of those may be there.
	if _, ok := pxelinuxMAC(folded); ok && !c.names.OwnMenus {
		folded = menu.PXELINUXConfig
	}
	f, ok := c.views[r.View][folded]
	if !ok {
		f, ok = c.menus[folded]
	}
	if !ok || !f.marked {
		return f, ok
	}
	mac := []byte(r.MAC)
	if len(mac) != len(menu.MACMark) {
		mac = bytes.Repeat([]byte(" "), len(menu.MACMark))
	}
	return f.with(mac), true
}

func (c *Catalog) openSite(name string) (File, error) {
	err := fs.ErrNotExist
	if c.site != nil {
		var f File
		if f, err = openIn(c.site, name, c.names.AnyCase); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if c.stick == "" {
		return nil, err
	}
	stick, rootErr := os.OpenRoot(c.stick)
	if rootErr != nil {
		return nil, err
	}
	defer stick.Close()
	return openIn(stick, name, c.names.AnyCase)
}

func openIn(folder *os.Root, name string, anyCase bool) (File, error) {
	f, err := openFile(folder, name)
	if errors.Is(err, fs.ErrNotExist) && anyCase {
		if name, err = fold(folder, name); err == nil {
			f, err = openFile(folder, name)
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
func openFile(folder *os.Root, name string) (*os.File, error) {
	return folder.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// fold finds the name that differs from the one asked for in case alone:
// Windows' programs ask as they please. Where several differ so, the first
// in the folder's order is taken.
func fold(folder *os.Root, name string) (string, error) {
	found := "."
	for part := range strings.SplitSeq(name, "/") {
		dir, err := folder.Open(found)
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
