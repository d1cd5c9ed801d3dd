package pxelinux

import (
	"fmt"
	"testing"
	"time"
)

func parsed(t *testing.T, f files) *Config {
	t.Helper()
	c, err := Parse("f", f.read)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStartup(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files files
		v6    string // version 6
		v4    string // up to version 4, "" for the same
	}{
		{name: "nothing", files: files{"f": "label a"}, v6: "prompt"},
		{name: "the last DEFAULT, with its arguments", files: files{"f": "default a\nDefault  b  c"}, v6: "b  c"},
		{name: "UI before DEFAULT and PROMPT, wherever it is", files: files{"f": "ui menu.c32 x\nprompt 1\ndefault a"},
			v6: "ui menu.c32 x"},
		{name: "the last UI", files: files{"f": "ui a\nui b"}, v6: "ui b"},
		{name: "the last PROMPT", files: files{"f": "default a\nprompt 0\nprompt 1x\n"}, v6: "prompt a"},
		{name: "a prompt with a time", files: files{"f": "default a\nprompt 1\ntimeout 50\nontimeout b c"},
			v6: "prompt a 5s b c"},
		{name: "in a submenu and in an included file",
			files: files{"f": "menu begin m\ndefault a\nmenu end\ninclude g", "g": "prompt 1"}, v6: "prompt a"},
		{name: "in a MENU INCLUDE, and in a file that this includes",
			files: files{"f": "default a\nmenu include g\n", "g": "include h\nprompt 1", "h": "default b"},
			v6:    "prompt b", v4: "a"},
		{name: "behind a MENU INCLUDE", files: files{"f": "menu include g\ndefault a", "g": "default b"}, v6: "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parsed(t, tt.files)
			for _, version := range []struct {
				includes bool
				want     string
			}{{true, tt.v6}, {false, tt.v4}} {
				if version.want == "" {
					version.want = tt.v6
				}
				s := c.Startup(version.includes)
				got := ""
				if s.IsUI {
					got += " ui"
				}
				if s.Prompt {
					got += " prompt"
				}
				if s.Command != "" {
					got += " " + s.Command
				}
				if s.Timeout.Keyword != "" {
					got += fmt.Sprint(" ", s.Timeout.Wait(), " ", s.OnTimeout.Args)
				}
				if got[1:] != version.want {
					t.Errorf("with MENU INCLUDE %v: %q, want %q", version.includes, got[1:], version.want)
				}
			}
		})
	}
}

// A command line names an entry at the prompt and in a menu, by slightly
// different rules.
func TestCommandNamesEntry(t *testing.T) {
	c := parsed(t, files{
		"f": "label one\nlabel two words\nlabel gone\nmenu disable\nlabel hid\nmenu hide\nlabel spaced \t\n" +
			"menu begin sub\nlabel in\nmenu end\nlabel one\nkernel second\nmenu include g\n",
		"g": "label mine\n",
	})
	for _, tt := range []struct{ command, v6, v4, menu string }{
		{command: "one", v6: "f:1", v4: "f:1", menu: "f:1"}, // of two, the first
		{command: "one more", v6: "f:1 more", v4: "f:1 more", menu: "f:1 more"},
		{command: "ONE"},
		{command: "two", v6: "f:2", v4: "f:2"},
		{command: "two words", v6: "f:2 words", v4: "f:2 words"},
		{command: "gone"},
		{command: "hid", v6: "f:5", v4: "f:5", menu: "f:5"},
		{command: "spaced", v6: "f:7", v4: "f:7"},
		{command: "sub"},
		{command: "in", v6: "f:9", v4: "f:9", menu: "f:9"},
		{command: "mine", v6: "g:1", menu: "g:1"},
		{command: ""},
	} {
		place := func(e *Entry, arguments string) string {
			switch {
			case e == nil:
				return ""
			case arguments != "":
				return e.Line.Place() + " " + arguments
			}
			return e.Line.Place()
		}
		if got := place(c.AtPrompt(tt.command, true)); got != tt.v6 {
			t.Errorf("%q at the prompt of version 6: %q, want %q", tt.command, got, tt.v6)
		}
		if got := place(c.AtPrompt(tt.command, false)); got != tt.v4 {
			t.Errorf("%q at the prompt of version 4: %q, want %q", tt.command, got, tt.v4)
		}
		if got := place(c.InMenu(tt.command)); got != tt.menu {
			t.Errorf("%q in the menu: %q, want %q", tt.command, got, tt.menu)
		}
	}
}

// Each menu has its TIMEOUT and ONTIMEOUT, or those that the menu above had
// when the submenu began.
func TestMenuTimeout(t *testing.T) {
	c := parsed(t,
		files{"f": "timeout 10\nmenu begin m\nlabel a\nmenu begin n\ntimeout 30\nontimeout x\nlabel b\nmenu end\n" +
			"timeout 20\nmenu end\ntimeout 40\nontimeout y\nmenu begin o\nlabel c\n"})
	got := ""
	for _, m := range c.menus() {
		got += fmt.Sprintf("%s %v %s\n", m.Tag, m.Timeout.Wait(), m.OnTimeout.Args)
	}
	if want := ".top 4s y\nm 2s \nn 3s x\no 4s y\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestMenuFirst(t *testing.T) {
	for _, tt := range []struct {
		name, file, first string
		moves             bool
	}{
		{name: "the first", file: "label a\nlabel b", first: "a"},
		{name: "MENU DEFAULT", file: "label x\nmenu disable\nlabel a\nlabel b\nmenu default", first: "b"},
		{name: "behind a heading", file: "label x\nmenu disable\nmenu separator\nlabel a", first: "a", moves: true},
		{name: "a submenu", file: "menu begin m\nlabel a", first: "m"},
		{name: "nothing to choose", file: "menu separator", moves: true},
		{name: "nothing at all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := parsed(t, files{"f": tt.file}).Top
			first := ""
			if e := m.First(); e != nil {
				first = e.Name
			}
			if first != tt.first || m.Moves() != tt.moves {
				t.Errorf("first %q, moves %v", first, m.Moves())
			}
		})
	}
}

func TestWait(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"": 0, "x": 0, "0": 0, "-5": 0, "1": 100 * time.Millisecond, "300": 30 * time.Second, "50x y": 5 * time.Second,
		"9223372036854775807": time.Duration(1<<30) * 100 * time.Millisecond,
	} {
		if got := (Line{Args: args}).Wait(); got != want {
			t.Errorf("%q: %v, want %v", args, got, want)
		}
	}
}

func TestIsMenu(t *testing.T) {
	for name, want := range map[string]bool{
		"menu.c32": true, "VESAMENU.C32": true, "a/b/menu.c32": true, `a\vesamenu.c32`: true, "menu": true,
		"vesamenu":    true,
		"gfxboot.c32": false, "mainmenu": false, "menu.cfg": false, "": false,
	} {
		if IsMenu(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestCleanName(t *testing.T) {
	for _, name := range []string{"a/b", "/a/b", "::a/b", "::/a//b", `a\b`, "./a/./b", "a/c/../b", "../a/b"} {
		if got := CleanName(name); got != "a/b" {
			t.Errorf("%q: %q", name, got)
		}
	}
}
