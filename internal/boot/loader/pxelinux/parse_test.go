package pxelinux

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

// files is a tree of configuration files.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	if s, ok := f[name]; ok {
		return []byte(s), nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// outline shows a menu with one line per entry: the depth as >, the text on the
// screen, = and what the entry does. * marks the entry under the cursor.
func outline(c *Config) []string {
	var out []string
	var walk func(m *Menu, depth string)
	walk = func(m *Menu, depth string) {
		for _, e := range m.Entries {
			mark := ""
			if m.Default == e {
				mark = "*"
			}
			out = append(out, mark+depth+strings.Repeat(" ", e.Indent)+e.Caption()+" = "+does(e))
			if e.Submenu != nil {
				walk(e.Submenu, depth+">")
			}
		}
	}
	walk(c.Top, "")
	for _, e := range c.Hidden {
		out = append(out, "(hidden) "+e.Caption()+" = "+does(e))
	}
	return out
}

func does(e *Entry) string {
	switch {
	case e.Submenu != nil:
		return "menu " + e.Submenu.Tag + "/" + e.Submenu.Title
	case e.Separator:
		return "separator"
	case e.Disabled:
		return "disabled"
	case e.Action == Goto:
		return "goto " + e.Target
	case e.Action == Exit:
		return "exit " + e.Target
	case e.Action == Quit:
		return "quit"
	}
	s := e.Type + " " + e.Image + " [" + e.Append + "]"
	if e.Initrd != "" {
		s += " initrd " + e.Initrd
	}
	if e.SysAppend != 0 {
		s += fmt.Sprintf(" sysappend %#x", e.SysAppend)
	}
	if e.Password != nil {
		s += fmt.Sprintf(" password %q", *e.Password)
	}
	return s
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		files  files
		want   []string
		faults []string
	}{
		{name: "keywords of any case, tabs, CRLF, spaces at both ends",
			files: files{"f": "\tlAbEl\tlinux \r\n   Menu  LABEL\t ^Linux  \r\n\tkernel\tvmlinuz\r\nAPPEND   a  b \r\n"},
			want:  []string{"Linux = KERNEL vmlinuz [a  b]"}},
		{name: "a label alone starts the file of that name, and its label is the whole line",
			files: files{"f": "label vmlinuz and more"},
			want:  []string{"vmlinuz and more = KERNEL vmlinuz and more []"}},
		{name: "the last of several lines counts",
			files: files{"f": "label a\nkernel b\nlinux c\nappend x\nappend y\ninitrd i\ninitrd j"},
			want:  []string{"a = LINUX c [y] initrd j"}},
		{name: "global arguments, own ones, none by a hyphen, and none by an empty APPEND",
			files: files{"f": "append global\nlabel a\nlabel b\nappend own\nlabel c\nappend -\nlabel d\nappend"},
			want:  []string{"a = KERNEL a [global]", "b = KERNEL b [own]", "c = KERNEL c []", "d = KERNEL d []"}},
		{name: "behind a separator an APPEND is global again, and stands for what follows",
			files: files{"f": "append old\nlabel a\nmenu separator\nappend new\nlabel b"},
			want:  []string{"a = KERNEL a [old]", " = separator", "b = KERNEL b [new]"}},
		{name: "IPAPPEND in decimal, SYSAPPEND in hexadecimal, and one for all",
			files: files{"f": "sysappend 0x10\nlabel a\nlabel b\nipappend 3\nlabel c\nsysappend 0x40000junk\n" +
				"label d\nsysappend 010"},
			want: []string{"a = KERNEL a [] sysappend 0x10", "b = KERNEL b [] sysappend 0x3",
				"c = KERNEL c [] sysappend 0x40000", "d = KERNEL d [] sysappend 0x8"}},
		{name: "every kind of image",
			files: files{"f": "label a\nlocalboot 0x80\nlabel b\nboot b.bs\nlabel c\nbss c.bss\nlabel d\npxe d.0\n" +
				"label e\nfdimage e.img\nlabel f\ncomboot f.com\nlabel g\ncom32 g.c32\nlabel h\nconfig h.cfg"},
			want: []string{"a = LOCALBOOT 0x80 []", "b = BOOT b.bs []", "c = BSS c.bss []", "d = PXE d.0 []",
				"e = FDIMAGE e.img []", "f = COMBOOT f.com []", "g = COM32 g.c32 []", "h = CONFIG h.cfg []"}},
		{name: "DEFAULT of a later line wins over MENU DEFAULT",
			files: files{"f": "ui menu.c32\nlabel a\nmenu default\nlabel b\ndefault b and arguments"},
			want:  []string{"a = KERNEL a []", "*b = KERNEL b []"}},
		{name: "DEFAULT without UI is no entry of the menu",
			files: files{"f": "label a\nmenu default\nlabel b\ndefault b"},
			want:  []string{"*a = KERNEL a []", "b = KERNEL b []"}},
		{name: "DEFAULT has one word, a LABEL the whole line",
			files: files{"f": "ui menu.c32\nlabel a\nlabel b c\ndefault b c"},
			want:  []string{"a = KERNEL a []", "b c = KERNEL b c []"}},
		{name: "DEFAULT that names no label changes nothing",
			files: files{"f": "default vesamenu.c32\nlabel a\nlabel b\nmenu default"},
			want:  []string{"a = KERNEL a []", "*b = KERNEL b []"}},
		{name: "MENU DEFAULT of an entry that cannot be chosen",
			files: files{"f": "label a\nlabel b\nmenu default\nmenu disable\nlabel c\nmenu default\nmenu quit"},
			want:  []string{"a = KERNEL a []", "b = disabled", "c = quit"}},
		{name: "submenus: label from the tag, the title or the label, title from the label",
			files: files{"f": "menu begin one\nlabel a\nmenu end\nmenu begin two\nmenu title Two\nmenu end\n" +
				"menu begin\nmenu label ^Three\nmenu end\nlabel z"},
			want: []string{"one = menu one/", ">a = KERNEL a []", "Two = menu two/Two", "Three = menu /Three",
				"z = KERNEL z []"}},
		{name: "a title gives a submenu no label in the place of one that it has, whatever the tag",
			files: files{"f": "menu begin T\nmenu label T\nmenu title One\nmenu end\nmenu begin U\nmenu title V\n" +
				"menu title W\nmenu end"},
			want: []string{"T = menu T/One", "V = menu U/W"}},
		{name: "MENU DEFAULT of an entry that leads elsewhere",
			files: files{"f": "label a\nlabel b\nmenu default\nmenu goto m\nmenu begin m\nlabel c"},
			want:  []string{"a = KERNEL a []", "*b = goto m", "m = menu m/", ">c = KERNEL c []"}},
		{name: "a submenu that is the default of the one above, and one without an end",
			files: files{"f": "label a\nmenu begin m\nmenu default\nlabel b\nmenu begin n\nlabel c"},
			want: []string{"a = KERNEL a []", "*m = menu m/", ">b = KERNEL b []", ">n = menu n/",
				">>c = KERNEL c []"}},
		{name: "an end too many is none",
			files: files{"f": "menu end\nlabel a\nmenu end\nlabel b"},
			want:  []string{"a = KERNEL a []", "b = KERNEL b []"}},
		{name: "going elsewhere; MENU EXIT at the top is nothing",
			files: files{"f": "label up\nmenu exit\nmenu begin m\nlabel a\nmenu exit\nlabel b\nmenu exit .top\n" +
				"label c\nmenu goto x"},
			want: []string{"up = KERNEL up []", "m = menu m/", ">a = exit ", ">b = exit .top", ">c = goto x"}},
		{name: "hidden, disabled, indented, with a password",
			files: files{"f": "label a\nmenu hide\nlabel b\nmenu disabled\nlabel c\nmenu indent 2\nlabel d\n" +
				"menu passwd $4$x$y$\nlabel e\nmenu passwd"},
			want: []string{"b = disabled", "  c = KERNEL c []", `d = KERNEL d [] password "$4$x$y$"`,
				`e = KERNEL e [] password ""`, "(hidden) a = KERNEL a []"}},
		{name: "an included file goes on with the entry, and leaves one open",
			files: files{"f": "label a\ninclude g\nappend z", "g": "kernel k\nlabel b"},
			want:  []string{"a = KERNEL k []", "b = KERNEL b [z]"}},
		{name: "an INCLUDE with a tag is a submenu, by either keyword",
			files: files{"f": "label a\ninclude g Tools and more\nmenu include g t\nlabel z",
				"g": "menu title T\nlabel b"},
			want: []string{"a = KERNEL a []", "T = menu Tools and more/T", ">b = KERNEL b []", "T = menu t/T",
				">b = KERNEL b []", "z = KERNEL z []"}},
		{name: "a file that includes itself",
			files:  files{"f": "label a\ninclude g", "g": "label b\ninclude f\nlabel c"},
			want:   []string{"a = KERNEL a []", "b = KERNEL b []", "c = KERNEL c []"},
			faults: []string{"g:2: INCLUDE f: includes itself"}},
		{name: "a file that includes itself by another spelling",
			files:  files{"f": "label a\ninclude ::/./f", "::/./f": "label b"},
			want:   []string{"a = KERNEL a []"},
			faults: []string{"f:2: INCLUDE ::/./f: includes itself"}},
		{name: "a file that is not there",
			files:  files{"f": "include g\nlabel a"},
			want:   []string{"a = KERNEL a []"},
			faults: []string{"f:1: INCLUDE g: cannot be read: g: file does not exist"}},
		{name: "help text keeps its spacing and its keywords; other text is skipped",
			files: files{"f": "label a\ntext help\n  two\nlabel no\nendtext\nlabel b\ntext other\nlabel no\n" +
				" endtext\nlabel c\ntext help\nx"},
			want:   []string{"a = KERNEL a []", "b = KERNEL b []", "c = KERNEL c []"},
			faults: []string{"f:11: TEXT HELP: has no ENDTEXT: PXELINUX takes the rest of the file for its text"}},
		{name: "a keyword ends at white space: no other word does",
			files: files{"f": "labelx\nlabel a\nkernel=b\nmenulabel c"},
			want:  []string{"a = KERNEL a []"}},
		{name: "a file in UTF-16",
			files: files{"f": "label a\ninclude g\nkernel k", "g": "\xff\xfek\x00e\x00r\x00n\x00e\x00l\x00 \x00x\x00"},
			want:  []string{"a = KERNEL k []"},
			faults: []string{"g:1: : is written in UTF-16, which PXELINUX cannot read: save the file as UTF-8 " +
				"without a byte order mark"}},
		{name: "a NUL ends a line", files: files{"f": "label a\x00b\nkernel\x00c"}, want: []string{"a = KERNEL  []"}},
		{name: "a line longer than the reader's buffer",
			files:  files{"f": "label a\nappend " + strings.Repeat("x", 4095-7) + "kernel k"},
			want:   []string{"a = KERNEL k [" + strings.Repeat("x", 4095-7) + "]"},
			faults: []string{"f:2: APPEND …: longer than 4095 bytes: PXELINUX reads the rest as another line"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", tt.files.read)
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(c); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got:\n%q\nwant:\n%q", got, tt.want)
			}
			var faults []string
			for _, f := range c.Faults {
				line := f.Line.String()
				if len(line) > 100 {
					line = f.Line.Keyword + " …"
				}
				faults = append(faults, f.Line.Place()+": "+line+": "+f.Why)
			}
			if !reflect.DeepEqual(faults, tt.faults) {
				t.Errorf("faults:\n%q\nwant:\n%q", faults, tt.faults)
			}
		})
	}
}

func TestParseStart(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{name: "the top", file: "label a\nmenu begin m\nlabel b", want: ".top"},
		{name: "MENU START", file: "label a\nmenu begin m\nmenu start\nlabel b", want: "m"},
		{name: "DEFAULT names an entry of a submenu, and there is no UI",
			file: "default b\nlabel a\nmenu begin m\nlabel b", want: ".top"},
		{name: "DEFAULT names an entry of a submenu",
			file: "ui menu.c32\ndefault b\nlabel a\nmenu begin m\nlabel b", want: "m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", files{"f": tt.file}.read)
			if err != nil {
				t.Fatal(err)
			}
			if c.Start.Tag != tt.want {
				t.Errorf("starts with %q", c.Start.Tag)
			}
		})
	}
}

func TestParseHelp(t *testing.T) {
	c, err := Parse("f", files{"f": "label a\n\ttext  help\n  one\r\n\n\ttwo # three\nEndText\n"}.read)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Top.Entries[0].Help, []string{"  one", "", "\ttwo # three"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A file that PXELINUX may have read is distinguished from a missing one, which
// PXELINUX skips.
func TestParseUnread(t *testing.T) {
	c, err := Parse("f", func(name string) ([]byte, error) {
		switch name {
		case "f":
			return []byte("include gone\ninclude ::gone\ninclude denied\ninclude http://x/gone\n" +
				"include 10.0.0.1::gone\ninclude large\n"), nil
		case "denied":
			return nil, fs.ErrPermission
		case "large":
			return make([]byte, maxBytes+1), nil
		}
		return nil, fs.ErrNotExist
	})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range c.Faults {
		got += fmt.Sprintf("%s %v\n", f.Line.Args, f.Unread)
	}
	if want := "gone false\n::gone false\ndenied true\nhttp://x/gone true\n10.0.0.1::gone true\nlarge true\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// Every line is in the tree where it belongs, with its place.
func TestParseLines(t *testing.T) {
	c, err := Parse("f", files{
		"f": "# site\nui menu.c32\n\nlabel a\n  kernel k\n  colour red\n  timeout 100\ninclude g\nmenu color title 1\n",
		"g": "\n\tmenu separator\nmenu frob\n",
	}.read)
	if err != nil {
		t.Fatal(err)
	}
	places := func(lines []Line) (out []string) {
		for _, l := range lines {
			out = append(out, l.Place()+" "+l.String())
		}
		return out
	}
	for _, tt := range []struct {
		what  string
		lines []Line
		want  []string
	}{
		{what: "all", lines: c.Lines, want: []string{"f:1 # site", "f:2 UI menu.c32", "f:4 LABEL a", "f:5 KERNEL k",
			"f:6 COLOUR red", "f:7 TIMEOUT 100", "f:8 INCLUDE g", "g:2 MENU SEPARATOR", "g:3 MENU FROB",
			"f:9 MENU COLOR title 1"}},
		{what: "the menu", lines: c.Top.Lines,
			want: []string{"f:1 # site", "f:2 UI menu.c32", "f:7 TIMEOUT 100", "f:8 INCLUDE g", "g:2 MENU SEPARATOR",
				"g:3 MENU FROB", "f:9 MENU COLOR title 1"}},
		{what: "the entry", lines: c.Top.Entries[0].Lines, want: []string{"f:5 KERNEL k", "f:6 COLOUR red"}},
	} {
		if got := places(tt.lines); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n%q\nwant:\n%q", tt.what, got, tt.want)
		}
	}
	if l, ok := c.Last("TIMEOUT"); !ok || l.Args != "100" {
		t.Errorf("TIMEOUT is %v", l)
	}
}

func TestParseIsBounded(t *testing.T) {
	t.Run("16 files deep and no more", func(t *testing.T) {
		f := files{}
		for i := range 20 {
			f[fmt.Sprint(i)] = fmt.Sprintf("label l%d\ninclude %d\n", i, i+1)
		}
		c, err := Parse("0", f.read)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Top.Entries) != 16 || len(c.Faults) != 1 {
			t.Errorf("%d entries, %v", len(c.Top.Entries), c.Faults)
		}
	})
	t.Run("files that include the next one twice", func(t *testing.T) {
		f := files{}
		for i := range 16 {
			f[fmt.Sprint(i)] = fmt.Sprintf("include %d\ninclude %d\ntext help\n%s",
				i+1, i+1, strings.Repeat("x\n", 1000))
		}
		read := 0
		c, err := Parse("0", func(name string) ([]byte, error) {
			b, err := f.read(name)
			read += len(b)
			return b, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if read > 2*maxBytes || len(c.Lines) > maxBytes {
			t.Errorf("read %d bytes, %d lines", read, len(c.Lines))
		}
	})
	t.Run("a file too long", func(t *testing.T) {
		if _, err := Parse("f", files{"f": strings.Repeat("\n", maxBytes+1)}.read); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no first file", func(t *testing.T) {
		if _, err := Parse("f", files{}.read); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

// Whatever a file contains, each of its lines is counted once, and the tree is
// consistent.
func FuzzParse(f *testing.F) {
	f.Add("label a\nmenu begin x\ninclude g y\nmenu end\ndefault b\n", "label b\nmenu goto x\ninclude f\n")
	f.Add("MENU\nTEXT\nTEXT HELP\nENDTEXT\nLABEL\nMENU MASTER\nMENU MASTER PASSWD\n\x00\r\n\xff", "menu include g\n")
	f.Add("ipappend 0x\nsysappend 99999999999999999999\nmenu indent x\nlabel -\nappend -\n", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		c, err := Parse("f", files{"f": one, "g": two}.read)
		if err != nil {
			return
		}
		total := 0
		var walk func(m *Menu, depth int)
		walk = func(m *Menu, depth int) {
			total += len(m.Lines)
			found := m.Default == nil
			for _, e := range m.Entries {
				total += len(e.Lines)
				found = found || e == m.Default
				if e.Line.Keyword == "LABEL" || e.Line.Keyword == "MENU BEGIN" {
					total++
				}
				if e.Submenu != nil {
					walk(e.Submenu, depth+1)
				}
			}
			if !found {
				t.Errorf("the default of menu %q is not in it", m.Tag)
			}
		}
		walk(c.Top, 0)
		for _, e := range c.Hidden {
			total += 1 + len(e.Lines)
		}
		for _, l := range c.Lines {
			if l.Keyword == "MENU END" {
				total++
			}
			if strings.ContainsAny(l.Args+l.Keyword, "\n\r\x00") || l.Number < 1 {
				t.Errorf("line %+v", l)
			}
		}
		if total != len(c.Lines) {
			t.Errorf("%d lines in the tree, %d in all", total, len(c.Lines))
		}
	})
}
