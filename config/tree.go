package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxSize bounds a configuration file, in bytes. A long one has a few kilobytes.
const maxSize = 1 << 20

// node is one value of the file together with the line it stands on. The TOML
// library's own decoder stops at the first value that it cannot use and drops
// the lines of the others; a technician wants all mistakes from one check.
type node struct {
	kind   unstable.Kind // String, Bool, Array, Table, or a kind that no key has
	line   int           // of the key, or of the [header]
	text   string        // String: its value; other scalars: as written
	escape string        // String between double quotes with backslashes: as written
	items  []*node       // Array
	keys   []string      // Table: in the order of the file
	table  map[string]*node
	header bool // Table: has had its [header]; Array: grows by [[header]]

	guessed bool // written under a key that is not known, and read as another
}

func newTable(line int) *node {
	return &node{kind: unstable.Table, line: line, table: map[string]*node{}}
}

func (n *node) add(key string, child *node) {
	n.keys = append(n.keys, key)
	n.table[key] = child
}

// get returns the child with that key, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	return n.table[key]
}

// treeReader turns the library's expressions into a tree.
type treeReader struct {
	file   string
	parser unstable.Parser
	errs   mistakes

	// Lines are counted from where the last one was, because expressions
	// come in the file's order.
	data   []byte
	offset int
	line   int
}

// readTree reads the file's syntax. Where that is broken, the rest cannot be
// trusted, so the one error is all there is.
func readTree(file string, data []byte) (*node, mistakes) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // the mark that Windows' Notepad begins a file with
	t := &treeReader{file: file, data: data, line: 1}
	one := func(e Error) (*node, mistakes) {
		var m mistakes
		m.add(e)
		return nil, m
	}
	if len(data) > maxSize {
		return one(Error{file, 1, "file", fmt.Sprintf("has %d bytes", len(data)), fmt.Sprintf("keep it under %d", maxSize)})
	}
	if !utf8.Valid(data) {
		line := 1
		for rest := data; ; line++ {
			text, after, more := bytes.Cut(rest, []byte("\n"))
			if !utf8.Valid(text) || !more {
				return one(Error{file, line, keyOnLine(data, line), "is not UTF-8 text", "save the file with the encoding UTF-8"})
			}
			rest = after
		}
	}
	t.parser.Reset(data)
	root := newTable(1)
	here := root
	for t.parser.NextExpression() {
		e := t.parser.Expression()
		path, line := t.path(e.Key())
		switch e.Kind {
		case unstable.Table:
			here = t.open(root, path, line)
		case unstable.ArrayTable:
			here = t.openItem(root, path, line)
		case unstable.KeyValue:
			t.set(here, path, t.value(e.Value(), line), line)
		}
	}
	if err := t.parser.Error(); err != nil {
		return one(t.syntax(err))
	}
	return root, t.errs
}

// maxParts bounds the parts of a key, such as a.b.c, that are looked at. No key
// of the schema has more than three, so that a longer one is not known either
// way; half a million of them would take a table each.
const maxParts = 8

// path returns the parts of a key and the line of the first.
func (t *treeReader) path(it unstable.Iterator) (path []string, line int) {
	for it.Next() {
		n := it.Node()
		if path == nil {
			line = t.lineOf(n)
		}
		if len(path) < maxParts {
			path = append(path, string(n.Data))
		}
	}
	return path, line
}

func (t *treeReader) lineOf(n *unstable.Node) int {
	to := int(n.Raw.Offset)
	if to > t.offset {
		t.line += bytes.Count(t.data[t.offset:to], []byte("\n"))
		t.offset = to
	}
	return t.line
}

// descend follows path through tables, which it makes as it goes. It returns
// nil where a part of the path is a value.
func (t *treeReader) descend(n *node, path []string, line int) *node {
	for _, key := range path {
		child := n.get(key)
		if child == nil {
			child = newTable(line)
			n.add(key, child)
		}
		if child.kind == unstable.Array && child.header && len(child.items) > 0 {
			child = child.items[len(child.items)-1]
		}
		if child.kind != unstable.Table {
			return nil
		}
		n = child
	}
	return n
}

// open is [path].
func (t *treeReader) open(root *node, path []string, line int) *node {
	name := "[" + printKey(path...) + "]"
	parent, last := path[:len(path)-1], path[len(path)-1]
	n := t.descend(root, parent, line)
	old := n.get(last)
	switch {
	case n == nil || old != nil && old.kind != unstable.Table && !old.header:
		t.fail(line, name, "is already a value", "use each key once")
	case old != nil && old.kind == unstable.Array:
		t.fail(line, name, "is written with one pair of brackets here and with two elsewhere", "write ["+name+"] each time")
	case old != nil && old.header:
		t.fail(line, name, fmt.Sprintf("is there twice, first on line %d", old.line), "put all its keys under one "+name)
	default:
		if old == nil {
			old = newTable(line)
			n.add(last, old)
		}
		old.header = true
		return old
	}
	return newTable(line) // what follows is read, and forgotten
}

// openItem is [[path]].
func (t *treeReader) openItem(root *node, path []string, line int) *node {
	parent, last := path[:len(path)-1], path[len(path)-1]
	item := newTable(line)
	n := t.descend(root, parent, line)
	old := n.get(last)
	switch {
	case n == nil || old != nil && !old.header:
		t.fail(line, "[["+printKey(path...)+"]]", "is already a value", "use each key once")
	case old != nil && old.kind != unstable.Array:
		t.fail(line, "[["+printKey(path...)+"]]", fmt.Sprintf("is written with one pair of brackets on line %d", old.line), "write the same brackets each time")
	case old == nil:
		n.add(last, &node{kind: unstable.Array, line: line, items: []*node{item}, header: true})
	default:
		old.items = append(old.items, item)
	}
	return item
}

// set is path = v.
func (t *treeReader) set(n *node, path []string, v *node, line int) {
	parent, last := path[:len(path)-1], path[len(path)-1]
	n = t.descend(n, parent, line)
	switch old := n.get(last); {
	case n == nil:
		t.fail(line, printKey(path...), "lies inside of something that is a value", "use each key once")
	case old != nil:
		t.fail(line, printKey(path...), fmt.Sprintf("is there twice, first on line %d", old.line), "keep one of them")
	default:
		n.add(last, v)
	}
}

// value reads a value; line is that of its key, which is where people look
// when a value runs over several lines.
func (t *treeReader) value(v *unstable.Node, line int) *node {
	n := &node{kind: v.Kind, line: line, text: string(v.Data)}
	switch v.Kind {
	case unstable.String:
		if raw := t.parser.Raw(v.Raw); raw[0] == '"' && bytes.IndexByte(raw, '\\') >= 0 {
			n.escape = strings.Trim(string(raw), `"`)
		}
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			item := it.Node()
			at := line
			if item.Raw.Length > 0 {
				at = t.lineOf(item)
			}
			n.items = append(n.items, t.value(item, at))
		}
	case unstable.InlineTable:
		n = newTable(line)
		n.header = true
		for it := v.Children(); it.Next(); {
			path, at := t.path(it.Node().Key())
			t.set(n, path, t.value(it.Node().Value(), at), at)
		}
	}
	return n
}

func (t *treeReader) fail(line int, key, problem, mend string) {
	t.errs.add(Error{t.file, line, key, problem, mend})
}

// syntax tells where the library gave up.
func (t *treeReader) syntax(err error) Error {
	e := Error{File: t.file, Line: 1, Problem: err.Error(), Mend: `write key = "value", one on a line, as the built-in default file does`}
	if strings.Contains(e.Problem, "escape") { // Windows' backslashes between double quotes
		e.Mend = `write a text with backslashes between single quotes, as in 'boot\x64\wdsnbp.com'`
	}
	var p *unstable.ParserError
	if errors.As(err, &p) {
		e.Line = t.parser.Shape(t.parser.Range(p.Highlight)).Start.Line
	}
	e.Key = keyOnLine(t.data, e.Line)
	return e
}

// keyOnLine names what stands on a line which is no TOML.
func keyOnLine(data []byte, line int) string {
	lines := bytes.SplitN(data, []byte("\n"), line+1)
	text := strings.TrimSpace(strings.ToValidUTF8(string(lines[line-1]), "?"))
	key, _, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if strings.HasPrefix(text, "[") {
		key, ok = text, true
	}
	if !ok || key == "" || len(key) > 40 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || r == ':' }) {
		return "syntax"
	}
	return key
}

// printKey writes a key as the file has it; a strange one in quotes, so that
// it stays on its line.
func printKey(parts ...string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) {
			out[i] = strconv.QuoteToASCII(p)
		}
	}
	return strings.Join(out, ".")
}
