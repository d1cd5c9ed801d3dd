package adopt

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// In menus that lead to each other, each entry exists once, in the menu that it
// is in.
func TestMenusThatLeadToEachOther(t *testing.T) {
	for _, tt := range []struct {
		situation string
		files     map[string]string
		want      []string // what each entry became
		note      string   // "" for none
	}{
		{situation: "ways back by other spellings", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel t\nkernel menu.c32\nappend pxelinux.cfg/tools\n",
			"pxelinux.cfg/tools": "label k\nkernel k\nlabel a\nkernel menu.c32\nappend /pxelinux.cfg/default\n" +
				"label b\nkernel menu.c32\n" +
				"append ::pxelinux.cfg//default\nlabel c\nconfig ./pxelinux.cfg/../pxelinux.cfg/default\nlabel d\n" +
				"com32 vesamenu\nappend pxelinux.cfg\\default\n" +
				"label e\nconfig /tftpboot/pxelinux.cfg/default\nlabel f\nconfig pxelinux.cfg/tools\n",
		}, want: []string{"submenu", "t/kernel k []"}, note: "lead back: each submenu gets an entry for that"},
		{situation: "a way back by a link", files: map[string]string{
			"pxelinux.cfg/default": "->../boot/main.cfg",
			"boot/main.cfg":        "ui menu.c32\nlabel t\nconfig boot/t.cfg\n",
			"boot/t.cfg":           "ui menu.c32\nlabel k\nkernel k\nlabel m\nconfig boot/main.cfg\n",
		}, want: []string{"submenu", "t/kernel k []"}, note: "leads back"},
		{situation: "one file from several places", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel a\nkernel menu.c32\nappend a.cfg\nlabel b\nkernel menu.c32\n" +
				"append look b.cfg\nlabel c\nconfig /a.cfg\n",
			"a.cfg": "label tools\nkernel menu.c32\nappend t.cfg\nlabel k\nkernel k\n",
			"b.cfg": "label tools\nkernel menu.c32\nappend ./t.cfg\n",
			"t.cfg": "ui menu.c32\nlabel k2\nkernel k\nlabel a\nkernel menu.c32\nappend a.cfg\n",
		}, want: []string{"submenu", "a/submenu", "tools/kernel k []", "a/kernel k []", "submenu", "b/MENU GOTO tools",
			"MENU GOTO a"},
			note: `leads to the submenu "tools", which has the same file: a menu on UEFI shows it there only`},
		{situation: "one file from two places, of which one is locked", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel a\nmenu passwd x\nkernel menu.c32\nappend t.cfg\nlabel b\n" +
				"kernel menu.c32\nappend t.cfg\n",
			"t.cfg": "label k\nkernel k\n",
		}, want: []string{"submenu locked", "a/kernel k []", "submenu", "b/kernel k []"}},
		{situation: "CONFIG with a folder", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel d\nconfig ::d/12/pxelinux.cfg/default ::d/12/\n" +
				"label e\nconfig d/12/pxelinux.cfg/default\nappend d/12\n",
			"d/12/pxelinux.cfg/default": "default boot/vesamenu.c32\ninclude boot/menu.cfg\n",
			"d/12/boot/menu.cfg": "label k\nkernel linux\nappend initrd=/gz\nlabel b\n" +
				"config pxelinux.cfg/default\nlabel o\nkernel ::d/12/linux\nlabel up\nconfig ::pxelinux.cfg/default\n",
			"d/12/linux":                    "x",
			"d/12/gz":                       "x",
			"linux":                         "another",
			"pxelinux.cfg/boot/unused.file": "x",
		}, want: []string{"submenu", "d/kernel d/12/linux [d/12/gz]", "d/kernel d/12/linux []", "MENU GOTO d"},
			note: "which has the same file"},
		{situation: "a CONFIG with a folder inside of another", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel d\nconfig d/c d\n",
			"d/c":                  "ui menu.c32\nlabel k\nkernel k\nlabel e\nconfig e/c e\nlabel f\nconfig ::f/c ::f\n",
			"d/e/c":                "ui menu.c32\nlabel k\nkernel k\n",
			"f/c":                  "ui menu.c32\nlabel k\nkernel k\n",
			"d/k":                  "x",
			"d/e/k":                "x",
			"f/k":                  "x",
		}, want: []string{"submenu", "d/kernel d/k []", "d/submenu", "e/kernel d/e/k []", "d/submenu",
			"f/kernel f/k []"}},
		{situation: "CONFIGs that lead ever deeper", files: map[string]string{
			"pxelinux.cfg/default": "ui menu.c32\nlabel k\nkernel k\nlabel a\nconfig a d\nlabel b\nconfig b d\n",
			"a":                    "ui menu.c32\nlabel k\nkernel k\nlabel b\nconfig b d\n",
			"b":                    "ui menu.c32\nlabel k\nkernel k\nlabel a\nconfig a d\nlabel c\nconfig gone d\n",
			"d/k":                  "x",
		}, want: []string{"kernel k []", "submenu", "a/kernel d/k []", "a/submenu", "b/kernel k []", "submenu",
			"b-2/kernel d/k []", "b-2/submenu",
			"a-2/kernel k []"}},
		{situation: "CONFIG shows help at the prompt", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32\ninclude m.cfg\n",
			"m.cfg":                "label k\nkernel k\nlabel help\nconfig p.cfg\n",
			"p.cfg": "prompt 1\ndisplay f1\ntimeout 0\ninclude m.cfg\nlabel menu\nkernel menu.c32\n" +
				"config pxelinux.cfg/default\n",
		}, want: []string{"kernel k []"}, note: "is left out: it shows help at the boot: prompt, not a menu"},
		{situation: "CONFIG shows a prompt with its own entries", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32\nlabel k\nkernel k\nlabel help\nconfig p.cfg\n",
			"p.cfg":                "prompt 1\nlabel k\nkernel k\nlabel more\nkernel k\nappend more\n",
		}, want: []string{"kernel k []", "submenu", "help/kernel k []", "help/kernel k [] (more)"}},
		{situation: "CONFIG starts an entry", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32\nlabel k\nmenu label ^Install\nconfig i.cfg\n",
			"i.cfg":                "default i more\nlabel h\nlocalboot 0\nlabel i\nkernel k\nappend initrd=gz\n",
		}, want: []string{"kernel k [gz] (more)"}},
		{situation: "CONFIG shows a menu of another file", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32\nlabel o\nconfig o.cfg\n",
			"o.cfg":                "default menu.c32 m.cfg\nlabel not\nkernel shown\n",
			"m.cfg":                "label k\nkernel k\n",
		}, want: []string{"submenu", "o/kernel k []"}},
		{situation: "CONFIG leads from one to the other without an end", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32\nlabel k\nkernel k\nlabel a\nconfig a.cfg\n",
			"a.cfg":                "default b\nlabel b\nconfig b.cfg\n",
			"b.cfg":                "default a\nlabel a\nconfig a.cfg\n",
		}, want: []string{"kernel k []"}},
		{situation: "the menu's program with a file that is the main one", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32 /pxelinux.cfg/default\nlabel k\nkernel k\n",
		}, want: []string{"kernel k []"}},
		{situation: "the menu's program with several files, and the main one among them", files: map[string]string{
			"pxelinux.cfg/default": "default menu.c32 look ~\nlabel k\nkernel k\nlabel m\nkernel menu.c32\n",
			"look":                 "menu title Title\n",
		}, want: []string{"kernel k []"}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			for _, name := range []string{"k", "gz", "look"} {
				if _, ok := tt.files[name]; !ok {
					tt.files[name] = "# nothing\n"
				}
			}
			var out bytes.Buffer
			into := t.TempDir()
			if err := Run(write(t, tt.files), into, &out); err != nil {
				t.Fatal(err, out.String())
			}
			c := parse(t, filepath.Join(into, "pxebox.toml"))
			var got []string
			for _, e := range c.Entries {
				got = append(got, became(entry{Entry: e}))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%q\nwant:\n%q", got, tt.want)
			}
			if !strings.Contains(out.String(), tt.note) || strings.Contains(out.String(), "is not copied") {
				t.Errorf("the notes:\n%s", &out)
			}
		})
	}
}

// A machine's menu does not lead to a submenu that it lacks.
func TestMachineMenuHasWhereItLeads(t *testing.T) {
	into := t.TempDir()
	err := Run(write(t, map[string]string{
		"pxelinux.cfg/default": "ui menu.c32\nlabel a\nkernel menu.c32\nappend a.cfg\nlabel b\n" +
			"kernel menu.c32\nappend b.cfg\n",
		"pxelinux.cfg/01-52-54-00-00-00-01": "ui menu.c32\nlabel b\nkernel menu.c32\nappend b.cfg\n",
		"a.cfg":                             "label tools\nkernel menu.c32\nappend t.cfg\n",
		"b.cfg":                             "label tools\nkernel menu.c32\nappend t.cfg\n",
		"t.cfg":                             "label k\nkernel k\n",
		"k":                                 "x",
	}), into, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, filepath.Join(into, "pxebox.toml"))
	var own []string
	for _, e := range c.Entries {
		if slices.Contains(c.Machines[0].Entries, e.Name) || e.Unlisted {
			own = append(own, became(entry{Entry: e}))
		}
	}
	if want := []string{"submenu unlisted", "b-2/submenu unlisted",
		"tools-3/kernel k [] unlisted"}; !slices.Equal(own, want) {
		t.Errorf("the machine's menu has %q, want %q", own, want)
	}
}
