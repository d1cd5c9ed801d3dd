// Package parser reads a pxebox.toml strictly: TOML, then the values of each key,
// then the rules that values have to keep among each other. Each mistake is
// reported with its line, its key and what to write instead.
package parser

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Default returns the settings of a box without a configuration: it answers
// as proxyDHCP and offers each machine its own disk.
func Default() *config.Config {
	c, err := Parse("default.toml", config.DefaultFile())
	if err != nil {
		panic(err) // the file is part of the program
	}
	return c
}

// Parse reads a pxebox.toml. name is what its errors call the file. Keys that
// are not there have the values of Default. The error, if any, is of type
// Errors and holds everything that is wrong, up to a hundred mistakes.
func Parse(name string, data []byte) (*config.Config, error) {
	root, whole, errs := readTree(name, data)
	if root == nil {
		return nil, errs.list()
	}
	r := newReader(name, root)
	r.errs = errs
	r.cfg = config.Config{
		DHCP: config.DHCP{Mode: spec.ModeAuto, Probe: true, Adapt: true,
			Parameters: config.Parameters{Lease: spec.Duration(time.Hour)}},
		Files: config.Files{AnyCase: true},
		Menu:  config.Menu{Title: "Network boot", Timeout: spec.Duration(10 * time.Second)},
	}
	r.read(r.root)
	if !whole {
		return nil, r.errs.list() // what else is wrong may follow from what was not read
	}
	if root.get("entry") == nil {
		r.cfg.Entries = []config.Entry{{Name: "disk", Label: "This computer's own disk", Disk: true}}
	}
	r.indexEntries()
	r.checkNetwork()
	r.checkDHCP()
	r.checkSyslog()
	r.checkPorts()
	r.checkServers()
	r.checkEntries()
	r.checkFallback()
	r.checkMachines()
	if errs := r.errs.list(); errs != nil {
		return nil, errs
	}
	r.checkReach()
	r.cfg.Warnings = r.warnings.list()
	return &r.cfg, nil
}

// reader fills a Config from the tree and collects what is wrong.
type reader struct {
	file    string
	root    block
	cfg     config.Config
	errs    mistakes
	others  []config.WDS    // each [[bootserver]], which cfg.WDS gets once all are read
	lans    []lan           // what checkDHCP found
	entryAt map[string]int  // cfg.Entries by name
	bad     map[string]bool // printed keys with an error: nothing is concluded from them

	warnings mistakes
}

func newReader(file string, root *node) *reader {
	r := &reader{file: file, bad: map[string]bool{}}
	r.root = block{r: r, section: &section{inner: schema}, node: root}
	return r
}

func (r *reader) fail(line int, key, problem, fix string) {
	r.errs.add(config.Error{File: r.file, Line: line, Key: key, Problem: problem, Fix: fix})
	r.bad[key] = true
}

// warn is fail for what is not refused.
func (r *reader) warn(line int, key, problem, fix string) {
	r.warnings.add(config.Error{File: r.file, Line: line, Key: key, Problem: problem, Fix: fix})
}

// read fills the Config from one block and what is inside of it.
func (r *reader) read(b block) {
	for _, written := range b.node.keys {
		n := b.node.get(written)
		if b.section.other != nil && !b.section.has(written) && b.section.other(r, value{b, n, field{name: written}}) {
			continue
		}
		key, guessed := written, false
		if !b.section.has(key) {
			var fix string
			key, fix = b.section.meant(written, n)
			r.fail(n.line, b.key(printKey(written)), "is not known", fix)
			if key == "" || b.has(key) {
				continue
			}
			// Read as what it was meant for: otherwise that one would be
			// missing, and what refers to it would be wrong as well.
			n.guessed, guessed = true, true
			b.node.table[key] = n
		}
		if i := slices.IndexFunc(b.section.fields, func(f field) bool { return f.name == key }); i >= 0 {
			f, errs := b.section.fields[i], r.errs
			f.read(r, value{b, n, f})
			if guessed {
				r.errs, r.bad[b.key(key)] = errs, true // its one error is told
			}
			continue
		}
		in := b.section.in(key)
		if guessed && in.many != (n.kind == unstable.Array) {
			r.bad[b.key(key)] = true
			continue
		}
		blocks := b.items(key)
		if !in.many {
			blocks = []block{b.table(key)}
		} else if n.kind != unstable.Array {
			r.fail(n.line, b.key(key), "is "+describe(n),
				"write "+in.header()+" on a separate line, and its keys below it")
		}
		for _, c := range blocks {
			if in.add != nil {
				in.add(r) // for an item that is no table too, so that the two count alike
			}
			if c.node.kind != unstable.Table {
				r.fail(c.node.line, c.name, "is "+describe(c.node),
					"write "+in.header()+" on a separate line, and its keys below it")
				continue
			}
			r.read(c)
		}
	}
}

// block is one [table] of the file, or one item of a [[table]]. The file
// itself is one too, without a name.
type block struct {
	r       *reader
	section *section
	node    *node // nil where the file has no such table
	name    string
}

// key names one of its keys in an error; "" is the block itself.
func (b block) key(key string) string {
	if b.name == "" || key == "" {
		return b.name + key
	}
	return b.name + "." + key
}

// table returns the [table] inside of b that has the key.
func (b block) table(key string) block {
	return block{b.r, b.section.in(key), b.node.get(key), b.key(key)}
}

// reItem is a name that an error can show in quotes.
var reItem = regexp.MustCompile(`^[a-z0-9._/-]{1,32}$`)

// items returns the [[table]]s inside of b that have the key. An item is named
// as people speak of it, or counted where it has no name.
func (b block) items(key string) []block {
	n := b.node.get(key)
	if n == nil || n.kind != unstable.Array {
		return nil
	}
	s := b.section.in(key)
	out := make([]block, len(n.items))
	for i, item := range n.items {
		out[i] = block{b.r, s, item, itemName(b.key(key), i+1, item, s)}
	}
	return out
}

// itemName names the item of that number.
func itemName(key string, number int, item *node, s *section) string {
	if by := item.get(s.by); by != nil && !by.guessed && by.kind == unstable.String && reItem.MatchString(by.text) {
		return fmt.Sprintf("%s %q", key, by.text)
	}
	return fmt.Sprintf("%s %d", key, number)
}

// has reports whether the file has the key.
func (b block) has(key string) bool { return b.node.get(key) != nil }

// line is that of a key, or of its block where the key is not in the file.
func (b block) line(key string) int {
	switch k := b.node.get(key); {
	case k != nil:
		return k.line
	case b.node != nil:
		return b.node.line
	}
	return 1
}

func (b block) fail(key, problem, fix string) {
	b.r.fail(b.line(key), b.key(key), problem, fix)
}

func (b block) warn(key, problem, fix string) {
	b.r.warn(b.line(key), b.key(key), problem, fix)
}

// ok reports whether nothing was wrong with the keys.
func (b block) ok(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(k string) bool { return b.r.bad[b.key(k)] })
}

// require reports a key that must be there and is not.
func (b block) require(key, fix string) {
	if !b.has(key) {
		b.fail(key, "is missing", fix)
	}
}

// unique reports a value that an earlier block had; seen has the lines of
// those.
func (b block) unique(key, value string, seen map[string]int, fix string) {
	if value == "" || !b.ok(key) {
		return
	}
	if line, ok := seen[value]; ok {
		b.fail(key, fmt.Sprintf("%q is taken by the %s on line %d", value, b.section.header(), line), fix)
		return
	}
	seen[value] = b.node.line
}

// describe tells what a value of the wrong type is.
func describe(n *node) string {
	switch n.kind {
	case unstable.String:
		return "a text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Array:
		return "a list"
	case unstable.Table:
		return "a table"
	}
	return "a date or time"
}
