// Package adopt converts the folder that a PXELINUX server serves into a
// pxebox.toml, and copies the boot files that its menus use. It reports each line
// that the file cannot express. Package pxelinux parses PXELINUX's language; this
// package serves and renders nothing, and never changes an existing file.
package adopt

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/assets/names"
	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// cfgDir is where PXELINUX looks for its configuration, in the folder of its
// program.
const cfgDir = "pxelinux.cfg"

// Names in the output folder.
const (
	configFile = "pxebox.toml"
	bootDir    = "boot"
)

// Job is what the user asks for.
type Job struct {
	// Sources are the folder of a TFTP server, and configurations of DHCP
	// servers: of dnsmasq, of ISC's server, or a table of machines.
	Sources []string
	// Menus is the folder of PXELINUX relative to the TFTP server's folder; ""
	// means to search for it.
	Menus string
	// Address is the box's address with its prefix length; "" means the address
	// of the server that the box replaces, or one from a DHCP server.
	Address string
	Into    string // the output folder
}

// Run reads the folder that contains pxelinux.0 and pxelinux.cfg, and the DHCP
// configurations. It writes pxebox.toml and boot/ into another folder, which it
// creates if needed. It reports to out each line that the pxebox.toml expresses
// differently or not at all, and each missing boot file. It does not touch files
// that exist already; an existing pxebox.toml is an error.
func (j Job) Run(out io.Writer) error {
	into := j.Into
	own, err := parseOwn(j.Address)
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	s, err := readSources(j.Sources)
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if s.tree == "" {
		if root, menus, ok := s.tftpRoot(); ok {
			s.tree, s.fromRoot, j.Menus = root, true, cmp.Or(j.Menus, menus)
		}
	}
	src, c := (*tree)(nil), newConverter()
	if s.tree != "" {
		src, c, err = read(s.tree, j.Menus)
	}
	if src != nil {
		defer src.root.Close()
	}
	if err == nil {
		err = c.takeDHCP(s, own)
	}
	if err != nil {
		err = fmt.Errorf("adopt: %w", err)
		if c == nil {
			return err
		}
		c.finish(s.order(src))
		return errors.Join(c.report(out, src), err) // the notes say why
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	dst, err := os.OpenRoot(into)
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	defer dst.Close()
	if _, err := dst.Lstat(configFile); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("adopt: %s already exists: name another folder, or move it away",
			filepath.Join(into, configFile))
	}
	copied := 0
	if src != nil {
		if copied, err = c.copyFiles(src, dst); err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
	}
	c.finish(s.order(src))
	// Last, so that a program that watches the folder finds the boot files there.
	if err := create(dst, configFile, strings.NewReader(string(c.toml()))); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if err := c.report(out, src); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if src != nil {
		for _, l := range src.leftBehind(c.isTaken(src)) {
			fmt.Fprintln(w, l)
		}
	}
	fmt.Fprintf(w, "%s: %d entries, %d rules for machines%s; %s\n",
		filepath.Join(into, configFile), len(c.entries), len(c.machines), c.counted(), c.summary())
	if src != nil {
		fmt.Fprintf(w, "%s: %d files copied\n", filepath.Join(into, bootDir), copied)
	}
	return w.Flush()
}

// report writes the notes.
func (c *converter) report(out io.Writer, src *tree) error {
	w := bufio.NewWriter(out)
	if src != nil && src.menus != "" {
		fmt.Fprintf(w, "%s: the folder of the TFTP server, with PXELINUX in %s\n", src.abs, src.menus)
	}
	for _, n := range c.notes {
		fmt.Fprintln(w, n)
	}
	return w.Flush()
}

// summary says what the general menu starts automatically.
func (c *converter) summary() string {
	switch {
	case len(c.entries) == 0:
		return "the menu is the built-in default"
	case c.timeout == 0:
		return "nothing starts by itself"
	}
	return fmt.Sprintf("%q starts by itself after %s", c.preset, duration(c.timeout))
}

// read converts a tree. If names in its menus lead out of it into the parent
// folder, read takes the parent as the TFTP server's folder. If it returns an
// error, it also returns what it has of the tree and the notes, which say why.
func read(dir, menus string) (*tree, *converter, error) {
	src, err := locate(dir, menus)
	if err != nil {
		return nil, nil, err
	}
	c, err := convertTree(src)
	if len(src.outside) > 0 && menus == "" {
		if up := src.above(); up != nil {
			if up.hasAny(src.outside) {
				if wider, err := convertTree(up); err == nil {
					src.root.Close()
					return up, wider, nil
				}
			}
			up.root.Close()
		}
	}
	return src, c, err
}

func convertTree(src *tree) (*converter, error) {
	c := newConverter()
	c.find, c.read, c.same, c.bundled = src.find, src.readConfig, src.same, bundled()
	return c, c.tree(src)
}

// bundled returns the boot programs that pxebox includes.
func bundled() map[string]bool {
	out := map[string]bool{}
	for _, name := range names.Programs() {
		out[name] = true
	}
	return out
}

// tree converts all files that PXELINUX would read.
func (c *converter) tree(src *tree) error {
	files, err := fs.ReadDir(src.root.FS(), src.real(src.cfg()))
	if err != nil {
		return fmt.Errorf("%w: name the folder that has pxelinux.0 and %s", err, cfgDir)
	}
	type found struct {
		name  string
		m     config.Machine
		order int
	}
	var machines []found
	var others []string
	general := false
	for _, f := range files {
		if st, err := src.root.Stat(src.real(path.Join(src.cfg(), f.Name()))); err != nil || !st.Mode().IsRegular() {
			if err != nil {
				tell := c.lost
				if _, _, ok := whose(f.Name()); ok || reHex.MatchString(f.Name()) {
					tell = c.without
				}
				tell(pxelinux.Line{File: path.Join(cfgDir, f.Name()), Number: 1}, "cannot be read: %v", reason(err))
			}
			continue
		}
		if m, order, ok := whose(f.Name()); ok {
			machines = append(machines, found{f.Name(), m, order})
		} else if f.Name() == "default" {
			general = true
		} else {
			others = append(others, f.Name())
		}
	}
	slices.SortStableFunc(machines, func(a, b found) int { return cmp.Compare(a.order, b.order) })

	var menu *pxelinux.Config
	if general {
		file := cfgDir + "/default"
		if menu, err = pxelinux.Parse(file, src.readConfig); err != nil {
			return err
		}
		c.open = []shownFile{{name: file, tag: topTag}}
		c.general(menu)
	}
	for _, f := range machines {
		file := cfgDir + "/" + f.name
		cfg, err := pxelinux.Parse(file, src.readConfig)
		if err != nil {
			c.without(pxelinux.Line{File: file, Number: 1}, "cannot be read: %v", err)
			continue
		}
		c.open = []shownFile{{name: file, tag: topTag}}
		c.machine(f.name, f.m, menu, cfg)
	}
	for _, name := range others {
		c.other(src, name)
	}
	if len(c.entries) == 0 {
		return fmt.Errorf("no menu in %s has an entry", filepath.Join(src.abs, filepath.FromSlash(src.cfg())))
	}
	if len(c.listed()) == 0 {
		// Otherwise machines without a rule would have nothing to boot.
		c.entries = append(c.entries,
			entry{Entry: config.Entry{Name: c.name(true, config.BootDisk),
				Label: "This computer's own disk", Disk: true}})
	}
	return nil
}

// isTaken returns a function that reports whether a file of the tree is copied to
// the box, replaced by one of the box's programs, or converted.
func (c *converter) isTaken(src *tree) func(string) bool {
	taken := map[string]bool{}
	for _, f := range c.files {
		taken[f.name], taken[src.resolve(f.name)] = true, true
	}
	return func(name string) bool { return taken[name] || src.was[name] || c.bundled[base(name)] }
}

// other reports a file that no machine's MAC address or UUID selects.
func (c *converter) other(src *tree, name string) {
	file := cfgDir + "/" + name
	if src.was[path.Join(src.menus, file)] && !reHex.MatchString(name) {
		return // included
	}
	at := pxelinux.Line{File: file, Number: 1}
	if !reHex.MatchString(name) {
		c.lost(at, "is left out: PXELINUX requests no file of this name, and no other file includes it")
		return
	}
	c.without(at, "is left out, so %s gets the general menu: write a [[machine]] by MAC address or GUID", network(name))
	cfg, err := pxelinux.Parse(file, src.readConfig)
	if err != nil {
		c.lost(at, "cannot be read: %v", err)
		return
	}
	for _, l := range cfg.Lines {
		if l.File == file {
			c.remains = append(c.remains, l)
		}
	}
}
