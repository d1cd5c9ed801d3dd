// Package names lists the bundled boot programs by the names that clients
// request. It does not link their contents, so a tool that only checks whether
// a program is bundled stays small and builds before make assets has run.
package names

import (
	"slices"
	"strings"
)

// all lists the names in assets.Files. A test compares the two.
var all = []string{
	"chain.c32", "grubx64.efi", "ldlinux.c32", "libcom32.c32", "libutil.c32",
	"licenses/grub-common/copyright", "licenses/grub-efi-amd64-signed/copyright",
	"licenses/pxelinux/copyright", "licenses/shim-signed/copyright",
	"licenses/shim-unsigned/copyright", "licenses/syslinux-common/copyright",
	"linux.c32", "lpxelinux.0", "memdisk", "menu.c32", "poweroff.c32",
	"pxechn.c32", "pxelinux.0", "reboot.c32", Shim, "vesamenu.c32",
}

// Shim is the first stage for UEFI.
const Shim = "shimx64.efi"

// SingleSigned returns the names of the copies of shim that have only one of its
// signatures, in the order in which a machine tries them. They are next to shim,
// because each looks for GRUB in its own folder. Firmware that refuses a shim with
// two signatures is of a time when there was only the authority of 2011, so that
// is the first.
func SingleSigned() []string { return []string{"shimx64-2011.efi", "shimx64-2023.efi"} }

// All returns all names in order, including licence texts.
func All() []string { return slices.Clone(all) }

// Programs returns the names of the boot programs.
func Programs() []string {
	return slices.DeleteFunc(All(), func(name string) bool { return strings.Contains(name, "/") })
}
