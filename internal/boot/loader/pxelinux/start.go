package pxelinux

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// Startup is what PXELINUX itself does with a configuration, before any menu.
type Startup struct {
	// Command is the command line that it starts by itself; empty for none.
	// Line says it: UI, or DEFAULT where there is no UI. IsUI tells them
	// apart.
	Command string
	Line    Line
	IsUI    bool
	// Prompt says that the boot: prompt waits for a command line first. Then
	// Timeout is the line that says for how long, and OnTimeout the command
	// that starts in the place of Command once it is over; they have no
	// Keyword where there is none.
	Prompt             bool
	Timeout, OnTimeout Line
}

// Startup reads the lines that PXELINUX itself heeds (elflink/ldlinux, main and
// parse_config_file): of several the last counts, and UI comes before DEFAULT
// and PROMPT. menuIncludes says that what MENU INCLUDE includes is among them,
// as it is for version 6, and as it is not up to version 4.
func (c *Config) Startup(menuIncludes bool) Startup {
	last := map[string]Line{}
	for _, l := range c.Lines {
		if menuIncludes || !l.MenuOnly {
			last[l.Keyword] = l
		}
	}
	b := Startup{Line: last["DEFAULT"]}
	ui, isUI := last["UI"]
	if isUI {
		b.Line, b.IsUI = ui, true
	}
	b.Command = b.Line.Args
	if b.Prompt = !isUI && (Atoi(last["PROMPT"].Args) != 0 || b.Line.Keyword == ""); b.Prompt {
		b.Timeout, b.OnTimeout = last["TIMEOUT"], last["ONTIMEOUT"]
	}
	return b
}

// AtPrompt returns the entry that a command line names at the boot: prompt, in
// DEFAULT and in UI, and what stands behind its name. It is nil where there is
// none of that name: then the command line names a file. menuIncludes is as for
// Startup.
func (c *Config) AtPrompt(command string, menuIncludes bool) (e *Entry, arguments string) {
	return c.find(command, func(e *Entry) string {
		if e.Line.MenuOnly && !menuIncludes {
			return ""
		}
		return e.Name
	})
}

// InMenu is AtPrompt for ONTIMEOUT in a menu, and for DEFAULT there.
func (c *Config) InMenu(command string) (e *Entry, arguments string) {
	return c.find(command, func(e *Entry) string { return e.FullName })
}

// find compares bytes: letters of the other case are another name. What cannot
// be chosen has no name (readconfig.c, record).
func (c *Config) find(command string, name func(*Entry) string) (e *Entry, arguments string) {
	word := firstWord(command)
	for _, e := range c.all {
		if word != "" && e.Submenu == nil && !e.Separator && !e.Disabled && name(e) == word {
			return e, trim(command[len(word):])
		}
	}
	return nil, ""
}

// First is the entry that the cursor of a menu begins on; nil where the menu
// has none that can be chosen.
func (m *Menu) First() *Entry {
	if m.Default != nil {
		return m.Default
	}
	for _, e := range m.Entries {
		if !e.Separator && !e.Disabled {
			return e
		}
	}
	return nil
}

// Moves reports whether the cursor of a menu leaves its place as soon as the
// menu is shown, since there is nothing there that can be chosen. Then the menu
// has no countdown (menumain.c, "Cursor movement cancels timeout").
func (m *Menu) Moves() bool {
	return m.Default == nil && len(m.Entries) > 0 && m.First() != m.Entries[0]
}

// Wait is the time that a line counts in tenths of a second, as TIMEOUT does; 0
// is for ever.
func (l Line) Wait() time.Duration {
	return max(0, time.Duration(min(Atoi(l.Args), 1<<30))*time.Second/10)
}

// IsMenu reports whether a program shows the menu. At the boot: prompt its
// extension may be left off (elflink/ldlinux, get_extension).
func IsMenu(program string) bool {
	switch strings.ToLower(path.Base(strings.ReplaceAll(program, `\`, "/"))) {
	case "menu.c32", "vesamenu.c32", "menu", "vesamenu":
		return true
	}
	return false
}

// CleanName is the name of a file in the form that all its spellings have in
// common: ::/a//b, a\b and ./a/b are a/b.
func CleanName(name string) string {
	name = strings.ReplaceAll(strings.TrimPrefix(name, "::"), `\`, "/")
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// Atoi reads the number that a text begins with, as C's atoi does.
func Atoi(s string) int {
	s = firstWord(s)
	for end := len(s); end > 0; end-- {
		if n, err := strconv.Atoi(s[:end]); err == nil {
			return n
		}
	}
	return 0
}
