package adopt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
)

// outcome is the result of converting a tree.
type outcome struct {
	config *config.Config
	toml   string
	notes  string
	files  []string // in boot/
}

func adoptTree(t *testing.T, j Job) outcome {
	t.Helper()
	j.Into = filepath.Join(t.TempDir(), "new")
	var notes strings.Builder
	if err := j.Run(&notes); err != nil {
		t.Fatal(err)
	}
	a := outcome{config: parse(t, filepath.Join(j.Into, configFile)), notes: notes.String()}
	toml, err := os.ReadFile(filepath.Join(j.Into, configFile))
	if err != nil {
		t.Fatal(err)
	}
	a.toml = string(toml)
	boot := filepath.Join(j.Into, bootDir)
	filepath.WalkDir(boot, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(boot, name)
			a.files = append(a.files, filepath.ToSlash(rel))
		}
		return err
	})
	return a
}

func (a outcome) became() []string {
	var out []string
	for _, e := range a.config.Entries {
		out = append(out, became(entry{Entry: e}))
	}
	return out
}

// Programs that the box has an equivalent for, and the files that programs load
// without being told.
func TestPrograms(t *testing.T) {
	const windowsServer = "\nLABEL wds\nKERNEL "
	for name, tt := range map[string]struct {
		menu    string
		files   []string
		entries []string
		copied  []string
		note    string // a part of the notes
		without string // must not be in any note
	}{
		"the whole first disk by chain.c32": {
			menu: "LABEL a\nCOM32 chain.c32\nAPPEND hd0\nLABEL b\nKERNEL mods/chain.c32 hd0 0\nLABEL c\n" +
				"COM32 chain.c32\nAPPEND hd0,0 swap\nLABEL d\nCOM32 chain.c32\nAPPEND 0x80\n",
			entries: []string{"disk", "disk", "disk", "disk"},
		},
		"another disk, and a partition": {
			menu:    "LABEL a\nCOM32 chain.c32\nAPPEND hd1\nLABEL b\nCOM32 chain.c32\nAPPEND hd0 1\n",
			entries: []string{"file chain.c32 (hd1)", "file chain.c32 (hd0 1)"},
			note:    "default:2: COM32 chain.c32: a menu on UEFI does not show it",
		},
		"restart and switch off": {
			menu: "LABEL a\nCOM32 reboot.c32\nAPPEND -w\nLABEL b\nKERNEL x/poweroff.c32\nLABEL c\nKERNEL poweroff.com\n",
			entries: []string{"COM32 reboot.c32 | APPEND -w; GRUB: reboot", "COM32 poweroff.c32; GRUB: halt",
				"COM32 poweroff.c32; GRUB: halt"},
		},
		"INITRD with arguments behind the files": {
			menu:    "LABEL a\nLINUX linux\nINITRD i.gz,j.gz splash=verbose x\nAPPEND quiet\n",
			files:   []string{"linux", "i.gz", "j.gz"},
			entries: []string{"kernel linux [i.gz j.gz] (quiet splash=verbose x)"},
			copied:  []string{"i.gz", "j.gz", "linux"},
		},
		"the same in lines for PXELINUX": {
			menu:    "LABEL a\nLINUX linux\nINITRD i.gz  splash=verbose\nSYSAPPEND 2\n",
			files:   []string{"linux", "i.gz"},
			entries: []string{"LINUX linux | INITRD i.gz splash=verbose | SYSAPPEND 0x2"},
			copied:  []string{"i.gz", "linux"},
		},
		"a kernel from the web": {
			menu:    "LABEL a\nKERNEL http://192.0.2.1/linux\n",
			entries: []string{"KERNEL http://192.0.2.1/linux"},
			note:    "lpxelinux.0 can load from a URL",
		},
		"an initrd from the web": {
			menu:    "LABEL a\nKERNEL linux\nAPPEND initrd=ftp://192.0.2.1/i.gz quiet\n",
			files:   []string{"linux"},
			entries: []string{"KERNEL linux | APPEND initrd=ftp://192.0.2.1/i.gz quiet"},
			copied:  []string{"linux"},
			note:    "lpxelinux.0 can load from a URL",
		},
		"a kernel of another TFTP server": {
			menu:    "LABEL a\nKERNEL tftp://192.0.2.1/linux\n",
			entries: []string{"KERNEL tftp://192.0.2.1/linux"},
			without: "lpxelinux.0",
		},
		"ESXi": {
			menu: "LABEL a\nKERNEL esxi/mboot.c32\nAPPEND -c esxi/boot.cfg ks=x\n",
			files: []string{
				"esxi/mboot.c32", "esxi/b.b00", "esxi/k.b00",
				"esxi/boot.cfg=prefix=esxi\nkernel=b.b00\nmodules=k.b00 --- gone.v00\n",
			},
			entries: []string{"file esxi/mboot.c32 (-c esxi/boot.cfg ks=x)"},
			copied:  []string{"esxi/b.b00", "esxi/boot.cfg", "esxi/k.b00", "esxi/mboot.c32"},
			note:    "esxi/boot.cfg names gone.v00, which does not exist",
			without: "6.04",
		},
		"ESXi with slashes in front, and boot.cfg next to the module": {
			menu: "LABEL a\nCOM32 esxi/8/mboot.c32\n",
			files: []string{
				"esxi/8/mboot.c32", "esxi/8/b.b00", "esxi/8/k.b00 ",
				"esxi/8/boot.cfg=kernel=/b.b00\r\nprefix=\r\nmodules=/k.b00\r\n",
			},
			entries: []string{"file esxi/8/mboot.c32"},
			copied:  []string{"esxi/8/b.b00", "esxi/8/boot.cfg", "esxi/8/k.b00", "esxi/8/mboot.c32"},
		},
		"SYSLINUX's own mboot.c32": {
			menu:    "LABEL a\nCOM32 mboot.c32\nAPPEND xen.gz --- linux --- i.gz\n",
			files:   []string{"mboot.c32", "xen.gz", "linux", "i.gz"},
			entries: []string{"file mboot.c32 (xen.gz --- linux --- i.gz)"},
			copied:  []string{"i.gz", "linux", "mboot.c32", "xen.gz"},
			without: "VMware",
		},
		"the folder of a WDS server": {
			menu:    "LABEL a\nKERNEL abortpxe.0" + windowsServer + "pxeboot.0\n",
			files:   []string{"wdsnbp.com", "pxeboot.0", "abortpxe.0"},
			entries: []string{"disk", "wds wds"},
			note:    "default:4: KERNEL pxeboot.0: is the boot program of the WDS server that this folder comes from",
		},
		"the same by its own program in a folder below": {
			menu:    "LABEL a\nKERNEL Boot\\x64\\wdsnbp.com" + windowsServer + "Boot/x64/pxeboot.n12\n",
			files:   []string{"Boot/x64/wdsnbp.com", "Boot/x64/pxeboot.n12"},
			entries: []string{"wds wds", "wds wds"},
			note:    "write that server below [[wds]]",
		},
		"Windows PE without a WDS server": {
			menu:    "LABEL a\nPXE pxeboot.n12\n",
			files:   []string{"pxeboot.n12", "bootmgr.exe", "Boot/BCD", "Boot/Fonts/a.ttf", "sources/boot.wim"},
			entries: []string{"file pxeboot.n12"},
			copied:  []string{"pxeboot.n12"},
			note: "./: not in any menu, so not copied: bootmgr.exe\n" +
				"Boot/: not in any menu, so not copied: BCD, Fonts/a.ttf\n" +
				"sources/: not in any menu, so not copied: boot.wim\n",
		},
		"another PXELINUX": {
			menu: "LABEL a\nKERNEL linux\nLABEL b\nMENU LABEL More\nKERNEL other/pxelinux.0\n",
			files: []string{
				"linux", "other/pxelinux.0", "other/linux", "other/i.gz", "other/more.cfg=LABEL d\nKERNEL ::/linux\n",
				"other/pxelinux.cfg/default=INCLUDE more.cfg\nLABEL c\nKERNEL linux\nAPPEND initrd=i.gz\n" +
					"LABEL up\nKERNEL ../pxelinux.0\n",
				"pxelinux.0",
			},
			entries: []string{"kernel linux []", "submenu", "b/kernel linux []", "b/kernel other/linux [other/i.gz]"},
			copied:  []string{"linux", "other/i.gz", "other/linux"},
			note:    "starts another PXELINUX: the menu of all machines in other/pxelinux.cfg is a submenu here",
		},
		"PXELINUX itself once more": {
			menu:    "LABEL a\nKERNEL linux\nLABEL b\nKERNEL pxelinux.0\nLABEL c\nKERNEL empty/pxelinux.0\n",
			files:   []string{"linux", "pxelinux.0", "empty/pxelinux.0"},
			entries: []string{"kernel linux []"},
			copied:  []string{"linux"},
			note:    "default:6: KERNEL empty/pxelinux.0: starts another PXELINUX, which has no menus there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := map[string]string{"pxelinux.cfg/default": tt.menu + "UI menu.c32\n"}
			for _, f := range tt.files {
				file, content, _ := strings.Cut(strings.TrimSpace(f), "=")
				tree[file] = content
			}
			a := adoptTree(t, Job{Sources: []string{write(t, tree)}})
			if got := a.became(); !slices.Equal(got, tt.entries) {
				t.Errorf("got  %q\nwant %q", got, tt.entries)
			}
			if !slices.Equal(a.files, tt.copied) {
				t.Errorf("copied %q, want %q", a.files, tt.copied)
			}
			if !strings.Contains(a.notes, tt.note) || tt.without != "" && strings.Contains(a.notes, tt.without) {
				t.Errorf("want %q and not %q; the notes are:\n%s", tt.note, tt.without, a.notes)
			}
			if want := strings.Contains(tt.note, httpLoader); (a.config.DHCP.BootFiles[bios] == httpLoader) != want {
				t.Errorf("[boot] is %v", a.config.DHCP.BootFiles)
			}
		})
	}
}
