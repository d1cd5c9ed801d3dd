// Package bootfiles turns the name that firmware asks for into bytes: the
// rendered menus first, those of the machine before the general ones, then the
// site's boot files, then the bundled boot loaders. What is not published by
// one of the three does not exist. How the bytes travel, and which machine it
// is that asks, is not its business.
package bootfiles

import (
	"errors"
	"path"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// ErrName is the error for a name that may not be asked for at all.
var ErrName = errors.New("name leaves the published files")

// maxName is the longest name that is looked at, in bytes. It is more than
// any firmware's packet holds.
const maxName = 512

// Clean brings a name that firmware sent into the one form that the catalog
// knows: relative, forward slashes, no "." parts. Its errors are ErrName.
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
			return "", ErrName // a control character is nobody's file name
		}
	}
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.Contains(name, ":") {
		return "", ErrName // C:/… and the tftp: of a URL: not relative to us
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			// Refused even where it would stay inside: no firmware sends it.
			return "", ErrName
		}
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "", ErrName
	}
	return name, nil
}

// Menu reports whether a name as it was sent is that of the menu that a boot
// loader begins with, and whose it is where the name tells.
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

// isConfiguration reports whether a name is one of those under which
// PXELINUX and GRUB look for what a site wrote by hand.
func isConfiguration(folded string) bool {
	return strings.HasPrefix(folded, pxelinux.Folder) || strings.HasPrefix(folded, grub.ConfigFile)
}

// namesMachines reports whether a name is one of those for certain machines'
// menus.
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
