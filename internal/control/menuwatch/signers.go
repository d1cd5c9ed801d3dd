package menuwatch

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/winpe"
	"github.com/pxebox/pxebox/internal/control/sitefiles"
	"github.com/pxebox/pxebox/internal/control/wdscerts"
	"github.com/pxebox/pxebox/internal/secureboot"
)

const (
	// readAgain is the interval between two readings of a server's program: an
	// update of the server may replace it by one of the same size.
	readAgain = time.Hour
	// readRetry is the interval after a failure, and readApart the minimum between
	// two readings of a program whose size changes.
	readRetry = 10 * time.Minute
	readApart = 5 * time.Minute
	// readTimeout limits the reading of a program; the reader itself gives up
	// earlier.
	readTimeout = 3 * time.Minute
	// maxSigned limits the programs that are followed: those of 64 servers, and
	// hundreds of the site's own.
	maxSigned = 1024
)

// signers follows who signed the UEFI boot programs of the WDS servers, and those in
// the site's boot folder. It reads one program at a time.
type signers struct {
	known   map[programKey]*signed
	reading bool
	nextAt  time.Time // when the next program is due, unless one is being read
}

// programKey is a program of a server, or without one a file of the boot folder or of
// the cache.
type programKey struct {
	server string
	addr   netip.Addr
	cache  string // the folder in the cache
	file   string
}

// stamp changes when a program was probably replaced.
type stamp struct {
	size    int64     // 0 if the server does not say
	changed time.Time // of a file
}

// signed is what is known of a program.
type signed struct {
	wdscerts.Program
	stamp     stamp     // when it was last read
	again     time.Time // when to read it in any case; zero: when stamp changes
	notBefore time.Time // when to read it at the earliest
	problem   string    // why it could not be read, so that it is logged once
}

var longAgo = time.Unix(0, 0)

// due returns when to read the program that has this stamp now; zero for never.
func (p *signed) due(is stamp) time.Time {
	switch {
	case p == nil:
		return longAgo // before those that are read again
	case p.stamp != is:
		return p.notBefore
	}
	return p.again
}

func (v *signers) wake() time.Time {
	if v.reading {
		return time.Time{} // we wake when it ends
	}
	return v.nextAt
}

// signedBy returns who signed a program of a server at its current address; the zero
// Program if it was not read yet.
func (s *state) signedBy(server, file string) wdscerts.Program {
	sv := s.servers.known[server]
	if sv == nil {
		return wdscerts.Program{}
	}
	if p := s.signers.known[programKey{server: server, addr: sv.addr, file: file}]; p != nil {
		return p.Program
	}
	return wdscerts.Program{}
}

// signedFiles returns who signed the files of the boot folder that were read, by
// name.
func (s *state) signedFiles() (out []Program) {
	for key, p := range s.signers.known {
		if key.server == "" && !p.Read.IsZero() {
			out = append(out, Program{File: s.signedName(key), Signed: p.Program})
		}
	}
	slices.SortFunc(out, func(a, b Program) int { return strings.Compare(a.File, b.File) })
	return out
}

// signedName is how a file is called in the log and on the page. One of the cache has
// the name by which machines load it.
func (s *state) signedName(key programKey) string {
	for folder, im := range s.images.known {
		if key.cache != "" && im.key == key.cache {
			return path.Join(folder, key.file)
		}
	}
	return key.file
}

// imagePrograms lists the EFI programs of images of Windows PE.
func (s *state) imagePrograms() (out []candidate) {
	for _, folder := range s.images.folders {
		for _, name := range winpe.Names() {
			name = path.Join(folder, name)
			if k := s.boot.known[name]; path.Ext(name) == ".efi" && k.usable() && !slices.Contains(s.boot.needed, name) {
				out = append(out, candidate{programKey{file: name}, stamp{k.Size, k.Changed}})
			}
		}
		if im := s.images.known[folder]; im != nil {
			for _, name := range slices.Sorted(maps.Keys(im.taken)) {
				if path.Ext(name) == ".efi" {
					out = append(out, candidate{key: programKey{cache: im.key, file: name}})
				}
			}
		}
	}
	return out
}

// readProgram reads a file that can be read now.
func (s *state) readProgram(ctx context.Context, cfg *config.Config, key programKey, inImage bool) ([]byte, error) {
	switch {
	case key.server != "":
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		return s.Read(ctx, key.addr, key.file)
	case key.cache != "":
		return sitefiles.Read(filepath.Join(s.CacheDir, key.cache), "", config.Files{}, key.file, wdscerts.MaxSize)
	case inImage:
		return sitefiles.Read(s.BootDir, s.StickDir, config.Files{AnyCase: true}, key.file, wdscerts.MaxSize)
	}
	return sitefiles.Read(s.BootDir, s.StickDir, cfg.Files, key.file, wdscerts.MaxSize)
}

// candidate is a program that can be read now.
type candidate struct {
	key   programKey
	stamp stamp
}

// candidates lists the programs that can be read now, in the order of the
// configuration.
func (s *state) candidates() (out []candidate) {
	if s.Read != nil {
		for _, w := range s.cfg.WDS {
			sv := s.servers.known[w.Name]
			for _, kind := range firmware.Kinds {
				add := func(file string, h bootmenu.Health) {
					if file != "" && h.State == bootmenu.Up {
						out = append(out, candidate{programKey{server: w.Name, addr: sv.addr, file: file}, stamp{size: h.Size}})
					}
				}
				if kind != firmware.BIOS && sv != nil {
					add(w.Programs[kind], sv.programs[kind].Health)
					add(w.Programs2023[kind], sv.newer[kind].Health)
				}
			}
		}
	}
	for _, name := range s.boot.needed {
		// The box's built-in programs have no time: the build has checked them.
		if k := s.boot.known[name]; strings.EqualFold(path.Ext(name), ".efi") && k.usable() && !k.Changed.IsZero() {
			out = append(out, candidate{programKey{file: name}, stamp{k.Size, k.Changed}})
		}
	}
	out = append(out, s.imagePrograms()...)
	return out[:min(len(out), maxSigned)]
}

// readPrograms starts to read the program that has been due for longest, unless one
// is being read.
func (s *state) readPrograms(now time.Time) {
	v := &s.signers
	if v.reading || s.cfg == nil {
		return
	}
	var next candidate
	var at time.Time
	all := s.candidates()
	for _, c := range all {
		if when := v.known[c.key].due(c.stamp); !when.IsZero() && (at.IsZero() || when.Before(at)) {
			next, at = c, when
		}
	}
	v.nextAt = at
	if !due(at, now) {
		return
	}
	v.forget(s)
	v.reading, v.nextAt = true, time.Time{}
	cfg, inImage := s.cfg, !slices.Contains(s.boot.needed, next.key.file)
	s.questions = append(s.questions, func(ctx context.Context) result {
		b, err := s.readProgram(ctx, cfg, next.key, inImage)
		found := wdscerts.Program{Size: int64(len(b))}
		if err == nil {
			found.Signers = wdscerts.Examine(b, secureboot.Microsoft())
		}
		return func(now time.Time) { s.examined(now, next, found, err) }
	})
}

// forget drops the programs that the configuration no longer names.
func (v *signers) forget(s *state) {
	for key := range v.known {
		sv := s.servers.known[key.server]
		switch {
		case key.server == "" && (slices.Contains(s.boot.needed, key.file) || s.isOfImage(key)):
		case sv != nil && sv.addr == key.addr && has(sv.config, key.file):
		default:
			delete(v.known, key)
		}
	}
}

// isOfImage reports whether a program is one of an image of Windows PE.
func (s *state) isOfImage(key programKey) bool {
	if key.cache == "" {
		return slices.ContainsFunc(s.images.folders,
			func(folder string) bool { return strings.HasPrefix(key.file, folder+"/") })
	}
	for _, im := range s.images.known {
		if im.key == key.cache {
			return true
		}
	}
	return false
}

// has reports whether a program is one of a server's.
func has(w config.WDS, file string) bool {
	for _, programs := range []map[firmware.Kind]string{w.Programs, w.Programs2023} {
		for _, p := range programs {
			if p == file {
				return true
			}
		}
	}
	return false
}

// examined applies what was found out about a program.
func (s *state) examined(now time.Time, c candidate, found wdscerts.Program, err error) {
	v := &s.signers
	v.reading = false
	if v.known == nil {
		v.known = map[programKey]*signed{}
	}
	old := v.known[c.key]
	p := &signed{stamp: c.stamp, notBefore: now.Add(readApart)}
	if old != nil {
		p.Program = old.Program // stays after a failure
	}
	v.known[c.key] = p
	attrs := []any{"file", filepath.Join(s.BootDir, filepath.FromSlash(c.key.file))}
	if c.key.cache != "" {
		attrs = []any{"file", filepath.Join(s.CacheDir, c.key.cache, filepath.FromSlash(c.key.file))}
	}
	if c.key.server != "" {
		attrs = []any{"server", c.key.server, "address", c.key.addr, "file", c.key.file}
	}
	if err != nil {
		p.again, p.problem = now.Add(s.jitter(readRetry)), err.Error()
		if old == nil || old.problem != p.problem {
			s.log.signers.Warn("boot program's signatures cannot be read", append(attrs, "err", err)...)
		}
		return
	}
	if c.key.server != "" {
		p.again = now.Add(s.jitter(readAgain))
	}
	p.Program = found
	p.Read = now
	if old != nil && !old.Read.IsZero() && old.Signers.Equal(found.Signers) {
		return
	}
	level := slog.LevelInfo
	if found.Problem != "" {
		level = slog.LevelWarn
	}
	s.log.signers.Log(context.Background(), level, "boot program's signatures read",
		append(attrs, "bytes", found.Size, "signed", found.Signers.String())...)
}
