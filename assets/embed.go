// Package assets holds the boot programs of others that pxebox serves, byte
// for byte as Debian ships them, with their licence texts. They are fetched
// by make assets and pinned by committed SHA-256 sums. Nothing of our own
// lives here, and nothing is decided here: which file a client gets is the
// catalog's business.
package assets

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// Each file is named, so that a missing one stops the build instead of a
// client: "no matching files found" below means run make assets.
//
//go:embed syslinux/SHA256SUMS
//go:embed syslinux/usr/lib/PXELINUX/lpxelinux.0
//go:embed syslinux/usr/lib/PXELINUX/pxelinux.0
//go:embed syslinux/usr/lib/syslinux/memdisk
//go:embed syslinux/usr/lib/syslinux/modules/bios/chain.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/ldlinux.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/libcom32.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/libutil.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/linux.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/menu.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/poweroff.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/pxechn.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/reboot.c32
//go:embed syslinux/usr/lib/syslinux/modules/bios/vesamenu.c32
//go:embed syslinux/usr/share/doc/pxelinux/copyright
//go:embed syslinux/usr/share/doc/syslinux-common/copyright
var packages embed.FS

// Files returns the embedded files by the name a client asks for:
// "pxelinux.0", "menu.c32", "memdisk". A package's licence text is
// "licenses/PACKAGE/copyright". The map is the caller's own.
func Files() map[string][]byte {
	files := make(map[string][]byte)
	fs.WalkDir(packages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name) == "SHA256SUMS" {
			return err
		}
		b, err := packages.ReadFile(name)
		files[servedName(name)] = b
		return err
	})
	return files
}

// servedName drops the package's directories: PXELINUX looks for its modules
// beside itself. Only the licence texts, which all bear one name, keep theirs.
func servedName(name string) string {
	if _, doc, ok := strings.Cut(name, "/usr/share/doc/"); ok {
		return "licenses/" + doc
	}
	return path.Base(name)
}
