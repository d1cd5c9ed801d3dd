package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Two conversions of one image by qemu-img, which draws identifiers, are equal
// afterwards; another version gives others. qemu-img still finds the content.
func TestIdentify(t *testing.T) {
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("qemu-img is not installed: make deps PACKAGES=qemu-utils")
	}
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("pxebox! "), 3<<16), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]string{
		{"vmdk", "-o", "subformat=streamOptimized,adapter_type=lsilogic"},
		{"vhdx", "-o", "subformat=dynamic"},
	} {
		format := options[0]
		t.Run(format, func(t *testing.T) {
			convert := func(folder, version string) []byte {
				file := filepath.Join(dir, folder, "pxebox."+format)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				args := append([]string{"convert", "-f", "raw", "-O"}, options...)
				if out, err := exec.Command(program, append(args, raw, file)...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if version != "" {
					if err := identify(version, file); err != nil {
						t.Fatal(err)
					}
				}
				out, err := exec.Command(program, "compare", "-f", "raw", "-F", format, raw, file).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if bytes.Equal(convert("1", ""), convert("2", "")) {
				t.Error("qemu-img draws no identifiers: is identify needed?")
			}
			first := convert("1", "1.0.0")
			if !bytes.Equal(first, convert("2", "1.0.0")) {
				t.Error("two conversions differ")
			}
			if bytes.Equal(first, convert("2", "1.0.1")) {
				t.Error("two versions have the same identifiers")
			}
		})
	}
}

func TestIdentifyRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.vmdk", "a.vhdx", "a.qcow2"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := identify("1.0.0", file); err == nil {
			t.Errorf("%s has no header, and got identifiers", name)
		}
	}
}

// qemu-img leaves out the leading zeros of one ID in sixteen.
func TestWithCID(t *testing.T) {
	id := [16]byte{0xab, 0xcd, 0xef, 0x01}
	for name, c := range map[string]struct{ descriptor, want string }{
		"eight digits": {"v=1\nCID=89abcdef\nparentCID=ffffffff\n\x00\x00",
			"v=1\nCID=3bcdef01\nparentCID=ffffffff\n\x00\x00"},
		"six digits": {"v=1\nCID=abcdef\nparentCID=ffffffff\n\x00\x00", "v=1\nCID=3bcdef01\nparentCID=ffffffff\n"},
		"a rest behind the zero": {"v=1\nCID=9abcdef\nparentCID=ffffffff\n\x00\n\x00",
			"v=1\nCID=3bcdef01\nparentCID=ffffffff\n\x00\x00"},
		"no room": {"v=1\nCID=abcdef\nparentCID=ffffffff\n\x00", ""},
		"no ID":   {"v=1\nparentCID=ffffffff\n\x00\x00", ""},
	} {
		got, err := withCID([]byte(c.descriptor), id)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The sum of the 4 KiB header that qemu-img writes covers the checksum as zeros.
func TestVHDXChecksum(t *testing.T) {
	h := make([]byte, vhdxHeaderSize)
	copy(h, "head")
	sum := vhdxChecksum(h)
	binary.LittleEndian.PutUint32(h[4:], sum)
	if vhdxChecksum(h) != sum {
		t.Error("the checksum counts itself")
	}
	h[100] = 1
	if vhdxChecksum(h) == sum {
		t.Error("the checksum leaves out the header")
	}
}
