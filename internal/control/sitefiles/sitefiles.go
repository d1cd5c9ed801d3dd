// Package sitefiles lists the boot files that a configuration needs, and finds
// which of them a boot folder has. Callers decide how often to look, and what a
// missing file means.
package sitefiles

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// File is the state of a boot file that an entry needs, at the time of a look.
type File struct {
	Err     error // why it cannot be read; fs.ErrNotExist where it is missing
	Size    int64 // bytes
	Changed time.Time
	Inode   uint64 // 0 where the system has none
	Signature
	Machine firmware.Kind // that starts an EFI program; empty for any other file
}

// maxUsers limits how many users of a file a line names.
const maxUsers = 3

// needs returns the boot files of an entry. Files that raw boot loader lines of
// the site name are not known.
func needs(e config.Entry) []string {
	var out []string
	for _, name := range append(append([]string{e.Kernel}, e.Initrd...), e.File, e.EFI) {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// Needed returns all boot files that a configuration names, without duplicates.
func Needed(c *config.Config) []string {
	seen := map[string]bool{}
	var out []string
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, e := range c.Entries {
		for _, name := range needs(e) {
			add(name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.DHCP.BootFiles)) {
		if name := c.DHCP.BootFiles[key]; name != "" && !strings.Contains(name, "://") {
			add(name)
		}
	}
	return out
}

// Look looks for boot files as pxed does: the box's built-in files count too, and
// so may a name that differs in case.
func Look(dir, stick string, as config.Files, wanted []string) map[string]File {
	files, close := open(dir, stick, as)
	defer close()
	out := make(map[string]File, len(wanted))
	for _, name := range wanted {
		f, err := files.Open(name, bootfiles.Reader{})
		if err != nil {
			out[name] = File{Err: err}
			continue
		}
		found := File{Size: f.Size()}
		if onDisk, ok := f.(*bootfiles.OnDisk); ok {
			found.Changed, found.Inode = onDisk.Info().ModTime(), inode(onDisk.Info())
			found.Signature, found.Machine = signatureOf(f), MachineOf(f)
		}
		f.Close()
		out[name] = found
	}
	return out
}

// open returns the boot files as pxed serves them, but for the content of the
// built-in ones.
func open(dir, stick string, as config.Files) (files *bootfiles.Catalog, close func()) {
	contents := bootfiles.Contents{Stick: stick, Bundled: bundled(), Names: spec.Files(as)}
	close = func() {}
	if root, err := os.OpenRoot(dir); err == nil { // otherwise there is no folder, and its files are missing
		contents.Site = root
		close = func() { root.Close() }
	}
	return bootfiles.New(contents), close
}

// Read returns a file as Look finds it. It fails for one with more than limit bytes.
func Read(dir, stick string, as config.Files, name string, limit int64) ([]byte, error) {
	files, close := open(dir, stick, as)
	defer close()
	f, err := files.Open(name, bootfiles.Reader{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > limit {
		return nil, fmt.Errorf("%s has more than %d MiB", name, limit>>20)
	}
	b := make([]byte, f.Size())
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}

// bundled maps the names of the box's built-in boot files to one byte. It
// replaces their contents, which only pxed holds in memory.
var bundled = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for _, name := range append(names.All(), names.SingleSigned()...) {
		files[name] = []byte{0}
	}
	return files
})

// Users returns the entries and settings that use a file.
func Users(c *config.Config, file string) string {
	var out []string
	for _, e := range c.Entries {
		if slices.Contains(needs(e), file) || e.WinPE != "" && strings.HasPrefix(file, e.WinPE+"/") {
			out = append(out, "entry "+e.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.DHCP.BootFiles)) {
		if c.DHCP.BootFiles[key] == file {
			out = append(out, "boot."+string(key))
		}
	}
	if n := len(out); n > maxUsers {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:maxUsers], ", "), n-maxUsers)
	}
	return strings.Join(out, ", ")
}

// Missing returns the files that entries lack, by the entry's name. there reports
// whether a file is available.
func Missing(c *config.Config, there func(name string) bool) map[string][]string {
	return Which(c, func(name string) bool { return !there(name) })
}

// Which returns the files of entries for which is reports true, by the entry's
// name.
func Which(c *config.Config, is func(name string) bool) map[string][]string {
	out := map[string][]string{}
	for _, e := range c.Entries {
		for _, name := range needs(e) {
			if is(name) && !slices.Contains(out[e.Name], name) {
				out[e.Name] = append(out[e.Name], name)
			}
		}
	}
	return out
}
