// Package names lists the bundled boot programs by the names that clients ask
// for. It links none of their bytes, so that a tool that asks only whether a
// program is bundled stays small and builds before make assets has run.
package names

import (
	"slices"
	"strings"
)

// all is what assets.Files holds: a test compares the two.
var all = []string{
	"chain.c32", "grubx64.efi", "ldlinux.c32", "libcom32.c32", "libutil.c32",
	"licenses/grub-common/copyright", "licenses/grub-efi-amd64-signed/copyright",
	"licenses/pxelinux/copyright", "licenses/shim-signed/copyright",
	"licenses/shim-unsigned/copyright", "licenses/syslinux-common/copyright",
	"linux.c32", "lpxelinux.0", "memdisk", "menu.c32", "poweroff.c32",
	"pxechn.c32", "pxelinux.0", "reboot.c32", "shimx64.efi", "vesamenu.c32",
}

// All returns all names, licence texts included, in order.
func All() []string { return slices.Clone(all) }

// Programs returns the names of the boot programs.
func Programs() []string {
	return slices.DeleteFunc(All(), func(name string) bool { return strings.Contains(name, "/") })
}
