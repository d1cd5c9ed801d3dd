package bootfiles

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestCandidates(t *testing.T) {
	for _, tt := range []struct {
		situation, raw, folder string
		want                   []string // nil: refused
	}{
		{situation: "no folder", raw: "/grub/grub.cfg", want: []string{"grub/grub.cfg"}},
		{situation: "the menu of a second GRUB", raw: "/grub/grub.cfg", folder: "ubuntu",
			want: []string{"ubuntu/grub/grub.cfg", "grub/grub.cfg"}},
		{situation: "its modules", raw: `\grub\x86_64-efi\command.lst`, folder: "ubuntu",
			want: []string{"ubuntu/grub/x86_64-efi/command.lst", "grub/x86_64-efi/command.lst"}},
		{situation: "iPXE's script", raw: "autoexec.ipxe", folder: "ipxe",
			want: []string{"ipxe/autoexec.ipxe", "autoexec.ipxe"}},
		{situation: "Windows' BCD", raw: `\Boot\BCD`, folder: "win/11",
			want: []string{"win/11/Boot/BCD", "Boot/BCD"}},
		{situation: "shim's second stage, by its whole name", raw: "ubuntu/grubx64.efi", folder: "ubuntu",
			want: []string{"ubuntu/ubuntu/grubx64.efi", "ubuntu/grubx64.efi"}},
		{situation: "doubled slashes, padding", raw: "//a//b\xff", folder: "f", want: []string{"f/a/b", "a/b"}},
		{situation: "out of the folder", raw: "../secret", folder: "f"},
		{situation: "out of the folder, later", raw: `a\..\..\secret`, folder: "f"},
		{situation: "a drive", raw: `C:\x`, folder: "f"},
		{situation: "nothing", raw: `\`, folder: "f"},
	} {
		got, err := Candidates(tt.raw, tt.folder)
		if !slices.Equal(got, tt.want) || (tt.want == nil) != errors.Is(err, ErrName) {
			t.Errorf("%s: %q, %v; want %q", tt.situation, got, err, tt.want)
		}
	}
}

// FuzzCandidates: whatever a machine requests, no name leads out of the boot
// folder, and the first is in the entry's folder.
func FuzzCandidates(f *testing.F) {
	for _, raw := range []string{"/grub/grub.cfg", `..\..\etc\passwd`, "a/../..//b", "\\\\x\xff\x00", "./.", "a\x00b"} {
		f.Add(raw, "ubuntu")
		f.Add(raw, "win/11")
	}
	f.Fuzz(func(t *testing.T, raw, dir string) {
		folder, err := Clean(dir)
		if err != nil {
			return
		}
		names, err := Candidates(raw, folder)
		if err != nil {
			return
		}
		for _, n := range names {
			if !filepath.IsLocal(n) || strings.Contains(n, `\`) || strings.Contains("/"+n+"/", "/../") {
				t.Errorf("%q in %q: %q", raw, folder, n)
			}
		}
		if len(names) != 2 || !strings.HasPrefix(names[0], folder+"/") {
			t.Errorf("%q in %q: %q", raw, folder, names)
		}
	})
}

// A machine whose firmware has started an entry's program finds that program's
// files; other machines, and names that the folder lacks, find what they always
// found.
func TestOpenInAnEntrysFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"ubuntu/grub/grub.cfg": "theirs", "ubuntu/grubx64.efi": "their GRUB", "win/Boot/BCD": "bcd", "other": "site's",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "ubuntu/out")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	c := New(Contents{
		Menus: map[string][]byte{grub.ConfigFile: []byte("ours")}, Site: root,
		Bundled: map[string][]byte{"grubx64.efi": []byte("our GRUB")}, Names: spec.Files{AnyCase: true},
	})
	for _, tt := range []struct{ situation, name, folder, want string }{
		{situation: "the menu", name: "/grub/grub.cfg", folder: "ubuntu", want: "theirs"},
		{situation: "the menu, of another machine", name: "/grub/grub.cfg", want: "ours"},
		{situation: "the menu, of an entry without one", name: "/grub/grub.cfg", folder: "win"},
		{situation: "the second stage", name: "grubx64.efi", folder: "ubuntu", want: "their GRUB"},
		{situation: "the second stage, of another machine", name: "grubx64.efi", want: "our GRUB"},
		{situation: "a name in another case", name: `\BOOT\bcd`, folder: "win", want: "bcd"},
		{situation: "a file of the site", name: "other", folder: "win", want: "site's"},
		{situation: "the program itself", name: "ubuntu/grubx64.efi", folder: "ubuntu", want: "their GRUB"},
		{situation: "a link that leads out", name: "out/passwd", folder: "ubuntu"},
	} {
		f, err := c.Open(tt.name, Reader{Folder: tt.folder})
		if tt.want == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", tt.situation, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.situation, err)
			continue
		}
		b := make([]byte, f.Size())
		f.ReadAt(b, 0)
		f.Close()
		if string(b) != tt.want {
			t.Errorf("%s: %q, want %q", tt.situation, b, tt.want)
		}
		if own := c.InFolder(tt.name, Reader{Folder: tt.folder}); own != (tt.folder != "" && tt.want != "ours" && tt.want != "site's" &&
			tt.situation != "the program itself") {
			t.Errorf("%s: in the folder: %v", tt.situation, own)
		}
	}
}
