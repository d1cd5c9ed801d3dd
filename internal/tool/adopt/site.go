package adopt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// site is what the pxebox.toml is to say, and what there is to tell of it.
type site struct {
	title    string
	timeout  time.Duration
	preset   string // name of the default entry
	serial   bool
	locked   bool     // an entry asks for a password
	sources  []string // configurations of DHCP servers
	blocks   []block  // what they say
	http     bool     // an entry loads a file by HTTP or FTP
	wds      []config.WDS
	entries  []entry
	machines []machine
	files    []used // boot files, in the order of the entries
	notes    []note
	remains  []pxelinux.Line // all those of files that are not taken over
}

// entry is one of the site's with the place that it comes from.
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

// note is what there is to tell of a line.
type note struct {
	line pxelinux.Line // without a Keyword: the file
	why  string
	lost bool // the pxebox.toml has nothing of it
	// first says that it changes what starts by itself, or after which time.
	first  bool
	kind   kind
	others []note // of the same kind, told with this one
}

// converter makes a site of PXELINUX's files. It is pure: what it has to know
// of the tree, find tells.
type converter struct {
	site
	// find returns the name of a boot file in the tree for one that a menu
	// has, and whether it is there.
	find func(name string) (path string, found bool)
	seen view // by find and read
	// read returns a configuration file.
	read func(name string) ([]byte, error)
	// same returns one name for all names of the tree that lead to a file.
	same func(path string) string
	// bundled are the boot programs that pxebox brings.
	bundled map[string]bool

	taken     map[string]bool            // names of entries
	known     map[string]*result         // what a line of a menu became, by how it is written
	started   *pxelinux.Entry            // what the file being converted starts by itself
	names     map[*pxelinux.Entry]string // of what became an entry
	tags      map[string]string          // names of submenus by their tags, in the file being converted
	jumps     []jump                     // that wait for the tags
	hosts     map[string]bool            // that were told of
	told      map[string]bool            // a file that is included twice has its lines told once
	open      []shownFile                // those of the menus around, the innermost last
	esxi      map[string]bool            // the mboot.c32 of ESXi
	fileMenus int                        // that were followed
	copies    map[string]string          // submenus that files have become, by what they are made of
	rules     map[string]int             // machines by what they get
}

// shownFile is a configuration file whose menu is being converted, the menu
// that it has become, and what it holds.
type shownFile struct {
	name, tag string
	cfg       *pxelinux.Config
	// restarts says that PXELINUX begins anew with it: ~ is this file then.
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
		taken: map[string]bool{config.BootMenu: true}, // stands for the menu itself below [[machine]]
		known: map[string]*result{},
		told:  map[string]bool{},
		hosts: map[string]bool{},
		names: map[*pxelinux.Entry]string{},
		rules: map[string]int{},
		same:  func(path string) string { return path },
		esxi:  map[string]bool{},
	}
}

// lost tells of a line that the file does not have.
func (c *converter) lost(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), lost: true})
}

// remark tells of a line that is not quite the same any more.
func (c *converter) remark(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...)})
}

// without tells of a file of certain machines that is left out: they get the
// menu of all, and what that starts.
func (c *converter) without(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), lost: true, first: true})
}

// noted tells of a line of a kind.
func (c *converter) noted(k kind, l pxelinux.Line, lost bool) {
	c.tell(note{line: l, why: whyOne[k], lost: lost, kind: k})
}

// starting tells of what starts by itself now, and did not, or of what does not
// any more; or whether the box leases addresses. The report begins with it.
func (c *converter) starting(l pxelinux.Line, format string, args ...any) {
	c.tell(note{line: l, why: fmt.Sprintf(format, args...), first: true})
}

func (c *converter) tell(n note) {
	if key := n.String(); !c.told[key] {
		c.told[key] = true
		c.notes = append(c.notes, n)
	}
}

// shown is a line as a person may see it: not the password, which need not be
// hashed.
func shown(l pxelinux.Line) string {
	if strings.HasSuffix(l.Keyword, "PASSWD") {
		return l.Keyword + " ..."
	}
	return brief(pxelinux.Decode(l.String()))
}

// general converts the menu of machines that have no file of their own.
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

// began gets ready to convert what a configuration shows.
func (c *converter) began(u unattended) {
	c.started, c.copies = u.entry, map[string]string{}
	c.open = []shownFile{{c.open[0].name, topTag, u.menu, true}}
	if len(u.files) > 0 {
		c.open = append(c.open, shownFile{name: u.files[len(u.files)-1], tag: topTag, cfg: u.menu})
	}
}

// after is the time after which a menu starts the entry of that name by itself;
// 0 waits for a key.
func (c *converter) after(u unattended, name string) time.Duration {
	const shortest, longest = time.Second, 59 * time.Minute
	switch {
	case u.entry == nil:
		return 0
	case name == "":
		c.starting(u.entry.Line, "would start by itself, and has become no entry that starts something: the menu waits for a key")
		return 0
	case c.isLocked(name):
		c.starting(u.entry.Line, "starts by itself there, and is locked: the menu waits for a key")
		return 0
	case u.atOnce:
		c.starting(u.by, "starts %q at once there; here the menu is shown for a second", brief(pxelinux.Decode(u.entry.Caption())))
		return shortest
	case u.wait < shortest:
		c.starting(u.by, "comes after less than a second, which the menu cannot wait: it is one now")
		return shortest
	case u.wait > longest:
		c.starting(u.by, "comes after more than the menu can wait: it is 59 minutes now")
		return longest
	}
	return u.wait
}

// isLocked reports whether an entry, or a submenu that it is in, is locked.
func (c *converter) isLocked(name string) bool {
	for ; name != ""; name = c.named(name).In {
		if c.named(name).Locked {
			return true
		}
	}
	return false
}

const hiddenDefault = "is hidden, and the default: the menu shows it"

// line is the last line with the keyword; where there is none, it has no place
// either.
func line(cfg *pxelinux.Config, keyword string) pxelinux.Line {
	l, _ := cfg.Last(keyword)
	return l
}

// starts is the name of what e has become; empty where that starts nothing.
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
		c.lost(l, "the menu is on the first serial port, or on none")
		return false
	}
	if len(f) != 2 || f[1] != "115200" {
		c.remark(l, "the port has 115200 baud now, without flow control")
	}
	return true
}

// settings tells of all lines that stand for a whole menu and that no key
// stands for.
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

// setting tells why a line has no place in the file; the note is empty where it
// has, or where it changes nothing.
func setting(l pxelinux.Line) note {
	yes := pxelinux.Atoi(l.Args) != 0
	lost := func(why string) note { return note{line: l, why: why, lost: true} }
	of := func(k kind) note { return note{line: l, why: whyOne[k], lost: true, kind: k} }
	switch l.Keyword {
	case "NOESCAPE":
		if yes {
			return note{}
		}
		return lost("the menu is closed: there is no boot: prompt behind it")
	case "PROMPT", "ALLOWOPTIONS":
		if !yes {
			return note{}
		}
		return lost("the menu is closed: there is no boot: prompt behind it, and command lines cannot be edited")
	case "MENU MASTER PASSWD":
		return lost("the menu has one password: make it with pxebox hash-password")
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
		n := lost("nothing starts by itself once a key is pressed: the menu has no such limit")
		n.first = true
		return n
	case "ONERROR":
		return lost("the menu comes back after an error")
	case "PATH", "NOHALT", "PXERETRY", "SENDCOOKIES":
		return lost("there is no key for it")
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
		// PXELINUX takes them, and cannot do it (doc/menu.txt, MENU SAVE).
		"MENU SAVE", "MENU NOSAVE":
		return note{}
	}
	switch {
	case !l.Known():
		n := lost(unknown(l))
		n.first = strings.HasPrefix(l.Keyword, byteOrderMark) // it may be DEFAULT
		return n
	case strings.HasPrefix(l.Keyword, "MENU "):
		return of(look)
	}
	return lost(noLabel)
}

const noLabel = "stands below no LABEL, where it does nothing"

// unknown is why a line has no effect whose keyword PXELINUX does not know.
func unknown(l pxelinux.Line) string {
	if strings.HasPrefix(l.Keyword, byteOrderMark) {
		return "PXELINUX does not know it, since the file begins with a byte order mark: save it as UTF-8 without one"
	}
	return "PXELINUX does not know it"
}

// byteOrderMark is what Windows' Notepad begins a file with.
const byteOrderMark = "\ufeff"

// first is the first word of a text.
func first(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}
