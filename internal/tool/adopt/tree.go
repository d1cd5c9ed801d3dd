package adopt

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// tree is the folder that a TFTP server serves. Nothing outside it is read,
// whatever a name or a link says.
type tree struct {
	root *os.Root
	abs  string // the folder itself, with links resolved
	// menus is the folder of PXELINUX and its pxelinux.cfg, relative to the root;
	// "" if that is the root. PXELINUX prefixes the names in its menus with it
	// (doc/pxelinux.txt, "path prefix").
	menus string
	// within is the folder that the user named, if the root is its parent.
	within string
	was    map[string]bool // configuration files that were read
	order  []string        // their names as written, in order
	// outside are the names that led out of the tree.
	outside map[string]bool
	files   []namedFile // that same was called for
}

// namedFile is a file with the first of its names.
type namedFile struct {
	name string
	info fs.FileInfo
}

// Limits.
const (
	maxConfig = 4 << 20 // size of a configuration file in bytes
	maxAbove  = 8       // folders above the root that a name may start with
)

func openTree(dir, menus string) (*tree, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, abs: abs, menus: menus, was: map[string]bool{}, outside: map[string]bool{}}, nil
}

// cfg returns the folder with the menus, relative to the root.
func (t *tree) cfg() string { return path.Join(t.menus, cfgDir) }

// find returns the name in the tree for a name in a menu. The name is "" if it
// leads out of the tree.
func (t *tree) find(name string) (clean string, found bool) {
	names := candidates(name, t.menus, filepath.ToSlash(t.abs))
	for _, n := range names {
		if t.leadsOut(n) && t.leadsOut(t.real(n)) {
			t.outside[name] = true
		}
		if real := t.real(n); real != "" && t.isFile(real) {
			return n, true
		}
	}
	if len(names) == 0 {
		if strings.Contains(name, "..") {
			t.outside[name] = true
		}
		return "", false
	}
	return names[0], false
}

// candidates returns the files of a tree that a name in a menu can mean, the
// likeliest first. menus is the folder of PXELINUX, abs the tree's path.
func candidates(name, menus, abs string) []string {
	name = strings.ReplaceAll(name, `\`, "/")
	rest, fromRoot := strings.CutPrefix(name, "::") // no path prefix
	fromRoot = fromRoot || strings.HasPrefix(rest, "/")
	var out []string
	add := func(n string) {
		if n = strings.TrimLeft(path.Clean(n), "/"); n != "" && n != "." && n != ".." && !strings.HasPrefix(n, "../") &&
			!slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	below, atRoot := path.Join(menus, rest), strings.TrimLeft(rest, "/")
	if fromRoot {
		add(atRoot)
		add(below)
	} else {
		add(below)
		add(atRoot)
	}
	// The TFTP server's folder may be above this one: names then start with the
	// names of the folders between.
	above := strings.Split(strings.Trim(abs, "/"), "/")
	for i := len(above) - 1; i >= max(0, len(above)-maxAbove); i-- {
		if n, ok := strings.CutPrefix(path.Clean(atRoot), strings.Join(above[i:], "/")+"/"); ok {
			add(n)
		}
	}
	return out
}

// real resolves a link whose target is an absolute path within the tree, because
// os.Root does not follow those.
func (t *tree) real(name string) string {
	if _, err := t.root.Stat(name); err == nil || errors.Is(err, fs.ErrNotExist) {
		return name
	}
	return t.resolve(name)
}

// resolve returns the name that the links in a name lead to, or the name itself
// if that is not in the tree.
func (t *tree) resolve(name string) string {
	target, err := filepath.EvalSymlinks(filepath.Join(t.abs, filepath.FromSlash(name)))
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(t.abs, target); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return name
}

// same returns one name for all names that refer to the same file through links.
func (t *tree) same(name string) string {
	st, err := t.root.Stat(name)
	if err != nil {
		return name
	}
	for _, f := range t.files {
		if os.SameFile(f.info, st) {
			return f.name
		}
	}
	t.files = append(t.files, namedFile{name, st})
	return name
}

func (t *tree) isFile(name string) bool {
	if name == "" {
		return false
	}
	st, err := t.root.Stat(name)
	return err == nil && st.Mode().IsRegular()
}

func (t *tree) readConfig(name string) ([]byte, error) {
	clean, found := t.find(name)
	if clean == "" {
		return nil, errOutside
	}
	if found {
		clean = t.real(clean)
	}
	st, err := t.root.Stat(clean)
	switch {
	case err != nil:
		return nil, reason(err)
	case !st.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case st.Size() > maxConfig:
		return nil, fmt.Errorf("it has %d bytes", st.Size())
	}
	if !slices.Contains(t.order, name) {
		t.order = append(t.order, name)
	}
	t.was[clean] = true
	data, err := t.root.ReadFile(clean)
	return data, reason(err)
}

// errMissing is fs.ErrNotExist in the words of the report.
var errMissing error = missingFile{}

type missingFile struct{}

func (missingFile) Error() string        { return "it does not exist" }
func (missingFile) Is(target error) bool { return target == fs.ErrNotExist }

var errOutside = errors.New("it leads out of the folder")

// reason rewords a file error for the report, which already shows the file's
// name.
func reason(err error) error {
	switch e := (*fs.PathError)(nil); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return errMissing
	case errors.As(err, &e) && strings.Contains(e.Err.Error(), "escapes"):
		return errOutside
	case errors.As(err, &e):
		return e.Err
	}
	return err
}

// copyFiles copies the boot files, including the libraries of PXELINUX's modules.
// Missing files are reported; an error comes from the disk.
func (c *converter) copyFiles(src *tree, dst *os.Root) (copied int, err error) {
	done := map[string]bool{}
	for i := 0; i < len(c.files); i++ { // modules append to them
		f := c.files[i]
		if done[f.name] || c.bundled[f.name] {
			continue
		}
		done[f.name] = true
		ok, err := c.copyFile(src, dst, f)
		if err != nil {
			return copied, err
		}
		if ok {
			copied++
		}
	}
	return copied, nil
}

func (c *converter) copyFile(src *tree, dst *os.Root, f used) (bool, error) {
	real := src.real(f.name)
	st, err := src.root.Stat(real)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	var in *os.File
	if err == nil {
		in, err = src.root.Open(real)
	}
	if err != nil {
		c.remark(f.by, "%s is not copied: %v", brief(pxelinux.Decode(f.name)), reason(err))
		return false, nil
	}
	defer in.Close()
	if strings.EqualFold(path.Ext(f.name), ".c32") {
		c.libraries(src, f, in)
	}
	to := path.Join(bootDir, f.name)
	if err := dst.MkdirAll(path.Dir(to), 0o755); err != nil {
		return false, err
	}
	switch err := create(dst, to, in); {
	case errors.Is(err, fs.ErrExist):
		c.remark(f.by, "%s already exists, and is not changed", to)
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// libraries adds the libraries that a PXELINUX module loads. PXELINUX looks for
// them in its own folder.
func (c *converter) libraries(src *tree, f used, module io.ReaderAt) {
	e, err := elf.NewFile(module)
	if err != nil {
		if base(f.name) == "mboot.c32" && c.esxi[f.name] {
			return // action reports it
		}
		// Before version 5, modules were not ELF files.
		c.remark(f.by, "%s is of an older PXELINUX, and will not start: take the one of version 6.04", f.name)
		return
	}
	needed, err := e.ImportedLibraries()
	if err != nil {
		c.remark(f.by, "%s: its libraries cannot be read: %v", f.name, err)
		return
	}
	for _, name := range needed {
		if !c.bundled[name] && !strings.Contains(name, "/") {
			c.files = append(c.files, used{name, f.by})
		}
	}
}

// create writes a file that does not exist yet. It removes a file that it could
// not write completely.
func create(dst *os.Root, name string, from io.Reader) (err error) {
	f, err := dst.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, dst.Remove(name))
	}
	return nil
}
