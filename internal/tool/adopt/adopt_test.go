package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/test/golden"
)

// Run adopts a tree.
func Run(dir, into string, out io.Writer) error {
	return Job{Sources: []string{dir}, Into: into}.Run(out)
}

// adoptSite adopts testdata/site.
func adoptSite(t *testing.T) (into, report string) {
	t.Helper()
	into = filepath.Join(t.TempDir(), "new")
	var out bytes.Buffer
	if err := Run("testdata/site", into, &out); err != nil {
		t.Fatal(err)
	}
	return into, strings.ReplaceAll(out.String(), into, "INTO")
}

// A site whose configuration grew over ten years.
func TestRun(t *testing.T) {
	into, report := adoptSite(t)
	toml, err := os.ReadFile(filepath.Join(into, "pxebox.toml"))
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/site.toml", toml)
	golden.Compare(t, "testdata/site.report", []byte(report))

	var copied bytes.Buffer
	boot := filepath.Join(into, "boot")
	err = filepath.WalkDir(boot, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(boot, name)
		got, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if want, err := os.ReadFile(filepath.Join("testdata/site", rel)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not as in the site's folder (%v)", rel, err)
		}
		fmt.Fprintln(&copied, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/site.files", copied.Bytes())
}

func TestRunIsDeterministic(t *testing.T) {
	into, report := adoptSite(t)
	again, same := adoptSite(t)
	a, err := os.ReadFile(filepath.Join(into, "pxebox.toml"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(again, "pxebox.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) || report != same {
		t.Error("two runs differ")
	}
}

func TestRunTouchesNothing(t *testing.T) {
	t.Run("a pxebox.toml is there", func(t *testing.T) {
		into := t.TempDir()
		file := filepath.Join(into, "pxebox.toml")
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Run("testdata/site", into, new(bytes.Buffer)); err == nil ||
			!strings.Contains(err.Error(), "already exists") {
			t.Errorf("got %v", err)
		}
		if b, err := os.ReadFile(file); string(b) != "mine" || err != nil {
			t.Errorf("it holds %q (%v)", b, err)
		}
		if files, err := os.ReadDir(into); len(files) != 1 || err != nil {
			t.Errorf("the folder has %v (%v)", files, err)
		}
	})
	t.Run("a boot file is there", func(t *testing.T) {
		into := t.TempDir()
		file := filepath.Join(into, "boot/debian/12/linux")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Run("testdata/site", into, &out); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(file); string(b) != "mine" || err != nil {
			t.Errorf("it holds %q (%v)", b, err)
		}
		if !strings.Contains(out.String(), "boot/debian/12/linux already exists, and is not changed") {
			t.Errorf("the report does not say so:\n%s", &out)
		}
	})
	t.Run("what is to be written leads elsewhere", func(t *testing.T) {
		into, elsewhere := t.TempDir(), t.TempDir()
		if err := os.Symlink(elsewhere, filepath.Join(into, "boot")); err != nil {
			t.Fatal(err)
		}
		if err := Run("testdata/site", into, new(bytes.Buffer)); err == nil {
			t.Error("no error")
		}
		if files, err := os.ReadDir(elsewhere); len(files) != 0 || err != nil {
			t.Errorf("the other folder has %v (%v)", files, err)
		}
	})
}

// write creates a tree of files; a value that begins with -> is a link.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tftpboot")
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		to, link := strings.CutPrefix(content, "->")
		var err error
		if link {
			err = os.Symlink(to, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Nothing outside the folder is read, and nothing that would block.
func TestRunStaysInside(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("LABEL stolen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"pxelinux.cfg/default": "INCLUDE ../../secret\nINCLUDE pxelinux.cfg/link\nINCLUDE pxelinux.cfg\nINCLUDE pipe\n" +
			"LABEL a\nKERNEL inside\nLABEL b\nKERNEL outside\nLABEL c\nKERNEL pipe\nLABEL d\nKERNEL ../../secret\n" +
			"LABEL e\nKERNEL folder\nLABEL f\nKERNEL loop\n",
		"pxelinux.cfg/link":                 "->" + secret,
		"pxelinux.cfg/01-52-54-00-00-00-01": "->" + secret,
		"pxelinux.cfg/01-52-54-00-00-00-02": "->01-52-54-00-00-00-02",
		"pxelinux.cfg/01-52-54-00-00-00-03": "->default",
		"inside":                            "->real/linux",
		"outside":                           "->" + secret,
		"loop":                              "->loop",
		"real/linux":                        "kernel",
		"folder/x":                          "x",
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	var out bytes.Buffer
	if err := Run(dir, into, &out); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/inside.report", []byte(strings.ReplaceAll(out.String(), into, "INTO")))
	var files []string
	filepath.WalkDir(filepath.Join(into, "boot"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, filepath.Base(name))
		}
		return err
	})
	if !slices.Equal(files, []string{"inside"}) {
		t.Errorf("copied %v", files)
	}
	if b, err := os.ReadFile(filepath.Join(into, "boot/inside")); string(b) != "kernel" || err != nil {
		t.Errorf("what the link leads to is %q (%v)", b, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{name: "a folder without configuration", files: map[string]string{"pxelinux.0": ""},
			want: "name the folder that has pxelinux.0 and pxelinux.cfg"},
		{name: "a menu without entries", files: map[string]string{"pxelinux.cfg/default": "UI menu.c32\n"},
			want: "has an entry"},
		{name: "a file of another kind", files: map[string]string{"pxelinux.cfg/default": strings.Repeat("x", 3<<20)},
			want: "3145728 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			into := filepath.Join(t.TempDir(), "into")
			err := Run(write(t, tt.files), into, new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(into); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something was written (%v)", err)
			}
		})
	}
}

// A refused tree is reported with the reason, for every kind of reason.
func TestRunRefusesWithNotes(t *testing.T) {
	for _, tt := range []struct {
		situation string
		files     map[string]string
		want      string
	}{
		{situation: "the menu is in a file that is missing",
			files: map[string]string{"pxelinux.cfg/default": "default menu.c32\ninclude boot/menu.cfg\n"},
			want:  "pxelinux.cfg/default:2: INCLUDE boot/menu.cfg: cannot be read: it does not exist\n"},
		{situation: "the file behind the menu's program is missing",
			files: map[string]string{"pxelinux.cfg/default": "default menu.c32 boot/menu.cfg\n"},
			want: "pxelinux.cfg/default:1: DEFAULT menu.c32 boot/menu.cfg: boot/menu.cfg cannot be read: it does not " +
				"exist\n"},
		{situation: "the only entry is left out",
			files: map[string]string{"pxelinux.cfg/default": "ui menu.c32\nlabel a\nmenu quit\n"},
			want:  "pxelinux.cfg/default:3: MENU QUIT: users cannot leave the menu"},
		{situation: "the only entry cannot be written",
			files: map[string]string{"pxelinux.cfg/default": "ui menu.c32\nlabel a\nkernel k\nappend \xe4\n"},
			want:  "pxelinux.cfg/default:3: KERNEL k: is left out: append"},
		{situation: "no file can be read", files: map[string]string{"pxelinux.cfg/01-52-54-00-00-00-01": "->gone"},
			want: "pxelinux.cfg/01-52-54-00-00-00-01:1: cannot be read: it does not exist\n"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(write(t, tt.files), filepath.Join(t.TempDir(), "into"), &out)
			if err == nil || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%v, and the notes:\n%s", err, &out)
			}
		})
	}
}

// The report starts with the notes about what starts automatically. Notes about
// looks are one line.
func TestReport(t *testing.T) {
	var out bytes.Buffer
	into := t.TempDir()
	err := Run(write(t, map[string]string{
		"pxelinux.cfg/default": "\ufeffmenu title x\nui menu.c32\ninclude look\n\nonerror x\ntimeout 50\n" +
			"totaltimeout 900\nontimeout A\n" +
			"label a\nmenu label ^A\nmenu indent 2\nkernel k\ntext help\n" +
			"\t\tOne line that the screen has room for without the two tabs.\n\t\tTwo\nendtext\nmenu separator\n",
		"look": strings.Repeat("menu color title * #ffffffff *\n", 9) + "menu background x.png\nf1 a.txt\nf2 b.txt\n",
		"k":    "kernel",
	}), into, &out)
	if err != nil {
		t.Fatal(err)
	}
	want := "pxelinux.cfg/default:1: \ufeffMENU title x: PXELINUX does not know it, since the file begins with a " +
		"byte order mark: " +
		"save it as UTF-8 without one\n" +
		"pxelinux.cfg/default:7: TOTALTIMEOUT 900: once a key is pressed, nothing starts by itself: the menu has no " +
		"such limit\n" +
		"pxelinux.cfg/default:8: ONTIMEOUT A: names no entry and no file of this folder: nothing starts by itself; " +
		"upper and lower case differ, " +
		"and there is LABEL a\n" +
		"pxelinux.cfg/default:5: ONERROR x: the menu comes back after an error\n" +
		"pxelinux.cfg/default:10 and 12 more (MENU LABEL, MENU INDENT, MENU SEPARATOR, MENU COLOR, MENU BACKGROUND): " +
		"the menu has its own colors, layout and words, and no hot keys, indentation or empty lines\n" +
		"look:11 and 1 more (F1, F2): pxebox has no keys for them\n" +
		"INTO/pxebox.toml: 1 entries, 0 rules for machines; nothing starts by itself\n" +
		"INTO/boot: 1 files copied\n"
	if got := strings.ReplaceAll(out.String(), into, "INTO"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	c := parse(t, filepath.Join(into, "pxebox.toml"))
	if help := "One line that the screen has room for without the two tabs.\nTwo"; c.Entries[0].Help != help {
		t.Errorf("the help is %q", c.Entries[0].Help)
	}
}

// A machine's menu keeps its timeout, whatever the general menu's timeout is.
func TestRunMachineTimeouts(t *testing.T) {
	const entries = "label wipe\nkernel k\nlabel hd\nlocalboot 0\n"
	into := t.TempDir()
	err := Run(write(t, map[string]string{
		"pxelinux.cfg/default":              "ui menu.c32\ntimeout 100\nontimeout hd\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-01": "ui menu.c32\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-02": "default wipe\nprompt 1\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-03": "ui menu.c32\ntimeout 50\nontimeout gone\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-04": "ui menu.c32\ntimeout 50\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-05": "ui menu.c32\ntimeout 100\nontimeout hd\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-06": "default wipe\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-07": "default menu\n" + entries,
		"pxelinux.cfg/01-52-54-00-00-00-08": entries,
		"k":                                 "kernel",
	}), into, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, filepath.Join(into, "pxebox.toml"))
	got := map[string]string{}
	for _, m := range c.Machines {
		for _, mac := range m.MAC {
			got[mac[len("52:54:00:00:00:"):]] = fmt.Sprintf("%s %s %v", m.Boot, m.Default, m.Timeout)
		}
	}
	want := map[string]string{
		"01": "menu wipe 0s", "02": "menu wipe 0s", "03": "menu wipe 0s", "04": "menu wipe 5s", "05": "menu  <nil>",
		"06": "wipe  <nil>", "07": "menu wipe 0s", "08": "menu  0s",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A tree with files for single machines only still leaves a menu for the other
// machines.
func TestRunMachinesOnly(t *testing.T) {
	into := t.TempDir()
	dir := write(t, map[string]string{"pxelinux.cfg/01-52-54-00-00-00-01": "DEFAULT a\nLABEL a\nKERNEL k\n"})
	if err := Run(dir, into, new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	c := parse(t, filepath.Join(into, "pxebox.toml"))
	if len(c.Entries) != 2 || !c.Entries[0].Unlisted || !c.Entries[1].Disk || c.Machines[0].Boot != "a" {
		t.Errorf("got %+v, %+v", c.Entries, c.Machines)
	}
}

func parse(t *testing.T, file string) *config.Config {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parser.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// row is a line of a menu as a user at the machine sees it.
type row struct{ title, starts string }

// rows returns the lines of a menu, with a mark for each submenu around them.
// They are read from PXELINUX's files, before and after.
func rows(
	t *testing.T, m *pxelinux.Menu, depth string, read func(string) ([]byte, error), addresses map[string]string,
) []row {
	var out []row
	for _, e := range m.Entries {
		r := row{depth + pxelinux.Decode(e.Caption()), "the menu above"}
		files := strings.Fields(e.Append)
		switch {
		case e.Submenu != nil:
			r.starts = "submenu"
			out = append(out, r)
			out = append(out, rows(t, e.Submenu, depth+"> ", read, addresses)...)
			continue
		case e.Separator:
			r.starts = "empty line"
		case e.Disabled:
			r.starts = "nothing"
		case e.Action == pxelinux.Quit:
			r.starts = "boot: prompt"
		case e.Action != pxelinux.Boot || slices.Contains(files, "~"):
		case e.Image == "vesamenu.c32":
			r.starts = "submenu"
			out = append(out, r)
			c, err := pxelinux.Parse(files[1], read) // the first contains colors
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, rows(t, c.Top, depth+"> ", read, addresses)...)
			continue
		default:
			r.starts = starts(e, addresses)
		}
		if e.Password != nil {
			r.starts += " (password)"
		}
		out = append(out, r)
	}
	return out
}

// starts returns what an entry starts, in one form for all that mean the same.
func starts(e *pxelinux.Entry, addresses map[string]string) string {
	kind, image := e.Type, e.Image
	if kind == "LOCALBOOT" {
		return "the local disk"
	}
	name := image[strings.LastIndex(image, "/")+1:]
	if kind == "KERNEL" {
		kind = "LINUX"
		if strings.HasSuffix(name, ".c32") {
			kind = "COM32"
		}
	}
	initrd := e.Initrd
	var words []string
	for _, w := range strings.Fields(e.Append) {
		if v, ok := strings.CutPrefix(w, "initrd="); ok {
			initrd = v
		} else {
			words = append(words, w)
		}
	}
	if name == "pxechn.c32" {
		host, program, _ := strings.Cut(words[0], "::")
		if a, ok := addresses[host]; ok {
			host = a
		}
		return fmt.Sprintf("%s of the WDS server %s, %s", program, host, words[1])
	}
	if name == "memdisk" {
		slices.Sort(words)
	}
	if name == "memdisk" || name == "poweroff.c32" {
		image = name
	}
	image, initrd = strings.TrimPrefix(image, "/site/"), strings.ReplaceAll(initrd, "/site/", "")
	s := fmt.Sprintf("%s %s [%s]", kind, image, strings.Join(words, " "))
	if initrd != "" {
		s += " " + initrd
	}
	if e.SysAppend != 0 {
		s += fmt.Sprintf(" + %#x", e.SysAppend)
	}
	return s
}

// Compares the menus before and after, as PXELINUX reads them.
func TestSideBySide(t *testing.T) {
	into, _ := adoptSite(t)
	c := parse(t, filepath.Join(into, "pxebox.toml"))
	addresses := map[string]string{"wds2.northgate.example": "192.168.77.3"}
	rendered := menu.Render(c,
		menu.Status{WDS: map[string]bootmenu.Server{"wds-2": {Addr: netip.MustParseAddr("192.168.77.3")}}})
	site := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata/site", name)) }

	for _, tt := range []struct{ name, file, mac, golden string }{
		{name: "the menu of all machines", file: "default", golden: "site.menu"},
		{name: "its own menu", file: "01-52-54-00-12-34-59", mac: "52:54:00:12:34:59", golden: "kiosk.menu"},
		{name: "the menu of all with another default", file: "01-52-54-00-12-34-5a", mac: "52:54:00:12:34:5a",
			golden: "site.menu"},
		{name: "an entry at once", file: "01-52-54-00-12-34-56", mac: "52:54:00:12:34:56", golden: "reinstall.menu"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := rendered.Files
			for _, r := range rendered.Machines {
				if slices.Contains(r.MAC, tt.mac) && r.View != "" {
					files = rendered.Views[r.View]
				}
			}
			before, err := pxelinux.Parse("pxelinux.cfg/"+tt.file, site)
			if err != nil {
				t.Fatal(err)
			}
			after, err := pxelinux.Parse(pxelinux.ConfigFile,
				func(name string) ([]byte, error) { return files[name], nil })
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range after.Faults {
				t.Errorf("the new menu: %v", f)
			}
			golden.Compare(t, "testdata/"+tt.golden,
				[]byte(sideBySide(t, rows(t, before.Top, "", site, addresses), rows(t, after.Top, "", nil, addresses))))
			is := after.Start.Default
			if s := after.Startup(true); !s.IsUI {
				is, _ = after.AtPrompt(s.Command, true)
			}
			if was := first(line(before, "DEFAULT").Args); is == nil && was != "" ||
				is != nil && was != "" && was != is.Name {
				t.Errorf("the default was %q and is %v", was, is)
			}
		})
	}
}

// sideBySide puts two menus side by side, line by line in order. A line may be on
// one side only if the report says that it is lost, or if it is the way out of a
// submenu, or of a machine that found nothing to start.
func sideBySide(t *testing.T, left, right []row) string {
	t.Helper()
	dropped := []string{"empty line", "the menu above", "boot: prompt"}
	added := []string{"the menu above", "COM32 reboot.c32 []"}
	var b strings.Builder
	for len(left)+len(right) > 0 {
		switch {
		case len(left) > 0 && slices.Contains(dropped, left[0].starts):
			fmt.Fprintf(&b, "%-62s < %s\n", left[0].title, left[0].starts)
			left = left[1:]
		case len(right) > 0 && slices.Contains(added, right[0].starts):
			fmt.Fprintf(&b, "%-62s > %s\n", right[0].title, right[0].starts)
			right = right[1:]
		case len(left) == 0 || len(right) == 0 || left[0].starts != right[0].starts ||
			left[0].title != right[0].title &&
				!strings.HasPrefix(left[0].title, strings.TrimSuffix(right[0].title, "..")):
			t.Fatalf("the menus part here:\n%s\nbefore: %q\nafter:  %q", &b, left, right)
		default:
			fmt.Fprintf(&b, "%-62s = %s\n", right[0].title, right[0].starts)
			left, right = left[1:], right[1:]
		}
	}
	return b.String()
}

// The libraries that PXELINUX's modules load are copied too.
func TestRunCopiesLibraries(t *testing.T) {
	// A real module, which loads a library that pxebox does not include.
	module := strings.ReplaceAll(string(assets.Files()["menu.c32"]), "libutil.c32", "libmine.c32")
	another := strings.ReplaceAll(module, "libmine.c32", "libgone.c32")
	library := string(assets.Files()["libutil.c32"])
	dir := write(t, map[string]string{
		"pxelinux.cfg/default": "UI menu.c32\nLABEL a\nCOM32 modules/a.c32\nLABEL b\nCOM32 modules/b.c32\n",
		"modules/a.c32":        module,
		"modules/b.c32":        another,
		"libmine.c32":          library,
		"libcom32.c32":         "of another version",
		"menu.c32":             "of another version",
	})
	into := t.TempDir()
	var out bytes.Buffer
	if err := Run(dir, into, &out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"modules/a.c32": module, "libmine.c32": library} {
		if b, err := os.ReadFile(filepath.Join(into, "boot", name)); err != nil || string(b) != want {
			t.Errorf("%s is not copied as it is (%v)", name, err)
		}
	}
	for _, name := range []string{"libcom32.c32", "menu.c32"} {
		if _, err := os.Stat(filepath.Join(into, "boot", name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s would be in the way of pxebox's own", name)
		}
	}
	if !strings.Contains(out.String(), "LABEL b: libgone.c32 is not copied: it does not exist") {
		t.Errorf("the report does not say what is missing:\n%s", &out)
	}
}
