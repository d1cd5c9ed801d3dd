// Package assets holds the third-party boot programs that pxebox serves, byte
// for byte as Debian ships them, with their licence texts. Only SingleSigned
// leaves something out. make assets fetches
// and verifies them, and records what it fetched in the manifest. The package
// holds no code of pxebox's and decides nothing: the catalog decides which file
// a client gets.
package assets

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/internal/secureboot/certtable"
)

// Each file is named, so that a missing file fails the build instead of a
// client's boot: "no matching files found" below means that make assets has to
// run first.
//
//go:embed manifest.json
//go:embed grub/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed
//go:embed grub/usr/lib/shim/shimx64.efi.signed
//go:embed grub/usr/share/doc/grub-common/copyright
//go:embed grub/usr/share/doc/grub-efi-amd64-signed/copyright
//go:embed grub/usr/share/doc/shim-signed/copyright
//go:embed grub/usr/share/doc/shim-unsigned/copyright
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

// Files returns the embedded files by the name that a client requests:
// "pxelinux.0", "menu.c32", "memdisk", "shimx64.efi". A package's licence text
// is "licenses/PACKAGE/copyright". The caller owns the map.
func Files() map[string][]byte {
	files := make(map[string][]byte)
	fs.WalkDir(packages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == manifest.Name {
			return err
		}
		b, err := packages.ReadFile(name)
		files[servedName(name)] = b
		return err
	})
	return files
}

// SingleSigned returns copies of shim that have only one of its signatures, by
// names.SingleSigned. There are none if shim has only one.
func SingleSigned() map[string][]byte {
	const shim = "grub/usr/lib/shim/shimx64.efi.signed"
	b, err := packages.ReadFile(shim)
	if err != nil {
		panic(err) // the file is embedded
	}
	// make assets has checked the signatures, and lists the signers that firmware
	// may trust in the order of the file's table.
	image, err := certtable.Parse(b)
	if err != nil {
		return nil
	}
	all, err := image.Signatures()
	signers := Manifest().File(shim).Signers
	if err != nil || len(all) < 2 || len(all) != len(signers) {
		return nil
	}
	files := map[string][]byte{}
	for n, s := range signers {
		for _, name := range names.SingleSigned() {
			base := strings.TrimSuffix(name, ".efi")
			if _, year, _ := strings.Cut(base, "-"); strings.HasSuffix(s.Authority, " "+year) {
				if files[name], err = image.Single(n); err != nil {
					return nil
				}
			}
		}
	}
	return files
}

// Manifest returns the record of the packages, versions and signers of Files.
func Manifest() manifest.Manifest {
	b, err := packages.ReadFile(manifest.Name)
	if err != nil {
		panic(err) // the file is embedded
	}
	m, err := manifest.Decode(b)
	if err != nil {
		panic(err) // a test reads it
	}
	return m
}

// servedName drops the package's directories: PXELINUX looks for its modules in
// its own directory, and shim looks for GRUB there. Only the licence texts keep
// their directories, because they all have the same name.
func servedName(name string) string {
	if _, doc, ok := strings.Cut(name, "/usr/share/doc/"); ok {
		return "licenses/" + doc
	}
	base := strings.TrimSuffix(path.Base(name), ".signed")
	if base == "grubnetx64.efi" {
		// shim requests this name (its DEFAULT_LOADER), whichever GRUB it
		// starts.
		return "grubx64.efi"
	}
	return base
}
