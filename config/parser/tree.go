package parser

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
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

	root    *node
	here    *node    // that the next key belongs to
	path    []string // of the header above it
	section *section // of that header; nil: not known
	broken  int      // statements that are not TOML
	braces  int      // that were opened, as in other languages

	// Lines are counted from where the last one was, because expressions
	// come in the file's order.
	data   []byte
	base   int // where the parser began
	offset int
	line   int
}

// readTree reads the file's syntax. A statement that is not TOML is an error and
// left out; whole reports that there is none. Without a root, nothing could be
// read.
func readTree(file string, data []byte) (root *node, whole bool, errs mistakes) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // the mark that Windows' Notepad begins a file with
	t := &treeReader{file: file, line: 1}
	if problem, fix := unreadable(data); problem != "" {
		t.fail(1, "file", problem, fix)
		return nil, false, t.errs
	}
	t.data = t.plainData(data)
	t.root = newTable(1)
	t.here, t.section = t.root, &section{inner: schema}
	t.read()
	return t.root, t.broken == 0, t.errs
}

// unreadable tells why none of a file can be read.
func unreadable(data []byte) (problem, fix string) {
	text := bytes.TrimSpace(data[:min(len(data), maxStatement)])
	switch {
	case len(data) > maxSize:
		return fmt.Sprintf("has %d bytes", len(data)), fmt.Sprintf("keep it under %d", maxSize)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")),
		len(data) > 1 && (data[0] == 0) != (data[1] == 0):
		return "is UTF-16 text, which Windows also calls Unicode", "save the file with the encoding UTF-8"
	case bytes.HasPrefix(text, []byte("{")):
		return "begins with {, as JSON does",
			"write TOML, as the built-in default file does: [network], and below it key = value"
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "begins with <?xml", "write TOML, as the built-in default file does: [network], and below it key = value"
	}
	return "", ""
}

// plainData reports characters and line ends that TOML does not have, and puts
// others in their place.
func (t *treeReader) plainData(data []byte) []byte {
	if !utf8.Valid(data) {
		t.broken++
		line := 1
		for text := range bytes.SplitSeq(data, []byte("\n")) {
			if !utf8.Valid(text) {
				t.fail(line, keyOnLine(string(text)), "is not UTF-8 text", "save the file with the encoding UTF-8")
			}
			line++
		}
		data = bytes.ToValidUTF8(data, []byte("?"))
	}
	ends := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n\n"))
	i := bytes.IndexByte(ends, '\r')
	if i < 0 {
		return data
	}
	t.broken++
	t.fail(1+bytes.Count(data[:i], []byte("\n")), "file",
		"has a carriage return that does not belong to the end of a line",
		"save the file with the line ends of Windows or of Unix")
	if !bytes.Contains(data, []byte("\n")) { // an old Mac
		return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte(" "))
}

// read reads statement by statement. Behind one that is not TOML the parser
// begins again.
func (t *treeReader) read() {
	for t.base < len(t.data) {
		t.parser.Reset(t.data[t.base:])
		behind, next := t.base, -1
		for next < 0 && t.parser.NextExpression() {
			e := t.parser.Expression()
			if t.swallows(e) {
				next = t.skip(t.base+int(e.Raw.Offset), t.base+int(e.Raw.Offset), nil)
				break
			}
			behind = t.expression(e)
		}
		err := t.parser.Error()
		if next < 0 && err == nil {
			return
		}
		if next < 0 {
			next = t.skip(behind, t.errorAt(err), err)
		}
		if t.broken++; t.broken > maxErrors {
			t.fail(t.lineAt(next), "file", "is not read any further", "correct the mistakes above first")
			return
		}
		t.base = next
	}
}

// expression adds one to the tree, and returns where it ends.
func (t *treeReader) expression(e *unstable.Node) int {
	path, line := t.keyPath(e.Key())
	end := int(e.Raw.Offset + e.Raw.Length)
	switch e.Kind {
	case unstable.Table, unstable.ArrayTable:
		for it := e.Key(); it.Next(); {
			end = int(it.Node().Raw.Offset + it.Node().Raw.Length)
		}
		t.header(e.Kind, path, line)
	case unstable.KeyValue:
		t.set(t.here, path, t.value(e.Value(), line), line)
	}
	return lineEnd(t.data, t.base+end)
}

// header begins a section.
func (t *treeReader) header(kind unstable.Kind, path []string, line int) {
	if s := sectionAt(path); s != nil && s.many != (kind == unstable.ArrayTable) && t.inItem(path) {
		if kind = unstable.Table; s.many {
			t.fail(line, "["+s.name+"]", "has one pair of brackets", "write "+s.header())
			kind = unstable.ArrayTable
		} else {
			t.fail(line, "[["+s.name+"]]", "has two pairs of brackets", "write "+s.header())
		}
	}
	if name, s := path[len(path)-1], sectionAt(path[:1]); len(path) == 2 && s != nil && s.by == "name" &&
		len(s.inner) == 0 {
		t.fail(line, "["+printKey(path...)+"]", "has the name of the "+s.name+" in its header",
			fmt.Sprintf("write %s, and name = %q below it", s.header(), name))
		kind, path = unstable.ArrayTable, path[:1]
		defer func() {
			if t.here.get("name") == nil {
				t.here.add("name", &node{kind: unstable.String, line: line, text: name})
			}
		}()
	}
	if kind == unstable.Table {
		t.here = t.open(t.root, path, line)
	} else {
		t.here = t.openItem(t.root, path, line)
	}
	t.path, t.section = path, sectionMeant(strings.Join(path, "."))
}

// sectionAt returns the section with exactly that path, or nil.
func sectionAt(path []string) *section {
	s := &section{inner: schema}
	for _, part := range path {
		if !slices.ContainsFunc(s.inner, func(in section) bool { return in.key() == part }) {
			return nil
		}
		s = s.in(part)
	}
	return s
}

// inItem reports whether a section inside of a [[table]] has an item to be in.
func (t *treeReader) inItem(path []string) bool {
	outer := path[:len(path)-1]
	if s := sectionAt(outer); len(outer) == 0 || s == nil || !s.many {
		return true
	}
	n := t.root.get(outer[0])
	return n != nil && n.kind == unstable.Array && n.header
}

// swallows reports whether a value is a text whose end is missing, so that it
// goes on up to the quotes that begin another one.
func (t *treeReader) swallows(e *unstable.Node) bool {
	if e.Kind != unstable.KeyValue || e.Value().Kind != unstable.String {
		return false
	}
	raw := t.parser.Raw(e.Value().Raw)
	if !bytes.HasPrefix(raw, []byte(`"""`)) && !bytes.HasPrefix(raw, []byte("'''")) {
		return false
	}
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(line) < maxStatement && startsSection(strings.TrimRight(string(line), "\r")) {
			return true
		}
	}
	return false
}

// errorAt is where the parser gave up.
func (t *treeReader) errorAt(err error) int {
	var p *unstable.ParserError
	if errors.As(err, &p) {
		return t.base + int(t.parser.Range(p.Highlight).Offset)
	}
	return t.base
}

// skip reports the statement that is not TOML, and returns where the next one
// begins. at is where the parser gave up, if it did.
func (t *treeReader) skip(begin, at int, err error) int {
	for {
		end := lineEnd(t.data, begin)
		line := strings.Trim(string(t.data[begin:min(end, begin+maxStatement)]), " \t\r\n")
		if end == len(t.data) || end > at || line != "" && line[0] != '#' {
			break
		}
		begin = end
	}
	end := begin + extent(t.data[begin:])
	text := strings.TrimRight(string(t.data[begin:end]), "\r\n")
	line := t.lineAt(begin)
	r := repairOf(text, t.section)
	if i := strings.IndexFunc(text, func(c rune) bool {
		return control(c) && !strings.ContainsRune("\t\n\r", c)
	}); i >= 0 {
		c, _ := utf8.DecodeRuneInString(text[i:])
		r.flaws = []flaw{{i, fmt.Sprintf("contains the control character %U", c), "delete it", "-"}}
	}
	if r.closes && t.braces > 0 {
		t.braces-- // of a block that was reported
		return end
	}
	if r.opens {
		t.braces++
	}
	if len(r.flaws) > 0 {
		key := r.key
		if key == "" {
			key = keyOnLine(text)
		} else if r.isKey {
			key = t.where(key)
		}
		t.fail(line+strings.Count(text[:r.flaws[0].at], "\n"), key, r.flaws[0].problem, r.fix())
	} else {
		t.syntax(line, begin, at, text, err)
	}
	if strings.HasPrefix(r.fixed, "[") {
		var p unstable.Parser
		p.Reset([]byte(r.fixed))
		if p.NextExpression() {
			path, _ := t.parts(p.Expression().Key())
			t.header(p.Expression().Kind, path, line)
		}
	} else if strings.HasPrefix(strings.TrimSpace(text), "[") {
		t.here, t.path, t.section = newTable(line), nil, nil // what follows is read, and forgotten
	}
	return end
}

// syntax reports a statement whose meaning cannot be guessed.
func (t *treeReader) syntax(line, begin, at int, text string, err error) {
	problem, fix := `has """ before its text and not behind it`, `write """ behind the last line of the text`
	if err != nil {
		problem, fix = err.Error(), `write key = "value", one on a line, as the built-in default file does`
		line += bytes.Count(t.data[begin:max(begin, at)], []byte("\n"))
	}
	first, _, _ := strings.Cut(text, "\n")
	t.fail(line, keyOnLine(first), problem, fix)
}

// where names a key of the section that is being read, as a block does.
func (t *treeReader) where(key string) string {
	var names []string
	n, s := t.root, &section{inner: schema}
	for i, part := range t.path {
		if n = n.get(part); n == nil || s == nil || !s.has(part) {
			names = append(names, printKey(t.path[i:]...))
			break
		}
		s = s.in(part)
		name := part
		if n.kind == unstable.Array && len(n.items) > 0 {
			name = itemName(part, len(n.items), n.items[len(n.items)-1], s)
			n = n.items[len(n.items)-1]
		}
		names = append(names, name)
	}
	return strings.Join(append(names, key), ".")
}

// maxParts bounds the parts of a key, such as a.b.c, that are looked at. No key
// of the schema has more than three, so that a longer one is not known either
// way; half a million of them would take a table each.
const maxParts = 8

// keyPath returns the parts of a key and the line of the first.
func (t *treeReader) keyPath(it unstable.Iterator) (path []string, line int) {
	path, at := t.parts(it)
	return path, t.lineAt(t.base + at)
}

// parts returns the parts of a key, and where the first begins.
func (t *treeReader) parts(it unstable.Iterator) (path []string, at int) {
	for it.Next() {
		n := it.Node()
		if path == nil {
			at = int(n.Raw.Offset)
		}
		if len(path) < maxParts {
			path = append(path, string(n.Data))
		}
	}
	return path, at
}

// lineAt is the line of a place in the file, behind those that were asked for
// before.
func (t *treeReader) lineAt(to int) int {
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
		t.fail(line, name, "is written with one pair of brackets here and with two elsewhere",
			"write ["+name+"] each time")
	case old != nil && old.header:
		t.fail(line, name, fmt.Sprintf("appears twice, first on line %d", old.line), "put all its keys under one "+name)
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
		t.fail(line, "[["+printKey(path...)+"]]",
			fmt.Sprintf("is written with one pair of brackets on line %d", old.line),
			"write the same brackets each time")
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
		t.fail(line, printKey(path...), "is inside a key that already has a value", "use each key once")
	case old != nil:
		t.fail(line, printKey(path...), fmt.Sprintf("appears twice, first on line %d", old.line), "keep one of them")
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
				at = t.lineAt(t.base + int(item.Raw.Offset))
			}
			n.items = append(n.items, t.value(item, at))
		}
	case unstable.InlineTable:
		n = newTable(line)
		n.header = true
		for it := v.Children(); it.Next(); {
			path, at := t.keyPath(it.Node().Key())
			t.set(n, path, t.value(it.Node().Value(), at), at)
		}
	}
	return n
}

func (t *treeReader) fail(line int, key, problem, fix string) {
	t.errs.add(config.Error{File: t.file, Line: line, Key: key, Problem: problem, Fix: fix})
}

// keyOnLine names what stands on a line which is no TOML.
func keyOnLine(line string) string {
	text := strings.TrimSpace(strings.ToValidUTF8(line, "?"))
	key, _, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if strings.HasPrefix(text, "[") {
		key, ok = text, true
	}
	if !ok || key == "" || len(key) > 40 ||
		strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || r == ':' }) {
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

// Line returns the line of a key in a file that Parse accepts, for those who find
// out later that its value cannot be used; 1 if the key is not there.
func Line(data []byte, path ...string) int {
	n, _, _ := readTree("", data)
	for _, key := range path {
		n = n.get(key)
	}
	if n == nil {
		return 1
	}
	return n.line
}
