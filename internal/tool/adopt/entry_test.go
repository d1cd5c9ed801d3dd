package adopt

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// convert adopts a default file, along with other configuration files, in a
// folder with linux, initrd.gz and some more boot files.
func convert(file string, others map[string]string) (*converter, *pxelinux.Config, error) {
	c := newConverter()
	c.bundled = bundled()
	c.find = func(name string) (string, bool) {
		names := candidates(name, "", "/srv/tftp")
		if len(names) == 0 {
			return "", false
		}
		name = names[0]
		return name, slices.Contains([]string{"linux", "initrd.gz", "more.gz", "a.c32", "data.txt"}, name)
	}
	c.read = func(name string) ([]byte, error) {
		if name == "default" {
			return []byte(file), nil
		}
		if s, ok := others[name]; ok {
			return []byte(s), nil
		}
		return nil, fs.ErrNotExist
	}
	cfg, err := pxelinux.Parse("default", c.read)
	if err != nil {
		return nil, nil, err
	}
	c.open = []shownFile{{name: "default", tag: topTag}}
	c.general(cfg)
	return c, cfg, nil
}

// became returns a short form of the converted entry.
func became(e entry) string {
	s := ""
	switch e.Kind() {
	case config.KindWDS:
		s = "wds " + e.WDS
	case config.KindLinux:
		s = "kernel " + e.Kernel + " " + fmt.Sprint(e.Initrd)
	case config.KindDisk:
		s = "disk"
	case config.KindProgram:
		s = "file " + e.File
	case config.KindSubmenu:
		s = "submenu"
	case config.KindRaw:
		s = strings.ReplaceAll(e.PXELINUX, "\n", " | ")
		if e.GRUB != "" {
			s += "; GRUB: " + e.GRUB
		}
	}
	if e.Append != "" {
		s += " (" + e.Append + ")"
	}
	if e.In != "" {
		s = e.In + "/" + s
	}
	if e.Unlisted {
		s += " unlisted"
	}
	if e.Locked {
		s += " locked"
	}
	return s
}

func TestEntry(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"Linux by its extension", "label a\nkernel linux\nappend x", []string{"kernel linux [] (x)"}},
		{"Linux whatever its extension", "label a\nlinux a.c32", []string{"kernel a.c32 []"}},
		{"a slash in front, backslashes, two colons", "label a\nkernel /linux\nlabel b\nkernel ::linux\nlabel c\nkernel x\\linux", []string{"kernel linux []", "kernel linux []", "kernel x/linux []"}},
		{"a label that is the kernel", "label linux", []string{"kernel linux []"}},
		{"arguments behind the kernel", "label a\nkernel linux one\nappend two", []string{"kernel linux [] (one two)"}},
		{"odd spacing, tabs, and quotes that keep theirs", "label a\nkernel linux\nappend  a\t b   c\nlabel b\nkernel linux\nappend x=\"a  b\"  c", []string{"kernel linux [] (a b c)", `kernel linux [] (x="a  b"  c)`}},
		{"initrd= in the middle of the arguments", "label a\nkernel linux\nappend a initrd=initrd.gz,more.gz b", []string{"kernel linux [initrd.gz more.gz] (a b)"}},
		{"initrd= at either end", "label a\nkernel linux\nappend initrd=initrd.gz b\nlabel b\nkernel linux\nappend b initrd=more.gz", []string{"kernel linux [initrd.gz] (b)", "kernel linux [more.gz] (b)"}},
		{"the last initrd counts, and the directive more", "label a\nkernel linux\nappend initrd=x initrd=initrd.gz\nlabel b\nkernel linux\nappend initrd=x\ninitrd initrd.gz", []string{"kernel linux [initrd.gz]", "kernel linux [initrd.gz]"}},
		{"an argument that only ends in initrd=", "label a\nkernel linux\nappend noinitrd=1", []string{"kernel linux [] (noinitrd=1)"}},
		{"arguments that tell of the machine", "label a\nkernel linux\nappend initrd=initrd.gz x\nsysappend 3", []string{"KERNEL linux | APPEND initrd=initrd.gz x | SYSAPPEND 0x3"}},
		{"a kernel of another server, an initrd of one", "label a\nkernel 10.0.0.1::linux\nlabel b\nkernel linux\ninitrd http://x/i", []string{"KERNEL 10.0.0.1::linux", "KERNEL linux | INITRD http://x/i"}},
		{"a name that a boot file cannot have", "label a\nkernel .hidden", []string{"KERNEL .hidden"}},
		{"outside of the folder", "label a\nkernel ../linux", []string{"KERNEL ../linux"}},
		{"the disk, its name, and another", "label linux\nkernel linux\nlabel hd\nlocalboot 0\nlabel hd2\nlocalboot -1", []string{"kernel linux []", "disk", "disk"}},
		{"a module, and bundled ones wherever they were", "label a\ncom32 a.c32\nlabel b\nkernel mods/Reboot.c32\nlabel c\nkernel x/chain.c32\nappend hd0 1", []string{"file a.c32", "COM32 reboot.c32; GRUB: reboot", "file chain.c32 (hd0 1)"}},
		{"a module of another extension", "label a\ncom32 linux", []string{"COM32 linux"}},
		{"a boot program by its extension and by its keyword", "label a\nkernel b.0\nlabel b\npxe b.kpxe\nlabel c\npxe b.bin", []string{"file b.0", "file b.kpxe", "PXE b.bin"}},
		{"boot sectors", "label a\nkernel b.bin\nlabel b\nkernel b.bss\nlabel c\nboot b.bin\nlabel d\nkernel b.bs", []string{"KERNEL b.bin", "file b.bss", "BOOT b.bin", "file b.bs"}},
		{"a memory test", "label a\nlinux b.bin\nlabel b\nkernel memtest", []string{"kernel b.bin []", "kernel memtest []"}},
		{"an image without memdisk", "label a\nkernel b.img\nlabel b\nkernel b.com\nlabel c\nfdimage b.img", []string{"KERNEL b.img", "KERNEL b.com", "FDIMAGE b.img"}},
		{"memdisk with a disk, a CD, and options", "label a\nkernel memdisk\ninitrd d.img\nlabel b\nlinux boot/memdisk\nappend initrd=d.iso raw iso", []string{"file d.img", "file d.iso (raw)"}},
		{"memdisk otherwise", "label a\nkernel memdisk\ninitrd d.iso\nlabel b\nkernel memdisk\ninitrd d.img\nappend iso\nlabel c\nkernel memdisk\ninitrd d.gz\nlabel d\nkernel memdisk", []string{
			"KERNEL memdisk | INITRD d.iso", "KERNEL memdisk | INITRD d.img | APPEND iso", "KERNEL memdisk | INITRD d.gz", "KERNEL memdisk"}},
		{"WDS: the options on either side, letters of either case", "label a\ncom32 pxechn.c32\nappend 10.0.0.1::boot\\x64\\wdsnbp.com -W\nlabel b\nkernel x/pxechn.c32\nappend -W 10.0.0.1::Boot\\x64\\WDSNBP.com", []string{"wds wds", "wds wds"}},
		{"WDS: one colon, slashes, two servers, arguments behind the module", "label a\ncom32 pxechn.c32 10.0.0.1:boot/x86/wdsnbp.com\nlabel b\nkernel pxechain.com\nappend wds.example.org::boot\\x64\\wdsnbp.com", []string{"wds wds", "wds wds-2"}},
		{"another server, which is none of WDS", "label a\ncom32 pxechn.c32\nappend 10.0.0.1::pxelinux.0 -c other\nlabel b\ncom32 pxechn.c32\nappend http://x/nbp.0", []string{
			"COM32 pxechn.c32 | APPEND 10.0.0.1::pxelinux.0 -c other", "COM32 pxechn.c32 | APPEND http://x/nbp.0"}},
		{"a WDS server that no configuration may name", "label a\ncom32 pxechn.c32\nappend a_b!::boot\\wdsnbp.com -W\nlabel b\ncom32 pxechn.c32\nappend 10.0.0.1::boot\\wdsnbp.com -W", []string{
			`COM32 pxechn.c32 | APPEND a_b!::boot\wdsnbp.com -W`, "wds wds"}},
		{"hidden, a heading, a separator, a password", "label a\nmenu hide\nlabel b\nmenu disable\nmenu separator\nlabel linux\nmenu passwd x", []string{"MENU DISABLE", "kernel linux [] locked", "kernel a [] unlisted"}},
		{"submenus, one of them empty, and ways about", "menu begin one\nlabel linux\nmenu begin two\nlabel x\nmenu goto one\nlabel up\nmenu exit\nlabel y\nmenu exit .top\nmenu end\nmenu end\nmenu begin none\nmenu end\nlabel z\nmenu goto nowhere", []string{
			"submenu", "one/kernel linux []", "one/submenu", "two/MENU GOTO one", "two/MENU EXIT .top", "MENU DISABLE"}},
		{"hidden ways about", "menu begin one\nlabel linux\nlabel up\nmenu hide\nmenu exit main\nlabel x\nmenu hide\nmenu exit .top\nmenu end\n", []string{
			"submenu", "one/kernel linux []", "MENU DISABLE unlisted"}},
		{"five submenus deep", strings.Repeat("menu begin\n", 5) + "label linux", []string{"submenu", "entry/submenu", "entry-2/submenu", "entry-3/submenu", "entry-4/kernel linux []"}},
		{"five deep and locked", strings.Repeat("menu begin\n", 4) + "label linux\nmenu begin\nmenu passwd x\nlabel linux", []string{"submenu", "entry/submenu", "entry-2/submenu", "entry-3/submenu", "entry-4/kernel linux []"}},
		{"a menu in another file, and the way back", "ui menu.c32\nlabel a\nkernel menu.c32\nappend g", []string{"submenu", "a/kernel linux []", "a/submenu", "b/kernel x []", "b/MENU EXIT .top"}},
		{"menus in other files with the same colours, and ways back from inside", "label a\nkernel menu.c32\nappend look g\nmenu begin m\nlabel linux\nlabel up\nkernel menu.c32\nappend look default\nmenu begin n\nlabel linux\nlabel top\nkernel menu.c32\nappend look ~\n", []string{
			"submenu", "a/kernel linux []", "a/submenu", "b/kernel x []", "b/MENU EXIT .top", "submenu", "m/kernel linux []", "m/submenu", "n/kernel linux []", "n/MENU EXIT .top"}},
		{"a menu by CONFIG; one that is not there; one that is itself", "label a\nconfig h\nlabel b\nconfig nowhere\nlabel c\nconfig default\nlabel d\nconfig h\nappend dir/", []string{
			"submenu", "a/kernel x []", "a/submenu", "back/kernel linux []", "submenu", "d/kernel dir/x []", "d/submenu", "back-2/kernel linux []"}},
		{"letters that no boot loader takes", "label a\nkernel linux\nappend \xe4", []string(nil)},
		{"DEFAULT is a kernel", "default linux one\nlabel a\nlocalboot 0", []string{"kernel linux [] (one)", "disk"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := convert(tt.file, map[string]string{
				"g":    "label linux\nlabel b\nkernel menu.c32\nappend h\nlabel back\nkernel menu.c32\nappend ~\n",
				"look": "menu color title 1\n",
				"h":    "label x\nlabel back\nkernel menu.c32\nappend g\nlabel top\nkernel menu.c32\n",
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range c.entries {
				got = append(got, became(e))
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got:\n%q\nwant:\n%q\nnotes: %v", got, tt.want, c.notes)
			}
			if len(c.entries) > 0 {
				if _, err := parser.Parse("f", c.toml()); err != nil {
					t.Errorf("%v\n%s", err, c.toml())
				}
			}
		})
	}
}

func TestStart(t *testing.T) {
	const entries = "label a\nkernel linux\nlabel b\nkernel linux\nlabel c\nmenu hide\nkernel linux\nmenu begin m\nlabel d\nkernel linux\nlabel e\nmenu default\nkernel linux\nmenu end\n"
	for _, tt := range []struct{ name, file, preset, timeout string }{
		{"a menu without DEFAULT begins with the first", "ui menu.c32\ntimeout 50\n" + entries, "a", "5s"},
		{"a menu that begins with a heading never times out", "ui menu.c32\ntimeout 50\nlabel x\nmenu disable\n" + entries, "a", "0s"},
		{"a menu that begins with an empty line, and ONTIMEOUT", "ui menu.c32\ntimeout 50\nontimeout b\nmenu separator\n" + entries, "a", "0s"},
		{"a heading, and MENU DEFAULT behind it", "ui menu.c32\ntimeout 50\nlabel x\nmenu disable\nlabel y\nmenu default\n" + entries, "y", "5s"},
		{"DEFAULT in a menu", "ui menu.c32\ndefault b\ntimeout 50\n" + entries, "b", "5s"},
		{"DEFAULT with the menu's program, and MENU DEFAULT", "default vesamenu.c32\ntimeout 600\nlabel x\nlabel y\nmenu default\n", "y", "1m"},
		{"DEFAULT in a submenu", "ui menu.c32\ndefault d\n" + entries, "d", "0s"},
		{"a submenu is the default", "ui menu.c32\nlabel x\nmenu begin m\nmenu default\nlabel d\nlabel e\nmenu default\n", "", "0s"},
		{"a submenu is the default, and its time is up", "ui menu.c32\ntimeout 50\nlabel x\nmenu begin m\nmenu default\nlabel d\n", "", "0s"},
		{"DEFAULT is hidden, a prompt that times out", "default c\nprompt 1\ntimeout 100\n" + entries, "c", "10s"},
		{"ONTIMEOUT", "ui menu.c32\nontimeout b\ntimeout 10\n" + entries, "b", "1s"},
		{"ONTIMEOUT names no entry and no file", "ui menu.c32\nontimeout zz\ntimeout 10\n" + entries, "a", "0s"},
		{"ONTIMEOUT names an entry by other letters", "ui menu.c32\nontimeout B\ntimeout 10\n" + entries, "a", "0s"},
		{"ONTIMEOUT names the first word of a LABEL", "ui menu.c32\nontimeout b\ntimeout 10\nlabel b c\nkernel linux\n", "b", "0s"},
		{"ONTIMEOUT names a LABEL with spaces at its end", "ui menu.c32\nontimeout b\ntimeout 10\nlabel a\nlabel b  \nkernel linux\n", "a", "0s"},
		{"ONTIMEOUT names a hidden entry", "ui menu.c32\nontimeout c\ntimeout 50\n" + entries, "c", "5s"},
		{"ONTIMEOUT names a heading", "ui menu.c32\nontimeout x\ntimeout 50\n" + entries + "label x\nmenu disable\n", "a", "0s"},
		{"ONTIMEOUT names an entry that leads elsewhere", "ui menu.c32\nontimeout x\ntimeout 50\n" + entries + "label x\nmenu goto m\n", "a", "0s"},
		{"ONTIMEOUT is a command line", "ui menu.c32\nontimeout linux initrd=initrd.gz x\ntimeout 50\n" + entries, "linux", "5s"},
		{"ONTIMEOUT is the command line of an entry", "ui menu.c32\nontimeout ::linux  initrd=/initrd.gz x\ntimeout 50\n" + entries +
			"label y\nlinux linux\ninitrd initrd.gz\nappend x\n", "y", "5s"},
		{"ONTIMEOUT is an entry with arguments", "ui menu.c32\nontimeout b x\ntimeout 50\n" + entries, "b-2", "5s"},
		{"ONTIMEOUT is the disk with arguments", "ui menu.c32\nontimeout d x\ntimeout 50\nlabel a\nlabel d\nlocalboot 0\n", "d", "5s"},
		{"ONTIMEOUT shows the menu again", "ui menu.c32\nontimeout vesamenu.c32 other\ntimeout 50\n" + entries, "a", "0s"},
		{"ONTIMEOUT names an entry that shows a menu that another shows too", "ui menu.c32\nontimeout b\ntimeout 50\nlabel c\nkernel menu.c32\nappend x\nlabel b\nkernel menu.c32\nappend x\n", "", "0s"},
		{"ONTIMEOUT starts a module that may ask", "ui menu.c32\nontimeout a.c32\ntimeout 50\n" + entries, "a", "0s"},
		{"ONTIMEOUT starts a module of another server", "ui menu.c32\nontimeout pxechn.c32 10.0.0.1::pxelinux.0\ntimeout 50\n" + entries, "pxechn-c32", "5s"},
		{"ONTIMEOUT without TIMEOUT", "ui menu.c32\nontimeout b\n" + entries, "a", "0s"},
		{"ONTIMEOUT of nothing", "ui menu.c32\nontimeout\ntimeout 50\n" + entries, "a", "0s"},
		{"TIMEOUT and ONTIMEOUT of a submenu", "ui menu.c32\nontimeout b\ntimeout 50\nlabel a\nlabel b\nmenu begin m\ntimeout 10\nontimeout d\nlabel d\nmenu end\n", "b", "5s"},
		{"the submenu that is shown first has its own", "ui menu.c32\nontimeout b\ntimeout 50\nlabel a\nlabel b\nmenu begin m\nmenu start\ntimeout 20\nontimeout d\nlabel d\nmenu end\n", "d", "2s"},
		{"TIMEOUT in an included file, and 0 behind it", "default menu.c32\ninclude t\ntimeout 0\n" + entries, "a", "0s"},
		{"MENU SHIFTKEY", "ui menu.c32\nmenu shiftkey\nontimeout b\n" + entries, "a", "1s"},
		{"MENU SHIFTKEY in front of a heading", "ui menu.c32\nmenu shiftkey\nlabel x\nmenu disable\n" + entries, "a", "0s"},
		{"TOTALTIMEOUT alone", "ui menu.c32\ntotaltimeout 50\n" + entries, "a", "0s"},
		{"the default is locked", "ui menu.c32\ntimeout 50\nlabel a\nmenu passwd x\nkernel linux\n", "a", "0s"},
		{"the menu's program by its name alone", "default menu\nprompt 0\ntimeout 50\nontimeout b\n" + entries, "b", "5s"},
		{"the menu's program by its name alone, in UI and in a folder", "ui boot/vesamenu\ntimeout 50\ndefault b\n" + entries, "b", "5s"},
		{"an entry that is called menu", "default menu\ntimeout 50\n" + entries + "label menu\nkernel linux\nappend z\n", "menu-2", "1s"},
		{"an entry that shows the menu", "default menu\ntimeout 50\nontimeout b\n" + entries + "label menu\nkernel vesamenu.c32\n", "b", "5s"},
		{"another menu program", "ui gfxboot.c32 bootlogo\ndefault a\ntimeout 50\n" + entries, "", "0s"},
		{"another menu program as the default", "default gfxboot.c32 bootlogo\ntimeout 50\n" + entries, "", "0s"},
		{"the default is a menu, a prompt waits before it", "default menu.c32\nprompt 1\n" + entries, "a", "0s"},
		{"the default is a menu, a prompt waits a while before it", "default menu.c32\nprompt 1\ntimeout 50\n" + entries, "a", "5s"},
		{"the default is a menu, and the prompt's time starts something else", "default menu.c32\nprompt 1\ntimeout 50\nontimeout b\n" + entries, "b", "5s"},
		{"no DEFAULT: a prompt", "timeout 50\n" + entries, "", "0s"},
		{"no DEFAULT: a prompt with ONTIMEOUT", "timeout 50\nontimeout b\n" + entries, "b", "5s"},
		{"DEFAULT names no entry and no file", "default zz\n" + entries, "", "0s"},
		{"DEFAULT in a MENU INCLUDE, and a menu", "default menu.c32\nmenu include d\ntimeout 50\n" + entries, "a", "0s"},
		{"DEFAULT in a MENU INCLUDE, and a menu that starts the disk", "default menu.c32\nmenu include d\ntimeout 50\nlabel hd\nlocalboot 0\n" + entries, "hd", "5s"},
		{"DEFAULT in a MENU INCLUDE, and an entry", "default a\nmenu include d\n" + entries, "a", "0s"},
		{"DEFAULT in a MENU INCLUDE alone", "menu include d\n" + entries, "b", "0s"},
		{"DEFAULT of the menu's program in a MENU INCLUDE, too", "default vesamenu.c32\nmenu include m\ntimeout 50\n" + entries, "a", "5s"},
		{"the prompt's time starts an entry that the menu has by another name", "default menu.c32 x\nprompt 1\ntimeout 50\nontimeout b\n" + entries, "x", "5s"},
		{"an entry of a file without its extension", "default menu\ntimeout 50\n" + entries + "label menu\nkernel menu\n", "a", "0s"},
		{"an included file of another server", "ui menu.c32\ninclude http://x/y\ntimeout 50\n" + entries, "a", "0s"},
		{"an included file of another server, and the disk", "ui menu.c32\ninclude http://x/y\ntimeout 50\nlabel hd\nlocalboot 0\n" + entries, "hd", "5s"},
		{"an included file that is missing", "ui menu.c32\ninclude gone\ntimeout 50\n" + entries, "a", "5s"},
		{"the entry of DEFAULT in a MENU INCLUDE", "default x\nmenu include x\n" + entries, "", "0s"},
		{"no menu: DEFAULT starts at once", "default b\n" + entries, "b", "1s"},
		{"no menu, a prompt", "default b\nprompt 1\n" + entries, "b", "0s"},
		{"no menu, a prompt that times out", "default b\nprompt 1\ntimeout 100\n" + entries, "b", "10s"},
		{"too short and too long", "ui menu.c32\ntimeout 1\n" + entries, "a", "1s"},
		{"too long", "ui menu.c32\ntimeout 999999\n" + entries, "a", "59m"},
		{"the default has become no entry", "ui menu.c32\ntimeout 50\nlabel q\nmenu quit\nlabel b\n", "", "0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := convert(tt.file, map[string]string{"t": "timeout 50\n", "d": "default b\n", "m": "default menu\n", "x": "label x\nkernel linux\n"})
			if err != nil {
				t.Fatal(err)
			}
			if got := duration(c.timeout); c.preset != tt.preset || got != tt.timeout {
				t.Errorf("default %q after %s, notes %v", c.preset, got, c.notes)
			}
			if _, err := parser.Parse("f", c.toml()); err != nil {
				t.Errorf("%v\n%s", err, c.toml())
			}
		})
	}
}

func TestMachine(t *testing.T) {
	const general = "ui menu.c32\ndefault b\nlabel a\nkernel linux\nlabel b\nlocalboot 0\nmenu begin m\nlabel c\nkernel linux\nmenu end\n"
	for _, tt := range []struct{ name, file, boot, entries, preset, new string }{
		{"one entry, no menu", "default x\nlabel x\nkernel linux\nappend 1", "x", "", "", "x"},
		{"one entry, no menu, no DEFAULT", "label x\nkernel linux", "menu", "x", "", "x"},
		{"one entry, and a prompt that waits", "default x\nprompt 1\nlabel x\nkernel linux", "menu", "x", "x", "x"},
		{"the disk", "default x\nlabel x\nlocalboot 0", "disk", "", "", "x"},
		{"an entry of the general menu", "default a\nlabel a\nkernel linux", "a", "", "", ""},
		{"several, no menu", "default y\nlabel x\nkernel linux\nlabel y\nkernel linux\nappend 2", "y", "", "", "x y"},
		{"DEFAULT with arguments", "default x more\nlabel x\nkernel linux\nappend 1", "x", "", "", "x"},
		{"the general menu", "include default", "menu", "", "", ""},
		{"the general menu with another default", "include default\ndefault a", "menu", "", "a", ""},
		{"a part of it", "ui menu.c32\nlabel b\nlocalboot 0\nmenu begin m\nlabel c\nkernel linux\nmenu end", "menu", "b m", "", ""},
		{"its own menu", "ui menu.c32\nlabel x\nkernel linux\nlabel a\nkernel linux\nmenu begin m\nlabel y\nkernel linux\n", "menu", "x a m-2 y", "x", "x m-2 y"},
		{"a prompt with several", "default x\nprompt 1\nlabel x\nkernel linux\nlabel a\nkernel linux", "menu", "x a", "x", "x"},
		{"the general menu, and one of its entries once more", "ui menu.c32\ninclude default\nlabel x\nkernel linux\nappend 1\nlabel b\nlocalboot 0", "menu", "a b m x", "", "x"},
		{"DEFAULT in a submenu that all have", "ui menu.c32\ndefault c\nlabel x\nkernel linux\nappend 1\nmenu begin m\nlabel c\nkernel linux\nmenu end", "menu", "x m c", "c", "x"},
		{"the same entry twice", "ui menu.c32\nlabel x\nkernel linux\nlabel x\nkernel linux", "menu", "x", "x", "x"},
		{"DEFAULT is hidden, a prompt", "default x\nprompt 1\nlabel x\nmenu hide\nlocalboot 0\nlabel a\nkernel linux", "menu", "a x", "x", "x"},
		{"DEFAULT is hidden, and in everybody's menu", "default b\nprompt 1\nlabel b\nmenu hide\nlocalboot 0\nlabel a\nkernel linux", "menu", "a b", "", ""},
		{"nothing that an entry could start", "default x\nlabel x\nmenu quit", "", "", "", ""},
		{"nothing at all", "", "", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, cfg, err := convert(general, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := len(c.entries)
			own := func(name string) ([]byte, error) {
				if name == "own" {
					return []byte(tt.file), nil
				}
				return c.read(name)
			}
			m, err := pxelinux.Parse("own", own)
			if err != nil {
				t.Fatal(err)
			}
			c.machine("own", config.Machine{MAC: []string{"52:54:00:00:00:01"}}, cfg, m)
			var added []string
			for _, e := range c.entries[before:] {
				added = append(added, e.Name)
				if !e.Unlisted {
					t.Errorf("entry %q is in everybody's menu", e.Name)
				}
			}
			var got config.Machine
			if len(c.machines) > 0 {
				got = c.machines[0].Machine
			}
			if got.Boot != tt.boot || strings.Join(got.Entries, " ") != tt.entries || got.Default != tt.preset || strings.Join(added, " ") != tt.new {
				t.Errorf("got %+v, new entries %q, notes %v", got, added, c.notes)
			}
			if _, err := parser.Parse("f", c.toml()); err != nil {
				t.Errorf("%v\n%s", err, c.toml())
			}
		})
	}
}

func TestWhose(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"01-52-54-00-12-34-56", "[52:54:00:12:34:56] []"},
		{"01-52-54-00-12-34-5A", ""}, // PXELINUX requests lowercase letters
		{"20-52-54-00-12-34-56", ""}, // the hardware type of InfiniBand
		{"00112233-4455-6677-8899-aabbccddeeff", "[] [33221100-5544-7766-8899-aabbccddeeff]"},
		{"default", ""},
		{"C0A84D10", ""},
	} {
		m, _, ok := whose(tt.name)
		got := ""
		if ok {
			got = fmt.Sprint(m.MAC, m.GUID)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	for name, want := range map[string]string{"C0A84D10": "192.168.77.16", "C0A84D": "192.168.77.0/24", "C": "192.0.0.0/4", "C0A84D1": "192.168.77.16/28"} {
		if got := network(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestName(t *testing.T) {
	c := newConverter()
	for _, tt := range []struct{ in, want string }{
		{"Debian 12", "debian-12"},
		{"debian--12", "debian-12-2"},
		{"^Menu", "menu-2"}, // "menu" is reserved
		{"---", "entry"},
		{"", "entry-2"},
		{"Prüfstand", "pr-fstand"},
		{"Disk", "disk-2"}, // "disk" is the machine's disk
		{strings.Repeat("long ", 10), "long-long-long-long-long-long-lo"},
		{strings.Repeat("long ", 10), "long-long-long-long-long-long-2"},
	} {
		if got := c.name(false, tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	c, _, err := convert("label linux\ntext help\n\n\ta\tb\x82  \n"+strings.Repeat("x", 90)+"\n"+strings.Repeat("y\n", 12)+"endtext\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "        a       bé\n" + strings.Repeat("x", 70) + strings.Repeat("\ny", 8)
	if got := c.entries[0].Help; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if len(c.notes) != 1 || !strings.Contains(c.notes[0].String(), "is cut") {
		t.Errorf("notes %v", c.notes)
	}
}

// Menus in files that lead to each other come to an end.
func TestFileMenusAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   func(from, to int) bool
		lock string // a locked submenu is created again each time
		want string
	}{
		{"each to all", func(int, int) bool { return true }, "menu passwd x\n", "is one entry too many"},
		{"each to all that follow, without an entry in any", func(from, to int) bool { return to > from }, "", "is one menu too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for i := range 16 {
				files[fmt.Sprint(i)] = "menu title m\n"
				if tt.lock != "" {
					files[fmt.Sprint(i)] += strings.Repeat("label linux\n", 16)
				}
				for j := range 16 {
					if tt.to(i, j) {
						files[fmt.Sprint(i)] += fmt.Sprintf("label l\n%skernel menu.c32\nappend %d\n", tt.lock, j)
					}
				}
			}
			c, _, err := convert("label linux\nlabel a\nconfig 0\n", files)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(c.notes, func(n note) bool { return strings.Contains(n.why, tt.want) }) {
				t.Errorf("%d entries, %d menus, and no note says %q", len(c.entries), c.fileMenus, tt.want)
			}
			if _, err := parser.Parse("f", c.toml()); err != nil {
				t.Error(err)
			}
		})
	}
}

// No report and no comment contains a password.
func TestPasswordsStayIn(t *testing.T) {
	c, _, err := convert("menu master passwd hunter2\nlabel linux\nmenu passwd hunter3\nmenu begin m\nmenu passwd hunter4\nlabel linux\nmenu end\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(c.notes) + string(c.toml()); strings.Contains(s, "hunter") {
		t.Error(s)
	}
	if !c.entries[0].Locked || !c.entries[1].Locked {
		t.Errorf("not locked: %+v", c.entries)
	}
}

// Whatever menus a site has, the result is a valid pxebox.toml.
func FuzzConvert(f *testing.F) {
	f.Add("ui menu.c32\nlabel a\nkernel linux\nappend initrd=initrd.gz x\nmenu begin m\ninclude g t\nmenu end", "label b\nkernel menu.c32\nappend h\n", "default a\nlabel a")
	f.Add("label a\nmenu label ^\x82\x01\ntext help\n'''\"\"\"\\\n\tendtext x\nendtext\nkernel pxechn.c32\nappend h::boot\\x\\y -W", "menu end\nmenu goto x", "include default\n")
	f.Add("label a\nlocalboot 0\nmenu passwd\nserial 0\ntimeout 1\nmenu exit\nmenu quit\nmenu hide", "append -\nlabel x\nconfig default", "ui menu.c32\ninclude g x")
	f.Add("label -\nmenu disable\nmenu separator\ndefault x y\nontimeout b\nlabel b\nlinux memdisk\ninitrd a.iso\nappend iso", "", "label x\nlocalboot\nmenu indent 5\nmenu goto .top")
	f.Add("menu begin m\nlabel a\nmenu hide\nmenu exit m\nmenu end\ndefault a\nprompt 1", "", "include default\nlabel a\nmenu hide\nlabel b\nlabel b")
	f.Fuzz(func(t *testing.T, file, g, own string) {
		c, cfg, err := convert(file, map[string]string{"g": g, "h": g + "\n" + own, "own": own})
		if err != nil {
			return
		}
		m, err := pxelinux.Parse("own", c.read)
		if err != nil {
			return
		}
		c.machine("own", config.Machine{MAC: []string{"52:54:00:00:00:01"}}, cfg, m)
		if len(c.entries) == 0 {
			return
		}
		if _, err := parser.Parse("f", c.toml()); err != nil {
			t.Errorf("%v\n%s", err, c.toml())
		}
	})
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{`boot\x64\wdsnbp.com`, "two\nlines", "'''\n\\", "\"\"\"\n\"\"\"\"", "\x00\x7f\u2028", "\nfirst\n", "it's \\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = pxelinux.Decode(s)
		var got struct{ A string }
		if err := toml.Unmarshal([]byte("a = "+quote(s)), &got); err != nil || got.A != s {
			t.Errorf("%q became %s, read as %q (%v)", s, quote(s), got.A, err)
		}
	})
}

func TestCutLabels(t *testing.T) {
	const long = "Clonezilla: restore the image of the computers in room "
	for situation, tt := range map[string]struct{ labels, want []string }{
		"short ones": {[]string{"a", "a"}, []string{"a", "a"}},
		"a long one": {[]string{long + "12 on the second floor"}, []string{"Clonezilla: restore the image of the computers in room.."}},
		"the same text twice": {[]string{long + "12", long + "12"},
			[]string{"Clonezilla: restore the image of the computers in room..", "Clonezilla: restore the image of the computers in room.."}},
		"two that differ at the end": {[]string{long + "12, first disk", long + "12, second disk"},
			[]string{"Clonezilla: restore the image of the comput.. first disk", "Clonezilla: restore the image of the compu.. second disk"}},
		"one that ends where the other goes on": {[]string{long + "12", long + "12 and 13"},
			[]string{"Clonezilla: restore the image of the computers in r.. 12", "Clonezilla: restore the image of the compute.. 12 and 13"}},
		"two that differ in the middle of a long word": {[]string{strings.Repeat("x", 60) + "a", strings.Repeat("x", 60) + "b"},
			[]string{strings.Repeat("x", 54) + "..", strings.Repeat("x", 50) + ".. (2)"}},
		"two pairs, far apart": {[]string{long + "12 " + strings.Repeat("y", 60) + "1", long + "12 " + strings.Repeat("y", 60) + "2", long + "13"},
			[]string{"Clonezilla: restor.. 12 yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy..", "Clonezilla: restor.. 12 yyyyyyyyyyyyyyyyyyyyyyyyyy.. (2)",
				"Clonezilla: restore the image of the computers in r.. 13"}},
	} {
		got := cutLabels(tt.labels)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%q, want\n%q", situation, got, tt.want)
		}
		for _, l := range got {
			if utf8.RuneCountInString(l) > config.MaxLabel {
				t.Errorf("%s: %q is too long", situation, l)
			}
		}
	}
}
