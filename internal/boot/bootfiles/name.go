// Package bootfiles turns the name that firmware requests into bytes. It looks
// first among the rendered menus (the machine's before the general ones), then
// among the site's boot files, then among the bundled boot loaders. Nothing
// else is published. The package does not know how the bytes travel, or which
// machine sends the request.
package bootfiles

import (
	"errors"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// ErrName is the error for a name that may not be requested at all.
var ErrName = errors.New("name leaves the published files")

// maxName is the longest name that is accepted, in bytes. It is more than any
// firmware's packet holds.
const maxName = 512

// Clean converts a name that firmware sent to the form that the catalog uses:
// relative, forward slashes, no "." parts. Its errors are ErrName.
//
//   - PXE ROMs that pad the file field with 0xFF send that byte at the end of
//     the name; others leave NULs there.
//   - Windows boot programs write boot\x64\file; PXELINUX under a boot file
//     that was named with backslashes asks for "bios\ldlinux.c32".
//   - GRUB begins every name with a slash, and paths below a prefix double it.
func Clean(raw string) (string, error) {
	if len(raw) > maxName {
		return "", ErrName
	}
	name := raw
	for name != "" && (name[len(name)-1] == 0xff || name[len(name)-1] == 0) {
		name = name[:len(name)-1]
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return "", ErrName // no file name has a control character
		}
	}
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.Contains(name, ":") {
		return "", ErrName // C:/… or a tftp: URL: not relative to us
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			// Refused even if it would stay inside: no firmware
			// sends it.
			return "", ErrName
		}
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "", ErrName
	}
	return name, nil
}

// Menu reports whether a name, as it was sent, is that of the menu that a boot
// loader starts with. mac is the machine in the name, if it contains one.
func Menu(raw string) (mac ether.MAC, ok bool) {
	name, err := Clean(raw)
	if err != nil {
		return ether.MAC{}, false
	}
	name = strings.ToLower(name)
	if mac, ok := pxelinuxMAC(name); ok {
		return mac, true
	}
	return ether.MAC{}, name == pxelinux.ConfigFile || name == grub.ConfigFile
}

// Fold returns the form of a name in which two names of one file are equal: as
// Clean returns it, in lower case. It is empty for a name that may not be
// requested.
func Fold(raw string) string {
	name, err := Clean(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(name)
}

// IsConfiguration reports whether PXELINUX or GRUB looks under a name for a
// menu, rendered or written by hand. It takes what Fold returns.
func IsConfiguration(folded string) bool { return isConfiguration(folded) }

// isConfiguration reports whether PXELINUX or GRUB looks under that name for a
// menu that a site wrote by hand.
func isConfiguration(folded string) bool {
	return strings.HasPrefix(folded, pxelinux.Folder) || strings.HasPrefix(folded, grub.ConfigFile)
}

// namesMachines reports whether a name is one for the menus of certain
// machines.
func namesMachines(folded string) bool {
	return pxelinux.NamesMachine(folded) || grub.NamesMachine(folded)
}

// pxelinuxMAC reads the MAC in the name of a menu.
func pxelinuxMAC(folded string) (ether.MAC, bool) {
	text, ok := pxelinux.MAC(folded)
	if !ok {
		return ether.MAC{}, false
	}
	mac, err := ether.ParseMAC(text)
	return mac, err == nil && mac.IsValid()
}
