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
	// Line is where it comes from: UI, or DEFAULT if there is no UI. IsUI
	// says which.
	Command string
	Line    Line
	IsUI    bool
	// Prompt says that the boot: prompt waits for a command line first.
	// Timeout is then the line that says how long, and OnTimeout the
	// command that starts instead of Command when the time is over. Without
	// such a line they have no Keyword.
	Prompt             bool
	Timeout, OnTimeout Line
}

// Startup evaluates the lines that PXELINUX itself uses (elflink/ldlinux, main
// and parse_config_file): the last of several counts, and UI has priority over
// DEFAULT and PROMPT. menuIncludes says that PXELINUX also reads the files of
// MENU INCLUDE, as version 6 does and versions up to 4 do not.
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
// DEFAULT and in UI, and the arguments after its name. It returns nil if no
// entry has that name: the command line then names a file. menuIncludes is as
// for Startup.
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

// find compares bytes, so case matters. An entry that cannot be chosen has no
// name (readconfig.c, record).
func (c *Config) find(command string, name func(*Entry) string) (e *Entry, arguments string) {
	word := firstWord(command)
	for _, e := range c.all {
		if word != "" && e.Submenu == nil && !e.Separator && !e.Disabled && name(e) == word {
			return e, trim(command[len(word):])
		}
	}
	return nil, ""
}

// First returns the entry that the cursor of a menu starts on; nil if the menu
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

// Moves reports whether the cursor of a menu moves as soon as the menu is
// shown, because the entry there cannot be chosen. The menu then has no
// countdown (menumain.c, "Cursor movement cancels timeout").
func (m *Menu) Moves() bool {
	return m.Default == nil && len(m.Entries) > 0 && m.First() != m.Entries[0]
}

// Wait returns the time in a line, which counts in tenths of a second like
// TIMEOUT; 0 means no limit.
func (l Line) Wait() time.Duration {
	return max(0, time.Duration(min(Atoi(l.Args), 1<<30))*time.Second/10)
}

// IsMenu reports whether a program shows the menu. At the boot: prompt its
// extension is optional (elflink/ldlinux, get_extension).
func IsMenu(program string) bool {
	switch strings.ToLower(path.Base(strings.ReplaceAll(program, `\`, "/"))) {
	case "menu.c32", "vesamenu.c32", "menu", "vesamenu":
		return true
	}
	return false
}

// CleanName returns one form for all spellings of a file name: ::/a//b, a\b and
// ./a/b are a/b.
func CleanName(name string) string {
	name = strings.ReplaceAll(strings.TrimPrefix(name, "::"), `\`, "/")
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// Atoi reads the number at the start of a text, like C's atoi.
func Atoi(s string) int {
	s = firstWord(s)
	for end := len(s); end > 0; end-- {
		if n, err := strconv.Atoi(s[:end]); err == nil {
			return n
		}
	}
	return 0
}
