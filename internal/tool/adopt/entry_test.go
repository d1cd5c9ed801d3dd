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
		{name: "Linux by its extension", file: "label a\nkernel linux\nappend x",
			want: []string{"kernel linux [] (x)"}},
		{name: "Linux whatever its extension", file: "label a\nlinux a.c32", want: []string{"kernel a.c32 []"}},
		{name: "a slash in front, backslashes, two colons",
			file: "label a\nkernel /linux\nlabel b\nkernel ::linux\nlabel c\nkernel x\\linux",
			want: []string{"kernel linux []", "kernel linux []", "kernel x/linux []"}},
		{name: "a label that is the kernel", file: "label linux", want: []string{"kernel linux []"}},
		{name: "arguments behind the kernel", file: "label a\nkernel linux one\nappend two",
			want: []string{"kernel linux [] (one two)"}},
		{name: "odd spacing, tabs, and quotes that keep theirs",
			file: "label a\nkernel linux\nappend  a\t b   c\nlabel b\nkernel linux\nappend x=\"a  b\"  c",
			want: []string{"kernel linux [] (a b c)", `kernel linux [] (x="a  b"  c)`}},
		{name: "initrd= in the middle of the arguments",
			file: "label a\nkernel linux\nappend a initrd=initrd.gz,more.gz b",
			want: []string{"kernel linux [initrd.gz more.gz] (a b)"}},
		{name: "initrd= at either end",
			file: "label a\nkernel linux\nappend initrd=initrd.gz b\nlabel b\nkernel linux\nappend b initrd=more.gz",
			want: []string{"kernel linux [initrd.gz] (b)", "kernel linux [more.gz] (b)"}},
		{name: "the last initrd counts, and the directive more",
			file: "label a\nkernel linux\nappend initrd=x initrd=initrd.gz\nlabel b\nkernel linux\nappend initrd=x\n" +
				"initrd initrd.gz", want: []string{"kernel linux [initrd.gz]", "kernel linux [initrd.gz]"}},
		{name: "an argument that only ends in initrd=", file: "label a\nkernel linux\nappend noinitrd=1",
			want: []string{"kernel linux [] (noinitrd=1)"}},
		{name: "arguments that tell of the machine",
			file: "label a\nkernel linux\nappend initrd=initrd.gz x\nsysappend 3",
			want: []string{"KERNEL linux | APPEND initrd=initrd.gz x | SYSAPPEND 0x3"}},
		{name: "a kernel of another server, an initrd of one",
			file: "label a\nkernel 10.0.0.1::linux\nlabel b\nkernel linux\ninitrd http://x/i",
			want: []string{"KERNEL 10.0.0.1::linux", "KERNEL linux | INITRD http://x/i"}},
		{name: "a name that a boot file cannot have", file: "label a\nkernel .hidden",
			want: []string{"KERNEL .hidden"}},
		{name: "outside of the folder", file: "label a\nkernel ../linux", want: []string{"KERNEL ../linux"}},
		{name: "the disk, its name, and another",
			file: "label linux\nkernel linux\nlabel hd\nlocalboot 0\nlabel hd2\nlocalboot -1",
			want: []string{"kernel linux []", "disk", "disk"}},
		{name: "a module, and bundled ones wherever they were",
			file: "label a\ncom32 a.c32\nlabel b\nkernel mods/Reboot.c32\nlabel c\nkernel x/chain.c32\nappend hd0 1",
			want: []string{"file a.c32", "COM32 reboot.c32; GRUB: reboot", "file chain.c32 (hd0 1)"}},
		{name: "a module of another extension", file: "label a\ncom32 linux", want: []string{"COM32 linux"}},
		{name: "a boot program by its extension and by its keyword",
			file: "label a\nkernel b.0\nlabel b\npxe b.kpxe\nlabel c\npxe b.bin",
			want: []string{"file b.0", "file b.kpxe", "PXE b.bin"}},
		{name: "boot sectors",
			file: "label a\nkernel b.bin\nlabel b\nkernel b.bss\nlabel c\nboot b.bin\nlabel d\nkernel b.bs",
			want: []string{"KERNEL b.bin", "file b.bss", "BOOT b.bin", "file b.bs"}},
		{name: "a memory test", file: "label a\nlinux b.bin\nlabel b\nkernel memtest",
			want: []string{"kernel b.bin []", "kernel memtest []"}},
		{name: "an image without memdisk", file: "label a\nkernel b.img\nlabel b\nkernel b.com\nlabel c\nfdimage b.img",
			want: []string{"KERNEL b.img", "KERNEL b.com", "FDIMAGE b.img"}},
		{name: "memdisk with a disk, a CD, and options",
			file: "label a\nkernel memdisk\ninitrd d.img\nlabel b\nlinux boot/memdisk\nappend initrd=d.iso raw iso",
			want: []string{"file d.img", "file d.iso (raw)"}},
		{name: "memdisk otherwise",
			file: "label a\nkernel memdisk\ninitrd d.iso\nlabel b\nkernel memdisk\ninitrd d.img\nappend iso\n" +
				"label c\nkernel memdisk\ninitrd d.gz\nlabel d\nkernel memdisk", want: []string{
				"KERNEL memdisk | INITRD d.iso", "KERNEL memdisk | INITRD d.img | APPEND iso",
				"KERNEL memdisk | INITRD d.gz", "KERNEL memdisk"}},
		{name: "WDS: the options on either side, letters of either case",
			file: "label a\ncom32 pxechn.c32\nappend 10.0.0.1::boot\\x64\\wdsnbp.com -W\nlabel b\n" +
				"kernel x/pxechn.c32\nappend -W 10.0.0.1::Boot\\x64\\WDSNBP.com", want: []string{"wds wds", "wds wds"}},
		{name: "WDS: one colon, slashes, two servers, arguments behind the module",
			file: "label a\ncom32 pxechn.c32 10.0.0.1:boot/x86/wdsnbp.com\nlabel b\nkernel pxechain.com\n" +
				"append wds.example.org::boot\\x64\\wdsnbp.com", want: []string{"wds wds", "wds wds-2"}},
		{name: "another server, which is none of WDS",
			file: "label a\ncom32 pxechn.c32\nappend 10.0.0.1::pxelinux.0 -c other\nlabel b\ncom32 pxechn.c32\n" +
				"append http://x/nbp.0", want: []string{
				"COM32 pxechn.c32 | APPEND 10.0.0.1::pxelinux.0 -c other", "COM32 pxechn.c32 | APPEND http://x/nbp.0"}},
		{name: "a WDS server that no configuration may name",
			file: "label a\ncom32 pxechn.c32\nappend a_b!::boot\\wdsnbp.com -W\nlabel b\ncom32 pxechn.c32\n" +
				"append 10.0.0.1::boot\\wdsnbp.com -W", want: []string{
				`COM32 pxechn.c32 | APPEND a_b!::boot\wdsnbp.com -W`, "wds wds"}},
		{name: "hidden, a heading, a separator, a password",
			file: "label a\nmenu hide\nlabel b\nmenu disable\nmenu separator\nlabel linux\nmenu passwd x",
			want: []string{"MENU DISABLE", "kernel linux [] locked", "kernel a [] unlisted"}},
		{name: "submenus, one of them empty, and ways about",
			file: "menu begin one\nlabel linux\nmenu begin two\nlabel x\nmenu goto one\nlabel up\nmenu exit\n" +
				"label y\nmenu exit .top\nmenu end\nmenu end\nmenu begin none\nmenu end\nlabel z\nmenu goto nowhere",
			want: []string{
				"submenu", "one/kernel linux []", "one/submenu", "two/MENU GOTO one", "two/MENU EXIT .top",
				"MENU DISABLE"}},
		{name: "hidden ways about",
			file: "menu begin one\nlabel linux\nlabel up\nmenu hide\nmenu exit main\nlabel x\nmenu hide\n" +
				"menu exit .top\nmenu end\n", want: []string{
				"submenu", "one/kernel linux []", "MENU DISABLE unlisted"}},
		{name: "five submenus deep", file: strings.Repeat("menu begin\n", 5) + "label linux",
			want: []string{"submenu", "entry/submenu", "entry-2/submenu", "entry-3/submenu",
				"entry-4/kernel linux []"}},
		{name: "five deep and locked", file: strings.Repeat("menu begin\n",
			4) + "label linux\nmenu begin\nmenu passwd x\nlabel linux",
			want: []string{"submenu", "entry/submenu", "entry-2/submenu", "entry-3/submenu",
				"entry-4/kernel linux []"}},
		{name: "a menu in another file, and the way back", file: "ui menu.c32\nlabel a\nkernel menu.c32\nappend g",
			want: []string{"submenu", "a/kernel linux []", "a/submenu", "b/kernel x []", "b/MENU EXIT .top"}},
		{name: "menus in other files with the same colours, and ways back from inside",
			file: "label a\nkernel menu.c32\nappend look g\nmenu begin m\nlabel linux\nlabel up\nkernel menu.c32\n" +
				"append look default\nmenu begin n\nlabel linux\nlabel top\nkernel menu.c32\nappend look ~\n",
			want: []string{
				"submenu", "a/kernel linux []", "a/submenu", "b/kernel x []", "b/MENU EXIT .top", "submenu",
				"m/kernel linux []", "m/submenu", "n/kernel linux []", "n/MENU EXIT .top"}},
		{name: "a menu by CONFIG; one that is not there; one that is itself",
			file: "label a\nconfig h\nlabel b\nconfig nowhere\nlabel c\nconfig default\nlabel d\nconfig h\nappend dir/",
			want: []string{
				"submenu", "a/kernel x []", "a/submenu", "back/kernel linux []", "submenu", "d/kernel dir/x []",
				"d/submenu", "back-2/kernel linux []"}},
		{name: "letters that no boot loader takes", file: "label a\nkernel linux\nappend \xe4", want: []string(nil)},
		{name: "DEFAULT is a kernel", file: "default linux one\nlabel a\nlocalboot 0",
			want: []string{"kernel linux [] (one)", "disk"}},
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
	const entries = "label a\nkernel linux\nlabel b\nkernel linux\nlabel c\nmenu hide\nkernel linux\nmenu begin m\n" +
		"label d\nkernel linux\nlabel e\nmenu default\nkernel linux\nmenu end\n"
	for _, tt := range []struct{ name, file, preset, timeout string }{
		{name: "a menu without DEFAULT begins with the first", file: "ui menu.c32\ntimeout 50\n" + entries,
			preset: "a", timeout: "5s"},
		{name: "a menu that begins with a heading never times out",
			file: "ui menu.c32\ntimeout 50\nlabel x\nmenu disable\n" + entries, preset: "a", timeout: "0s"},
		{name: "a menu that begins with an empty line, and ONTIMEOUT",
			file: "ui menu.c32\ntimeout 50\nontimeout b\nmenu separator\n" + entries, preset: "a", timeout: "0s"},
		{name: "a heading, and MENU DEFAULT behind it",
			file:   "ui menu.c32\ntimeout 50\nlabel x\nmenu disable\nlabel y\nmenu default\n" + entries,
			preset: "y", timeout: "5s"},
		{name: "DEFAULT in a menu", file: "ui menu.c32\ndefault b\ntimeout 50\n" + entries, preset: "b", timeout: "5s"},
		{name: "DEFAULT with the menu's program, and MENU DEFAULT",
			file: "default vesamenu.c32\ntimeout 600\nlabel x\nlabel y\nmenu default\n", preset: "y", timeout: "1m"},
		{name: "DEFAULT in a submenu", file: "ui menu.c32\ndefault d\n" + entries, preset: "d", timeout: "0s"},
		{name: "a submenu is the default",
			file: "ui menu.c32\nlabel x\nmenu begin m\nmenu default\nlabel d\nlabel e\nmenu default\n", timeout: "0s"},
		{name: "a submenu is the default, and its time is up",
			file: "ui menu.c32\ntimeout 50\nlabel x\nmenu begin m\nmenu default\nlabel d\n", timeout: "0s"},
		{name: "DEFAULT is hidden, a prompt that times out", file: "default c\nprompt 1\ntimeout 100\n" + entries,
			preset: "c", timeout: "10s"},
		{name: "ONTIMEOUT", file: "ui menu.c32\nontimeout b\ntimeout 10\n" + entries, preset: "b", timeout: "1s"},
		{name: "ONTIMEOUT names no entry and no file", file: "ui menu.c32\nontimeout zz\ntimeout 10\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT names an entry by other letters", file: "ui menu.c32\nontimeout B\ntimeout 10\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT names the first word of a LABEL",
			file: "ui menu.c32\nontimeout b\ntimeout 10\nlabel b c\nkernel linux\n", preset: "b", timeout: "0s"},
		{name: "ONTIMEOUT names a LABEL with spaces at its end",
			file:   "ui menu.c32\nontimeout b\ntimeout 10\nlabel a\nlabel b  \nkernel linux\n",
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT names a hidden entry", file: "ui menu.c32\nontimeout c\ntimeout 50\n" + entries,
			preset: "c", timeout: "5s"},
		{name: "ONTIMEOUT names a heading",
			file:   "ui menu.c32\nontimeout x\ntimeout 50\n" + entries + "label x\nmenu disable\n",
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT names an entry that leads elsewhere",
			file:   "ui menu.c32\nontimeout x\ntimeout 50\n" + entries + "label x\nmenu goto m\n",
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT is a command line",
			file:   "ui menu.c32\nontimeout linux initrd=initrd.gz x\ntimeout 50\n" + entries,
			preset: "linux", timeout: "5s"},
		{name: "ONTIMEOUT is the command line of an entry",
			file: "ui menu.c32\nontimeout ::linux  initrd=/initrd.gz x\ntimeout 50\n" + entries +
				"label y\nlinux linux\ninitrd initrd.gz\nappend x\n", preset: "y", timeout: "5s"},
		{name: "ONTIMEOUT is an entry with arguments", file: "ui menu.c32\nontimeout b x\ntimeout 50\n" + entries,
			preset: "b-2", timeout: "5s"},
		{name: "ONTIMEOUT is the disk with arguments",
			file:   "ui menu.c32\nontimeout d x\ntimeout 50\nlabel a\nlabel d\nlocalboot 0\n",
			preset: "d", timeout: "5s"},
		{name: "ONTIMEOUT shows the menu again",
			file: "ui menu.c32\nontimeout vesamenu.c32 other\ntimeout 50\n" + entries, preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT names an entry that shows a menu that another shows too",
			file: "ui menu.c32\nontimeout b\ntimeout 50\nlabel c\nkernel menu.c32\nappend x\nlabel b\n" +
				"kernel menu.c32\nappend x\n", timeout: "0s"},
		{name: "ONTIMEOUT starts a module that may ask", file: "ui menu.c32\nontimeout a.c32\ntimeout 50\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT starts a module of another server",
			file:   "ui menu.c32\nontimeout pxechn.c32 10.0.0.1::pxelinux.0\ntimeout 50\n" + entries,
			preset: "pxechn-c32", timeout: "5s"},
		{name: "ONTIMEOUT without TIMEOUT", file: "ui menu.c32\nontimeout b\n" + entries, preset: "a", timeout: "0s"},
		{name: "ONTIMEOUT of nothing", file: "ui menu.c32\nontimeout\ntimeout 50\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "TIMEOUT and ONTIMEOUT of a submenu",
			file: "ui menu.c32\nontimeout b\ntimeout 50\nlabel a\nlabel b\nmenu begin m\ntimeout 10\nontimeout d\n" +
				"label d\nmenu end\n", preset: "b", timeout: "5s"},
		{name: "the submenu that is shown first has its own",
			file: "ui menu.c32\nontimeout b\ntimeout 50\nlabel a\nlabel b\nmenu begin m\nmenu start\ntimeout 20\n" +
				"ontimeout d\nlabel d\nmenu end\n", preset: "d", timeout: "2s"},
		{name: "TIMEOUT in an included file, and 0 behind it",
			file: "default menu.c32\ninclude t\ntimeout 0\n" + entries, preset: "a", timeout: "0s"},
		{name: "MENU SHIFTKEY", file: "ui menu.c32\nmenu shiftkey\nontimeout b\n" + entries,
			preset: "a", timeout: "1s"},
		{name: "MENU SHIFTKEY in front of a heading",
			file: "ui menu.c32\nmenu shiftkey\nlabel x\nmenu disable\n" + entries, preset: "a", timeout: "0s"},
		{name: "TOTALTIMEOUT alone", file: "ui menu.c32\ntotaltimeout 50\n" + entries, preset: "a", timeout: "0s"},
		{name: "the default is locked", file: "ui menu.c32\ntimeout 50\nlabel a\nmenu passwd x\nkernel linux\n",
			preset: "a", timeout: "0s"},
		{name: "the menu's program by its name alone",
			file: "default menu\nprompt 0\ntimeout 50\nontimeout b\n" + entries, preset: "b", timeout: "5s"},
		{name: "the menu's program by its name alone, in UI and in a folder",
			file: "ui boot/vesamenu\ntimeout 50\ndefault b\n" + entries, preset: "b", timeout: "5s"},
		{name: "an entry that is called menu",
			file:   "default menu\ntimeout 50\n" + entries + "label menu\nkernel linux\nappend z\n",
			preset: "menu-2", timeout: "1s"},
		{name: "an entry that shows the menu",
			file:   "default menu\ntimeout 50\nontimeout b\n" + entries + "label menu\nkernel vesamenu.c32\n",
			preset: "b", timeout: "5s"},
		{name: "another menu program", file: "ui gfxboot.c32 bootlogo\ndefault a\ntimeout 50\n" + entries,
			timeout: "0s"},
		{name: "another menu program as the default",
			file: "default gfxboot.c32 bootlogo\ntimeout 50\n" + entries, timeout: "0s"},
		{name: "the default is a menu, a prompt waits before it", file: "default menu.c32\nprompt 1\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "the default is a menu, a prompt waits a while before it",
			file: "default menu.c32\nprompt 1\ntimeout 50\n" + entries, preset: "a", timeout: "5s"},
		{name: "the default is a menu, and the prompt's time starts something else",
			file: "default menu.c32\nprompt 1\ntimeout 50\nontimeout b\n" + entries, preset: "b", timeout: "5s"},
		{name: "no DEFAULT: a prompt", file: "timeout 50\n" + entries, timeout: "0s"},
		{name: "no DEFAULT: a prompt with ONTIMEOUT", file: "timeout 50\nontimeout b\n" + entries,
			preset: "b", timeout: "5s"},
		{name: "DEFAULT names no entry and no file", file: "default zz\n" + entries, timeout: "0s"},
		{name: "DEFAULT in a MENU INCLUDE, and a menu",
			file: "default menu.c32\nmenu include d\ntimeout 50\n" + entries, preset: "a", timeout: "0s"},
		{name: "DEFAULT in a MENU INCLUDE, and a menu that starts the disk",
			file:   "default menu.c32\nmenu include d\ntimeout 50\nlabel hd\nlocalboot 0\n" + entries,
			preset: "hd", timeout: "5s"},
		{name: "DEFAULT in a MENU INCLUDE, and an entry", file: "default a\nmenu include d\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "DEFAULT in a MENU INCLUDE alone", file: "menu include d\n" + entries, preset: "b", timeout: "0s"},
		{name: "DEFAULT of the menu's program in a MENU INCLUDE, too",
			file: "default vesamenu.c32\nmenu include m\ntimeout 50\n" + entries, preset: "a", timeout: "5s"},
		{name: "the prompt's time starts an entry that the menu has by another name",
			file: "default menu.c32 x\nprompt 1\ntimeout 50\nontimeout b\n" + entries, preset: "x", timeout: "5s"},
		{name: "an entry of a file without its extension",
			file: "default menu\ntimeout 50\n" + entries + "label menu\nkernel menu\n", preset: "a", timeout: "0s"},
		{name: "an included file of another server", file: "ui menu.c32\ninclude http://x/y\ntimeout 50\n" + entries,
			preset: "a", timeout: "0s"},
		{name: "an included file of another server, and the disk",
			file:   "ui menu.c32\ninclude http://x/y\ntimeout 50\nlabel hd\nlocalboot 0\n" + entries,
			preset: "hd", timeout: "5s"},
		{name: "an included file that is missing", file: "ui menu.c32\ninclude gone\ntimeout 50\n" + entries,
			preset: "a", timeout: "5s"},
		{name: "the entry of DEFAULT in a MENU INCLUDE", file: "default x\nmenu include x\n" + entries, timeout: "0s"},
		{name: "no menu: DEFAULT starts at once", file: "default b\n" + entries, preset: "b", timeout: "1s"},
		{name: "no menu, a prompt", file: "default b\nprompt 1\n" + entries, preset: "b", timeout: "0s"},
		{name: "no menu, a prompt that times out", file: "default b\nprompt 1\ntimeout 100\n" + entries, preset: "b",
			timeout: "10s"},
		{name: "too short and too long", file: "ui menu.c32\ntimeout 1\n" + entries, preset: "a", timeout: "1s"},
		{name: "too long", file: "ui menu.c32\ntimeout 999999\n" + entries, preset: "a", timeout: "59m"},
		{name: "the default has become no entry",
			file: "ui menu.c32\ntimeout 50\nlabel q\nmenu quit\nlabel b\n", timeout: "0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := convert(tt.file, map[string]string{"t": "timeout 50\n", "d": "default b\n",
				"m": "default menu\n", "x": "label x\nkernel linux\n"})
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
	const general = "ui menu.c32\ndefault b\nlabel a\nkernel linux\nlabel b\nlocalboot 0\nmenu begin m\nlabel c\n" +
		"kernel linux\nmenu end\n"
	for _, tt := range []struct{ name, file, boot, entries, preset, new string }{
		{name: "one entry, no menu", file: "default x\nlabel x\nkernel linux\nappend 1", boot: "x", new: "x"},
		{name: "one entry, no menu, no DEFAULT", file: "label x\nkernel linux", boot: "menu", entries: "x", new: "x"},
		{name: "one entry, and a prompt that waits", file: "default x\nprompt 1\nlabel x\nkernel linux", boot: "menu",
			entries: "x", preset: "x", new: "x"},
		{name: "the disk", file: "default x\nlabel x\nlocalboot 0", boot: "disk", new: "x"},
		{name: "an entry of the general menu", file: "default a\nlabel a\nkernel linux", boot: "a"},
		{name: "several, no menu", file: "default y\nlabel x\nkernel linux\nlabel y\nkernel linux\nappend 2",
			boot: "y", new: "x y"},
		{name: "DEFAULT with arguments", file: "default x more\nlabel x\nkernel linux\nappend 1", boot: "x", new: "x"},
		{name: "the general menu", file: "include default", boot: "menu"},
		{name: "the general menu with another default", file: "include default\ndefault a", boot: "menu", preset: "a"},
		{name: "a part of it", file: "ui menu.c32\nlabel b\nlocalboot 0\nmenu begin m\nlabel c\nkernel linux\nmenu end",
			boot: "menu", entries: "b m"},
		{name: "its own menu",
			file: "ui menu.c32\nlabel x\nkernel linux\nlabel a\nkernel linux\nmenu begin m\nlabel y\nkernel linux\n",
			boot: "menu", entries: "x a m-2 y", preset: "x", new: "x m-2 y"},
		{name: "a prompt with several", file: "default x\nprompt 1\nlabel x\nkernel linux\nlabel a\nkernel linux",
			boot: "menu", entries: "x a", preset: "x", new: "x"},
		{name: "the general menu, and one of its entries once more",
			file: "ui menu.c32\ninclude default\nlabel x\nkernel linux\nappend 1\nlabel b\nlocalboot 0", boot: "menu",
			entries: "a b m x", new: "x"},
		{name: "DEFAULT in a submenu that all have",
			file: "ui menu.c32\ndefault c\nlabel x\nkernel linux\nappend 1\nmenu begin m\nlabel c\nkernel linux\n" +
				"menu end", boot: "menu", entries: "x m c", preset: "c", new: "x"},
		{name: "the same entry twice", file: "ui menu.c32\nlabel x\nkernel linux\nlabel x\nkernel linux", boot: "menu",
			entries: "x", preset: "x", new: "x"},
		{name: "DEFAULT is hidden, a prompt",
			file: "default x\nprompt 1\nlabel x\nmenu hide\nlocalboot 0\nlabel a\nkernel linux", boot: "menu",
			entries: "a x", preset: "x", new: "x"},
		{name: "DEFAULT is hidden, and in everybody's menu",
			file: "default b\nprompt 1\nlabel b\nmenu hide\nlocalboot 0\nlabel a\nkernel linux", boot: "menu",
			entries: "a b"},
		{name: "nothing that an entry could start", file: "default x\nlabel x\nmenu quit"},
		{name: "nothing at all"},
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
			if got.Boot != tt.boot || strings.Join(got.Entries, " ") != tt.entries || got.Default != tt.preset ||
				strings.Join(added, " ") != tt.new {
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
	for name, want := range map[string]string{"C0A84D10": "192.168.77.16", "C0A84D": "192.168.77.0/24",
		"C": "192.0.0.0/4", "C0A84D1": "192.168.77.16/28"} {
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
	c, _, err := convert("label linux\ntext help\n\n\ta\tb\x82  \n"+strings.Repeat("x", 90)+"\n"+
		strings.Repeat("y\n", 12)+"endtext\n", nil)
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
		{name: "each to all", to: func(int, int) bool { return true }, lock: "menu passwd x\n",
			want: "is one entry too many"},
		{name: "each to all that follow, without an entry in any", to: func(from, to int) bool { return to > from },
			want: "is one menu too many"},
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
	c, _, err := convert("menu master passwd hunter2\nlabel linux\nmenu passwd hunter3\nmenu begin m\n"+
		"menu passwd hunter4\nlabel linux\nmenu end\n", nil)
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
	f.Add("ui menu.c32\nlabel a\nkernel linux\nappend initrd=initrd.gz x\nmenu begin m\ninclude g t\nmenu end",
		"label b\nkernel menu.c32\nappend h\n", "default a\nlabel a")
	f.Add("label a\nmenu label ^\x82\x01\ntext help\n'''\"\"\"\\\n\tendtext x\nendtext\nkernel pxechn.c32\n"+
		"append h::boot\\x\\y -W", "menu end\nmenu goto x", "include default\n")
	f.Add("label a\nlocalboot 0\nmenu passwd\nserial 0\ntimeout 1\nmenu exit\nmenu quit\nmenu hide",
		"append -\nlabel x\nconfig default", "ui menu.c32\ninclude g x")
	f.Add("label -\nmenu disable\nmenu separator\ndefault x y\nontimeout b\nlabel b\nlinux memdisk\ninitrd a.iso\n"+
		"append iso", "", "label x\nlocalboot\nmenu indent 5\nmenu goto .top")
	f.Add("menu begin m\nlabel a\nmenu hide\nmenu exit m\nmenu end\ndefault a\nprompt 1", "",
		"include default\nlabel a\nmenu hide\nlabel b\nlabel b")
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
	for _, s := range []string{`boot\x64\wdsnbp.com`, "two\nlines", "'''\n\\", "\"\"\"\n\"\"\"\"", "\x00\x7f\u2028",
		"\nfirst\n", "it's \\"} {
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
		"a long one": {[]string{long + "12 on the second floor"},
			[]string{"Clonezilla: restore the image of the computers in room.."}},
		"the same text twice": {[]string{long + "12", long + "12"},
			[]string{"Clonezilla: restore the image of the computers in room..",
				"Clonezilla: restore the image of the computers in room.."}},
		"two that differ at the end": {[]string{long + "12, first disk", long + "12, second disk"},
			[]string{"Clonezilla: restore the image of the comput.. first disk",
				"Clonezilla: restore the image of the compu.. second disk"}},
		"one that ends where the other goes on": {[]string{long + "12", long + "12 and 13"},
			[]string{"Clonezilla: restore the image of the computers in r.. 12",
				"Clonezilla: restore the image of the compute.. 12 and 13"}},
		"two that differ in the middle of a long word": {[]string{strings.Repeat("x", 60) + "a",
			strings.Repeat("x", 60) + "b"},
			[]string{strings.Repeat("x", 54) + "..", strings.Repeat("x", 50) + ".. (2)"}},
		"two pairs, far apart": {[]string{long + "12 " + strings.Repeat("y", 60) + "1",
			long + "12 " + strings.Repeat("y", 60) + "2", long + "13"},
			[]string{"Clonezilla: restor.. 12 yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy..",
				"Clonezilla: restor.. 12 yyyyyyyyyyyyyyyyyyyyyyyyyy.. (2)",
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
