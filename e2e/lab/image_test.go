package lab

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// diskWithPerm is an empty disk whose GPT has a fourth partition of 8 MiB.
func diskWithPerm(t *testing.T) (path string, offset int64) {
	t.Helper()
	const sector, first, sectors = 512, 2048, 16384
	b := make([]byte, (first+sectors+34)*sector)
	const entries = 2 // the sector that a GPT's header names
	binary.LittleEndian.PutUint64(b[sector+72:], entries)
	entry := b[entries*sector+3*128:]
	binary.LittleEndian.PutUint64(entry[32:], first)
	binary.LittleEndian.PutUint64(entry[40:], first+sectors-1)
	path = filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, first * sector
}

func TestPrepareImage(t *testing.T) {
	image, offset := diskWithPerm(t)
	from := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(from, []byte("a kernel"), 0o644); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.img")
	err := prepareImage(image, own, filepath.Join(t.TempDir(), "perm"), map[string]File{
		SettingsFile:              {Content: []byte("mode")},
		BootDir + "/debian/linux": {From: from},
	})
	if err != nil {
		t.Fatal(err)
	}
	debugfs, err := exec.LookPath("/usr/sbin/debugfs")
	if err != nil {
		t.Fatal("debugfs is missing: run make deps")
	}
	for file, want := range map[string]string{"/pxebox/pxebox.toml": "mode", "/pxebox/boot/debian/linux": "a kernel"} {
		out, err := exec.Command(debugfs, "-R", "cat "+file, fmt.Sprintf("%s?offset=%d", own, offset)).Output()
		if err != nil || string(out) != want {
			t.Errorf("%s holds %q, %v; want %q", file, out, err, want)
		}
	}
	if b, err := os.ReadFile(image); err != nil || strings.Contains(string(b), "mode") {
		t.Errorf("the image itself was changed (%v)", err)
	}
}

func TestPrepareImageRefuses(t *testing.T) {
	t.Run("no image", func(t *testing.T) {
		err := prepareImage("build/none.img", filepath.Join(t.TempDir(), "own"), t.TempDir(), nil)
		if want := "build/none.img is missing: run make image"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	})
	t.Run("a disk without a fourth partition", func(t *testing.T) {
		disk := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(disk, make([]byte, 1<<16), 0o644); err != nil {
			t.Fatal(err)
		}
		err := prepareImage(disk, filepath.Join(t.TempDir(), "own"), t.TempDir(), nil)
		if err == nil || !strings.Contains(err.Error(), "has no partition 4") {
			t.Errorf("got %v", err)
		}
	})
}
