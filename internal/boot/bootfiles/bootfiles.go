package bootfiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

// File is one published file, open for reading: an *InMemory, a *Personal or an
// *OnDisk.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Contents are the parts of a catalog.
type Contents struct {
	// Menus are the rendered menus, and Views the ones that certain
	// machines get instead.
	Menus map[string][]byte
	Views map[string]map[string][]byte
	// Site is the folder with the site's boot files; nil for none. The
	// caller closes it.
	Site *os.Root
	// Stick is the path of a second such folder, for files that Site does
	// not have. It is on a removable medium, so it is opened for each name.
	// Empty for none.
	Stick string
	// Cache is the path of a folder with files that were taken out of images of
	// Windows PE. Only Readers with a WinPE get them. Empty for none.
	Cache   string
	Bundled map[string][]byte
	Names   spec.Files
}

// Catalog is what one generation publishes. It does not change: a transfer that
// started with one generation ends with it.
type Catalog struct {
	// By lower-case name; the views first by their view name.
	menus, bundled map[string]*InMemory
	views          map[string]map[string]*InMemory
	inViews        map[string]bool // the names of all files in views
	codes          bool            // some menu has a place for a code

	site     *os.Root
	stick    string
	cache    string
	names    spec.Files
	listings listings
}

// New makes a catalog.
func New(c Contents) *Catalog {
	views := make(map[string]map[string]*InMemory, len(c.Views))
	inViews := map[string]bool{}
	menus := inMemory(c.Menus)
	codes := showCodes(menus)
	for name, files := range c.Views {
		views[name] = inMemory(files)
		codes = codes || showCodes(views[name])
		for file := range views[name] {
			inViews[file] = true
		}
	}
	return &Catalog{
		menus: menus, bundled: inMemory(c.Bundled), views: views, inViews: inViews, codes: codes,
		site: c.Site, stick: c.Stick, cache: c.Cache, names: c.Names,
	}
}

// showCodes reports whether one of the files has a place for a code.
func showCodes(files map[string]*InMemory) bool {
	for _, f := range files {
		if slices.ContainsFunc(f.marks, func(m mark) bool { return m.what == codeMark }) {
			return true
		}
	}
	return false
}

// ShowsCodes reports whether the menus have a place for a Reader's Code.
func (c *Catalog) ShowsCodes() bool { return c.codes }

// Reader is what is known about the machine that sends the request. The zero
// Reader is an unknown machine.
type Reader struct {
	View  string // the menus that it gets before the general ones
	MAC   ether.MAC
	Token string // as in handoff.Request
	Code  string // of its boot, as long as bootmenu.CodeMark
	// Folder is the folder of the program that its firmware has started for an
	// entry: names are looked for there first. Empty for none.
	Folder string
	// WinPE is set instead if that program is Windows' boot manager: names are
	// looked for in the files of its image first.
	WinPE *winpe.View
}

// Open finds the file for a name as firmware sent it. Its errors are ErrName
// and fs.ErrNotExist, which may be a RefusedError too; any other is a disk
// error.
func (c *Catalog) Open(raw string, r Reader) (File, error) {
	names, err := Candidates(raw, r.Folder)
	if err != nil {
		return nil, err
	}
	name := names[len(names)-1]
	if r.WinPE != nil {
		if f, err := c.openWinPE(name, *r.WinPE); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	for _, in := range names[:len(names)-1] {
		if f, err := c.openSite(in, c.names.AnyCase); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	folded := strings.ToLower(name)
	if len(names) > 1 && (folded == grub.ConfigFile || strings.HasPrefix(folded, grub.ConfigFile+"-")) {
		// A second GRUB without a menu in its folder must not get the box's: that menu
		// leads to programs which only the box's shim starts.
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	ownFirst := c.names.OwnMenus && isConfiguration(folded)
	if !ownFirst {
		if f, ok := c.openMenu(folded, r); ok {
			return f, nil
		}
	}
	if !c.names.OwnMenus && namesMachines(folded) {
		// The loader then requests the rendered menu.
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	f, err := c.openSite(name, c.names.AnyCase)
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
	return nil, fmt.Errorf("%s: %w", name, err)
}

// IsBundled reports whether a name finds a bundled file, and not one of the site.
func (c *Catalog) IsBundled(raw string) bool {
	name, err := Clean(raw)
	if err != nil || c.bundled[strings.ToLower(name)] == nil {
		return false
	}
	f, err := c.openSite(name, c.names.AnyCase)
	if err == nil {
		f.Close()
	}
	return errors.Is(err, fs.ErrNotExist)
}

// InFolder reports whether a name, as it was sent, finds a file in a Reader's
// folder, or in its image of Windows PE.
func (c *Catalog) InFolder(raw string, r Reader) bool {
	names, err := Candidates(raw, r.Folder)
	if err != nil {
		return false
	}
	var f File
	switch {
	case r.WinPE != nil:
		f, err = c.openWinPE(names[len(names)-1], *r.WinPE)
	case len(names) < 2:
		return false
	default:
		f, err = c.openSite(names[0], c.names.AnyCase)
	}
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// IsMenu reports whether the answer to a name may depend on which machine asks:
// the file is a menu, or belongs to one.
func (c *Catalog) IsMenu(raw string) bool {
	if _, ok := Menu(raw); ok {
		return true
	}
	name, err := Clean(raw)
	if err != nil {
		return false
	}
	folded := strings.ToLower(name)
	if f, ok := c.menus[folded]; ok && len(f.marks) > 0 {
		return true
	}
	return c.inViews[folded]
}

// openMenu finds a rendered menu.
func (c *Catalog) openMenu(folded string, r Reader) (File, bool) {
	// PXELINUX first asks under a name that contains the machine's MAC. It
	// gets the menu right then, so that it need not try the nine names that
	// follow. If the site has its own menus, one of them may have that
	// name.
	if _, ok := pxelinuxMAC(folded); ok && !c.names.OwnMenus {
		folded = pxelinux.ConfigFile
	}
	f, ok := c.views[r.View][folded]
	if !ok {
		f, ok = c.menus[folded]
	}
	if ok && len(f.marks) > 0 {
		return newPersonal(f, r), true
	}
	return f, ok
}

// openWinPE finds a file of an image of Windows PE. The case of names never
// matters there: Windows' programs use any, and so do the media that the files
// were copied from.
func (c *Catalog) openWinPE(name string, v winpe.View) (File, error) {
	inSite, inCache := v.Find(name)
	for _, n := range inSite {
		if f, err := c.openSite(n, true); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if c.cache == "" || len(inCache) == 0 {
		return nil, fs.ErrNotExist
	}
	cache, err := os.OpenRoot(c.cache)
	if err != nil {
		return nil, fs.ErrNotExist // nothing was taken out of an image yet
	}
	defer cache.Close()
	for _, n := range inCache {
		if f, err := c.openIn(cache, n, false); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fs.ErrNotExist
}

// openSite finds one of the site's files. A refusal in the site's folder is
// returned if the stick has no such file either.
func (c *Catalog) openSite(name string, anyCase bool) (File, error) {
	err := fs.ErrNotExist
	if c.site != nil {
		var f File
		if f, err = c.openIn(c.site, name, anyCase); !errors.Is(err, fs.ErrNotExist) {
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
	f, stickErr := c.openIn(stick, name, anyCase)
	if errors.As(err, new(RefusedError)) && errors.Is(stickErr, fs.ErrNotExist) {
		return nil, err
	}
	return f, stickErr
}
