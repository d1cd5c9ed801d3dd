package volume

import (
	"os"
	"path/filepath"
	"testing"
)

// A ring of clusters makes a file of 4 GiB on a volume of 3 MiB. A file with a
// hole reads the same.
func TestReadIsBounded(t *testing.T) {
	w := &Writable{dir: t.TempDir()}
	file := filepath.Join(w.dir, "pxebox.toml")
	if err := os.WriteFile(file, []byte("#"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Read("pxebox.toml"); string(b) != "#" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if err := os.Truncate(file, 64<<20); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Read("pxebox.toml"); len(b) != maxFile || err != nil {
		t.Errorf("of a file without end %d bytes are read, %v", len(b), err)
	}
}
