package adopt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// PXELINUX may be in a subfolder of the TFTP server's folder.
func TestLocate(t *testing.T) {
	menu := func(names string) string { return "UI menu.c32\nLABEL a\nKERNEL " + names + "\n" }
	for name, tt := range map[string]struct {
		files      map[string]string
		tree       string // below the server's folder
		menus      string
		want       string // what the entry became
		copied     string
		menusFound string
	}{
		"PXELINUX for a BIOS next to that for UEFI, files shared by ..": {
			files: map[string]string{
				"bios/pxelinux.0":           "",
				"bios/pxelinux.cfg/default": menu("memdisk\nINITRD ../iso/a.iso\nAPPEND iso raw"),
				"efi64/syslinux.efi":        "", "efi64/pxelinux.cfg": "->../bios/pxelinux.cfg", "iso/a.iso": "",
			},
			want: "file iso/a.iso (raw)", copied: "iso/a.iso", menusFound: "bios",
		},
		"the folder of PXELINUX named, files in the one above": {
			files: map[string]string{"bios/pxelinux.cfg/default": menu("../linux"), "linux": "", "other/big": ""},
			tree:  "bios", want: "kernel linux []", copied: "linux", menusFound: "bios",
		},
		"a link to the folder above": {
			files: map[string]string{"bios/pxelinux.cfg/default": menu("images/linux"), "bios/images": "->../images",
				"images/linux": ""},
			tree: "bios", want: "kernel bios/images/linux []", copied: "bios/images/linux", menusFound: "bios",
		},
		"names from the server's folder, two folders above": {
			files: map[string]string{"d-i/n-a/pxelinux.cfg/default": menu("::/d-i/n-a/stable/linux"),
				"d-i/n-a/stable/linux": ""},
			tree: "d-i/n-a", want: "kernel stable/linux []", copied: "stable/linux",
		},
		"the same without a slash in front": {
			files: map[string]string{
				"debian-installer/amd64/pxelinux.cfg/default": menu("debian-installer/amd64/linux"),
				"debian-installer/amd64/linux":                "",
			},
			tree: "debian-installer/amd64", want: "kernel linux []", copied: "linux",
		},
		"the same, the server's folder named": {
			files: map[string]string{
				"debian-installer/amd64/pxelinux.cfg/default": menu("debian-installer/amd64/linux"),
				"debian-installer/amd64/linux":                "",
			},
			want: "kernel debian-installer/amd64/linux []", copied: "debian-installer/amd64/linux",
			menusFound: "debian-installer/amd64",
		},
		"names from PXELINUX's folder": {
			files: map[string]string{"bios/pxelinux.cfg/default": menu("linux"), "bios/linux": "", "linux": "another"},
			want:  "kernel bios/linux []", copied: "bios/linux", menusFound: "bios",
		},
		"a name from the server's folder": {
			files: map[string]string{"bios/pxelinux.cfg/default": menu("/linux"), "bios/linux": "", "linux": "another"},
			want:  "kernel linux []", copied: "linux", menusFound: "bios",
		},
		"several folders with menus, one of them named": {
			files: map[string]string{
				"old/pxelinux.0": "", "old/pxelinux.cfg/default": menu("a"), "new/pxelinux.0": "",
				"new/pxelinux.cfg/default": menu("b"), "new/b": "",
			},
			menus: "new", want: "kernel new/b []", copied: "new/b", menusFound: "new",
		},
		"the folder named has the menus of another one": {
			files: map[string]string{
				"bios/pxelinux.cfg/default": menu("../linux"), "linux": "",
				"efi64/pxelinux.cfg": "->../bios/pxelinux.cfg",
			},
			tree: "efi64", want: "kernel linux []", copied: "linux", menusFound: "efi64",
		},
		"pxelinux.cfg is a link": {
			files: map[string]string{"bios/pxelinux.cfg": "->../cfg", "cfg/default": menu("linux"), "bios/linux": ""},
			want:  "kernel bios/linux []", copied: "bios/linux", menusFound: "bios",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, tt.files)
			a := adoptTree(t, Job{Sources: []string{filepath.Join(dir, tt.tree)}, Menus: tt.menus})
			if got := a.became(); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q; notes:\n%s", got, tt.want, a.notes)
			}
			if !slices.Equal(a.files, []string{tt.copied}) {
				t.Errorf("copied %q, want %q", a.files, tt.copied)
			}
			_, found, _ := strings.Cut(a.notes, "with PXELINUX in ")
			if found, _, _ = strings.Cut(found, "\n"); found != tt.menusFound {
				t.Errorf("PXELINUX is found in %q, want %q", found, tt.menusFound)
			}
			if strings.Contains(a.notes, "other/") || strings.Contains(a.notes, "not copied: pxelinux.cfg") {
				t.Errorf("the notes are about what is next to the folder that was named:\n%s", a.notes)
			}
		})
	}
}

// A link with an absolute path stays in the tree, or is not followed.
func TestAbsoluteLinks(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	dir := write(t, map[string]string{
		"pxelinux.cfg/default": "UI menu.c32\nLABEL a\nKERNEL current/linux\nLABEL b\nKERNEL stolen\n",
		"12/linux":             "kernel", "stolen": "->" + outside,
	})
	link(t, filepath.Join(dir, "12"), filepath.Join(dir, "current"))
	a := adoptTree(t, Job{Sources: []string{dir}})
	if !slices.Equal(a.files, []string{"current/linux"}) {
		t.Errorf("copied %q; notes:\n%s", a.files, a.notes)
	}
	if !strings.Contains(a.notes, "stolen is not copied: it leads out of the folder") {
		t.Errorf("the notes are:\n%s", a.notes)
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func TestLocateRefuses(t *testing.T) {
	two := map[string]string{"a/pxelinux.cfg/default": "", "b/pxelinux.cfg/default": ""}
	for name, tt := range map[string]struct {
		files map[string]string
		menus string
		want  string
	}{
		"no menus": {files: map[string]string{"a/b": ""},
			want: "name the folder that has pxelinux.0 and pxelinux.cfg"},
		"several folders with menus": {files: two, want: "has menus in a, b: name one of these with --menus"},
		"a folder without menus": {files: two, menus: "c",
			want: "has no pxelinux.cfg: name the folder of PXELINUX with --menus"},
		"a folder that is not below it": {files: two, menus: "../a", want: "leads out of"},
		"too deep for a search to be of": {files: map[string]string{"a/b/c/d/pxelinux.cfg/default": ""},
			want: "has no pxelinux.cfg"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Job{Sources: []string{write(t, tt.files)}, Menus: tt.menus, Into: filepath.Join(t.TempDir(),
				"new")}.Run(new(strings.Builder))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLeftBehindIsShort(t *testing.T) {
	files := map[string]string{"pxelinux.cfg/default": "UI menu.c32\nLABEL a\nKERNEL used/linux\n", "used/linux": ""}
	for i := range 60 {
		d := "d" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		for _, f := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "sub/10"} {
			files[d+"/"+f] = ""
		}
	}
	a := adoptTree(t, Job{Sources: []string{write(t, files)}})
	for _, want := range []string{"daa/: not in any menu, so not copied: 1, 2, 3, 4, 5, 6, 7, 8 and 2 more\n",
		"... and files of 20 more folders\n"} {
		if !strings.Contains(a.notes, want) {
			t.Errorf("no %q in:\n%s", want, a.notes)
		}
	}
	if n := strings.Count(a.notes, "not in any menu"); n != 40 {
		t.Errorf("%d lines", n)
	}
}
