package pxelinux

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Limits.
const (
	maxDepth = 16 // nested files (doc/syslinux.txt, INCLUDE)
	// maxBytes is the most that is read, including all included files: a
	// few files that each include the next one twice would never end.
	maxBytes  = 2 << 20
	maxIndent = 80 // columns of the screen
	// maxLine is the most that the reader reads at once, in bytes; it
	// treats the rest as another line (readconfig.c, MAX_LINE less the
	// NUL).
	maxLine = 4095
)

const comment = "#"

// imageTypes are the keywords that name what an entry starts (kernel_types).
var imageTypes = []string{
	"LOCALBOOT", "KERNEL", "LINUX", "BOOT", "BSS", "PXE", "FDIMAGE", "COMBOOT", "COM32", "CONFIG",
}

// ofEntry are the keywords that belong to the LABEL above them. All others
// apply to the menu or the whole file, wherever they are.
var ofEntry = append([]string{
	"APPEND", "INITRD", "IPAPPEND", "SYSAPPEND", "TEXT HELP",
	"MENU LABEL", "MENU DEFAULT", "MENU HIDE", "MENU PASSWD", "MENU DISABLE", "MENU DISABLED", "MENU INDENT",
	"MENU QUIT", "MENU GOTO", "MENU EXIT", "MENU SAVE", "MENU NOSAVE",
}, imageTypes...)

// Parse reads the named file, and the files that it includes. read returns a
// file by the name as written in an INCLUDE. The error is read's, for the first
// file. PXELINUX skips an INCLUDE that it cannot read; Parse reports it as a
// Fault.
func Parse(name string, read func(name string) ([]byte, error)) (*Config, error) {
	data, err := read(name)
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes: at most %d are read", name, len(data), maxBytes)
	}
	top := &Menu{Tag: ".top"}
	p := &parser{read: read, cfg: &Config{Top: top, Start: top}, menu: top, left: maxBytes}
	p.file(name, data)
	p.close()
	p.resolve()
	return p.cfg, nil
}

type parser struct {
	read  func(string) ([]byte, error)
	cfg   *Config
	files []string // being read, the innermost last
	left  int      // bytes that may still be read

	menu  *Menu
	entry *Entry // the LABEL being read; nil between two
	// ownAppend distinguishes an empty APPEND from a missing one.
	ownAppend bool
	isDefault bool
	append    string // global
	sysAppend uint64 // global
	menuOnly  int    // how many of files are inside a MENU INCLUDE
}

func (p *parser) fault(l Line, format string, args ...any) {
	p.cfg.Faults = append(p.cfg.Faults, Fault{Line: l, Why: fmt.Sprintf(format, args...)})
}

// unread is fault for a file that PXELINUX may have read.
func (p *parser) unread(l Line, format string, args ...any) {
	p.fault(l, format, args...)
	p.cfg.Faults[len(p.cfg.Faults)-1].Unread = true
}

// file parses one file. An entry may begin in one file and end in another:
// INCLUDE works as if the files were one.
func (p *parser) file(name string, data []byte) {
	p.files = append(p.files, name)
	p.left -= len(data)
	defer func() { p.files = p.files[:len(p.files)-1] }()
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		l := Line{File: name, Number: 1, MenuOnly: p.menuOnly > 0}
		p.fault(l, "is written in UTF-16, which PXELINUX cannot read: save the file as UTF-8 without a byte order mark")
		return
	}
	s := &scanner{file: name, data: data}
	for s.next() {
		l, ok := parseLine(s.text)
		if !ok {
			continue
		}
		l.File, l.Number, l.MenuOnly = name, s.number, p.menuOnly > 0
		if s.cut {
			p.fault(l, "longer than %d bytes: PXELINUX reads the rest as another line", maxLine)
		}
		p.cfg.Lines = append(p.cfg.Lines, l)
		if p.entry != nil && (slices.Contains(ofEntry, l.Keyword) || !l.Known()) {
			p.entry.Lines = append(p.entry.Lines, l)
		} else if l.Keyword != "LABEL" && l.Keyword != "MENU BEGIN" && l.Keyword != "MENU END" {
			p.menu.Lines = append(p.menu.Lines, l)
		}
		p.line(l, s)
	}
}

func (p *parser) line(l Line, s *scanner) {
	switch {
	case strings.HasPrefix(l.Keyword, "MENU "):
		p.menuLine(l)
	case l.Keyword == "TEXT" || strings.HasPrefix(l.Keyword, "TEXT "):
		p.text(l, s)
	case l.Keyword == "LABEL":
		p.close()
		// PXELINUX itself uses the first word as the label; its menu
		// program uses the whole line, with trailing spaces
		// (readconfig.c of both).
		full := strings.TrimLeftFunc(s.text, space)[len(l.Keyword):]
		full = strings.TrimLeftFunc(full, space)
		// An entry without a KERNEL starts what its label names.
		p.entry = &Entry{
			Line: l, Name: firstWord(l.Args), FullName: full, Label: l.Args,
			Type: "KERNEL", Image: l.Args, SysAppend: p.sysAppend,
		}
	case l.Keyword == "INCLUDE":
		p.include(l)
	case l.Keyword == "APPEND" && p.entry == nil:
		p.append = l.Args
	case l.Keyword == "APPEND":
		p.entry.Append, p.ownAppend = l.Args, true
	case l.Keyword == "IPAPPEND" || l.Keyword == "SYSAPPEND":
		n := number(l.Args)
		if p.entry == nil {
			p.sysAppend = n
		} else {
			p.entry.SysAppend = n
		}
	case l.Keyword == "INITRD" && p.entry != nil:
		p.entry.Initrd = l.Args
	case slices.Contains(imageTypes, l.Keyword) && p.entry != nil:
		p.entry.Type, p.entry.Image = l.Keyword, l.Args
	case l.Keyword == "TIMEOUT":
		p.menu.Timeout = l
	case l.Keyword == "ONTIMEOUT":
		p.menu.OnTimeout = l
	}
}

func (p *parser) menuLine(l Line) {
	e, opener := p.entry, p.menu.parent
	switch l.Keyword {
	case "MENU BEGIN":
		p.begin(l, l.Args)
	case "MENU END":
		p.end()
	case "MENU INCLUDE":
		p.menuOnly++
		p.include(l)
		p.menuOnly--
	case "MENU SEPARATOR":
		p.close()
		p.entry = &Entry{Line: l, Separator: true}
		p.close()
	case "MENU START":
		p.cfg.Start = p.menu
	case "MENU TITLE":
		p.menu.Title = l.Args
		if opener != nil && !p.menu.labeled {
			opener.Label, p.menu.labeled = l.Args, true
		}
	case "MENU LABEL":
		if e != nil {
			e.Label = l.Args
		} else if opener != nil {
			opener.Label, p.menu.labeled = l.Args, true
			if p.menu.Title == "" {
				p.menu.Title = opener.Caption()
			}
		}
	case "MENU DEFAULT":
		if e != nil {
			p.isDefault = true
		} else if opener != nil {
			p.menu.above.Default = opener
		}
	case "MENU PASSWD":
		if e != nil {
			e.Password = &l.Args
		} else if opener != nil {
			opener.Password = &l.Args
		}
	}
	if e == nil {
		return
	}
	switch l.Keyword {
	case "MENU HIDE":
		e.Hidden = true
	case "MENU DISABLE", "MENU DISABLED":
		e.Disabled = true
	case "MENU INDENT":
		n, _ := strconv.Atoi(firstWord(l.Args))
		e.Indent = min(max(n, 0), maxIndent)
	case "MENU QUIT":
		e.Action = Quit
	case "MENU GOTO":
		e.Action, e.Target = Goto, l.Args
	case "MENU EXIT":
		if p.menu.above != nil {
			e.Action, e.Target = Exit, l.Args
		}
	}
}

// text reads the lines up to ENDTEXT. It keeps them unchanged, because the
// screen shows their spacing.
func (p *parser) text(l Line, s *scanner) {
	for s.next() {
		if end, _ := parseLine(s.text); end.Keyword == "ENDTEXT" {
			return
		}
		if p.entry != nil && l.Keyword == "TEXT HELP" {
			p.entry.Help = append(p.entry.Help, s.text)
		}
	}
	p.fault(l, "has no ENDTEXT: PXELINUX takes the rest of the file for its text")
}

// include parses another file in place of the line. If it has a tag, the file
// is a submenu (doc/menu.txt, INCLUDE).
func (p *parser) include(l Line) {
	name := firstWord(l.Args)
	tag := strings.TrimSpace(l.Args[len(name):])
	switch {
	case len(p.files) >= maxDepth:
		p.fault(l, "is %d files deep, which is more than PXELINUX follows", maxDepth)
		return
	case slices.ContainsFunc(p.files, func(f string) bool { return CleanName(f) == CleanName(name) }):
		p.fault(l, "includes itself")
		return
	}
	data, err := p.read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(strings.TrimPrefix(name, "::"), ":"):
		p.fault(l, "cannot be read: %v", err)
		return
	case err != nil: // another server's, for example
		p.unread(l, "cannot be read: %v", err)
		return
	case len(data) > p.left:
		p.unread(l, "is too large: at most %d bytes are read, with all included files", maxBytes)
		return
	}
	if tag == "" {
		p.file(name, data)
		return
	}
	p.begin(l, tag)
	p.file(name, data)
	p.end()
}

func (p *parser) begin(l Line, tag string) {
	p.close()
	// A submenu inherits what the menu above has set so far (readconfig.c,
	// new_menu).
	m := &Menu{Tag: tag, above: p.menu, Timeout: p.menu.Timeout, OnTimeout: p.menu.OnTimeout}
	m.parent = &Entry{Line: l, Name: tag, Label: tag, Submenu: m}
	p.menu.Entries = append(p.menu.Entries, m.parent)
	p.cfg.all = append(p.cfg.all, m.parent)
	p.menu = m
}

func (p *parser) end() {
	p.close()
	if p.menu.above != nil {
		p.menu = p.menu.above
	}
}

// close ends the entry being read (readconfig.c, record).
func (p *parser) close() {
	e := p.entry
	if e == nil {
		return
	}
	if !p.ownAppend {
		e.Append = p.append
	}
	if e.Append == "-" {
		e.Append = "" // APPEND - overrides a global one with nothing
	}
	p.cfg.all = append(p.cfg.all, e)
	if e.Hidden {
		p.cfg.Hidden = append(p.cfg.Hidden, e)
	} else {
		p.menu.Entries = append(p.menu.Entries, e)
		if p.isDefault && !e.Disabled && (e.Action == Boot || e.Action == Goto) {
			p.menu.Default = e
		}
	}
	p.entry, p.ownAppend, p.isDefault = nil, false, false
}

// resolve finds the entry that DEFAULT names. If there is a UI, DEFAULT
// overrides MENU DEFAULT, and the submenu with the entry is shown
// (doc/menu.txt, DEFAULT).
func (p *parser) resolve() {
	l, ok := p.cfg.Last("DEFAULT")
	if _, ui := p.cfg.Last("UI"); !ui || !ok {
		return
	}
	e, _ := p.cfg.InMenu(l.Args)
	if e == nil || e.Hidden {
		return
	}
	for _, m := range p.cfg.menus() {
		if slices.Contains(m.Entries, e) {
			m.Default, p.cfg.Start = e, m
		}
	}
}

// number parses like C's strtoul with base 0: decimal, 0x hexadecimal, 0 octal,
// up to the first character that does not fit.
func number(s string) uint64 {
	base, digits := 10, s
	if h, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		base, digits = 16, h
	} else if strings.HasPrefix(s, "0") {
		base = 8
	}
	for end := len(digits); end > 0; end-- {
		if n, err := strconv.ParseUint(digits[:end], base, 32); err == nil {
			return n
		}
	}
	return 0
}
