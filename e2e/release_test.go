//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pxebox/pxebox/e2e/qemu"
)

// virtualDisk returns the path of a virtual disk: the one in the folder that
// PXEBOX_RELEASE names, or one made from the image as packaging/release/build.sh
// does.
func virtualDisk(t *testing.T, format string, options ...string) string {
	t.Helper()
	if release := os.Getenv("PXEBOX_RELEASE"); release != "" {
		files, err := filepath.Glob(filepath.Join(release, "pxebox-*-amd64."+format))
		if err != nil || len(files) != 1 {
			t.Fatalf("PXEBOX_RELEASE: %s has the disks %v, %v: run make release", release, files, err)
		}
		return files[0]
	}
	file := filepath.Join(t.TempDir(), "pxebox."+format)
	args := append([]string{"convert", "-f", "raw", "-O", format}, options...)
	if out, err := exec.Command("qemu-img", append(args, image(t), file)...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: run make deps\n%s", err, out)
	}
	return file
}

// TestReleaseDisks boots each virtual disk of a release. The box gets an address
// from the site's DHCP server, and serves the menu that a new box has.
func TestReleaseDisks(t *testing.T) {
	for _, tt := range []struct {
		situation string
		disk      qemu.VirtualDisk
		options   []string
	}{
		{"qcow2 on virtio", qemu.QCOW2, []string{"-c"}},
		{"vmdk on SATA with an e1000e", qemu.VMDK, []string{"-o", "subformat=streamOptimized"}},
		{"vhdx on IDE with an e1000", qemu.VHDX, []string{"-o", "subformat=dynamic"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := newSite(t, "release-"+tt.disk.Format)
			if err := s.StartDHCP(s.within(boxBoots), kernelPinDir); err != nil {
				t.Fatal(err)
			}
			box, err := s.StartBoxFrom(tt.disk, virtualDisk(t, tt.disk.Format, tt.options...))
			if err != nil {
				t.Fatal(err)
			}
			addr, err := s.BoxAddress(s.within(boxBoots))
			if err != nil {
				t.Fatal(err)
			}
			served := func(menu []byte) bool { return bytes.Contains(menu, []byte("This computer's own disk")) }
			if err := s.WaitMenu(s.within(boxBoots), addr, served); err != nil {
				t.Fatal(err)
			}
			s.generatedPassword(box) // which it has stored on /perm
		})
	}
}
