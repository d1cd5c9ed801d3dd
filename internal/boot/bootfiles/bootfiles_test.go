package bootfiles

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ situation, raw, want string }{
		{situation: "as it is", raw: "pxelinux.cfg/default", want: "pxelinux.cfg/default"},
		{situation: "GRUB's leading slash", raw: "/grub/grub.cfg", want: "grub/grub.cfg"},
		{situation: "a prefix that ends in a slash", raw: "//boot//linux", want: "boot/linux"},
		{situation: "Windows backslashes", raw: `boot\x64\wdsnbp.com`, want: "boot/x64/wdsnbp.com"},
		{situation: "leading backslash", raw: `\boot\bcd`, want: "boot/bcd"},
		{situation: "ROM that pads with 0xFF", raw: "pxelinux.0\xff", want: "pxelinux.0"},
		{situation: "ROM that pads with NUL and 0xFF", raw: "pxelinux.0\x00\xff\xff", want: "pxelinux.0"},
		{situation: "dot parts", raw: "./a/./b", want: "a/b"},
		{situation: "dots in a name", raw: "a..b/c...", want: "a..b/c..."},
		{situation: "space and umlaut", raw: "Tests für X/a b", want: "Tests für X/a b"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, err := Clean(tc.raw)
			if err != nil || got != tc.want {
				t.Errorf("Clean(%q) = %q, %v; want %q", tc.raw, got, err, tc.want)
			}
		})
	}
}

var hostileNames = map[string]string{
	"parent":               "../etc/passwd",
	"parent, backslashes":  `..\..\etc\passwd`,
	"parent in the middle": "boot/../../etc/passwd",
	"parent that stays in": "boot/../linux",
	"parent at the end":    "boot/..",
	"NUL in the middle":    "linux\x00.png",
	"newline":              "linux\nx",
	"escape":               "\x1b[2J",
	"drive letter":         `C:\boot\bcd`,
	"URL":                  "tftp://192.0.2.1/x",
	"empty":                "",
	"only a slash":         "/",
	"only padding":         "\xff\xff",
	"only dots":            "././.",
	"longer than a packet": string(make([]byte, 2000)),
}

func TestCleanRefuses(t *testing.T) {
	for situation, raw := range hostileNames {
		t.Run(situation, func(t *testing.T) {
			if got, err := Clean(raw); !errors.Is(err, ErrName) {
				t.Errorf("Clean(%q) = %q, %v; want ErrName", raw, got, err)
			}
		})
	}
}

// site creates a boot folder and opens it; outside/secret is next to it.
func site(t *testing.T) *os.Root {
	t.Helper()
	top := t.TempDir()
	boot := filepath.Join(top, "boot")
	for name, body := range map[string]string{
		"boot/debian/linux":         "kernel",
		"boot/Boot/X64/WDSNBP.COM":  "nbp",
		"boot/pxelinux.cfg/default": "the site's own menu",
		"boot/memdisk":              "the site's own memdisk",
		"outside/secret":            "secret",
	} {
		p := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"inside":  "debian/linux",
		"outside": "../outside/secret",
		"abs":     filepath.Join(top, "outside/secret"),
		"dirlink": "../outside",
		"loop":    "loop",
		"nowhere": "debian/nowhere",
		"memtest": "../outside/secret",
	} {
		if err := os.Symlink(target, filepath.Join(boot, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(boot, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func testCatalog(t *testing.T) *Catalog {
	return New(Contents{
		Menus: map[string][]byte{"pxelinux.cfg/default": []byte("rendered menu")},
		Site:  site(t),
		Bundled: map[string][]byte{"pxelinux.0": []byte("bundled pxelinux"), "memdisk": []byte("bundled memdisk"),
			"memtest": []byte("bundled memtest")},
		Names: spec.Files{AnyCase: true},
	})
}

func TestOpen(t *testing.T) {
	c := testCatalog(t)
	for _, tc := range []struct{ situation, name, want string }{
		{situation: "rendered menu before the site's file", name: "pxelinux.cfg/default", want: "rendered menu"},
		{situation: "rendered menu in other case", name: `\PXELINUX.CFG\DEFAULT`, want: "rendered menu"},
		{situation: "site file", name: "/debian/linux", want: "kernel"},
		{situation: "site file in other case", name: "Debian/LINUX", want: "kernel"},
		{situation: "site file in other case, backslashes", name: `boot\x64\wdsnbp.com`, want: "nbp"},
		{situation: "site file before the bundled one", name: "memdisk", want: "the site's own memdisk"},
		{situation: "bundled file in the place of a link that leads out", name: "memtest", want: "bundled memtest"},
		{situation: "bundled file", name: "pxelinux.0", want: "bundled pxelinux"},
		{situation: "bundled file, padded and in capitals", name: "PXELINUX.0\xff", want: "bundled pxelinux"},
		{situation: "link that stays in the folder", name: "inside", want: "kernel"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			f, err := c.Open(tc.name, Reader{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			if err != nil || string(b) != tc.want {
				t.Errorf("got %q, %v; want %q", b, err, tc.want)
			}
		})
	}
}

// A stick adds files that the site's folder lacks, while it is plugged in.
func TestOpenOnStick(t *testing.T) {
	stick := filepath.Join(t.TempDir(), "stick")
	c := New(Contents{
		Site: site(t), Stick: stick, Bundled: map[string][]byte{"memtest.bin": []byte("bundled")},
		Names: spec.Files{AnyCase: true},
	})
	read := func(name string) string { t.Helper(); return content(t, c, name, Reader{}) }
	if got := read("memtest.bin"); got != "bundled" {
		t.Errorf("without the stick: %q", got)
	}
	for range 2 { // it is plugged in, removed, and plugged in again
		for name, body := range map[string]string{"debian/linux": "another", "IMAGES/Big.iso": "image",
			"memtest.bin": "newer"} {
			p := filepath.Join(stick, name)
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]string{
			"debian/linux": "kernel", "images/big.iso": "image", "memtest.bin": "newer", "IMAGES": "", "not/there": "",
		} {
			if got := read(name); got != want {
				t.Errorf("with the stick, %s: %q, want %q", name, got, want)
			}
		}
		if err := os.RemoveAll(stick); err != nil {
			t.Fatal(err)
		}
		if got := read("images/big.iso"); got != "" {
			t.Errorf("after the stick has gone: %q", got)
		}
	}
}

// A server needs this to send a file without copying it.
func TestOpenInMemory(t *testing.T) {
	content := []byte("bundled pxelinux")
	f, err := New(Contents{Bundled: map[string][]byte{"pxelinux.0": content}}).Open("pxelinux.0", Reader{})
	if err != nil {
		t.Fatal(err)
	}
	m, ok := f.(*InMemory)
	if !ok {
		t.Fatalf("it is a %T", f)
	}
	if b := m.Bytes(); len(b) != len(content) || &b[0] != &content[0] {
		t.Errorf("Bytes %q are not the bytes that the catalog was given", b)
	}
	if err := iotest.TestReader(io.NewSectionReader(f, 0, f.Size()), content); err != nil {
		t.Error(err)
	}
	if n, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Errorf("before the start: read %d bytes", n)
	}
	if n, err := f.ReadAt(make([]byte, 1), 1<<40); n != 0 || err != io.EOF {
		t.Errorf("far behind the end: read %d bytes, %v", n, err)
	}
}

func TestOpenOnDisk(t *testing.T) {
	root := site(t)
	f, err := New(Contents{Site: root}).Open("debian/linux", Reader{})
	if err != nil {
		t.Fatal(err)
	}
	d, ok := f.(*OnDisk)
	if !ok {
		t.Fatalf("it is a %T", f)
	}
	b, err := io.ReadAll(d.File())
	if err != nil || !bytes.Equal(b, []byte("kernel")) {
		t.Errorf("File reads %q, %v", b, err)
	}
	want, err := root.Stat("debian/linux")
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(d.Info(), want) || d.Size() != want.Size() {
		t.Errorf("Info is of another file: %v", d.Info())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.File().Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close the file is still open: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	c := testCatalog(t)
	for _, tc := range []struct{ situation, name, refused string }{
		{situation: "not there", name: "pxelinux.cfg/C0A84D10"},
		{situation: "a folder", name: "debian"},
		{situation: "a pipe", name: "fifo", refused: "fifo"},
		{situation: "a pipe, other case", name: "FIFO", refused: "fifo"},
		{situation: "a path through a pipe", name: "fifo/x"},
		{situation: "a path through a pipe, other case", name: "FIFO/x"},
		{situation: "a path through a file", name: "debian/linux/x"},
		{situation: "a path through a file, other case", name: "Debian/linux/x"},
		{situation: "a link to nothing", name: "nowhere"},
		{situation: "a link out of the folder", name: "outside", refused: "outside"},
		{situation: "an absolute link", name: "abs", refused: "abs"},
		{situation: "a linked folder outside", name: "dirlink/secret", refused: "dirlink"},
		{situation: "a linked folder, other case", name: "DIRLINK/secret", refused: "dirlink"},
		{situation: "a linked folder, and nothing there", name: "dirlink/nothing", refused: "dirlink"},
		{situation: "a link to itself", name: "loop", refused: "loop"},
		{situation: "a name longer than disks take", name: string(bytesOf('a', 400))},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			f, err := c.Open(tc.name, Reader{})
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Open(%q) = %v, %v; want fs.ErrNotExist", tc.name, f, err)
			}
			var refused RefusedError
			if errors.As(err, &refused); refused.Path != tc.refused {
				t.Errorf("Open(%q): %v; it is to be a refusal of %q", tc.name, err, tc.refused)
			}
		})
	}
	for situation, name := range hostileNames {
		t.Run(situation, func(t *testing.T) {
			if f, err := c.Open(name, Reader{}); !errors.Is(err, ErrName) {
				t.Errorf("Open(%q) = %v, %v; want ErrName", name, f, err)
			}
		})
	}
}

func bytesOf(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}

// A running transfer continues with the generation that it started with.
func TestOpenFileOutlivesItsCatalog(t *testing.T) {
	menus := map[string][]byte{"pxelinux.cfg/default": []byte("old")}
	f, err := New(Contents{Menus: menus}).Open("pxelinux.cfg/default", Reader{})
	if err != nil {
		t.Fatal(err)
	}
	menus["pxelinux.cfg/default"] = []byte("new")
	if b, _ := io.ReadAll(io.NewSectionReader(f, 0, f.Size())); string(b) != "old" {
		t.Errorf("got %q", b)
	}
}

func FuzzOpen(f *testing.F) {
	for _, n := range hostileNames {
		f.Add(n)
	}
	f.Add(`boot\x64\wdsnbp.com`)
	top := f.TempDir()
	if err := os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o644); err != nil {
		f.Fatal(err)
	}
	boot := filepath.Join(top, "boot")
	if err := os.MkdirAll(filepath.Join(boot, "sub"), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(boot, "sub/file"), []byte("public"), 0o644); err != nil {
		f.Fatal(err)
	}
	root, err := os.OpenRoot(boot)
	if err != nil {
		f.Fatal(err)
	}
	c := New(Contents{Site: root, Names: spec.Files{AnyCase: true}})
	f.Fuzz(func(t *testing.T, raw string) {
		if name, err := Clean(raw); err == nil && !fs.ValidPath(name) {
			t.Fatalf("Clean(%q) = %q, which is no clean relative path", raw, name)
		}
		file, err := c.Open(raw, Reader{})
		if err != nil {
			return
		}
		defer file.Close()
		if b, _ := io.ReadAll(io.NewSectionReader(file, 0, file.Size())); string(b) != "public" {
			t.Fatalf("Open(%q) read %q", raw, b)
		}
	})
}
