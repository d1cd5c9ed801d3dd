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

// tree is the folder that a PXELINUX server serves. Nothing outside of it is
// read, whatever a name or a link says.
type tree struct {
	root  *os.Root
	name  string          // of the folder itself
	was   map[string]bool // configuration files that were read
	order []string        // of them, as they were written
	files []namedFile     // that same was asked for
}

// namedFile is a file by the first of its names.
type namedFile struct {
	name string
	info fs.FileInfo
}

// maxConfig is the largest configuration file that is read, in bytes.
const maxConfig = 4 << 20

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &tree{root: root, name: filepath.Base(abs), was: map[string]bool{}}, nil
}

// find returns the name in the tree for one that a menu has. The TFTP server's
// folder may be the one above: then names that begin with a slash have the
// name of this one in front.
func (t *tree) find(name string) (clean string, found bool) {
	clean = strings.TrimPrefix(path.Clean("/"+name), "/")
	if t.isFile(clean) {
		return clean, true
	}
	if below, ok := strings.CutPrefix(clean, t.name+"/"); ok && strings.HasPrefix(name, "/") {
		return below, t.isFile(below)
	}
	return clean, false
}

// same returns one name for all names that lead to a file, by links.
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
	clean, _ := t.find(strings.ReplaceAll(strings.TrimPrefix(name, "::"), `\`, "/"))
	st, err := t.root.Stat(clean)
	switch {
	case err != nil:
		return nil, reason(err)
	case !st.Mode().IsRegular():
		return nil, errors.New("it is no file")
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

func (missingFile) Error() string        { return "it is not there" }
func (missingFile) Is(target error) bool { return target == fs.ErrNotExist }

// reason is an error of a file as a person is told: its name stands beside it.
func reason(err error) error {
	switch e := (*fs.PathError)(nil); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return errMissing
	case errors.As(err, &e) && strings.Contains(e.Err.Error(), "escapes"):
		return errors.New("it leads out of the folder")
	case errors.As(err, &e):
		return e.Err
	}
	return err
}

// copyFiles copies the boot files, with the libraries of PXELINUX's modules
// among them. What is missing is told; an error is the disk's.
func (c *converter) copyFiles(src *tree, dst *os.Root) (copied int, err error) {
	done := map[string]bool{}
	for i := 0; i < len(c.files); i++ { // modules add to them
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
	st, err := src.root.Stat(f.name)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	var in *os.File
	if err == nil {
		in, err = src.root.Open(f.name)
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
		c.remark(f.by, "%s is there already, and stays as it is", to)
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// libraries adds what a module of PXELINUX loads. PXELINUX looks for it beside
// itself.
func (c *converter) libraries(src *tree, f used, module io.ReaderAt) {
	e, err := elf.NewFile(module)
	if err != nil {
		// Before version 5 modules were no ELF files.
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

// create writes a file that is not there yet. One that could not be written to
// its end is taken away again.
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
