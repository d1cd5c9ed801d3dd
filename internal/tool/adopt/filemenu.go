package adopt

import (
	"path"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// menuFiles are the configuration files whose menu an entry shows.
type menuFiles struct {
	files []string
	// restarts reports that PXELINUX restarts with the file, as after CONFIG.
	// Names in it are then relative to folder; an empty folder changes nothing
	// (doc/syslinux.txt, CONFIG).
	restarts bool
	folder   string
}

// menuFiles returns the configuration files whose menu an entry shows: the menu
// program with files as arguments, or CONFIG (doc/menu.txt, "Using an alternate
// configuration file").
func (c *converter) menuFiles(e *pxelinux.Entry) (menuFiles, bool) {
	if e.Disabled || e.Action != pxelinux.Boot {
		return menuFiles{}, false
	}
	image, arguments := c.image(e)
	if e.Type == "CONFIG" {
		return menuFiles{[]string{image}, true, first(arguments)}, image != ""
	}
	files := strings.Fields(arguments)
	if len(files) == 0 {
		files = []string{"~"} // the main configuration file
	}
	return menuFiles{files: files}, (e.Type == "COM32" || e.Type == "KERNEL") && pxelinux.IsMenu(image)
}

// fileMenu converts an entry that shows the menu of other files into a submenu.
// An entry that leads to one of the menus around it leads back there.
func (c *converter) fileMenu(e *pxelinux.Entry, m menuFiles, in string, unlisted bool) *result {
	l := lineOf(e.Lines, e.Line, "APPEND")
	here, up := topTag, ""
	if in != "" {
		here, up = in, c.above(in)
	}
	// The last file contains the menu; the earlier ones have colors and the like.
	last := m.files[len(m.files)-1]
	if to, ok := c.around(last); ok {
		switch to {
		case here:
			c.lost(l, "leads to the menu that it is in")
			return nothing(e)
		case up:
			c.noted(wayBack, l, false)
			return nothing(e)
		}
		return c.leads(e, "MENU EXIT "+to, in, unlisted)
	}
	key := c.identity(last) + "\n" + c.folder(m)
	if to, ok := c.copies[key]; ok && e.Password == nil {
		c.remark(l, "leads to the submenu %q, which has the same file: a menu on UEFI shows it there only", to)
		r := c.leads(e, "MENU GOTO "+to, in, unlisted)
		r.leads = true
		return r
	}
	if c.fileMenus++; c.fileMenus > config.MaxEntries {
		// Files without entries that lead to each other would never end.
		c.lost(l, "is one menu too many: at most %d are read", config.MaxEntries)
		return nothing(e)
	}
	open, find, read, seen := c.open, c.find, c.read, c.seen
	defer func() { c.open, c.find, c.read, c.seen = open, find, read, seen }()
	if m.folder != "" {
		c.enter(m)
	}
	cfg, err := c.parse(l, m.files)
	if err != nil {
		c.lost(l, "is left out: %v", err)
		return nothing(e)
	}
	if m.restarts {
		shown, r := c.restarted(e, l, shownFile{last, in, cfg, true}, in, unlisted)
		if r != nil {
			return r
		}
		if shown != cfg {
			c.settings(cfg)
			cfg = shown
		}
	}
	c.settings(cfg)
	if t, ok := cfg.Last("MENU TITLE"); ok && cfg.Top.Title != e.Caption() {
		c.noted(look, t, true)
	}
	if t := cfg.Start.Timeout; t.Wait() > 0 {
		c.lost(t, "a submenu waits for a key")
	}
	if e.Password != nil {
		c.lock(lineOf(e.Lines, e.Line, "MENU PASSWD"))
	}
	out := config.Entry{In: in, Help: c.help(e), Locked: e.Password != nil, Unlisted: unlisted}
	r := c.nested(out, e, lineOf(e.Lines, e.Line, "MENU LABEL"), func(in string) []*result {
		c.open = append(slices.Clip(c.open), shownFile{last, in, cfg, m.restarts})
		return c.convert(cfg, in, unlisted)
	})
	if r.name != "" && !c.isLocked(r.name) {
		c.copies[key] = r.name
	}
	return r
}

// restarted converts an entry that makes PXELINUX restart with a configuration.
// It returns the menu that this configuration shows, or a result if it shows
// none.
func (c *converter) restarted(
	e *pxelinux.Entry, l pxelinux.Line, f shownFile, in string, unlisted bool,
) (*pxelinux.Config, *result) {
	s := f.cfg.Startup(true)
	named, arguments := f.cfg.AtPrompt(s.Command, true)
	files, shows := c.menuOf(named, arguments, s.Command)
	switch {
	case shows:
		open := c.open
		defer func() { c.open = open }()
		c.open = append(slices.Clip(c.open), f)
		if !slices.ContainsFunc(files, func(f string) bool { return !c.isMain(f) }) {
			return f.cfg, nil
		}
		if cfg, err := c.parse(l, files); err == nil {
			return cfg, nil
		}
	case s.Prompt && (len(f.cfg.All()) > 0 || len(f.cfg.Faults) == 0) && c.repeats(f):
		c.lost(l, "is left out: it shows help at the boot: prompt, not a menu")
		return nil, nothing(e)
	case !s.Prompt && !s.IsUI && named != nil && hasCommand(named):
		// The entry there starts at once, so it replaces this one.
		one := *e
		one.Type, one.Image, one.Initrd, one.SysAppend = named.Type, named.Image, named.Initrd, named.SysAppend
		one.Append = strings.TrimSpace(named.Append + " " + arguments)
		c.open = append(slices.Clip(c.open), f)
		return nil, c.entry(&one, in, unlisted)
	}
	return f.cfg, nil
}

// repeats reports whether every entry of a configuration is also in the menus
// around it, or leads to them.
func (c *converter) repeats(f shownFile) bool {
	shown := map[string]bool{}
	for _, o := range c.open {
		for _, e := range o.cfg.All() {
			shown[signature(e)] = true
		}
	}
	for _, e := range f.cfg.All() {
		if e.Submenu != nil || shown[signature(e)] {
			continue
		}
		m, ok := c.menuFiles(e)
		if !ok {
			return false
		}
		last := m.files[len(m.files)-1]
		if _, ok := c.around(last); !ok && c.identity(last) != c.identity(f.name) {
			return false
		}
	}
	return true
}

// leads adds an entry that leads to another menu.
func (c *converter) leads(e *pxelinux.Entry, line, in string, unlisted bool) *result {
	out := config.Entry{PXELINUX: line, In: in, Unlisted: unlisted}
	out.Label = c.label(e.Label, lineOf(e.Lines, e.Line, "MENU LABEL"))
	out.Name = c.name(false, e.Name, e.Label)
	if out.Label == "" {
		out.Label = out.Name
	}
	c.entries = append(c.entries, entry{out, e.Line.Place()})
	return &result{name: out.Name}
}

// view is how names are resolved after a CONFIG changed the folder.
type view struct {
	folder string // "" for PXELINUX's folder
	// find and read are those from before any change of folder.
	find func(name string) (path string, found bool)
	read func(name string) ([]byte, error)
}

// folder returns the folder that names in some files are relative to.
func (c *converter) folder(m menuFiles) string {
	if strings.HasPrefix(m.folder, "::") {
		return pxelinux.CleanName(m.folder)
	}
	return path.Join(c.seen.folder, pxelinux.CleanName(m.folder))
}

// enter makes find and read resolve names relative to a folder. Up to version 4,
// PXELINUX did not do so for a name with a leading slash, so a name that is not
// in the folder is looked up above it. PXELINUX reads the configuration itself
// before it enters the folder.
func (c *converter) enter(m menuFiles) {
	before := c.read
	if c.seen.find == nil {
		c.seen.find, c.seen.read = c.find, c.read
	}
	c.seen.folder = c.folder(m)
	v := c.seen
	c.find = func(name string) (string, bool) {
		below, ok := v.find(path.Join(v.folder, name))
		if !ok {
			if above, ok := v.find(name); ok {
				return above, true
			}
		}
		return below, ok
	}
	c.read = func(name string) ([]byte, error) {
		if slices.Contains(m.files, name) {
			return before(name)
		}
		if !strings.Contains(name, ":") {
			if below, ok := v.find(path.Join(v.folder, strings.ReplaceAll(name, `\`, "/"))); ok {
				name = below
			}
		}
		return v.read(name)
	}
}

// lookup is find for a name as a menu writes it. Two leading colons ignore the
// folder that a CONFIG changed to.
func (c *converter) lookup(name string) (path string, found bool) {
	clean := strings.ReplaceAll(name, `\`, "/")
	if c.seen.find != nil && strings.HasPrefix(name, "::") {
		return c.seen.find(clean)
	}
	return c.find(clean)
}

// around returns the tag of the surrounding menu that a file became. ~ is the
// main configuration file.
func (c *converter) around(file string) (tag string, ok bool) {
	for _, f := range slices.Backward(c.open) {
		if file == "~" && f.restarts || file != "~" && c.identity(f.name) == c.identity(file) {
			return f.tag, true
		}
	}
	return "", false
}

// identity returns one name for all spellings of a configuration file's name.
func (c *converter) identity(name string) string {
	if name == "~" {
		name = c.main()
	}
	found, _ := c.lookup(name)
	return c.same(found)
}

// main returns the name of the file that ~ refers to.
func (c *converter) main() string {
	for _, f := range slices.Backward(c.open) {
		if f.restarts {
			return f.name
		}
	}
	return c.open[0].name
}

// isMain reports whether a name refers to the main configuration file.
func (c *converter) isMain(name string) bool { return c.identity(name) == c.identity("~") }

// parse parses the files that a line names as one menu.
func (c *converter) parse(l pxelinux.Line, files []string) (*pxelinux.Config, error) {
	cfg, err := pxelinux.Parse(l.Place(), func(name string) ([]byte, error) {
		switch name {
		case l.Place(): // one file that includes them in order
			return []byte("INCLUDE " + strings.Join(files, "\nINCLUDE ") + "\n"), nil
		case "~":
			name = c.main()
		}
		return c.read(name)
	})
	if err != nil {
		return nil, err
	}
	for i, f := range cfg.Faults {
		if f.Line.File == l.Place() {
			cfg.Faults[i].Line, cfg.Faults[i].Why = l, f.Line.Args+" "+f.Why
		}
	}
	return cfg, nil
}
