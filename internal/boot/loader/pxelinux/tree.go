// Package pxelinux holds what PXELINUX can be told: its directives, the
// characters and the size of its screen, the names of its menus, and how it
// starts each kind of boot file. It also reads the configuration files of
// PXELINUX as PXELINUX does, into the tree of menus that a machine shows. Each
// line keeps its file and number, for messages to a person. Which entries a menu
// has is the caller's choice, and no file is opened: the caller gives the
// contents by name.
package pxelinux

import (
	"fmt"
	"strings"
)

// Line is a line of a file that is not empty.
type Line struct {
	File   string
	Number int
	// Keyword is what the line begins with, in capital letters: "APPEND",
	// "MENU LABEL", "MENU MASTER PASSWD", "TEXT HELP"; "#" for a comment. It
	// need not be one that PXELINUX knows.
	Keyword string
	// Args is the rest, without white space at its ends. Bytes as they are in
	// the file.
	Args string
	// MenuOnly says that the line is inside of a MENU INCLUDE. Up to version 4
	// only the menu's program reads it (doc/menu.txt); version 6 itself does,
	// too (elflink/ldlinux/readconfig.c, do_include_menu).
	MenuOnly bool
}

// String is the line without the spacing of its file.
func (l Line) String() string {
	if l.Keyword == comment {
		return comment + l.Args
	}
	return strings.TrimRight(l.Keyword+" "+l.Args, " ")
}

// Place is "file:number".
func (l Line) Place() string { return fmt.Sprintf("%s:%d", l.File, l.Number) }

// Config is a configuration file with all that it includes.
type Config struct {
	Top *Menu
	// Start is the menu that is shown first: Top, or what MENU START says, or
	// UI and DEFAULT.
	Start *Menu
	// Hidden are the entries with MENU HIDE: they can be the default, but no
	// screen has them.
	Hidden []*Entry
	// Lines are all lines in the order in which they were read, but those
	// between TEXT and ENDTEXT.
	Lines []Line
	// Faults are the lines that could not be followed.
	Faults []Fault

	all []*Entry
}

// Fault is a line that could not be followed.
type Fault struct {
	Line Line
	Why  string
	// Unread says that PXELINUX may have read what the line includes. What it
	// does then is not known.
	Unread bool
}

// Last returns the last line with a keyword: of a setting that stands for the
// whole menu, such as TIMEOUT, the last one counts.
func (c *Config) Last(keyword string) (Line, bool) {
	for i := len(c.Lines) - 1; i >= 0; i-- {
		if c.Lines[i].Keyword == keyword {
			return c.Lines[i], true
		}
	}
	return Line{}, false
}

// All returns every entry in the order of the files: those of submenus, and
// the hidden ones.
func (c *Config) All() []*Entry { return c.all }

// menus are all menus, the top first.
func (c *Config) menus() []*Menu {
	out := []*Menu{c.Top}
	for _, e := range c.all {
		if e.Submenu != nil {
			out = append(out, e.Submenu)
		}
	}
	return out
}

// Menu is a screen with entries.
type Menu struct {
	Tag   string // of MENU BEGIN, for MENU GOTO
	Title string
	// Entries are the lines of the screen, separators among them.
	Entries []*Entry
	// Default is the entry that the cursor stands on; nil is the first.
	Default *Entry
	// Timeout and OnTimeout are the lines that count for this menu: its last
	// ones, or those of the menus above in front of it. They have no Keyword
	// where there is none.
	Timeout, OnTimeout Line
	// Lines are those of the menu itself, and the settings that stand for
	// all menus.
	Lines []Line

	parent  *Entry // the entry that opens it; nil for the top
	above   *Menu
	labeled bool // a line has given parent its label
}

// Action is what choosing an Entry does, unless it has a Submenu.
type Action int

// The actions.
const (
	Boot Action = iota // start the Image
	Goto               // show the menu with the tag Target
	Exit               // show the menu above, or that with the tag Target
	Quit               // leave for the boot: prompt
)

// Entry is a line of a menu: a LABEL, a MENU BEGIN, or a MENU SEPARATOR.
type Entry struct {
	Line Line // that it begins with
	// Name is the word behind LABEL, by which PXELINUX itself finds the entry.
	Name string
	// FullName is all that stands behind LABEL, by which the menu's program
	// finds the entry. There may be spaces at its end.
	FullName string
	// Label is what the screen shows. A ^ before its hot key is still there.
	Label string
	// Submenu is the menu that the entry opens; nil for all but MENU BEGIN.
	Submenu *Menu

	Action Action
	Target string
	// Type is the keyword that names the Image: KERNEL, LINUX, LOCALBOOT…
	Type string
	// Image is the file, or the number of LOCALBOOT. Arguments may follow it.
	Image string
	// Append are the arguments: the entry's own, or the global ones. Initrd is
	// that of the directive; there may be others in Append.
	Append, Initrd string
	// SysAppend has a bit for each argument that PXELINUX adds by itself.
	SysAppend uint64

	Help      []string // lines of TEXT HELP
	Password  *string  // nil for none; an empty one asks for the master password
	Indent    int      // spaces before the label
	Hidden    bool
	Disabled  bool // shown, but not to be chosen
	Separator bool // an empty line

	// Lines are those of the entry, without the first. Those of a Submenu are
	// in there.
	Lines []Line
}

// Caption is the label without the mark of its hot key, as the screen shows
// it.
func (e *Entry) Caption() string { return strings.ReplaceAll(e.Label, "^", "") }
