package menuwatch

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
)

const (
	// steady is how long a file must stay unchanged to count as complete. A copy
	// over the network pauses, but rarely for so long.
	steady = 2 * time.Second
	// lookApart is the minimum time between two looks, because a copy in progress
	// reports each write. lookShare is the same as a multiple of the duration of
	// the last look, so that a folder with thousands of files on a slow medium
	// does not keep the box busy. lookMost caps this wait, for when one look met
	// a medium that hung.
	lookApart = time.Second
	lookShare = 20
	lookMost  = time.Minute
	// maxTold limits the log lines about files for each look: when the boot
	// folder is not mounted, all of its files are missing.
	maxTold = 10
)

// bootFiles follows the files that the configuration's entries need.
type bootFiles struct {
	cfg     *config.Config // source of needed
	needed  []string
	looked  *config.Config // source of the files in the last look
	looking bool           // a look is in progress
	lookAt  time.Time
	lastAt  time.Time     // start of the last look
	took    time.Duration // duration of the last look

	known map[string]known // by name
}

// known is what is known of a file.
type known struct {
	sitefiles.File
	since time.Time // unchanged since
	whole bool      // it no longer changes
}

// follow switches to the files of a new configuration.
func (b *bootFiles) follow(c *config.Config, now time.Time) {
	b.cfg, b.needed, b.lookAt = c, sitefiles.Needed(c), now
}

func (b *bootFiles) ready() bool { return b.looked == b.cfg }

func (b *bootFiles) wake() time.Time {
	if b.looking {
		return time.Time{} // we wake when it ends
	}
	return b.lookAt
}

func (s *state) bootChanged(now time.Time) {
	if s.cfg == nil {
		return
	}
	s.boot.lookNotBefore(now.Add(settle))
}

// lookNotBefore schedules the next look, unless an earlier one is scheduled.
func (b *bootFiles) lookNotBefore(at time.Time) {
	if next := b.lastAt.Add(max(lookApart, min(lookShare*b.took, b.took+lookMost))); next.After(at) {
		at = next
	}
	b.lookAt = earliest(b.lookAt, at)
}

// look starts a look at the boot folder when one is due. It runs as a question
// like the others, because a failing medium can block for a long time or
// indefinitely.
func (s *state) look(now time.Time) {
	b := &s.boot
	if b.looking || !due(b.lookAt, now) {
		return
	}
	b.looking, b.lookAt, b.lastAt = true, time.Time{}, now
	cfg, names := b.cfg, b.needed
	s.questions = append(s.questions, func(context.Context) result {
		found := sitefiles.Look(s.BootDir, s.StickDir, cfg.Files, names)
		maps.Copy(found, sitefiles.LookInImages(s.BootDir, s.StickDir, sitefiles.Images(cfg)))
		return func(now time.Time) { s.lookedAt(now, cfg, found) }
	})
}

// lookedAt applies the result of a look.
func (s *state) lookedAt(now time.Time, cfg *config.Config, found map[string]sitefiles.File) {
	b := &s.boot
	b.looking, b.looked, b.took = false, cfg, now.Sub(b.lastAt)
	if cfg != b.cfg {
		return // the look for the newer one is due
	}
	old := b.known
	b.known = make(map[string]known, len(found))
	var told int
	changed := false
	for name, f := range found {
		was, seen := old[name]
		is := was.after(f, now, !seen)
		b.known[name] = is
		if is.Err == nil && is.Size > 0 && !is.whole {
			b.lookNotBefore(is.since.Add(steady))
		}
		changed = changed || was.usable() != is.usable()
	}
	for _, name := range b.needed { // of the files of images, another line says what is missing
		was, seen := old[name]
		is := b.known[name]
		sameAsBefore := was.usable() == is.usable() && (was.Err == nil) == (is.Err == nil)
		if seen && sameAsBefore || !seen && is.usable() {
			continue
		}
		if told++; told <= maxTold {
			s.logFile(name, is)
		}
	}
	if told > maxTold {
		s.log.files.Warn("more boot files have changed, too many to list", "count", told-maxTold)
	}
	if changed {
		s.news(now)
	}
}

// after returns what is known of a file after a look at now found f. first
// reports that nothing was known before; an existing file then counts as complete
// at once.
func (k known) after(f sitefiles.File, now time.Time, first bool) known {
	switch {
	case f.Err != nil:
		return known{File: f, since: now}
	case f.Size == 0: // a copy starts with an empty file
		return known{File: f, since: now}
	case first:
		return known{File: f, since: now, whole: true}
	case k.Err != nil || k.Size != f.Size || !k.Changed.Equal(f.Changed):
		return known{File: f, since: now}
	}
	k.whole = k.whole || now.Sub(k.since) >= steady
	return k
}

// usable reports whether machines may be sent to load the file.
func (k known) usable() bool { return k.Err == nil && k.whole }

func (s *state) logFile(name string, k known) {
	file := filepath.Join(s.BootDir, filepath.FromSlash(name))
	users := sitefiles.Users(s.cfg, name)
	switch {
	case k.usable():
		s.log.files.Info("boot file found", "file", file, "used", users)
	case k.Err == nil:
		s.log.files.Info("boot file is still being written", "file", file, "bytes", k.Size, "used", users)
	case errors.Is(k.Err, fs.ErrNotExist):
		s.log.files.Warn("boot file is missing", "file", file, "used", users)
	default:
		s.log.files.Error("boot file cannot be read", "file", file, "used", users, "err", k.Err)
	}
}

// missing returns the files that entries lack, by the entry's name.
func (b *bootFiles) missing(c *config.Config) map[string][]string {
	return sitefiles.Missing(c, func(name string) bool {
		k, ok := b.known[name]
		return !ok || k.usable() // a file that was not looked at does not count as missing
	})
}

// unsigned returns the files of entries that have no signature, by the entry's
// name.
func (b *bootFiles) unsigned(c *config.Config) map[string][]string {
	return sitefiles.Which(c, func(name string) bool {
		k := b.known[name]
		return k.usable() && k.Signature == sitefiles.Unsigned
	})
}
