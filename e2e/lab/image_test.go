package lab

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// diskWithPerm makes an empty disk whose GPT has a fourth partition of 8 MiB.
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

// TestPermFeatures lets mkfs read a mke2fs.conf that asks for more features, as
// those of later releases do.
func TestPermFeatures(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "mke2fs.conf")
	err := os.WriteFile(conf, []byte(`[defaults]
	base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
	inode_size = 128
[fs_types]
	ext4 = {
		features = has_journal,extent,huge_file,flex_bg,metadata_csum,metadata_csum_seed,64bit,dir_nlink,extra_isize,orphan_file
	}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MKE2FS_CONFIG", conf)
	image, offset := diskWithPerm(t)
	own := filepath.Join(t.TempDir(), "own.img")
	if err := prepareImage(image, own, filepath.Join(t.TempDir(), "perm"),
		map[string]File{SettingsFile: {}}); err != nil {
		t.Fatal(err)
	}
	debugfs, err := exec.LookPath("/usr/sbin/debugfs")
	if err != nil {
		t.Fatal("debugfs is missing: run make deps")
	}
	out, err := exec.Command(debugfs, "-R", "stats -h", fmt.Sprintf("%s?offset=%d", own, offset)).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(line, ":")
		got[key] = strings.TrimSpace(value)
	}
	features, want := strings.Fields(got["Filesystem features"]), strings.Split(permFeatures, ",")[1:]
	slices.Sort(features)
	slices.Sort(want)
	if !slices.Equal(features, want) {
		t.Errorf("/perm has the features %q; want %q", features, want)
	}
	if got["Inode size"] != "256" {
		t.Errorf("/perm has inodes of %s bytes; want 256", got["Inode size"])
	}
}

// TestPermFeaturesAreThoseOfTheImage compares permFeatures with the script that
// makes the image.
func TestPermFeaturesAreThoseOfTheImage(t *testing.T) {
	script, err := os.ReadFile("../../gokrazy/image.sh")
	if err != nil {
		t.Fatal(err)
	}
	features := ""
	for line := range strings.Lines(string(script)) {
		if value, ok := strings.CutPrefix(line, "features="); ok {
			features = strings.Replace(strings.TrimSpace(value), "$features", features, 1)
		}
	}
	if features != permFeatures {
		t.Errorf("image.sh makes /perm with the features %q; want %q", features, permFeatures)
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
		err := prepareImage(disk, filepath.Join(t.TempDir(), "own"), t.TempDir(), map[string]File{})
		if err == nil || !strings.Contains(err.Error(), "has no partition 4") {
			t.Errorf("got %v", err)
		}
	})
}
