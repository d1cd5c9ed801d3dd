package assets

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/assets/names"
)

func TestEmbeddedFilesAreThoseOfTheManifest(t *testing.T) {
	want := make(map[string]string)
	for _, f := range Manifest().Files {
		want[f.Name] = f.SHA256
	}
	got := make(map[string]string)
	err := fs.WalkDir(packages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == manifest.Name {
			return err
		}
		b, err := packages.ReadFile(name)
		got[name] = hash(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 || !maps.Equal(got, want) {
		t.Errorf("embedded are\n%v\nthe manifest has\n%v", got, want)
	}
}

// The names are an interface: the menus and the boot file option use them.
func TestFilesByTheNamesClientsAskFor(t *testing.T) {
	want := names.All()
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

// Two files with the same name would hide each other in the map.
func TestNoTwoFilesShareAName(t *testing.T) {
	if got, want := len(Files()), len(Manifest().Files); got != want {
		t.Errorf("Files() has %d names for %d files", got, want)
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
