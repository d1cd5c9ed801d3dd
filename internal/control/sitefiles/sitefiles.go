// Package sitefiles says which boot files a configuration needs, and which of
// them a boot folder has. How often to look, and what a missing file means, is
// its callers' business.
package sitefiles

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// File is a boot file that an entry needs, as a look found it.
type File struct {
	Err     error // why it cannot be had; fs.ErrNotExist where it is not there
	Size    int64 // bytes
	Changed time.Time
}

// maxUsers bounds what a line says of who needs the file.
const maxUsers = 3

// needs returns the boot files of an entry. What lines for a boot loader of the
// site's own name is not known.
func needs(e config.Entry) []string {
	var out []string
	for _, name := range append(append([]string{e.Kernel}, e.Initrd...), e.File, e.EFI) {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// Needed returns all boot files that a configuration names, each once.
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

// Look looks for boot files as pxed will: those of the box itself count as
// well, and so may a name that differs in case.
func Look(dir, stick string, as config.Files, wanted []string) map[string]File {
	contents := bootfiles.Contents{Stick: stick, Bundled: bundled(), Names: spec.Files(as)}
	if root, err := os.OpenRoot(dir); err == nil { // else there is none, and its files are missing
		defer root.Close()
		contents.Site = root
	}
	files := bootfiles.New(contents)
	out := make(map[string]File, len(wanted))
	for _, name := range wanted {
		f, err := files.Open(name, bootfiles.Reader{})
		if err != nil {
			out[name] = File{Err: err}
			continue
		}
		found := File{Size: f.Size()}
		if onDisk, ok := f.(*bootfiles.OnDisk); ok {
			found.Changed = onDisk.Info().ModTime()
		}
		f.Close()
		out[name] = found
	}
	return out
}

// bundled are the names of the box's own boot files. A byte stands for what is
// in them: pxed has that in memory.
var bundled = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for _, name := range names.All() {
		files[name] = []byte{0}
	}
	return files
})

// Users says what a file is for.
func Users(c *config.Config, file string) string {
	var out []string
	for _, e := range c.Entries {
		if slices.Contains(needs(e), file) {
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

// Missing returns the files that entries lack, by the entry's name. there
// reports whether a file can be had.
func Missing(c *config.Config, there func(name string) bool) map[string][]string {
	out := map[string][]string{}
	for _, e := range c.Entries {
		for _, name := range needs(e) {
			if !there(name) && !slices.Contains(out[e.Name], name) {
				out[e.Name] = append(out[e.Name], name)
			}
		}
	}
	return out
}
