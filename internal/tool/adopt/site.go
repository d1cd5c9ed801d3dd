package adopt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// site is the content of the pxebox.toml, and the notes for the report.
type site struct {
	title    string
	timeout  time.Duration
	preset   string // name of the default entry
	serial   bool
	locked   bool     // an entry asks for a password
	sources  []string // configurations of DHCP servers
	blocks   []block  // their contents
	http     bool     // an entry loads a file over HTTP or FTP
	wds      []config.WDS
	entries  []entry
	machines []machine
	files    []used // boot files, in the order of the entries
	notes    []note
	remains  []pxelinux.Line // all lines of files that are not converted
}

// entry is one of the site's entries with its source.
type entry struct {
	config.Entry
	from string
}

// machine is a rule with the files that it comes from.
type machine struct {
	config.Machine
	from []string
}

// used is a boot file that an entry needs, by its name in the tree.
type used struct {
	name string
	by   pxelinux.Line
}

// note is a remark about a line.
type note struct {
	line pxelinux.Line // without a Keyword, the note is about the file
	why  string
	lost bool // nothing of the line is in the pxebox.toml
	// first reports that the note changes what starts automatically, or after
	// what time.
	first  bool
	kind   kind
	others []note // of the same kind, reported with this one
}

// converter converts PXELINUX's files into a site. It is pure: it learns what it
// needs to know of the tree through find.
type converter struct {
	site
	// find returns the name in the tree of a boot file that a menu names, and
	// whether the file exists.
	find func(name string) (path string, found bool)
	seen view // used by find and read
	// read returns a configuration file.
	read func(name string) ([]byte, error)
	// same returns one name for all names of the tree that refer to the same
	// file.
	same func(path string) string
	// bundled are the boot programs that pxebox includes.
	bundled map[string]bool

	taken     map[string]bool            // names of entries
	known     map[string]*result         // what a line of a menu became, by its text
	started   *pxelinux.Entry            // what the file being converted starts automatically
	names     map[*pxelinux.Entry]string // of the entries they became
	tags      map[string]string          // names of submenus by their tags, in the file being converted
	jumps     []jump                     // waiting for the tags
	hosts     map[string]bool            // already reported
	told      map[string]bool            // notes already added, so that a file included twice is reported once
	open      []shownFile                // files of the surrounding menus, innermost last
	esxi      map[string]bool            // the copies of ESXi's mboot.c32
	fileMenus int                        // number of menus followed
	copies    map[string]string          // submenus that files became, by their contents
	rules     map[string]int             // indices of rules, by what their machines get
}

// shownFile is a configuration file whose menu is being converted, the menu that
// it became, and its contents.
type shownFile struct {
	name, tag string
	cfg       *pxelinux.Config
	// restarts reports that PXELINUX restarts with this file: ~ then refers to
	// it.
	restarts bool
}

// jump is an entry that leads to a menu by its tag.
type jump struct {
	entry int
	tag   string
	from  *pxelinux.Entry
}

func newConverter() *converter {
	return &converter{
		taken: map[string]bool{config.BootMenu: true}, // means the menu itself below [[machine]]
		known: map[string]*result{},
		told:  map[string]bool{},
		hosts: map[string]bool{},
		names: map[*pxelinux.Entry]string{},
		rules: map[string]int{},
		same:  func(path string) string { return path },
		esxi:  map[string]bool{},
	}
}

// lost reports a line that has no equivalent in the file.
func (c *converter) lost(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), lost: true})
}

// remark reports a line whose meaning changes slightly.
func (c *converter) remark(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...)})
}

// without reports a file for certain machines that is left out: they get the
// general menu, and what that starts.
func (c *converter) without(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), lost: true, first: true})
}

// noted reports a line of a kind.
func (c *converter) noted(k kind, l pxelinux.Line, lost bool) {
	c.tell(note{line: l, why: whyOne[k], lost: lost, kind: k})
}

// starting reports that something starts automatically that did not before, or no
// longer does; or whether the box leases addresses. These notes come first in the
// report.
func (c *converter) starting(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), first: true})
}

func (c *converter) tell(n note) {
	if key := n.String(); !c.told[key] {
		c.told[key] = true
		c.notes = append(c.notes, n)
	}
}

// shown returns a line as it may be shown, without a password, which may be in
// plain text.
func shown(l pxelinux.Line) string {
	if strings.HasSuffix(l.Keyword, "PASSWD") {
		return l.Keyword + " ..."
	}
	return brief(pxelinux.Decode(l.String()))
}

// general converts the menu of machines that have no separate file.
func (c *converter) general(cfg *pxelinux.Config) {
	u := c.unattended(cfg)
	c.settings(cfg)
	if u.menu != cfg {
		c.settings(u.menu)
	}
	c.title = cut(c.label(u.menu.Top.Title, line(u.menu, "MENU TITLE")), config.MaxLabel)
	if l, ok := cfg.Last("SERIAL"); ok {
		c.serial = c.serialPort(l)
	}
	c.began(u)
	c.convert(u.menu, "", false)
	cursor := u.cursor
	if u.entry != nil {
		cursor = u.entry
	}
	c.preset = c.starts(cursor)
	if i := slices.IndexFunc(c.entries, func(e entry) bool { return e.Name == c.preset && e.Unlisted }); i >= 0 {
		c.entries[i].Unlisted = false
		c.remark(cursor.Line, hiddenDefault)
	}
	c.timeout = c.after(u, c.preset)
}

// began prepares for converting what a configuration shows.
func (c *converter) began(u unattended) {
	c.started, c.copies = u.entry, map[string]string{}
	c.open = []shownFile{{c.open[0].name, topTag, u.menu, true}}
	if len(u.files) > 0 {
		c.open = append(c.open, shownFile{name: u.files[len(u.files)-1], tag: topTag, cfg: u.menu})
	}
}

// after returns the timeout after which a menu starts the entry with that name; 0
// waits for a key.
func (c *converter) after(u unattended, name string) time.Duration {
	const shortest, longest = time.Second, 59 * time.Minute
	switch {
	case u.entry == nil:
		return 0
	case name == "":
		c.starting(u.entry.Line, "would start by itself, but no entry can start it: the menu waits for a key")
		return 0
	case c.isLocked(name):
		c.starting(u.entry.Line, "starts by itself on the old server, but is locked: the menu waits for a key")
		return 0
	case u.atOnce:
		c.starting(u.by, "starts %q at once on the old server; here the menu is shown for a second first",
			brief(pxelinux.Decode(u.entry.Caption())))
		return shortest
	case u.wait < shortest:
		c.starting(u.by, "is less than a second, the shortest time that the menu can wait: it is one second now")
		return shortest
	case u.wait > longest:
		c.starting(u.by, "is longer than the menu can wait: it is 59 minutes now")
		return longest
	}
	return u.wait
}

// isLocked reports whether an entry, or a submenu that contains it, is locked.
func (c *converter) isLocked(name string) bool {
	for ; name != ""; name = c.named(name).In {
		if c.named(name).Locked {
			return true
		}
	}
	return false
}

const hiddenDefault = "is hidden, but is the default: the menu shows it"

// line returns the last line with the keyword, or the zero Line if there is none.
func line(cfg *pxelinux.Config, keyword string) pxelinux.Line {
	l, _ := cfg.Last(keyword)
	return l
}

// starts returns the name of the entry that e became, or "" if that starts
// nothing.
func (c *converter) starts(e *pxelinux.Entry) string {
	name := c.names[e]
	if name == "" || c.named(name).Submenu || strings.HasPrefix(c.named(name).PXELINUX, "MENU ") {
		return ""
	}
	return name
}

// serialPort reports whether the menu is on the first serial port.
func (c *converter) serialPort(l pxelinux.Line) bool {
	f := strings.Fields(l.Args)
	if len(f) == 0 || f[0] != "0" && strings.ToLower(f[0]) != "0x3f8" {
		c.lost(l, "the menu can be shown on the first serial port only")
		return false
	}
	if len(f) != 2 || f[1] != "115200" {
		c.remark(l, "the port has 115200 baud now, without flow control")
	}
	return true
}

// settings reports all lines that apply to a whole menu and have no equivalent
// key.
func (c *converter) settings(cfg *pxelinux.Config) {
	for _, f := range cfg.Faults {
		c.lost(f.Line, "%s", f.Why)
	}
	var walk func(*pxelinux.Menu)
	walk = func(m *pxelinux.Menu) {
		for _, l := range m.Lines {
			if n := setting(l); n.why != "" {
				c.tell(n)
			}
		}
		for _, e := range m.Entries {
			if e.Submenu != nil {
				walk(e.Submenu)
			}
		}
	}
	walk(cfg.Top)
}

// setting returns why a line does not belong in the file. The note is empty if it
// does, or if the line changes nothing.
func setting(l pxelinux.Line) note {
	yes := pxelinux.Atoi(l.Args) != 0
	lost := func(why string) note { return note{line: l, why: why, lost: true} }
	of := func(k kind) note { return note{line: l, why: whyOne[k], lost: true, kind: k} }
	switch l.Keyword {
	case "NOESCAPE":
		if yes {
			return note{}
		}
		return lost("users cannot leave the menu for a boot: prompt")
	case "PROMPT", "ALLOWOPTIONS":
		if !yes {
			return note{}
		}
		return lost("users cannot leave the menu for a boot: prompt, or edit command lines")
	case "MENU MASTER PASSWD":
		return lost("the menu has one password: make one with pxebox hash-password")
	case "MENU HIDDEN", "MENU SHIFTKEY":
		return lost("the menu is always shown")
	case "MENU HIDDENKEY":
		return lost("the menu is always shown, and the key starts nothing")
	case "MENU HELP":
		return lost("there is no such entry: write help below an entry")
	case "TOTALTIMEOUT":
		if !yes {
			return note{}
		}
		n := lost("once a key is pressed, nothing starts by itself: the menu has no such limit")
		n.first = true
		return n
	case "ONERROR":
		return lost("the menu comes back after an error")
	case "PATH", "NOHALT", "PXERETRY", "SENDCOOKIES":
		return lost("pxebox has no key for it")
	case "DISPLAY", "SAY", "FONT", "KBDMAP", "CONSOLE",
		"F0", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12":
		return of(screens)
	case "MENU SEPARATOR":
		return of(look)
	case "MENU GOTO", "MENU EXIT", "MENU QUIT", "MENU HIDE", "MENU DISABLE", "MENU DISABLED", "MENU INDENT":
		return lost(noLabel)
	case "#", "UI", "DEFAULT", "LABEL", "INCLUDE", "APPEND", "IPAPPEND", "SYSAPPEND", "TIMEOUT", "ONTIMEOUT", "SERIAL",
		"IMPLICIT", "NOCOMPLETE",
		"TEXT", "TEXT HELP", "ENDTEXT", "MENU BEGIN", "MENU END", "MENU TITLE", "MENU LABEL", "MENU INCLUDE",
		"MENU START", "MENU PASSWD", "MENU DEFAULT",
		// PXELINUX accepts them, but does not implement them (doc/menu.txt, MENU
		// SAVE).
		"MENU SAVE", "MENU NOSAVE":
		return note{}
	}
	switch {
	case !l.Known():
		n := lost(unknown(l))
		n.first = strings.HasPrefix(l.Keyword, byteOrderMark) // it may be a DEFAULT
		return n
	case strings.HasPrefix(l.Keyword, "MENU "):
		return of(look)
	}
	return lost(noLabel)
}

const noLabel = "is not below a LABEL, so it has no effect"

// unknown says why a line with a keyword that PXELINUX does not know has no
// effect.
func unknown(l pxelinux.Line) string {
	if strings.HasPrefix(l.Keyword, byteOrderMark) {
		return "PXELINUX does not know it, since the file begins with a byte order mark: save it as UTF-8 without one"
	}
	return "PXELINUX does not know it"
}

// byteOrderMark is what Windows' Notepad writes at the start of a file.
const byteOrderMark = "\ufeff"

// first returns the first word of a text.
func first(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}
