// Package winpe knows the files of Windows PE: which ones a machine's firmware
// and Windows' boot manager load, under which names they ask for them, and where
// an image's folder has them. Such a folder is a copy of Windows' installation
// media or of the media folder of the Windows ADK, or has only a boot.wim. The
// package reads no file.
package winpe

import (
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// The names that files have in the cache, which holds what was taken out of
// boot.wim. They are those of Windows' media, as far as the media have the file,
// relative to the image's folder and in lower case.
const (
	WIM         = "sources/boot.wim" // is never in the cache
	program     = "bootmgfw.efi"
	program2023 = "bootmgfw_ex.efi"
	bcdUEFI     = "efi/microsoft/boot/bcd"
	bcdBIOS     = "boot/bcd"
	sdi         = "boot/boot.sdi"
	stl         = "efi/microsoft/boot/boot.stl"
	fonts       = "boot/fonts/"
	fontsUEFI   = "efi/microsoft/boot/fonts/"
	font        = "wgl4_boot.ttf" // a folder that has this one has all of them
	programBIOS = "pxeboot.n12"
	bootmgrBIOS = "bootmgr.exe"
)

// inFolder has further names that these files may have in an image's folder. The
// first name that is there counts.
var inFolder = map[string][]string{
	WIM:         {"boot.wim"},
	program:     {"efi/microsoft/boot/bootmgfw.efi"},
	program2023: {"efi/microsoft/boot/bootmgfw_ex.efi"},
	bcdUEFI:     {bcdBIOS, "bcd"}, // a folder with only these was made for a network boot
	bcdBIOS:     {"bcd"},
	sdi:         {"boot.sdi"},
	stl:         {"boot/boot.stl", "boot.stl"},
	programBIOS: {"boot/" + programBIOS},
	bootmgrBIOS: {"boot/" + bootmgrBIOS},

	fonts + font: {fontsUEFI + font},
}

type medium struct {
	kind firmware.Kind
	name string
}

// media are the programs of Windows' media by their processor. They are
// bootmgfw.efi under the name that firmware looks for on a disk.
var media = []medium{
	{firmware.UEFIX64, "efi/boot/bootx64.efi"},
	{firmware.UEFIARM64, "efi/boot/bootaa64.efi"},
	{firmware.UEFIIA32, "efi/boot/bootia32.efi"},
}

// names returns the names under which a folder may have a file.
func names(file string) []string { return append([]string{file}, inFolder[file]...) }

// WIMNames returns the names by which a folder may have the image.
func WIMNames() []string { return names(WIM) }

// Names returns all names by which Evaluate looks for files in a folder.
func Names() []string {
	var out []string
	for _, file := range []string{
		WIM, program, program2023, bcdUEFI, sdi, stl, programBIOS, bootmgrBIOS, fonts + font,
	} {
		out = append(out, names(file)...)
	}
	for _, m := range media {
		out = append(out, m.name)
	}
	return out
}

// View is the files that a machine finds which runs Windows' boot manager.
type View struct {
	Folder string // the image's folder in the boot folder
	Cache  string // the folder in the cache with files from its boot.wim; empty for none
	BIOS   bool   // the machine's firmware is a BIOS
}

// Find returns where a file may be that the machine asks for: first names in the
// boot folder, then names in the cache. Both are in lower case but for Folder and
// Cache; the boot folder's files may have any case. name is as bootfiles.Clean
// returns it: the boot manager writes names with backslashes and in any case.
//
// The names are fixed, whatever the image. A boot manager that looks next to
// itself asks for the same ones below its folder.
func (v View) Find(name string) (inSite, inCache []string) {
	name = strings.ToLower(name)
	if below, ok := strings.CutPrefix(name, strings.ToLower(v.Folder)+"/"); ok {
		name = below
	}
	file, exact := v.file(name)
	all := []string{name}
	if base, ok := strings.CutPrefix(file, fonts); ok {
		all = append(all, file, fontsUEFI+base)
	} else if file != "" && exact {
		all = append(all, names(file)...)
	} else if file != "" {
		all = names(file)
	}
	for _, n := range all {
		if n = v.Folder + "/" + n; !slices.Contains(inSite, n) {
			inSite = append(inSite, n)
		}
	}
	if file != "" && v.Cache != "" {
		inCache = []string{v.Cache + "/" + file}
	}
	return inSite, inCache
}

// file returns which file the boot manager means by a name; empty for one that is
// looked for by its name alone. exact says that a file of that name in the folder
// has priority.
func (v View) file(name string) (file string, exact bool) {
	switch base := path.Base(name); {
	case base == "bcd":
		// On media \Boot\BCD is the one for a BIOS, and both boot managers ask
		// for that name when they have come over the network.
		own := slices.Contains([]string{bcdUEFI, bcdBIOS, "bcd"}, name)
		if v.BIOS {
			return bcdBIOS, !own
		}
		return bcdUEFI, !own
	case base == "boot.wim":
		return WIM, true
	case base == "boot.sdi":
		return sdi, true
	case base == "boot.stl":
		return stl, true
	case base == bootmgrBIOS:
		return bootmgrBIOS, true
	case base == programBIOS:
		return programBIOS, true
	case base == program:
		return program, true
	case base == program2023:
		return program2023, true
	case path.Ext(base) == ".ttf":
		return fonts + base, true
	}
	return "", true
}

// Part is what a file is to the boot of Windows PE.
type Part int

// The parts.
const (
	Other   Part = iota // a file that may be missing
	Program             // what the firmware loads
	Data                // a file that the boot manager needs
	Image               // the WIM
)

// PartOf returns what a file is that the machine asks for. name is as for Find.
func (v View) PartOf(name string) Part {
	name = strings.ToLower(name)
	file, _ := v.file(name)
	switch {
	case slices.ContainsFunc(media, func(m medium) bool { return path.Base(m.name) == path.Base(name) }):
		return Program
	case strings.HasSuffix(name, ".wim"):
		return Image
	case slices.Contains([]string{bcdUEFI, bcdBIOS, sdi, bootmgrBIOS}, file):
		return Data
	case slices.Contains([]string{program, program2023, programBIOS}, file):
		return Program
	}
	return Other
}
