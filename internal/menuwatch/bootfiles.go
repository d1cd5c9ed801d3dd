package menuwatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
)

const (
	// steady is how long a file has to stay as it is to count as whole. A
	// copy over the network pauses, but rarely for so long.
	steady = 2 * time.Second
	// lookApart is the least time from one look to the next: a copy under way
	// reports each of its writes. lookShare is the same as a multiple of what
	// the last look took: a folder with thousands of files on a slow medium
	// is not to keep the box busy. Nor is it to wait for more than lookMost
	// when one look met with a medium that hung.
	lookApart = time.Second
	lookShare = 20
	lookMost  = time.Minute
	// maxTold bounds the lines about files that one look can log: a boot
	// folder that is not mounted lacks them all.
	maxTold = 10
	// maxUsers bounds what a line says of who needs the file.
	maxUsers = 3
)

// bootFile is one file that an entry needs, as a look found it.
type bootFile struct {
	err     error // why it cannot be had; fs.ErrNotExist where it is not there
	size    int64 // bytes
	changed time.Time
}

// bootFiles follows the files that the configuration's entries need.
type bootFiles struct {
	cfg     *config.Config // whose files
	needed  []string
	looked  *config.Config // whose files were looked at last
	looking bool           // a look is under way
	lookAt  time.Time
	lastAt  time.Time     // of the last look
	took    time.Duration // by the last look

	known map[string]known // by name
}

// known is what is known of a file.
type known struct {
	bootFile
	since time.Time // it has been like this
	whole bool      // it does not change any more
}

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

// needed returns all boot files that a configuration names, each once.
func needed(c *config.Config) []string {
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
	for _, firmware := range config.Firmwares {
		if name := c.DHCP.BootFiles[firmware]; name != "" && !strings.Contains(name, "://") {
			add(name)
		}
	}
	return out
}

// follow takes up the files of a new configuration.
func (b *bootFiles) follow(c *config.Config, now time.Time) {
	b.cfg, b.needed, b.lookAt = c, needed(c), now
}

func (b *bootFiles) ready() bool { return b.looked == b.cfg }

func (b *bootFiles) wake() time.Time {
	if b.looking {
		return time.Time{} // its end wakes us
	}
	return b.lookAt
}

func (s *state) bootChanged(now time.Time) {
	if s.cfg == nil {
		return
	}
	s.boot.lookNotBefore(now.Add(settle))
}

// lookNotBefore sets the next look, unless there is an earlier one.
func (b *bootFiles) lookNotBefore(at time.Time) {
	if next := b.lastAt.Add(max(lookApart, min(lookShare*b.took, b.took+lookMost))); next.After(at) {
		at = next
	}
	b.lookAt = earliest(b.lookAt, at)
}

// look has the boot folder looked at, if that is due. It is a question like
// others: a medium that fails takes long, or for ever.
func (s *state) look(now time.Time) {
	b := &s.boot
	if b.looking || !due(b.lookAt, now) {
		return
	}
	b.looking, b.lookAt, b.lastAt = true, time.Time{}, now
	cfg, names := b.cfg, b.needed
	s.questions = append(s.questions, func(context.Context) result {
		found := lookFor(s.BootDir, s.StickDir, cfg.Files, names)
		return func(now time.Time) { s.lookedAt(now, cfg, found) }
	})
}

// lookFor looks for boot files as pxed will: those of the box itself count as
// well, and so may a name that differs in case.
func lookFor(dir, stick string, as config.Files, names []string) map[string]bootFile {
	contents := catalog.Contents{Stick: stick, Bundled: bundled(), Names: as}
	if root, err := os.OpenRoot(dir); err == nil { // else there is none, and its files are missing
		defer root.Close()
		contents.Site = root
	}
	files := catalog.New(contents)
	out := make(map[string]bootFile, len(names))
	for _, name := range names {
		f, err := files.Open(name, catalog.Reader{})
		if err != nil {
			out[name] = bootFile{err: err}
			continue
		}
		found := bootFile{size: f.Size()}
		if onDisk, ok := f.(*catalog.OnDisk); ok {
			found.changed = onDisk.Info().ModTime()
		}
		f.Close()
		out[name] = found
	}
	return out
}

// bundled are the names of the box's own boot files. A byte stands for what is
// in them: pxed has that in memory, and once is enough.
var bundled = sync.OnceValue(func() map[string][]byte {
	files := assets.Files()
	for name := range files {
		files[name] = []byte{0}
	}
	return files
})

// lookedAt takes up what a look has found.
func (s *state) lookedAt(now time.Time, cfg *config.Config, found map[string]bootFile) {
	b := &s.boot
	b.looking, b.looked, b.took = false, cfg, now.Sub(b.lastAt)
	if cfg != b.cfg {
		return // the look for the newer one is due
	}
	old := b.known
	b.known = make(map[string]known, len(found))
	var told int
	changed := false
	for _, name := range b.needed {
		was, seen := old[name]
		is := was.after(found[name], now, !seen)
		b.known[name] = is
		if is.err == nil && is.size > 0 && !is.whole {
			b.lookNotBefore(is.since.Add(steady))
		}
		changed = changed || was.usable() != is.usable()
		sameAsBefore := was.usable() == is.usable() && (was.err == nil) == (is.err == nil)
		if seen && sameAsBefore || !seen && is.usable() {
			continue
		}
		if told++; told <= maxTold {
			s.tellFile(name, is)
		}
	}
	if told > maxTold {
		s.Log.Warn("the same of more boot files", "step", "files", "count", told-maxTold)
	}
	if changed {
		s.news(now)
	}
}

// after is what is known of a file when a look at now has found f. first says
// that nothing was known: what is there then counts at once.
func (k known) after(f bootFile, now time.Time, first bool) known {
	switch {
	case f.err != nil:
		return known{bootFile: f, since: now}
	case f.size == 0: // copying begins with an empty file
		return known{bootFile: f, since: now}
	case first:
		return known{bootFile: f, since: now, whole: true}
	case k.err != nil || k.size != f.size || !k.changed.Equal(f.changed):
		return known{bootFile: f, since: now}
	}
	k.whole = k.whole || now.Sub(k.since) >= steady
	return k
}

// usable reports whether machines may be sent for the file.
func (k known) usable() bool { return k.err == nil && k.whole }

func (s *state) tellFile(name string, k known) {
	file := filepath.Join(s.BootDir, filepath.FromSlash(name))
	users := users(s.cfg, name)
	switch {
	case k.usable():
		s.Log.Info("boot file is there", "step", "files", "file", file, "used", users)
	case k.err == nil:
		s.Log.Info("boot file is still being written", "step", "files", "file", file, "bytes", k.size, "used", users)
	case errors.Is(k.err, fs.ErrNotExist):
		s.Log.Warn("boot file is missing", "step", "files", "file", file, "used", users)
	default:
		s.Log.Error("boot file cannot be read", "step", "files", "file", file, "used", users, "err", k.err)
	}
}

// users says what a file is for.
func users(c *config.Config, file string) string {
	var out []string
	for _, e := range c.Entries {
		if slices.Contains(needs(e), file) {
			out = append(out, "entry "+e.Name)
		}
	}
	for _, firmware := range config.Firmwares {
		if c.DHCP.BootFiles[firmware] == file {
			out = append(out, "boot."+firmware)
		}
	}
	if n := len(out); n > maxUsers {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:maxUsers], ", "), n-maxUsers)
	}
	return strings.Join(out, ", ")
}

// missing returns the files that entries lack, by the entry's name.
func (b *bootFiles) missing(c *config.Config) map[string][]string {
	return missing(c, func(name string) bool {
		k, ok := b.known[name]
		return !ok || k.usable() // what nobody has looked at is not called missing
	})
}

func missing(c *config.Config, there func(name string) bool) map[string][]string {
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
