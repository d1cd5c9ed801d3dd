package menuwatch

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
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
)

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
	sitefiles.File
	since time.Time // it has been like this
	whole bool      // it does not change any more
}

// follow takes up the files of a new configuration.
func (b *bootFiles) follow(c *config.Config, now time.Time) {
	b.cfg, b.needed, b.lookAt = c, sitefiles.Needed(c), now
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
		found := sitefiles.Look(s.BootDir, s.StickDir, cfg.Files, names)
		return func(now time.Time) { s.lookedAt(now, cfg, found) }
	})
}

// lookedAt takes up what a look has found.
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
	for _, name := range b.needed {
		was, seen := old[name]
		is := was.after(found[name], now, !seen)
		b.known[name] = is
		if is.Err == nil && is.Size > 0 && !is.whole {
			b.lookNotBefore(is.since.Add(steady))
		}
		changed = changed || was.usable() != is.usable()
		sameAsBefore := was.usable() == is.usable() && (was.Err == nil) == (is.Err == nil)
		if seen && sameAsBefore || !seen && is.usable() {
			continue
		}
		if told++; told <= maxTold {
			s.tellFile(name, is)
		}
	}
	if told > maxTold {
		s.log.files.Warn("the same of more boot files", "count", told-maxTold)
	}
	if changed {
		s.news(now)
	}
}

// after is what is known of a file when a look at now has found f. first says
// that nothing was known: what is there then counts at once.
func (k known) after(f sitefiles.File, now time.Time, first bool) known {
	switch {
	case f.Err != nil:
		return known{File: f, since: now}
	case f.Size == 0: // copying begins with an empty file
		return known{File: f, since: now}
	case first:
		return known{File: f, since: now, whole: true}
	case k.Err != nil || k.Size != f.Size || !k.Changed.Equal(f.Changed):
		return known{File: f, since: now}
	}
	k.whole = k.whole || now.Sub(k.since) >= steady
	return k
}

// usable reports whether machines may be sent for the file.
func (k known) usable() bool { return k.Err == nil && k.whole }

func (s *state) tellFile(name string, k known) {
	file := filepath.Join(s.BootDir, filepath.FromSlash(name))
	users := sitefiles.Users(s.cfg, name)
	switch {
	case k.usable():
		s.log.files.Info("boot file is there", "file", file, "used", users)
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
		return !ok || k.usable() // what nobody has looked at is not called missing
	})
}
