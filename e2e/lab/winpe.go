package lab

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
)

// WinPE is an image of Windows PE for the stand-ins, as a folder of the boot
// folder has it.
type WinPE struct {
	// Files are the folder's, by their path in it.
	Files map[string][]byte
	// UEFI and BIOS are the files that a machine gets, in the order in which its
	// stand-in asks for them.
	UEFI, BIOS []Asked
}

// Asked is a file by the name that a stand-in asks for.
type Asked struct {
	Name    string
	Content []byte
}

// wim is the path of the WIM, as a BCD has it.
const wim = `\sources\boot.wim`

// WinPE makes an image. Its files differ from those of an image with another
// name. With media, the folder also has what Windows' media have next to
// boot.wim; without it, it has boot.wim alone, and everything else is in there.
func (l *Lab) WinPE(name string, media bool) (*WinPE, error) {
	uefi, bios, err := l.bootPrograms()
	if err != nil {
		return nil, err
	}
	content := func(path string, size int) []byte { return arbitrary(name+path, size) }
	// The two differ in real media too: in winload.exe or winload.efi.
	bcdUEFI, bcdBIOS := nbp.BCD(wim+"\n"+name+" UEFI"), nbp.BCD(wim+"\n"+name+" BIOS")
	sdi, stl := append([]byte("$SDI0001"), content("boot.sdi", 90_000)...), content("boot.stl", 9_000)
	font, second := content("wgl4_boot.ttf", 40_000), content("segoe_slboot.ttf", 30_000)

	inside := map[string][]byte{
		"Boot/EFI/bootmgfw.efi":       uefi,
		"Boot/EFI/boot.stl":           stl,
		"Boot/PXE/pxeboot.n12":        bios.pxeboot,
		"Boot/PXE/bootmgr.exe":        bios.bootmgr,
		"Boot/DVD/EFI/BCD":            bcdUEFI,
		"Boot/DVD/EFI/boot.sdi":       sdi,
		"Boot/DVD/PCAT/BCD":           bcdBIOS,
		"Boot/DVD/PCAT/boot.sdi":      sdi,
		"Boot/Fonts/wgl4_boot.ttf":    font,
		"Boot/Fonts/segoe_slboot.ttf": second,
	}
	files := map[string][]byte{}
	if media {
		files = map[string][]byte{
			"boot/bcd":                               bcdBIOS,
			"boot/boot.sdi":                          sdi,
			"boot/fonts/wgl4_boot.ttf":               font,
			"boot/fonts/segoe_slboot.ttf":            second,
			"efi/boot/bootx64.efi":                   uefi,
			"efi/microsoft/boot/bcd":                 bcdUEFI,
			"efi/microsoft/boot/boot.stl":            stl,
			"efi/microsoft/boot/fonts/wgl4_boot.ttf": font,
		}
		// What a BIOS loads over the network is in boot.wim alone. Everything else
		// there must not replace the media's.
		for name := range inside {
			if !strings.HasPrefix(name, "Boot/PXE/") {
				inside[name] = []byte("the media have another one")
			}
		}
	}
	inside["System32/config/SYSTEM"] = content("SYSTEM", 3<<20) // what makes it large
	whole, err := l.capture(inside)
	if err != nil {
		return nil, err
	}
	files["sources/boot.wim"] = whole

	fonts := []Asked{{`\Boot\Fonts\wgl4_boot.ttf`, font}, {`\Boot\Fonts\segoe_slboot.ttf`, second}}
	return &WinPE{
		Files: files,
		UEFI: slices.Concat([]Asked{{`\Boot\BCD`, bcdUEFI}, {`\Boot\boot.sdi`, sdi}}, fonts,
			[]Asked{{`\EFI\Microsoft\Boot\boot.stl`, stl}, {wim, whole}}),
		BIOS: []Asked{{`\Boot\BCD`, bcdBIOS}, fonts[0], {`\Boot\boot.sdi`, sdi}, {wim, whole}},
	}, nil
}

type biosPrograms struct{ pxeboot, bootmgr []byte }

// bootPrograms makes the stand-ins that start Windows PE. The one for UEFI is
// signed with Key, as Microsoft's is with Microsoft's.
func (l *Lab) bootPrograms() (uefi []byte, bios biosPrograms, err error) {
	if bios.pxeboot, err = nbp.AssemblePxeboot(); err != nil {
		return nil, bios, err
	}
	if bios.bootmgr, err = nbp.AssembleBootmgr(); err != nil {
		return nil, bios, err
	}
	f, err := l.Firmware(qemu.Debian13)
	if err != nil {
		return nil, bios, err
	}
	if uefi, err = nbp.CompileBootmgfw(f.GNUEFI()); err != nil {
		return nil, bios, err
	}
	uefi, err = l.Key.Sign(uefi)
	return uefi, bios, err
}

// capture makes a boot.wim as Windows' media have it: compressed with LZX, with
// two images, of which the second one boots. The files' paths are below Windows.
// The first image has other files of the same names.
func (l *Lab) capture(files map[string][]byte) ([]byte, error) {
	dir, err := os.MkdirTemp(l.scratch, "wim")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	first, second, out := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "boot.wim")
	for name, content := range files {
		err := errors.Join(
			writeFile(filepath.Join(first, "Windows", name), []byte("this image does not boot")),
			writeFile(filepath.Join(second, "Windows", name), content),
		)
		if err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"capture", first, out, "Microsoft Windows PE (amd64)", "--compress=LZX"},
		{"append", second, out, "Microsoft Windows Setup (amd64)", "--boot"},
	} {
		if err := run("wimlib-imagex", args...); err != nil {
			return nil, err
		}
	}
	return os.ReadFile(out)
}

// writeFile writes a file and makes the folders above it.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// arbitrary returns bytes that do not compress, and are the same for the same
// name.
func arbitrary(name string, size int) []byte {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
