package lab

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCapture reads the WIM with the program that made it: the second image is
// the one that boots, and has the files.
func TestCapture(t *testing.T) {
	l := &Lab{scratch: t.TempDir()}
	whole, err := l.capture(map[string][]byte{"Boot/EFI/boot.stl": []byte("a list")})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "boot.wim")
	if err := writeFile(file, whole); err != nil {
		t.Fatal(err)
	}
	info, err := exec.Command("wimlib-imagex", "info", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Image Count:    2\n", "Boot Index:     2\n", "Compression:    LZX\n",
		"Chunk Size:     32768 bytes\n"} {
		if !bytes.Contains(info, []byte(want)) {
			t.Errorf("it lacks %q:\n%s", want, info)
		}
	}
	for image, want := range map[string]string{"1": "this image does not boot", "2": "a list"} {
		args := []string{"extract", file, image, "/Windows/Boot/EFI/boot.stl", "--to-stdout"}
		got, err := exec.Command("wimlib-imagex", args...).Output()
		if err != nil || string(got) != want {
			t.Errorf("image %s has %q, %v; want %q", image, got, err, want)
		}
	}
}
