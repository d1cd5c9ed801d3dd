package winpe

import (
	"slices"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Source is a file that may be taken out of boot.wim.
type Source struct {
	Name string // in the cache; one that ends in a slash is a folder
	// Paths are where an image may have it, in lower case with forward slashes.
	// The first one that is there counts.
	Paths []string
}

// sources are the files that are taken out of boot.wim, the most important ones
// first.
var sources = []Source{
	{program, []string{"windows/boot/efi/bootmgfw.efi"}},
	{bcdUEFI, []string{"windows/boot/dvd/efi/bcd"}},
	{sdi, []string{"windows/boot/dvd/efi/boot.sdi", "windows/boot/dvd/pcat/boot.sdi"}},
	{program2023, []string{"windows/boot/efi_ex/bootmgfw_ex.efi"}},
	{stl, []string{"windows/boot/efi/boot.stl"}},
	{programBIOS, []string{"windows/boot/pxe/pxeboot.n12"}},
	{bootmgrBIOS, []string{"windows/boot/pxe/bootmgr.exe"}},
	{bcdBIOS, []string{"windows/boot/dvd/pcat/bcd"}},
	{fonts, []string{"windows/boot/fonts/"}},
}

// Lacks returns what is to be taken out of a folder's boot.wim: what the folder
// itself lacks. has reports whether the folder has a usable file of that name.
func Lacks(has func(name string) bool) (out []Source) {
	for _, s := range sources {
		name := s.Name
		if name == fonts {
			name += font
		}
		if slices.ContainsFunc(names(name), has) {
			continue
		}
		if s.Name == program && slices.ContainsFunc(media, func(m medium) bool { return has(m.name) }) {
			continue
		}
		out = append(out, s)
	}
	return out
}

// Files are the files of an image, by names that are relative to its folder.
type Files struct {
	// Has reports whether the folder has a usable file, and Cached whether the
	// cache has one.
	Has, Cached func(name string) bool
	// Machine returns the firmware that starts an EFI program, by the processor
	// in the program's header; empty if it is not known.
	Machine func(name string) firmware.Kind
}

// State says which firmware can start an image.
type State struct {
	// Programs are what each kind of firmware loads, by names that are relative to
	// the image's folder. Programs2023 do the same, and are signed with the
	// certificates of 2023.
	Programs, Programs2023 map[firmware.Kind]string
	// Missing are the files without which that kind of firmware cannot start the
	// image, by names that are relative to its folder.
	Missing map[firmware.Kind][]string
}

// Evaluate returns which firmware can start an image with these files.
func Evaluate(f Files) State {
	s := State{
		Programs: map[firmware.Kind]string{}, Programs2023: map[firmware.Kind]string{},
		Missing: map[firmware.Kind][]string{},
	}
	there := func(file string) (string, bool) {
		for _, n := range names(file) {
			if f.Has(n) {
				return n, true
			}
		}
		return file, f.Cached(file)
	}
	add := func(to map[firmware.Kind]string, kind firmware.Kind, name string, ok bool) {
		if ok && kind != "" && to[kind] == "" {
			to[kind] = name
		}
	}
	// The folder's programs have priority over those of boot.wim.
	n, ok := there(program)
	add(s.Programs, f.Machine(n), n, ok && f.Has(n))
	for _, m := range media {
		add(s.Programs, m.kind, m.name, f.Has(m.name))
	}
	add(s.Programs, f.Machine(n), n, ok)
	n, ok = there(program2023)
	add(s.Programs2023, f.Machine(n), n, ok)
	for kind, name := range s.Programs2023 {
		if s.Programs[kind] == "" {
			s.Programs[kind] = name
			delete(s.Programs2023, kind)
		}
	}
	if n, ok := there(programBIOS); ok {
		s.Programs[firmware.BIOS] = n
	}
	for _, kind := range []firmware.Kind{firmware.BIOS, firmware.UEFIX64, firmware.UEFIARM64, firmware.UEFIIA32} {
		if s.Programs[kind] == "" {
			s.Missing[kind] = append(s.Missing[kind], DefaultProgram(kind))
		}
		needed := []string{bcdUEFI, sdi, WIM}
		if kind == firmware.BIOS {
			needed = []string{bootmgrBIOS, bcdBIOS, sdi, WIM}
		}
		for _, n := range needed {
			if _, ok := there(n); !ok {
				s.Missing[kind] = append(s.Missing[kind], n)
			}
		}
	}
	return s
}

// DefaultProgram returns the name of the program that a kind of firmware loads
// from an image of which nothing is known.
func DefaultProgram(kind firmware.Kind) string {
	if kind == firmware.BIOS {
		return programBIOS
	}
	for _, m := range media {
		if m.kind == kind {
			return m.name
		}
	}
	return ""
}
