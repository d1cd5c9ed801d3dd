package assets

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// listed reads a SHA256SUMS file: path in the package → sum.
func listed(t *testing.T, sums string) map[string]string {
	t.Helper()
	want := make(map[string]string)
	for line := range strings.Lines(sums) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && !strings.HasPrefix(line, "#") {
			want[name] = sum
		}
	}
	if len(want) == 0 {
		t.Fatal("SHA256SUMS lists no file")
	}
	return want
}

// sets are the folders that fetch.sh fills.
var sets = []string{"grub", "syslinux"}

func TestEmbeddedFilesAreTheListedOnes(t *testing.T) {
	for _, set := range sets {
		t.Run(set, func(t *testing.T) { embeddedIsListed(t, set) })
	}
}

func embeddedIsListed(t *testing.T, set string) {
	sums, err := packages.ReadFile(set + "/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	want := listed(t, string(sums))
	want["SHA256SUMS"] = hash(sums)

	got := make(map[string]string)
	err = fs.WalkDir(packages, set, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := packages.ReadFile(name)
		got[strings.TrimPrefix(name, set+"/")] = hash(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, sum := range got {
		if want[name] != sum {
			t.Errorf("%s: embedded with sum %s, want %q", name, sum, want[name])
		}
	}
	for name := range want {
		if got[name] == "" {
			t.Errorf("%s: listed in SHA256SUMS, not embedded", name)
		}
	}
}

// The names are an interface: the menus and the boot file option use them.
func TestFilesByTheNamesClientsAskFor(t *testing.T) {
	want := []string{
		"chain.c32", "grubx64.efi", "ldlinux.c32", "libcom32.c32", "libutil.c32",
		"licenses/grub-common/copyright", "licenses/grub-efi-amd64-signed/copyright",
		"licenses/pxelinux/copyright", "licenses/shim-signed/copyright",
		"licenses/shim-unsigned/copyright", "licenses/syslinux-common/copyright",
		"linux.c32", "lpxelinux.0", "memdisk", "menu.c32", "poweroff.c32",
		"pxechn.c32", "pxelinux.0", "reboot.c32", "shimx64.efi", "vesamenu.c32",
	}
	files := Files()
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("Files() names\n got %q\nwant %q", got, want)
	}
	for name, b := range files {
		if len(b) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// Two files of one name would hide each other in the map.
func TestNoTwoFilesShareAName(t *testing.T) {
	want := 0
	for _, set := range sets {
		sums, err := os.ReadFile(set + "/SHA256SUMS")
		if err != nil {
			t.Fatal(err)
		}
		want += len(listed(t, string(sums)))
	}
	if got := len(Files()); got != want {
		t.Errorf("Files() has %d names for %d files", got, want)
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
