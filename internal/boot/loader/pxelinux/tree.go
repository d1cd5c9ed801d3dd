// Package pxelinux knows what PXELINUX accepts: its directives, the characters
// and the size of its screen, the names of its menus, and how it starts each
// kind of boot file. It also parses configuration files as PXELINUX does, into
// the tree of menus that a machine shows. Each line keeps its file and number,
// for messages to a person. The package does not decide which entries a menu
// has, and it opens no files: the caller supplies contents by name.
package pxelinux

import (
	"fmt"
	"strings"
)

// Line is a non-empty line of a file.
type Line struct {
	File   string
	Number int
	// Keyword is what the line begins with, in upper case: "APPEND", "MENU
	// LABEL", "MENU MASTER PASSWD", "TEXT HELP"; "#" for a comment.
	// PXELINUX may not know it.
	Keyword string
	// Args is the rest, without white space at its ends, as raw bytes from
	// the file.
	Args string
	// MenuOnly says that the line is inside a MENU INCLUDE. Up to version 4
	// only the menu program reads it; in version 6 PXELINUX itself reads it
	// too (doc/menu.txt; elflink/ldlinux/readconfig.c, do_include_menu).
	MenuOnly bool
}

// String returns the line without the spacing of its file.
func (l Line) String() string {
	if l.Keyword == comment {
		return comment + l.Args
	}
	return strings.TrimRight(l.Keyword+" "+l.Args, " ")
}

// Place returns "file:number".
func (l Line) Place() string { return fmt.Sprintf("%s:%d", l.File, l.Number) }

// Config is a configuration file with everything that it includes.
type Config struct {
	Top *Menu
	// Start is the menu that is shown first: Top, or the one that MENU
	// START, or UI and DEFAULT, select.
	Start *Menu
	// Hidden are the entries with MENU HIDE: they can be the default, but
	// no screen shows them.
	Hidden []*Entry
	// Lines are all lines in the order in which they were read, except
	// those between TEXT and ENDTEXT.
	Lines []Line
	// Faults are the lines that could not be followed.
	Faults []Fault

	all []*Entry
}

// Fault is a line that could not be followed.
type Fault struct {
	Line Line
	Why  string
	// Unread says that PXELINUX may have read what the line includes. Its
	// effect is not known.
	Unread bool
}

// Last returns the last line with a keyword: a setting for the whole menu, such
// as TIMEOUT, takes its value from the last line.
func (c *Config) Last(keyword string) (Line, bool) {
	for i := len(c.Lines) - 1; i >= 0; i-- {
		if c.Lines[i].Keyword == keyword {
			return c.Lines[i], true
		}
	}
	return Line{}, false
}

// All returns every entry in the order of the files, including hidden ones and
// those of submenus.
func (c *Config) All() []*Entry { return c.all }

// menus returns all menus, the top one first.
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
	Tag   string // from MENU BEGIN, for MENU GOTO
	Title string
	// Entries are the lines of the screen, including separators.
	Entries []*Entry
	// Default is the entry that the cursor starts on; nil is the first.
	Default *Entry
	// Timeout and OnTimeout are the lines that apply to this menu: its last
	// ones, or those that precede it in the menus above. Without such a
	// line they have no Keyword.
	Timeout, OnTimeout Line
	// Lines are those of the menu itself, and the settings for all menus.
	Lines []Line

	parent  *Entry // the entry that opens it; nil for the top
	above   *Menu
	labeled bool // a line has set parent's label
}

// Action is what choosing an Entry does, unless it has a Submenu.
type Action int

// The actions.
const (
	Boot Action = iota // start the Image
	Goto               // show the menu with the tag Target
	Exit               // show the menu above, or the one with the tag Target
	Quit               // exit to the boot: prompt
)

// Entry is a line of a menu: a LABEL, a MENU BEGIN, or a MENU SEPARATOR.
type Entry struct {
	Line Line // the line that it begins with
	// Name is the word after LABEL, by which PXELINUX itself finds the
	// entry.
	Name string
	// FullName is everything after LABEL, by which the menu program finds
	// the entry. It may end in spaces.
	FullName string
	// Label is what the screen shows. It still has the ^ before its hot
	// key.
	Label string
	// Submenu is the menu that the entry opens; nil for all but MENU BEGIN.
	Submenu *Menu

	Action Action
	Target string
	// Type is the keyword that names the Image: KERNEL, LINUX, LOCALBOOT…
	Type string
	// Image is the file, or the number of LOCALBOOT. Arguments may follow it.
	Image string
	// Append holds the arguments: the entry's, or the global ones. Initrd
	// is the directive's value; Append may name others.
	Append, Initrd string
	// SysAppend has a bit for each argument that PXELINUX adds by itself.
	SysAppend uint64

	Help      []string // lines of TEXT HELP
	Password  *string  // nil for none; an empty one asks for the master password
	Indent    int      // spaces before the label
	Hidden    bool
	Disabled  bool // shown, but cannot be chosen
	Separator bool // an empty line

	// Lines are those of the entry, without the first. They include those
	// of a Submenu.
	Lines []Line
}

// Caption returns the label as the screen shows it, without the mark of its hot
// key.
func (e *Entry) Caption() string { return strings.ReplaceAll(e.Label, "^", "") }
