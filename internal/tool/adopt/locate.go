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

// Limits of the search for pxelinux.cfg below a folder.
const (
	maxBelow   = 3
	maxLocated = 20_000 // files and folders to visit
)

// locate opens the tree of a TFTP server. PXELINUX may be in a subfolder, next to
// the folders for other firmware: menus names that subfolder, or is "" for the
// only one with menus.
func locate(dir, menus string) (*tree, error) {
	t, err := openTree(dir, filepath.ToSlash(menus))
	if err != nil {
		return nil, err
	}
	if err := t.locate(); err != nil {
		defer t.root.Close()
		// The menus may be in a folder next to this one, reached by a link.
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
		func(dir string) bool { // prefers a folder over a link to another folder's menus
			st, err := t.root.Lstat(path.Join(dir, cfgDir))
			return err == nil && st.IsDir()
		},
		func(dir string) bool {
			return t.isFile(path.Join(dir, "pxelinux.0")) || t.isFile(path.Join(dir, "lpxelinux.0"))
		},
		func(dir string) bool { return path.Base(dir) == "bios" },
	} {
		if left := slices.DeleteFunc(slices.Clone(found),
			func(dir string) bool { return !better(dir) }); len(left) > 0 {
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

// hasMenus reports whether a folder contains a pxelinux.cfg.
func (t *tree) hasMenus(dir string) bool {
	st, err := t.root.Stat(t.real(path.Join(dir, cfgDir)))
	return err == nil && st.IsDir()
}

// below returns the folders below the root that have menus, in order.
func (t *tree) below() []string {
	var out []string
	left := maxLocated
	_ = fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		if err != nil || !d.IsDir() || name == "." {
			return nil // unreadable folders have no menus
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

// above returns the same tree relative to its parent folder, which may be the
// TFTP server's folder. It returns nil if there is no parent folder.
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

// hasAny reports whether any of these names in menus is a file of the tree.
func (t *tree) hasAny(names map[string]bool) bool {
	for name := range names {
		if _, ok := t.find(name); ok {
			return true
		}
	}
	return false
}

// leadsOut reports whether a name, or the link with that name, leads out of the
// tree.
func (t *tree) leadsOut(name string) bool {
	_, err := t.root.Stat(name)
	return err != nil && !errors.Is(err, fs.ErrNotExist) && errors.Is(reason(err), errOutside)
}

// leftBehind lists the files of the tree that no menu names: a file that only a
// program loads is not copied unless a person copies it. There is one line per
// folder, and a single line for a folder with nothing copied.
func (t *tree) leftBehind(taken func(name string) bool) []string {
	const maxFiles, maxLines = 200_000, 40
	type folder struct {
		files []string // files that are not copied
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
			return fs.SkipDir // each file there has its own notes
		case d.IsDir(), d.Type()&fs.ModeSymlink != 0 && t.resolve(name) != name:
			return nil // a link's target is listed in its place
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
	// A folder with nothing copied is listed under the highest such folder.
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
		out = append(out, fmt.Sprintf("%s/: not in any menu, so not copied: %s", dir, fewOf(files)))
	}
	slices.Sort(out)
	if len(out) > maxLines {
		out = append(out[:maxLines], fmt.Sprintf("... and files of %d more folders", len(out)-maxLines))
	}
	if left < 0 {
		out = append(out, fmt.Sprintf("... and all files after the first %d", maxFiles))
	}
	return out
}

// fewOf lists the first names, and the number of the others.
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
