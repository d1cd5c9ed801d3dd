package adopt

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// result is what a line of a menu was converted to.
type result struct {
	name     string // of the entry; empty for none
	children []*result
	leads    bool // leads to a submenu that another menu may lack
}

// travels reports whether another menu may use the result.
func (r *result) travels() bool {
	return !r.leads && !slices.ContainsFunc(r.children, func(r *result) bool { return !r.travels() })
}

// all returns the names of the entry and of those below it.
func (r *result) all() []string {
	var out []string
	if r.name != "" {
		out = append(out, r.name)
	}
	for _, c := range r.children {
		out = append(out, c.all()...)
	}
	return out
}

// nothing is the result of a line that became no entry, and has none below it.
func nothing(e *pxelinux.Entry) *result {
	r := &result{}
	if e.Submenu != nil {
		for _, below := range e.Submenu.Entries {
			r.children = append(r.children, nothing(below))
		}
	}
	return r
}

// convert converts all menus of a file into entries. in is the submenu that gets
// them; it is empty for the top.
func (c *converter) convert(cfg *pxelinux.Config, in string, unlisted bool) []*result {
	tags, jumps := c.tags, c.jumps
	defer func() { c.tags, c.jumps = tags, jumps }()
	c.tags, c.jumps = map[string]string{cfg.Top.Tag: in}, nil
	if in == "" {
		c.tags[cfg.Top.Tag] = topTag
	}
	results := c.menu(cfg.Top, in, unlisted)
	for _, e := range cfg.Hidden {
		c.line(e, in, true)
	}
	for _, j := range c.jumps {
		if to, ok := c.tags[j.tag]; ok {
			c.entries[j.entry].PXELINUX += " " + to
		} else {
			c.remark(j.from.Line, "leads to a menu that does not exist: it is shown, but cannot be chosen")
			c.entries[j.entry].PXELINUX = "MENU DISABLE"
		}
	}
	return results
}

func (c *converter) menu(m *pxelinux.Menu, in string, unlisted bool) []*result {
	var out []*result
	for _, e := range m.Entries {
		out = append(out, c.line(e, in, unlisted))
	}
	return out
}

// line converts a line of a menu. A machine's menu reuses the entries that exist
// already.
func (c *converter) line(e *pxelinux.Entry, in string, unlisted bool) *result {
	key := in + "\n" + signature(e)
	r := c.known[key]
	if r == nil || !unlisted || !r.travels() {
		switch {
		case e.Separator:
			r = nothing(e) // settings reports it
		case len(c.entries) >= config.MaxEntries:
			c.lost(e.Line, "is one entry too many: a menu has at most %d", config.MaxEntries)
			r = nothing(e)
		case e.Submenu != nil:
			r = c.submenu(e, in, unlisted)
		default:
			r = c.entry(e, in, unlisted)
		}
		if c.known[key] == nil {
			c.known[key] = r
		}
	}
	c.assign(e, r)
	return r
}

// assign records the names of the entries that a line and those below it became.
func (c *converter) assign(e *pxelinux.Entry, r *result) {
	c.names[e] = r.name
	if e.Submenu != nil {
		for i, below := range e.Submenu.Entries {
			c.assign(below, r.children[i])
		}
	}
}

// signature returns everything that a menu line shows and does, except its place.
func signature(e *pxelinux.Entry) string {
	s := fmt.Sprintf("%q", []any{e.Name, e.Label, e.Action, e.Target, e.Type, e.Image, e.Append, e.Initrd, e.SysAppend,
		e.Help, e.Password != nil, e.Indent, e.Disabled, e.Separator})
	if e.Submenu != nil {
		s += fmt.Sprintf("%q{", e.Submenu.Title)
		for _, below := range e.Submenu.Entries {
			s += signature(below)
		}
		s += "}"
	}
	return s
}

// depth counts the submenus from the top to the named one.
func (c *converter) depth(in string) int {
	n := 0
	for ; in != ""; in = c.named(in).In {
		n++
	}
	return n
}

func (c *converter) submenu(e *pxelinux.Entry, in string, unlisted bool) *result {
	m := e.Submenu
	titleLine := lineOf(m.Lines, e.Line, "MENU TITLE")
	labelLine := lineOf(m.Lines, titleLine, "MENU LABEL")
	if m.Title != "" && m.Title != e.Caption() {
		c.noted(look, titleLine, true)
	}
	if m.Default != nil && c.started != m.Default && m.Default != m.Entries[0] {
		c.lost(lineOf(m.Default.Lines, m.Default.Line, "MENU DEFAULT"),
			"the cursor of a submenu starts at its first entry")
	}
	if e.Password != nil {
		c.lock(lineOf(m.Lines, e.Line, "MENU PASSWD"))
	}
	return c.nested(config.Entry{In: in, Locked: e.Password != nil, Unlisted: unlisted}, e, labelLine,
		func(in string) []*result {
			c.tags[m.Tag] = in
			return c.menu(m, in, unlisted)
		})
}

// nested adds a submenu with the entries that fill creates for it.
func (c *converter) nested(
	out config.Entry, e *pxelinux.Entry, labelLine pxelinux.Line, fill func(in string) []*result,
) *result {
	if c.depth(out.In) == config.MaxDepth {
		c.lost(e.Line, "is more than %d submenus deep: its entries are in the one above", config.MaxDepth)
		if out.Locked {
			c.lost(e.Line, "is left out: it is locked")
			return nothing(e)
		}
		return &result{children: fill(out.In)}
	}
	out.Submenu = true
	out.Label = c.label(e.Label, labelLine)
	out.Name = c.name(false, e.Name, e.Label)
	if out.Label == "" {
		out.Label = out.Name
	}
	at := len(c.entries)
	c.entries = append(c.entries, entry{out, e.Line.Place()})
	r := &result{name: out.Name, children: fill(out.Name)}
	if len(c.entries) == at+1 {
		c.entries = c.entries[:at]
		c.lost(e.Line, "has no entries")
		r.name = ""
	}
	return r
}

// above returns the tag of the menu above a submenu. A hidden entry counts as one
// at the top, wherever it is.
func (c *converter) above(in string) string {
	if in != "" {
		in = c.named(in).In
	}
	return cmp.Or(in, topTag)
}

// topTag is PXELINUX's tag for the top menu (doc/menu.txt, MENU GOTO).
const topTag = ".top"

// lock reports a password: GRUB cannot read PXELINUX's hash, and most of these
// hashes are easy to crack.
func (c *converter) lock(l pxelinux.Line) {
	c.locked = true
	c.lost(l, "stays locked until the menu has a password: make one with pxebox hash-password")
}

// entry converts a LABEL into an entry: one that works on all firmware, where
// possible, or otherwise its raw lines.
func (c *converter) entry(e *pxelinux.Entry, in string, unlisted bool) *result {
	for _, l := range e.Lines {
		if !l.Known() {
			c.lost(l, "%s", unknown(l))
		}
	}
	if files, ok := c.menuFiles(e); ok {
		return c.fileMenu(e, files, in, unlisted)
	}
	if dir, ok := c.nextPXELINUX(e); ok {
		return c.nextMenu(e, dir, in, unlisted)
	}
	imageLine := lineOf(e.Lines, e.Line, e.Type)
	if e.Action == pxelinux.Quit {
		c.lost(lineOf(e.Lines, e.Line, "MENU QUIT"), "users cannot leave the menu for a boot: prompt")
		return nothing(e)
	}
	if e.Action == pxelinux.Exit && (e.Target == "" || c.tags[e.Target] == c.above(in)) {
		c.noted(wayBack, e.Line, false)
		return nothing(e)
	}
	out, files, why := c.action(e)
	if why == "" {
		why = c.refused(out)
	}
	if why == "" && e.Indent > 0 {
		c.noted(look, lineOf(e.Lines, e.Line, "MENU INDENT"), true)
	}
	if why != "" {
		out, files = c.raw(e)
		if refused := c.refused(out); refused != "" {
			if refused != why {
				refused = why + "; and as lines for PXELINUX: " + refused
			}
			c.lost(imageLine, "is left out: %s", refused)
			c.lost(e.Line, "is left out with it")
			for _, l := range e.Lines {
				if l != imageLine && l.Keyword != "#" && l.Keyword != "MENU PASSWD" {
					c.lost(l, "is left out with it")
				}
			}
			return nothing(e)
		}
		if !e.Disabled {
			c.remark(imageLine, "kept as lines for PXELINUX, so a menu on UEFI does not show it: %s", why)
		}
	}
	c.files = append(c.files, files...)
	c.remarkHosts(e)
	if e.Password != nil {
		out.Locked = true
		c.lock(lineOf(e.Lines, e.Line, "MENU PASSWD"))
	}
	out.In, out.Unlisted = in, unlisted
	out.Label = c.label(e.Label, lineOf(e.Lines, e.Line, "MENU LABEL"))
	out.Help = c.help(e)
	out.Name = c.name(out.Disk, e.Name, e.Label)
	if out.Label == "" {
		out.Label = out.Name
	}
	c.entries = append(c.entries, entry{out, e.Line.Place()})
	if e.Action != pxelinux.Boot && e.Target != "" {
		c.jumps = append(c.jumps, jump{len(c.entries) - 1, e.Target, e})
	}
	return &result{name: out.Name}
}

// refused returns why a configuration does not allow such an entry, or "" if it
// does.
func (c *converter) refused(e config.Entry) string {
	s := site{wds: c.wds, entries: []entry{{Entry: e}}}
	s.entries[0].Name, s.entries[0].Label = "entry", "entry"
	return strings.TrimPrefix(s.refused(), `entry "entry".`)
}

// refused returns the first error in the pxebox.toml, or "" if there is none.
func (s *site) refused() string {
	_, err := parser.Parse(configFile, s.toml())
	var errs config.Errors
	if errors.As(err, &errs) {
		return errs[0].Key + " " + errs[0].Problem
	}
	return ""
}

// extensions are the extensions by which PXELINUX detects the type of a KERNEL
// (doc/syslinux.txt, "Booting other operating systems"). A file without one of
// them is Linux.
var extensions = map[string]string{
	".c32": "COM32", ".0": "PXE", ".com": "COMBOOT", ".cbt": "COMBOOT", ".bin": "BOOT", ".bs": "BOOT", ".bss": "BSS",
	".img": "FDIMAGE",
}

// programs are the extensions by which an entry determines how to start its file.
var programs = map[string][]string{
	"COM32": {".c32"},
	"PXE":   {".0", ".pxe", ".kpxe", ".kkpxe", ".n12"},
}

// action returns an entry that does what e does, on any firmware that supports
// it. why says what prevents that.
func (c *converter) action(e *pxelinux.Entry) (out config.Entry, files []used, why string) {
	if e.Disabled || e.Action != pxelinux.Boot {
		return out, nil, "it starts nothing"
	}
	if e.Type == "LOCALBOOT" {
		if n := first(e.Image); n != "0" && n != "-1" {
			c.remark(lineOf(e.Lines, e.Line, e.Type), "starts the next device in the BIOS boot order")
		}
		return config.Entry{Disk: true}, nil, ""
	}
	image, arguments := c.image(e)
	kind := e.Type
	if kind == "KERNEL" {
		if kind = extensions[strings.ToLower(path.Ext(image))]; kind == "" {
			kind = "LINUX"
		}
	}
	if chain := base(image); chain == "pxechn.c32" || chain == "pxechain.com" {
		return c.wdsEntry(e, arguments)
	}
	if out, files, ok := c.program(e, image, arguments); ok {
		return out, files, ""
	}
	if e.SysAppend != 0 {
		return out, nil, "its arguments describe the machine (SYSAPPEND)"
	}
	file, ok := c.local(image)
	if !ok {
		return out, nil, fmt.Sprintf("%q is not a file of the boot folder", brief(image))
	}
	by := e.Line
	if kind != "LINUX" {
		// All other types start as they do with KERNEL, except a .bin, which an
		// entry starts as a Linux kernel.
		byKernel := e.Type == "KERNEL" && (kind == "BOOT" || kind == "BSS") &&
			!strings.EqualFold(path.Ext(file), ".bin")
		if !byKernel && !slices.Contains(programs[kind], strings.ToLower(path.Ext(file))) {
			return out, nil, "no entry can start a file of that name this way"
		}
		files = append(c.filesIn(arguments, by), used{file, by})
		return config.Entry{File: file, Append: arguments}, files, ""
	}
	arguments, initrd := splitInitrd(arguments, e.Initrd)
	var loaded []string
	for _, name := range initrd {
		f, ok := c.local(name)
		if !ok {
			return out, nil, fmt.Sprintf("%q is not a file of the boot folder", brief(name))
		}
		loaded, files = append(loaded, f), append(files, used{f, by})
	}
	if base(file) == "memdisk" {
		return disk(loaded, arguments, files)
	}
	return config.Entry{Kernel: file, Initrd: loaded, Append: arguments}, append(files, used{file, by}), ""
}

// disk converts what memdisk starts: a file, by its extension. It removes the
// arguments that an entry adds automatically.
func disk(loaded []string, arguments string, files []used) (out config.Entry, _ []used, why string) {
	if len(loaded) != 1 {
		return out, nil, "memdisk takes one image"
	}
	words := strings.Fields(arguments)
	iso := slices.Index(words, "iso")
	switch strings.ToLower(path.Ext(loaded[0])) {
	case ".iso":
		if iso < 0 {
			return out, nil, "an .iso needs memdisk's argument iso, which is missing"
		}
		words = slices.Delete(words, iso, iso+1)
	case ".img", ".ima", ".imz":
		if iso >= 0 {
			return out, nil, "memdisk's argument iso is only valid with an .iso"
		}
	default:
		return out, nil, "memdisk is used for .iso, .img, .ima and .imz"
	}
	return config.Entry{File: loaded[0], Append: strings.Join(words, " ")}, files, ""
}

// image returns the file that an entry starts, and its arguments, some of which
// may follow the file name.
func (c *converter) image(e *pxelinux.Entry) (file, arguments string) {
	file = first(e.Image)
	return file, tidy(strings.TrimSpace(e.Image)[len(file):] + " " + e.Append)
}

var reSpaces = regexp.MustCompile(`[\t\v\f ]+`)

// tidy collapses spaces, except in a text with quotes.
func tidy(s string) string {
	if strings.ContainsAny(s, `"'`) {
		return strings.TrimSpace(strings.ReplaceAll(s, "\t", " "))
	}
	return strings.TrimSpace(reSpaces.ReplaceAllString(s, " "))
}

var reInitrd = regexp.MustCompile(`(^| )initrd=(\S*)`)

// splitInitrd removes the initrd files from a kernel's arguments. The last
// initrd= counts. An INITRD directive comes after the arguments, together with
// any text after its files (doc/syslinux.txt, INITRD).
func splitInitrd(arguments, directive string) (rest string, files []string) {
	list := first(directive)
	arguments = tidy(arguments + " " + strings.TrimSpace(directive)[len(list):])
	if all := reInitrd.FindAllStringSubmatch(arguments, -1); list == "" && len(all) > 0 {
		list = all[len(all)-1][2]
	}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			files = append(files, name)
		}
	}
	return strings.TrimSpace(reInitrd.ReplaceAllString(arguments, "")), files
}

// local returns a boot file's name relative to the boot folder. It reports false
// for a URL, a file of another server, and a file outside the folder. Programs
// that pxebox includes always replace the site's: PXELINUX fails with modules of
// another version.
func (c *converter) local(name string) (string, bool) {
	clean := strings.ReplaceAll(name, `\`, "/")
	plain := strings.TrimPrefix(clean, "::") // no path prefix: pxebox has none
	if strings.Contains(plain, ":") {
		return "", false
	}
	if c.bundled[base(plain)] {
		return base(plain), true
	}
	found, _ := c.lookup(name)
	return found, found != ""
}

// filesIn returns the words of an argument list that name files of the tree.
func (c *converter) filesIn(arguments string, by pxelinux.Line) []used {
	var out []used
	for _, word := range strings.FieldsFunc(arguments, func(r rune) bool { return r <= ' ' || r == '=' || r == ',' }) {
		name := strings.ReplaceAll(word, `\`, "/")
		if strings.Contains(strings.TrimPrefix(name, "::"), ":") {
			continue
		}
		if f, found := c.lookup(word); found {
			out = append(out, used{f, by})
		}
	}
	return out
}

// raw returns an entry with the lines of e, complete without the lines around
// them.
func (c *converter) raw(e *pxelinux.Entry) (config.Entry, []used) {
	var lines []string
	if e.Indent > 0 {
		lines = append(lines, fmt.Sprintf("MENU INDENT %d", e.Indent))
	}
	switch {
	case e.Disabled:
		lines = append(lines, "MENU DISABLE")
	case e.Action == pxelinux.Goto:
		lines = append(lines, "MENU GOTO") // the name follows when it is known
	case e.Action == pxelinux.Exit:
		lines = append(lines, "MENU EXIT")
	}
	if e.Disabled || e.Action != pxelinux.Boot {
		return config.Entry{PXELINUX: strings.Join(lines, "\n")}, nil
	}
	by := e.Line
	var files []used
	file := func(name string) string {
		f, ok := c.local(name)
		if !ok {
			c.url(name, by)
			return name
		}
		files = append(files, used{f, by})
		return f
	}
	image, arguments := c.image(e)
	lines = append(lines, e.Type+" "+file(image))
	list := func(names string) string {
		parts := strings.Split(names, ",")
		for i, p := range parts {
			parts[i] = file(strings.TrimSpace(p))
		}
		return strings.Join(parts, ",")
	}
	if e.Initrd != "" {
		names := first(e.Initrd)
		lines = append(lines, "INITRD "+tidy(list(names)+strings.TrimSpace(e.Initrd)[len(names):]))
	}
	arguments = reInitrd.ReplaceAllStringFunc(arguments, func(s string) string {
		key, names, _ := strings.Cut(s, "=")
		return key + "=" + list(names)
	})
	files = append(files, c.filesIn(arguments, by)...)
	if arguments != "" {
		lines = append(lines, "APPEND "+pxelinux.Decode(arguments))
	}
	if e.SysAppend != 0 {
		lines = append(lines, fmt.Sprintf("SYSAPPEND %#x", e.SysAppend))
	}
	return config.Entry{PXELINUX: strings.Join(lines, "\n")}, files
}

var reHost = regexp.MustCompile(`\b(?:tftp|https?|ftp|nfs)://([^/\s,]+)`)

// remarkHosts reports servers that are still needed, once each.
func (c *converter) remarkHosts(e *pxelinux.Entry) {
	for _, m := range reHost.FindAllStringSubmatch(pxelinux.Decode(e.Append+" "+e.Image), -1) {
		if !c.hosts[m[1]] {
			c.hosts[m[1]] = true
			c.remark(lineOf(e.Lines, e.Line, "APPEND"), "machines still load files from %s", brief(m[1]))
		}
	}
}

// lineOf returns the last line with the keyword, or other if there is none.
func lineOf(lines []pxelinux.Line, other pxelinux.Line, keyword string) pxelinux.Line {
	for _, l := range slices.Backward(lines) {
		if l.Keyword == keyword {
			return l
		}
	}
	return other
}
