package adopt

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// unattended is what a machine does when no key is pressed.
type unattended struct {
	menu *pxelinux.Config // the entries that a person may choose from
	// files are the files of menu, if the menu program is started with any.
	files []string
	// cursor is the entry that one key press starts; nil for none.
	cursor *pxelinux.Entry
	// entry is what starts automatically; nil for nothing. by is the line that
	// says so. wait is the time before it starts; the menu is shown during that
	// time, unless atOnce is set.
	entry  *pxelinux.Entry
	by     pxelinux.Line
	wait   time.Duration
	atOnce bool
}

// nothing returns u for a machine that waits for a key.
func (u unattended) nothing() unattended {
	return unattended{menu: u.menu, files: u.files, cursor: u.cursor}
}

// unattended determines what a configuration starts automatically. A wrong guess
// may erase a disk, so in doubt the result is nothing, or only the disk.
func (c *converter) unattended(cfg *pxelinux.Config) unattended {
	u := c.byVersions(cfg)
	for _, f := range slices.Concat(cfg.Faults, u.menu.Faults) {
		if f.Unread && u.entry != nil && u.entry.Type != "LOCALBOOT" {
			c.starting(f.Line, "%s; it may say what starts, so nothing starts by itself", f.Why)
			return u.nothing()
		}
	}
	return u
}

// byVersions is unattended for the lines that could be read, depending on
// PXELINUX's version.
func (c *converter) byVersions(cfg *pxelinux.Config) unattended {
	now, before := cfg.Startup(true), cfg.Startup(false)
	named, _ := cfg.AtPrompt(now.Command, true)
	namedBefore, _ := cfg.AtPrompt(before.Command, false)
	if same(now, before) && named == namedBefore {
		return c.startup(cfg, now, true)
	}
	// The tree's version is that of its pxelinux.0, which may not be in it.
	u := c.startup(cfg, before, false)
	if before.Command == "" {
		u = c.startup(cfg, now, true)
	}
	if u.entry != nil && u.entry.Type != "LOCALBOOT" {
		u = u.nothing()
	}
	what := "nothing starts by itself"
	if u.entry != nil {
		what = "only the disk starts by itself"
	}
	c.starting(now.Line, "is inside a MENU INCLUDE, where only PXELINUX 5 and later read it: %s", what)
	return u
}

// same reports whether PXELINUX does the same in both cases, whichever line says
// it.
func same(a, b pxelinux.Startup) bool {
	command := func(s string) string {
		if pxelinux.IsMenu(first(s)) {
			return strings.Join(strings.Fields(s)[1:], " ")
		}
		return "command " + s
	}
	return a.Prompt == b.Prompt && a.IsUI == b.IsUI && a.Timeout.Wait() == b.Timeout.Wait() &&
		a.OnTimeout.Args == b.OnTimeout.Args && command(a.Command) == command(b.Command)
}

// startup returns what PXELINUX does after such a start. heeded is the
// menuIncludes parameter of Startup and AtPrompt.
func (c *converter) startup(cfg *pxelinux.Config, s pxelinux.Startup, heeded bool) unattended {
	e, arguments := cfg.AtPrompt(s.Command, heeded)
	u := unattended{menu: cfg}
	files, shows := c.menuOf(e, arguments, s.Command)
	if shows {
		u.menu, u.files = c.shownBy(cfg, s.Line, files)
	}
	if shows && e != nil && e.Type == "KERNEL" && path.Ext(first(e.Image)) == "" {
		// Only versions up to 4 find a LABEL's file without its extension.
		c.starting(e.Line,
			"names a file without its extension, which PXELINUX 5 and later do not find: nothing starts by itself")
		u.cursor = u.menu.Start.First()
		return u
	}
	switch {
	case shows && (!s.Prompt || s.Timeout.Wait() > 0 && s.OnTimeout.Args == ""):
		return c.countdown(u)
	case shows:
		u.cursor = u.menu.Start.First()
	case s.IsUI:
		c.starting(s.Line, "is neither menu.c32 nor vesamenu.c32: nothing starts by itself")
		return u
	case s.Command != "":
		u.entry = c.command(cfg, cfg, command{s.Line, e, arguments, true, !s.Prompt})
		u.by, u.wait, u.atOnce, u.cursor = s.Line, s.Timeout.Wait(), !s.Prompt, u.entry
	}
	if s.Prompt && s.OnTimeout.Args != "" && s.Timeout.Wait() > 0 {
		e, arguments := cfg.AtPrompt(s.OnTimeout.Args, heeded)
		u.entry = c.command(cfg, u.menu, command{s.OnTimeout, e, arguments, true, false})
		u.by, u.wait = s.OnTimeout, s.Timeout.Wait()
	}
	if u.entry == nil || s.Prompt && u.wait == 0 {
		return u.nothing()
	}
	return u
}

// menuOf returns the files after the menu program, if a command line starts that
// program. e is the entry that the command line names, and arguments is what
// follows the name.
func (c *converter) menuOf(e *pxelinux.Entry, arguments, command string) (files []string, ok bool) {
	switch {
	case e == nil && pxelinux.IsMenu(first(command)):
		return strings.Fields(command)[1:], true
	case e != nil && e.Type != "CONFIG":
		// LABEL menu, KERNEL menu.c32, DEFAULT menu.
		_, ok := c.menuFiles(e)
		_, own := c.image(e)
		return strings.Fields(own + " " + arguments), ok
	}
	return nil, false
}

// shownBy returns what the menu program shows when it starts with these files.
// The files it returns are nil if that is PXELINUX's main file.
func (c *converter) shownBy(cfg *pxelinux.Config, l pxelinux.Line, files []string) (*pxelinux.Config, []string) {
	if !slices.ContainsFunc(files, func(f string) bool { return !c.isMain(f) }) {
		return cfg, nil
	}
	menu, err := c.parse(l, files)
	if err == nil && len(menu.All()) == 0 {
		for _, f := range menu.Faults {
			c.starting(f.Line, "%s", f.Why)
		}
	}
	if err != nil || len(menu.All()) == 0 {
		c.starting(l,
			"shows files that have no entries: the menu has the entries of this file, and nothing starts by itself")
		without := *cfg
		without.Start = &pxelinux.Menu{Entries: cfg.Start.Entries, Default: cfg.Start.Default, Lines: cfg.Start.Lines}
		without.Lines = nil
		return &without, nil
	}
	return menu, files
}

// countdown returns what u's menu starts when its time is up (menumain.c,
// run_menu).
func (c *converter) countdown(u unattended) unattended {
	cfg := u.menu
	m := cfg.Start
	cursor := m.First()
	u.cursor, u.by, u.wait = cursor, m.Timeout, m.Timeout.Wait()
	if l, ok := cfg.Last("MENU SHIFTKEY"); ok {
		if cursor == nil || m.Moves() || !hasCommand(cursor) {
			return u.nothing()
		}
		u.entry, u.by, u.wait, u.atOnce = cursor, l, 0, true
		return u
	}
	switch {
	case u.wait == 0 || cursor == nil:
	case m.Moves():
		c.starting(m.Timeout,
			"never ends on the old server, because the menu begins with a line that cannot be chosen: nothing starts by itself")
	case m.OnTimeout.Keyword != "":
		e, arguments := cfg.InMenu(m.OnTimeout.Args)
		u.by = m.OnTimeout
		u.entry = c.command(cfg, cfg, command{m.OnTimeout, e, arguments, false, false})
		if u.entry != nil && u.entry != cursor {
			c.starting(m.OnTimeout, "starts %q, which is the default now: the cursor starts there",
				brief(pxelinux.Decode(u.entry.Caption())))
		}
	case hasCommand(cursor):
		u.entry = cursor
	default:
		c.starting(cursor.Line,
			"is the default, but not a command: after the timeout the menu starts over, and nothing starts by itself")
	}
	if u.entry == nil {
		return u.nothing()
	}
	return u
}

// hasCommand reports whether an entry has a command.
func hasCommand(e *pxelinux.Entry) bool {
	return e.Submenu == nil && !e.Separator && !e.Disabled && e.Action == pxelinux.Boot
}

// command is a command line that starts automatically.
type command struct {
	line      pxelinux.Line
	entry     *pxelinux.Entry // the entry that it names; nil for none
	arguments string          // after the entry's name
	prompt    bool            // PXELINUX itself runs it, which finds files without their extension
	atOnce    bool            // nothing is shown before, so only this command line starts the entry
}

// command returns the entry for a command line: the one that it names, or one
// added to the menu. It returns nil if no entry is certain to start what the
// command line does.
func (c *converter) command(cfg, menu *pxelinux.Config, cmd command) *pxelinux.Entry {
	if cmd.entry != nil {
		switch {
		case !hasCommand(cmd.entry):
			c.starting(cmd.line, "names an entry without a command: nothing starts by itself")
			return nil
		case menu != cfg: // which may lack the entry
			e := *cmd.entry
			e.Append, e.Hidden = strings.TrimSpace(e.Append+" "+cmd.arguments), false
			return c.added(menu, &e, cmd)
		case cmd.arguments == "" || cmd.entry.Type == "LOCALBOOT":
			return cmd.entry
		}
		if cmd.atOnce {
			cmd.entry.Append = strings.TrimSpace(cmd.entry.Append + " " + cmd.arguments)
			c.remark(cmd.line, "its arguments have become those of the entry")
			return cmd.entry
		}
		e := *cmd.entry
		e.Append = strings.TrimSpace(e.Append + " " + cmd.arguments)
		e.Label, e.Hidden = e.Label+" "+cmd.arguments, false
		return c.added(menu, &e, cmd)
	}
	word := first(cmd.line.Args)
	image, ok := c.commandFile(word, cmd.prompt)
	switch {
	case word == "":
		return nil
	case pxelinux.IsMenu(word):
		c.starting(cmd.line, "shows the menu again: nothing starts by itself")
		return nil
	case !ok:
		hint := ""
		for _, e := range cfg.All() {
			if hasCommand(e) && strings.EqualFold(strings.TrimSpace(e.FullName), strings.TrimSpace(cmd.line.Args)) {
				hint = "; upper and lower case differ, and there is " + e.Line.String()
			}
		}
		c.starting(cmd.line, "names no entry and no file of this folder: nothing starts by itself%s", hint)
		return nil
	case strings.EqualFold(path.Ext(image), ".c32") && !slices.Contains(starters, base(image)):
		// gfxboot.c32, for example, shows a menu.
		c.starting(cmd.line, "starts a module, which may wait for a key: nothing starts by itself")
		return nil
	}
	e := &pxelinux.Entry{Line: cmd.line, Name: word, Label: word, Type: "KERNEL", Image: image,
		Append: strings.TrimSpace(cmd.line.Args[len(word):])}
	return c.added(menu, e, cmd)
}

// starters are modules that start something else without waiting for a key.
var starters = []string{"chain.c32", "pxechn.c32", "linux.c32", "mboot.c32", "reboot.c32", "poweroff.c32"}

// added adds an entry to the menu, unless one there does the same.
func (c *converter) added(menu *pxelinux.Config, e *pxelinux.Entry, cmd command) *pxelinux.Entry {
	for _, other := range menu.All() {
		if hasCommand(other) && c.does(other) == c.does(e) {
			return other
		}
	}
	c.starting(cmd.line, "is a command line, which is an entry now")
	if cmd.atOnce {
		menu.Top.Entries = slices.Insert(menu.Top.Entries, 0, e)
		return e
	}
	menu.Top.Entries = append(menu.Top.Entries, e)
	return e
}

// does returns what an entry starts, in a form that is equal for entries that
// start the same.
func (c *converter) does(e *pxelinux.Entry) string {
	image, arguments := c.image(e)
	kind := e.Type
	if kind == "KERNEL" {
		if kind = extensions[strings.ToLower(path.Ext(image))]; kind == "" {
			kind = "LINUX"
		}
	}
	arguments, initrd := splitInitrd(arguments, e.Initrd)
	for i, f := range append([]string{image}, initrd...) {
		if clean, ok := c.local(f); ok {
			f = clean
		}
		if i == 0 {
			image = f
		} else {
			initrd[i-1] = f
		}
	}
	return strings.Join([]string{kind, image, strings.Join(initrd, ","), arguments}, "\n")
}

// commandFile returns the file that a command line starts. The prompt also finds
// a file without its extension, and tries the extensions before the bare name
// (elflink/ldlinux, get_extension). A file on another server is assumed to exist.
func (c *converter) commandFile(word string, prompt bool) (string, bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(word, "::"), `\`, "/")
	if strings.Contains(name, ":") {
		return word, true
	}
	names := []string{""}
	if prompt && extensions[strings.ToLower(path.Ext(name))] == "" {
		names = []string{".c32", ".img", ".bss", ".bin", ".bs", ".0", ""}
	}
	for _, ext := range names {
		_, found := c.lookup(word + ext)
		if found || ext == "" && c.bundled[base(name)] {
			return word + ext, true
		}
	}
	return "", false
}
