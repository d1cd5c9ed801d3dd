//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/e2e/handoff"
	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/secureboot"
	"github.com/pxebox/pxebox/e2e/wds"
)

// otherEntries are a kernel of another distribution for the box's own boot
// loader, and that distribution's own shim for the firmware.
const otherEntries = `
[[entry]]
name   = "kernel"
label  = "The other distribution's kernel"
kernel = "other/vmlinuz"
append = "console=ttyS0,115200"

[[entry]]
name  = "other"
label = "The other distribution"
efi   = "other/shimx64.efi"
start = "firmware"
`

// otherMenu is what the other distribution's GRUB does. The kernel's name is the
// one that it would have on that distribution's own server.
const otherMenu = `
echo "the other distribution's GRUB"
linux /vmlinuz console=ttyS0,115200
boot
`

// otherFiles returns another distribution's boot files. Its shim is signed with
// the key that machines trust as they trust Microsoft's; its GRUB and its kernel
// with the distribution's own key. They are Debian's programs.
func otherFiles(t *testing.T, l *lab.Lab) map[string]lab.File {
	t.Helper()
	shim := filepath.Join(buildDir, "cache", "other-shim")
	if _, err := os.Stat(shim); err != nil {
		t.Fatal("build/cache/other-shim is missing: run make e2e-long")
	}
	vendor, err := secureboot.ReadKey(filepath.Join(shim, "vendor.key"), filepath.Join(shim, "vendor.der"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]lab.File{"other/grub/grub.cfg": {Content: []byte(otherMenu)}}
	for name, f := range map[string]struct {
		from string
		key  *secureboot.Key
	}{
		"other/shimx64.efi": {filepath.Join(shim, "shimx64.efi"), l.Key},
		"other/grubx64.efi": {"../assets/grub/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", vendor},
		"other/vmlinuz":     {debianFiles(t)["debian/linux"].From, vendor},
	} {
		program, err := os.ReadFile(f.from)
		if err != nil {
			t.Fatal(err)
		}
		if f.key == vendor {
			if program, err = secureboot.Unsign(program); err != nil {
				t.Fatal(err)
			}
		}
		if program, err = f.key.Sign(program); err != nil {
			t.Fatal(err)
		}
		files[name] = lab.File{Content: program}
	}
	return files
}

// TestOtherShim boots another distribution on a box whose boot loader starts
// Debian's kernels only. The kernel is refused where the box's menu starts it,
// and runs where the firmware starts that distribution's shim.
func TestOtherShim(t *testing.T) {
	s := newSite(t, "other-shim")
	s.startBox(lab.ServerMode+lab.Menu(0, "kernel", true)+otherEntries, otherFiles(t, s.Lab))
	s.waitBox(lab.BoxAddr)
	for i, release := range qemu.Releases {
		s.part(release, byte(0x10+i), func(s *site) { s.otherShim(release) })
	}
}

func (s *site) otherShim(release string) {
	s.t.Helper()
	const (
		label = "The other distribution"
		boots = "Kernel is locked down from EFI Secure Boot"
	)
	s.startUEFI(release, lab.UEFIConfig{SecureBoot: true, ClientConfig: lab.ClientConfig{Memory: 768}})
	s.waitMenu(label)
	s.press(enter)
	s.wait(0, linuxBoots, "bad shim signature")
	refused := len(s.client.Console.Text())
	s.press(enter) // "Press any key to continue..."
	s.wait(refused, clientBoots, label)
	if strings.Contains(s.client.Console.Text(), "Linux version") {
		s.t.Error("the box's boot loader starts the kernel")
	}
	chosen := len(s.client.Console.Text())
	s.press(down + enter)
	s.wait(chosen, handsOver, "the other distribution's GRUB")
	s.wait(chosen, linuxBoots, boots)

	shim := false
	var names []string // what is requested after shim
	for _, d := range s.seen() {
		name, ok := handoff.ReadName(d.Payload)
		if !ok || d.SrcMAC != s.mac || d.Dst.Port() != wds.PortTFTP {
			continue
		}
		if name == "other/shimx64.efi" {
			shim, names = true, nil
		}
		names = append(names, name)
	}
	if asked := strings.Join(names, "\n"); !shim || !strings.Contains(asked, "/grub/grub.cfg") {
		s.t.Errorf("it requests %q", names)
	}

	// Its next boot has nothing of that.
	s.retriesEnd()
	again := s.bootedAgain()
	s.wait(again, clientBoots, label)
}
