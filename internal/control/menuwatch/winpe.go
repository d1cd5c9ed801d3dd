package menuwatch

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/winpe"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/control/wimcache"
)

const (
	// extractRetry is how long to wait after a failure that another try may not
	// meet, such as a full disk.
	extractRetry = 10 * time.Minute
	// sweepAfter is how long a folder of the cache stays that is no longer needed:
	// machines may be loading from it.
	sweepAfter = time.Minute
)

// images follows the images of Windows PE: what their folders lack is taken out of
// their boot.wim. It reads one WIM at a time.
type images struct {
	folders []string // of the configuration
	known   map[string]*image
	reading bool
	retryAt time.Time
	sweepAt time.Time
}

// image is what is known of an image, by its folder.
type image struct {
	key     string         // of what was tried to take out of its boot.wim; empty for nothing
	done    bool           // the try has ended
	taken   wimcache.Files // with its result; nil after a failure
	problem string         // why it has failed
	retryAt time.Time      // when to try again; zero for never
	told    map[firmware.Kind]string
}

// follow switches to the images of a new configuration.
func (v *images) follow(c *config.Config, now time.Time) {
	v.folders = sitefiles.Images(c)
	if v.known == nil {
		v.known = map[string]*image{}
	}
	maps.DeleteFunc(v.known, func(folder string, _ *image) bool { return !slices.Contains(v.folders, folder) })
	v.sweepAt = now.Add(sweepAfter)
}

// wake returns when readImages next has something to do. known says that a look has
// ended since the configuration changed.
func (v *images) wake(known bool) time.Time {
	if v.reading || !known {
		return time.Time{} // we wake when it ends
	}
	return earliest(v.retryAt, v.sweepAt)
}

// image returns an image's files as the last look found them.
func (s *state) image(folder string) sitefiles.Image {
	return sitefiles.Image{Folder: folder, Usable: func(name string) (sitefiles.File, bool) {
		k, ok := s.boot.known[name]
		return k.File, ok && k.usable()
	}}
}

// readImages starts to take files out of a boot.wim, or to sweep the cache, when
// that is due.
func (s *state) readImages(now time.Time) {
	v := &s.images
	if s.cfg == nil || !s.boot.ready() || v.reading {
		return
	}
	v.retryAt = time.Time{}
	for _, folder := range v.folders {
		im := v.known[folder]
		if im == nil {
			im = &image{}
			v.known[folder] = im
		}
		name, lacks, key := s.image(folder).WIM()
		if s.CacheDir == "" || len(lacks) == 0 {
			key = ""
		}
		if key != im.key {
			*im = image{key: key, told: im.told}
			v.sweepAt = now.Add(sweepAfter)
			s.news(now)
		}
		if key == "" || im.done && !due(im.retryAt, now) {
			im.done = true
			v.retryAt = earliest(v.retryAt, im.retryAt)
			continue
		}
		s.extract(folder, name, key, lacks)
		return
	}
	if due(v.sweepAt, now) {
		s.sweep()
	}
}

// imagesReady reports whether it is known what all images have.
func (s *state) imagesReady() bool {
	for _, folder := range s.images.folders {
		if im := s.images.known[folder]; im == nil || !im.done {
			return false
		}
	}
	return true
}

// extract takes files out of a boot.wim, unless the cache has them.
func (s *state) extract(folder, name, key string, lacks []winpe.Source) {
	s.images.reading = true
	s.questions = append(s.questions, func(context.Context) result {
		taken, err := wimcache.Load(s.CacheDir, key)
		fresh := err != nil
		if fresh {
			taken, err = s.takeOut(name, key, lacks)
		}
		return func(now time.Time) { s.extracted(now, folder, name, key, fresh, taken, err) }
	})
}

func (s *state) takeOut(name, key string, lacks []winpe.Source) (wimcache.Files, error) {
	f, err := sitefiles.OpenInImage(s.BootDir, s.StickDir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return wimcache.Extract(s.CacheDir, key, f, f.Size(), lacks)
}

// extracted applies what extract has found.
func (s *state) extracted(
	now time.Time, folder, name, key string, fresh bool, taken wimcache.Files, err error,
) {
	v := &s.images
	v.reading = false
	im := v.known[folder]
	if im == nil || im.key != key {
		return // it has changed meanwhile
	}
	was := im.problem
	im.done, im.taken, im.problem, im.retryAt = true, taken, "", time.Time{}
	file := filepath.Join(s.BootDir, filepath.FromSlash(name))
	switch {
	case err != nil:
		im.problem = strings.Join(strings.Fields(err.Error()), " ")
		if !wimcache.Permanent(err) {
			im.retryAt = now.Add(s.jitter(extractRetry))
		}
		if im.problem != was {
			s.log.files.Error("files cannot be taken out of boot.wim", "file", file, "err", err)
		}
	case fresh:
		s.log.files.Info("files taken out of boot.wim", "file", file, "count", len(taken),
			"dir", filepath.Join(s.CacheDir, key))
	}
	s.news(now)
}

// sweep removes what the cache has of images that no longer exist.
func (s *state) sweep() {
	v := &s.images
	v.reading, v.sweepAt = true, time.Time{}
	if s.CacheDir == "" {
		v.reading = false
		return
	}
	var keep []string
	for _, im := range v.known {
		keep = append(keep, im.key)
	}
	s.questions = append(s.questions, func(context.Context) result {
		removed, err := wimcache.Sweep(s.CacheDir, keep)
		return func(time.Time) {
			v.reading = false
			if removed > 0 {
				s.log.files.Info("files of former images removed", "dir", s.CacheDir, "count", removed)
			}
			if err != nil {
				s.log.files.Error("files of former images cannot be removed", "dir", s.CacheDir, "err", err)
			}
		}
	})
}

// winpe returns what menus need to know of the images, by the entry's name.
func (s *state) winpe() map[string]menu.WinPE {
	out := map[string]menu.WinPE{}
	for _, e := range s.cfg.Entries {
		if e.WinPE == "" || !s.boot.ready() {
			continue
		}
		im := s.images.known[e.WinPE]
		if im == nil {
			im = &image{}
		}
		w := menu.WinPE{State: s.image(e.WinPE).State(im.taken), Problem: im.problem}
		w.Reading = im.key != "" && !im.done
		if im.taken != nil {
			w.Cache = im.key
		}
		out[e.Name] = w
		s.tellImage(e, im, w)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// tellImage logs, when that changes, which firmware can start an image.
func (s *state) tellImage(e config.Entry, im *image, w menu.WinPE) {
	if w.Reading {
		return
	}
	if im.told == nil {
		im.told = map[firmware.Kind]string{}
	}
	for _, kind := range []firmware.Kind{firmware.BIOS, firmware.UEFIX64} {
		var missing []string
		for _, name := range w.Missing[kind] {
			missing = append(missing, path.Join(e.WinPE, name))
		}
		why := strings.Join(missing, ", ")
		if was, ok := im.told[kind]; ok && was == why {
			continue
		}
		im.told[kind] = why
		switch {
		case why == "":
			s.log.files.Info("image of Windows PE is complete", "entry", e.Name, "firmware", kind)
		case len(w.Programs) == 0 || len(w.Missing[firmware.BIOS]) > 0 && len(w.Missing[firmware.UEFIX64]) > 0:
			s.log.files.Warn("image of Windows PE lacks files", "entry", e.Name, "firmware", kind, "missing", why)
		default:
			s.log.files.Info("image of Windows PE lacks files", "entry", e.Name, "firmware", kind, "missing", why)
		}
	}
}
