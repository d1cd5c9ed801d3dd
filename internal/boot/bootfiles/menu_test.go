package bootfiles

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

const token = "0123456789abcdef0123456789abcdef"

var mac = ether.MustParseMAC("52:54:00:77:00:10")

// boot creates a boot folder with those files.
func boot(t *testing.T, files ...string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("the site's "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// content returns what a reader gets, or "" for a missing file.
func content(t *testing.T, c *Catalog, name string, r Reader) string {
	t.Helper()
	f, err := c.Open(name, r)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMenus(t *testing.T) {
	c := New(Contents{
		Menus: map[string][]byte{
			pxelinux.ConfigFile: []byte("menu of " + bootmenu.MACMark + ", " + bootmenu.MACMark),
			grub.ConfigFile:     []byte("GRUB's menu"),
			"theme.txt":         []byte("theme " + bootmenu.MACMark),
			"handoff.txt":       []byte("/" + bootmenu.MACMark + "/" + bootmenu.TokenMark + ".cfg"),
		},
		Views:   map[string]map[string][]byte{"m1": {pxelinux.ConfigFile: []byte("its own menu, " + bootmenu.MACMark)}},
		Bundled: map[string][]byte{"pxelinux.cfg/bundled": []byte(bootmenu.MACMark)},
	})
	spaces := strings.Repeat(" ", 17)
	for _, tc := range []struct {
		situation, name string
		r               Reader
		want            string
	}{
		{situation: "no one that is known", name: "pxelinux.cfg/default", want: "menu of " + spaces + ", " + spaces},
		{situation: "a machine", name: "pxelinux.cfg/default", r: Reader{MAC: mac},
			want: "menu of " + mac.String() + ", " + mac.String()},
		{situation: "PXELINUX's name for a machine", name: "pxelinux.cfg/01-52-54-00-77-00-10", r: Reader{MAC: mac},
			want: "menu of " + mac.String() + ", " + mac.String()},
		{situation: "in capitals, with backslashes", name: `PXELINUX.CFG\01-52-54-00-77-00-1A`, r: Reader{MAC: mac},
			want: "menu of " + mac.String() + ", " + mac.String()},
		{situation: "PXELINUX's name for a GUID", name: "pxelinux.cfg/70786562-6f78-4c61-8000-000000000010",
			r: Reader{MAC: mac}},
		{situation: "its name for another kind of hardware", name: "pxelinux.cfg/06-52-54-00-77-00-10",
			r: Reader{MAC: mac}},
		{situation: "a machine with its own menu", name: "pxelinux.cfg/01-52-54-00-77-00-10",
			r: Reader{View: "m1", MAC: mac}, want: "its own menu, " + mac.String()},
		{situation: "and the rest from all", name: "grub/grub.cfg", r: Reader{View: "m1", MAC: mac},
			want: "GRUB's menu"},
		{situation: "a token", name: "handoff.txt", r: Reader{MAC: mac, Token: token},
			want: "/" + mac.String() + "/" + token + ".cfg"},
		{situation: "no one's token", name: "handoff.txt", r: Reader{MAC: mac},
			want: "/" + mac.String() + "/" + strings.Repeat(" ", 32) + ".cfg"},
		{situation: "a view that is no more", name: "pxelinux.cfg/default", r: Reader{View: "m9", MAC: mac},
			want: "menu of " + mac.String() + ", " + mac.String()},
		{situation: "other files that are rendered", name: "/theme.txt", r: Reader{MAC: mac},
			want: "theme " + mac.String()},
		{situation: "what is bundled stays as it is", name: "pxelinux.cfg/bundled", r: Reader{MAC: mac},
			want: bootmenu.MACMark},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := content(t, c, tc.name, tc.r); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("no menu at all", func(t *testing.T) {
		if got := content(t, New(Contents{}), "pxelinux.cfg/01-52-54-00-77-00-10", Reader{MAC: mac}); got != "" {
			t.Errorf("got %q", got)
		}
	})
}

// The machine's data replaces the mark, whichever part of the menu is read.
func TestPersonal(t *testing.T) {
	for situation, text := range map[string]string{
		"one mark":                      "menu of " + bootmenu.MACMark + "\n",
		"at both ends":                  bootmenu.MACMark + " and " + bootmenu.MACMark,
		"nothing between":               bootmenu.MACMark + bootmenu.MACMark,
		"nothing else":                  bootmenu.MACMark,
		"and what looks like its begin": "@@:@@:" + bootmenu.MACMark + "@@:@@",
		"the token's too": bootmenu.MACMark + "/" + bootmenu.TokenMark + ".cfg " + bootmenu.TokenMark +
			bootmenu.MACMark,
	} {
		t.Run(situation, func(t *testing.T) {
			f, err := New(Contents{Menus: map[string][]byte{"menu": []byte(text)}}).Open("menu",
				Reader{MAC: mac, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer(bootmenu.MACMark, mac.String(), bootmenu.TokenMark, token).Replace(text)
			for from := range want {
				for to := from + 1; to <= len(want); to++ {
					got := make([]byte, to-from)
					if n, err := f.ReadAt(got, int64(from)); err != nil || string(got[:n]) != want[from:to] {
						t.Fatalf("from %d to %d: %q, %v; want %q", from, to, got[:n], err, want[from:to])
					}
				}
			}
			if err := iotest.TestReader(io.NewSectionReader(f, 0, f.Size()), []byte(want)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A pending request holds no copy of the menu: requests can be forged.
func TestOpenCopiesNoMenu(t *testing.T) {
	const size, readers = 40 << 10, 1000
	text := append([]byte(bootmenu.MACMark), make([]byte, size)...)
	c := New(Contents{Menus: map[string][]byte{pxelinux.ConfigFile: text}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range readers {
		f, err := c.Open(pxelinux.ConfigFile, Reader{MAC: mac})
		if err != nil || f.Size() != int64(len(text)) {
			t.Fatalf("%v, %v", f, err)
		}
		if _, ok := f.(interface{ Bytes() []byte }); ok {
			t.Fatal("it has its bytes in memory")
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / readers; each > size/10 {
		t.Errorf("each takes %d bytes", each)
	}
}

func TestOwnMenus(t *testing.T) {
	const byIP, byMAC = "pxelinux.cfg/C0A84D10", "pxelinux.cfg/01-52-54-00-77-00-10"
	const byUUID, byOther = "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d",
		"pxelinux.cfg/20-01-02-03-04-05-06-07-08"
	site := boot(t, byIP, byUUID, byOther, "pxelinux.cfg/a-c", "pxelinux.cfg/C0A8", "pxelinux.cfg/01-02-00-00-00-00-01",
		"grub/grub.cfg-01-02", "grub/grub.cfg", "handoff/wds", "theme.txt")
	contents := Contents{
		Menus: map[string][]byte{pxelinux.ConfigFile: []byte("rendered"), grub.ConfigFile: []byte("rendered"),
			"theme.txt": []byte("rendered")},
		Site: site,
	}
	for _, tc := range []struct{ situation, name, own, without string }{
		{situation: "the site's menu for a UUID, which PXELINUX asks for first", name: byUUID,
			own: "the site's " + byUUID},
		{situation: "the site's menu for an address", name: byIP, own: "the site's " + byIP},
		{situation: "the site's menu for several addresses", name: "pxelinux.cfg/C0A8",
			own: "the site's pxelinux.cfg/C0A8"},
		{situation: "the site's menu for a machine of no Ethernet", name: byOther, own: "the site's " + byOther},
		{situation: "a file that menus name", name: "pxelinux.cfg/a-c", own: "the site's pxelinux.cfg/a-c",
			without: "the site's pxelinux.cfg/a-c"},
		{situation: "the site's menu for a machine", name: "pxelinux.cfg/01-02-00-00-00-00-01",
			own: "the site's pxelinux.cfg/01-02-00-00-00-00-01", without: "rendered"},
		// PXELINUX then requests the one for the IP address, and the
		// default.
		{situation: "none for a machine", name: byMAC, without: "rendered"},
		{situation: "none for all: the rendered one", name: pxelinux.ConfigFile, own: "rendered", without: "rendered"},
		{situation: "GRUB's", name: grub.ConfigFile, own: "the site's grub/grub.cfg", without: "rendered"},
		{situation: "GRUB's for a machine", name: "grub/grub.cfg-01-02", own: "the site's grub/grub.cfg-01-02"},
		{situation: "only what is a menu", name: "theme.txt", own: "rendered", without: "rendered"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			for own, want := range map[bool]string{true: tc.own, false: tc.without} {
				contents.Names.OwnMenus = own
				if got := content(t, New(contents), tc.name, Reader{MAC: mac}); got != want {
					t.Errorf("own_menus = %v: got %q, want %q", own, got, want)
				}
			}
		})
	}
}

func TestAnyCase(t *testing.T) {
	contents := Contents{
		Menus: map[string][]byte{pxelinux.ConfigFile: []byte("rendered")}, Site: boot(t, "Boot/BCD"),
		Bundled: map[string][]byte{"pxelinux.0": []byte("bundled")},
	}
	for _, tc := range []struct{ situation, name, anyCase, exact string }{
		{situation: "the site's file as it is", name: "Boot/BCD", anyCase: "the site's Boot/BCD",
			exact: "the site's Boot/BCD"},
		{situation: "in other letters", name: `\boot\bcd`, anyCase: "the site's Boot/BCD"},
		{situation: "a menu in other letters", name: "PXELINUX.CFG/DEFAULT", anyCase: "rendered", exact: "rendered"},
		{situation: "a bundled file in other letters", name: "PXELINUX.0", anyCase: "bundled", exact: "bundled"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			for anyCase, want := range map[bool]string{true: tc.anyCase, false: tc.exact} {
				contents.Names.AnyCase = anyCase
				if got := content(t, New(contents), tc.name, Reader{}); got != want {
					t.Errorf("any_case = %v: got %q, want %q", anyCase, got, want)
				}
			}
		})
	}
}

func TestMenuNames(t *testing.T) {
	for _, tc := range []struct {
		raw  string
		mac  ether.MAC
		want bool
	}{
		{raw: "pxelinux.cfg/default", mac: ether.MAC{}, want: true},
		{raw: "/grub/grub.cfg", mac: ether.MAC{}, want: true},
		{raw: "//PXELINUX.CFG/01-52-54-00-77-00-10", mac: mac, want: true},
		{raw: "pxelinux.cfg/01-52:54:00:77:00:10", mac: ether.MAC{}}, // no name has a colon
		{raw: "pxelinux.cfg/01-52-54-00-77-00-1x", mac: ether.MAC{}},
		{raw: "pxelinux.cfg/C0A84D10", mac: ether.MAC{}},
		{raw: "grub/grub.cfg-01-52", mac: ether.MAC{}},
		{raw: "../pxelinux.cfg/default", mac: ether.MAC{}},
		{raw: "pxelinux.0", mac: ether.MAC{}},
	} {
		if got, ok := Menu(tc.raw); got != tc.mac || ok != tc.want {
			t.Errorf("Menu(%q) = %q, %v", tc.raw, got, ok)
		}
	}
}

// Stat lets a server see that it already has the same file open.
func TestOnDiskIsRecognised(t *testing.T) {
	c := New(Contents{Site: boot(t, "linux")})
	var infos []fs.FileInfo
	for range 2 {
		f, err := c.Open("linux", Reader{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.(interface{ Stat() (fs.FileInfo, error) }).Stat()
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	if !os.SameFile(infos[0], infos[1]) {
		t.Error("opened twice, it is two files")
	}
}
