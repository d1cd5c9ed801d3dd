package adopt

import (
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// menuFiles are the configuration files that an entry shows the menu of: the
// menu's program with files for arguments, or CONFIG (doc/menu.txt, "Using an
// alternate configuration file").
func (c *converter) menuFiles(e *pxelinux.Entry) ([]string, bool) {
	if e.Disabled || e.Action != pxelinux.Boot {
		return nil, false
	}
	image, arguments := c.image(e)
	if e.Type == "CONFIG" && arguments == "" { // APPEND would change the folder
		return []string{image}, image != ""
	}
	files := strings.Fields(arguments)
	if len(files) == 0 {
		files = []string{"~"} // the main configuration file
	}
	return files, (e.Type == "COM32" || e.Type == "KERNEL") && pxelinux.IsMenu(image)
}

// fileMenu makes a submenu of an entry that shows the menu of other files. One
// that leads to a menu around it leads back there.
func (c *converter) fileMenu(e *pxelinux.Entry, files []string, in string, unlisted bool) *result {
	l := lineOf(e.Lines, e.Line, "APPEND")
	here, up := topTag, ""
	if in != "" {
		here, up = in, c.above(in)
	}
	// The last file has the menu; those before it, colours and the like.
	last := files[len(files)-1]
	if to, ok := c.around(last); ok {
		switch to {
		case here:
			c.lost(l, "leads to the menu that it is in")
			return nothing(e)
		case up:
			c.noted(wayBack, l, false)
			return nothing(e)
		}
		out := config.Entry{PXELINUX: "MENU EXIT " + to, In: in, Unlisted: unlisted}
		out.Label = c.label(e.Label, lineOf(e.Lines, e.Line, "MENU LABEL"))
		out.Name = c.name(false, e.Name, e.Label)
		c.entries = append(c.entries, entry{out, e.Line.Place()})
		return &result{name: out.Name}
	}
	if c.fileMenus++; c.fileMenus > config.MaxEntries {
		// Files without entries that lead to each other would have no end.
		c.lost(l, "is one menu too many: %d are followed", config.MaxEntries)
		return nothing(e)
	}
	cfg, err := c.parse(l, files)
	if err != nil {
		c.lost(l, "is left out: %v", err)
		return nothing(e)
	}
	c.settings(cfg)
	if t, ok := cfg.Last("MENU TITLE"); ok && cfg.Top.Title != e.Caption() {
		c.lost(t, "a submenu has the label of its entry for a title")
	}
	if t, ok := cfg.Last("TIMEOUT"); ok {
		c.lost(t, "a submenu has the timeout of the menu")
	}
	open := c.open
	defer func() { c.open = open }()
	if e.Password != nil {
		c.lock(lineOf(e.Lines, e.Line, "MENU PASSWD"))
	}
	return c.nested(config.Entry{In: in, Help: c.help(e), Locked: e.Password != nil, Unlisted: unlisted}, e, lineOf(e.Lines, e.Line, "MENU LABEL"),
		func(in string) []*result {
			c.open = append(slices.Clip(c.open), shownFile{last, in})
			return c.convert(cfg, in, unlisted)
		})
}

// around is the tag of the menu around that a file has become. ~ is the main
// configuration file.
func (c *converter) around(file string) (tag string, ok bool) {
	for _, f := range slices.Backward(c.open) {
		if f.name == file {
			return f.tag, true
		}
	}
	return c.open[0].tag, file == "~"
}

// parse reads the files that a line names as one menu.
func (c *converter) parse(l pxelinux.Line, files []string) (*pxelinux.Config, error) {
	cfg, err := pxelinux.Parse(l.Place(), func(name string) ([]byte, error) {
		switch {
		case name == l.Place(): // one file that includes them in their order
			return []byte("INCLUDE " + strings.Join(files, "\nINCLUDE ") + "\n"), nil
		case name == "~" && len(c.open) > 0:
			name = c.open[0].name
		}
		return c.read(name)
	})
	if err != nil {
		return nil, err
	}
	for i, f := range cfg.Faults {
		if f.Line.File == l.Place() {
			cfg.Faults[i] = pxelinux.Fault{Line: l, Why: f.Line.Args + " " + f.Why}
		}
	}
	return cfg, nil
}

// isMain reports whether a name is the one of the main configuration file.
func (c *converter) isMain(name string) bool {
	return name == "~" || len(c.open) > 0 && pxelinux.CleanName(name) == pxelinux.CleanName(c.open[0].name)
}
