package adopt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of the search for pxelinux.cfg below a folder.
const (
	maxBelow   = 3
	maxLocated = 20_000 // files and folders that are looked at
)

// locate opens the tree of a TFTP server. PXELINUX may be in a folder below the
// server's own, next to those of other firmware: menus names that folder, or is
// "" for the only one that has menus.
func locate(dir, menus string) (*tree, error) {
	t, err := openTree(dir, filepath.ToSlash(menus))
	if err != nil {
		return nil, err
	}
	if err := t.locate(); err != nil {
		defer t.root.Close()
		// The menus may be those of a folder next to it, by a link.
		if up := t.above(); up != nil && menus == "" {
			if _, err := t.root.Lstat(cfgDir); err == nil && up.hasMenus(up.menus) {
				return up, nil
			}
			up.root.Close()
		}
		return nil, err
	}
	return t, nil
}

func (t *tree) locate() error {
	if t.menus != "" {
		if t.menus = path.Clean(t.menus); !fs.ValidPath(t.menus) {
			return fmt.Errorf("--menus %s leads out of %s: name a folder below it", t.menus, t.abs)
		}
		if !t.hasMenus(t.menus) {
			return fmt.Errorf("%s has no %s: name the folder of PXELINUX with --menus",
				filepath.Join(t.abs, filepath.FromSlash(t.menus)), cfgDir)
		}
		return nil
	}
	if t.hasMenus(".") {
		return nil
	}
	found := t.below()
	for _, better := range []func(string) bool{
		func(dir string) bool { // a link leads to the menus of another folder
			st, err := t.root.Lstat(path.Join(dir, cfgDir))
			return err == nil && st.IsDir()
		},
		func(dir string) bool {
			return t.isFile(path.Join(dir, "pxelinux.0")) || t.isFile(path.Join(dir, "lpxelinux.0"))
		},
		func(dir string) bool { return path.Base(dir) == "bios" },
	} {
		if left := slices.DeleteFunc(slices.Clone(found), func(dir string) bool { return !better(dir) }); len(left) > 0 {
			found = left
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("%s has no %s: name the folder that has pxelinux.0 and %s", t.abs, cfgDir, cfgDir)
	case 1:
		t.menus = found[0]
		return nil
	}
	return fmt.Errorf("%s has menus in %s: name one of these with --menus", t.abs, strings.Join(found, ", "))
}

// hasMenus reports whether a folder has a pxelinux.cfg.
func (t *tree) hasMenus(dir string) bool {
	st, err := t.root.Stat(t.real(path.Join(dir, cfgDir)))
	return err == nil && st.IsDir()
}

// below returns the folders below the root that have menus, in their order.
func (t *tree) below() []string {
	var out []string
	left := maxLocated
	_ = fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		if err != nil || !d.IsDir() || name == "." {
			return nil // what cannot be read has no menus
		}
		if t.hasMenus(name) {
			out = append(out, name)
		}
		if strings.Count(name, "/") >= maxBelow-1 || path.Base(name) == cfgDir {
			return fs.SkipDir
		}
		return nil
	})
	return out
}

// above is the same tree as seen from the folder above it: the TFTP server's
// folder may be that one. It is nil where there is no such folder.
func (t *tree) above() *tree {
	parent := filepath.Dir(t.abs)
	if parent == filepath.Dir(parent) { // the root of the file system
		return nil
	}
	up, err := openTree(parent, path.Join(filepath.Base(t.abs), t.menus))
	if err != nil {
		return nil
	}
	up.within = filepath.Base(t.abs)
	return up
}

// hasAny reports whether one of some names in menus is a file of the tree.
func (t *tree) hasAny(names map[string]bool) bool {
	for name := range names {
		if _, ok := t.find(name); ok {
			return true
		}
	}
	return false
}

// leadsOut reports whether a name, or the link that it is, leads out of the tree.
func (t *tree) leadsOut(name string) bool {
	_, err := t.root.Stat(name)
	return err != nil && !errors.Is(err, fs.ErrNotExist) && errors.Is(reason(err), errOutside)
}

// leftBehind says which files of the tree no menu names: what a program loads
// by itself stays behind unless a person copies it. There is a line for each
// folder, and one alone for a folder of which nothing is taken.
func (t *tree) leftBehind(taken func(name string) bool) []string {
	const maxFiles, maxLines = 200_000, 40
	type folder struct {
		files []string // that stay behind
		taken bool     // something in it, or below it, is copied
	}
	folders := map[string]*folder{}
	at := func(dir string) *folder {
		if folders[dir] == nil {
			folders[dir] = &folder{}
		}
		return folders[dir]
	}
	left := maxFiles
	_ = fs.WalkDir(t.root.FS(), cmp.Or(t.within, "."), func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		switch {
		case err != nil:
			return nil
		case d.IsDir() && name == t.cfg():
			return fs.SkipDir // each file there has its notes
		case d.IsDir(), d.Type()&fs.ModeSymlink != 0 && t.resolve(name) != name:
			return nil // a link's target has its own place
		case taken(name):
			for dir := path.Dir(name); ; dir = path.Dir(dir) {
				at(dir).taken = true
				if dir == "." {
					return nil
				}
			}
		}
		at(path.Dir(name)).files = append(at(path.Dir(name)).files, path.Base(name))
		return nil
	})
	// A folder of which nothing is taken goes up to the highest such folder.
	at(".").taken = true
	whole := map[string][]string{}
	for dir, f := range folders {
		top := dir
		for p := dir; p != "." && !at(p).taken; p = path.Dir(p) {
			top = p
		}
		prefix := strings.TrimPrefix(strings.TrimPrefix(dir, top), "/")
		for _, name := range f.files {
			whole[top] = append(whole[top], path.Join(prefix, name))
		}
	}
	var out []string
	for dir, files := range whole {
		slices.Sort(files)
		out = append(out, fmt.Sprintf("%s/: in no menu, and not copied: %s", dir, fewOf(files)))
	}
	slices.Sort(out)
	if len(out) > maxLines {
		out = append(out[:maxLines], fmt.Sprintf("... and files of %d more folders", len(out)-maxLines))
	}
	if left < 0 {
		out = append(out, fmt.Sprintf("... and what comes after %d files", maxFiles))
	}
	return out
}

// fewOf are the first of some names, and the number of the others.
func fewOf(names []string) string {
	const most = 8
	if len(names) <= most {
		return listed(names)
	}
	return fmt.Sprintf("%s and %d more", listed(names[:most]), len(names)-most)
}

func listed(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = brief(n)
	}
	return strings.Join(out, ", ")
}
