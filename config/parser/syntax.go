package parser

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// The TOML library stops at the first statement that it cannot read. This file
// finds where that statement ends, so that reading can go on behind it, and what
// was meant by it, so that the error can say what to write.

// maxStatement bounds what is looked at in a statement that is not TOML, in
// bytes.
const maxStatement = 4096

// flaw is what is wrong in a statement.
type flaw struct {
	at      int    // where, in bytes
	problem string // what is wrong
	fix     string // what to write, where the statement itself cannot be shown
	how     string // how the statement that is shown is written
}

// alone is the how of a flaw whose statement is not shown: its fix says it all.
const alone = "-"

// repair is a statement that is not TOML, read as it was meant.
type repair struct {
	section *section // that it is in; nil where that is not known
	in      string
	at      int
	flaws   []flaw
	key     string // as written; or the header, or what else it is
	isKey   bool
	opens   bool   // ends in {
	hide    bool   // it may hold a password
	closes  bool   // has nothing but brackets that close something
	fixed   string // TOML, where it is known
}

func (r *repair) flaw(at int, problem, fix, how string) {
	r.flaws = append(r.flaws, flaw{at, problem, fix, how})
}

// repairOf reads a statement. Its fixed text is empty or is TOML.
func repairOf(text string, s *section) *repair {
	r := &repair{section: s, in: text}
	if len(text) > maxStatement {
		return r
	}
	fixed := r.statement()
	if len(r.flaws) > 0 && isTOML(fixed) {
		r.fixed = r.right(fixed)
	}
	return r
}

// right returns a statement with a value that the key can have, where it is
// known what was meant: for lease = 12 h, the text "12 h" is no better.
func (r *repair) right(fixed string) string {
	key, _, ok := strings.Cut(fixed, " = ")
	if !ok || r.section == nil || secretKey(key) {
		return fixed
	}
	if !r.hasField(key) {
		k := r.fieldMeant(key)
		if k == "" {
			return fixed
		}
		fixed, key = k+strings.TrimPrefix(fixed, key), k
	}
	errs := r.section.mistakesIn(fixed)
	if len(errs) != 1 {
		return fixed
	}
	fix, _ := strings.CutPrefix(errs[0].Fix, "write ")
	switch {
	case strings.HasPrefix(fix, key+" = "):
	case reOneText.MatchString(fix) && strings.HasPrefix(r.example(key), "["):
		fix = key + " = [" + fix + "]"
	case reOneText.MatchString(fix):
		fix = key + " = " + fix
	default:
		return fixed
	}
	if !isTOML(fix) || len(r.section.mistakesIn(fix)) > 0 {
		return fixed
	}
	return fix
}

// reOneText is a text between quotes.
var reOneText = regexp.MustCompile(`^"[^"\\]*"$`)

// mistakesIn reads one statement in the section.
func (s *section) mistakesIn(statement string) config.Errors {
	text := s.header() + "\n" + statement
	if outer, _, ok := strings.Cut(s.name, "."); ok {
		text = sectionMeant(outer).header() + "\n" + text
	}
	root, whole, errs := readTree("", []byte(text))
	if !whole {
		return errs.first
	}
	r := newReader("", root)
	r.errs = errs
	r.read(r.root)
	return r.errs.first
}

// fix is what to write.
func (r *repair) fix() string {
	f := r.flaws[0]
	odd := strings.ContainsFunc(r.fixed, func(c rune) bool { return !strconv.IsPrint(c) })
	if f.how == alone || r.fixed == "" || odd || len(r.fixed) > 120 || r.hide || secretKey(r.key) {
		return f.fix
	}
	return "write " + f.how + r.fixed
}

func isTOML(text string) bool {
	var p unstable.Parser
	p.Reset([]byte(text))
	for p.NextExpression() {
	}
	return p.Error() == nil
}

// reCommentSign begins a comment behind a value in other languages.
var reCommentSign = regexp.MustCompile(`^(?:;|//|--|/\*)`)

// commentSigns begin a comment in other languages.
var commentSigns = []string{";", "//", "--", "/*", "<!--", "!", "REM ", "rem ", "::"}

func (r *repair) statement() string {
	r.blanks()
	rest := r.in[r.at:]
	if strings.Trim(rest, "]})>,;- \t\r\n") == "" {
		r.key, r.closes = "syntax", true
		r.flaw(r.at, shown(rest)+" is neither a key with its value nor a header", "delete it", alone)
		return ""
	}
	for _, sign := range commentSigns {
		if strings.HasPrefix(rest, sign) {
			sign = strings.TrimSpace(sign)
			r.key = "comment"
			r.flaw(r.at, sign+" does not begin a comment", "write # in place of "+sign, alone)
			return "#"
		}
	}
	first, _ := utf8.DecodeRuneInString(rest)
	if strings.ContainsRune("[(［<", first) {
		return r.header()
	}
	return r.keyValue()
}

// blanks skips blanks on the line. Some are not plain.
func (r *repair) blanks() {
	for r.at < len(r.in) {
		c, size := utf8.DecodeRuneInString(r.in[r.at:])
		plain, other := typographic[c]
		switch {
		case c == '\n':
			return
		case c == ' ' || c == '\t' || c == '\r':
		case unicode.IsSpace(c) || other && plain == "":
			r.flaw(r.at, fmt.Sprintf("contains %U, which looks like a space but is not one", c),
				"write a plain space instead", "")
		default:
			return
		}
		r.at += size
	}
}

var (
	reHeader = regexp.MustCompile(`^([\[(<{［ \t]+)([^\[\](){}<>［］\n]*)([\])>}］ \t]*)([^\n]*)`)
	reDotted = regexp.MustCompile(`^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$`)
	// A key with a whole value, and one with any.
	reStatement = regexp.MustCompile(`^([A-Za-z0-9_.-]+)\s*=\s*` +
		`(?:"[^"]*"|'[^']*'|true|false|[0-9]+|\[.*|"""|\'\'\')[ \t,;]*(?:#.*)?$`)
	reKeyed   = regexp.MustCompile(`^([A-Za-z0-9_.-]+)(?:\s+[=:]|\s*[=:]\s*["'\[]|:\s|[=:]$)`)
	reLoosely = regexp.MustCompile(`^([A-Za-z0-9_.-]+)\s*[=:]`)
)

// sectionMeant returns the section whose header is meant by a name, or nil.
func sectionMeant(name string) *section {
	inner := schema
	var found *section
	for part := range strings.SplitSeq(name, ".") {
		within := &section{inner: inner}
		if found != nil {
			within.name = found.name
		}
		var keys []string
		for _, s := range inner {
			keys = append(keys, s.key())
		}
		part = within.closest(part, keys)
		if part == "" {
			return nil
		}
		found = within.in(part)
		inner = found.inner
	}
	return found
}

// header reads a line that begins with a bracket.
func (r *repair) header() string {
	m := reHeader.FindStringSubmatch(r.in[r.at:])
	r.key = "syntax"
	if m == nil {
		return ""
	}
	begin := r.at
	name, more, _ := strings.Cut(strings.Trim(plainText(m[2]), `"'`), " ")
	rest := plainText(m[4])
	opened := strings.Count(plainText(m[1]), "[")
	if !strings.HasSuffix(strings.TrimRight(m[3], " \t"), "]") && strings.ContainsAny(m[2], "=:#") {
		// The bracket is not closed, and the rest of the line is in the name.
		at := strings.IndexAny(m[2], "=:#")
		name, rest = strings.TrimSpace(m[2][:at]), m[2][at:]
		name, more, _ = strings.Cut(name, " ")
	}
	if !reDotted.MatchString(name) {
		if r.key = shown(m[0]); secretKey(m[0]) {
			r.key = "syntax"
		}
		r.flaw(begin, "is not the header of a section", "write one such as [network] or [[entry]]", alone)
		return ""
	}
	fixed := strings.Repeat("[", min(max(opened, 1), 2)) + name + strings.Repeat("]", min(max(opened, 1), 2))
	if s := sectionMeant(name); s != nil {
		fixed = s.header()
	}
	r.key = shown(strings.TrimSpace(m[1] + name + m[3]))
	switch {
	case more != "":
		r.flaw(begin, "has more than a name between its brackets",
			"write "+fixed+", and its keys on the lines below", alone)
	case rest != "" && rest[0] != '#' && strings.Trim(rest, ":;,.") != "" &&
		strings.HasSuffix(strings.TrimRight(m[3], " \t"), "]"):
		r.flaw(begin, "is followed by something else",
			"write "+fixed+" on a line by itself, and its keys on the lines below", alone)
	case rest != "" && !strings.HasPrefix(rest, "#") && strings.Trim(rest, ":;,.") == "":
		r.flaw(begin, "ends in "+rest, "write "+fixed, alone)
	default:
		r.flaw(begin, "has brackets that do not match", "write "+fixed, alone)
	}
	return fixed
}

// signs are what people write between a key and its value. The longest of those
// that begin alike come first.
var signs = []string{"==", "=>", ":=", "=", ":", "＝", "："}

// keyValue reads key = value.
func (r *repair) keyValue() string {
	begin := r.at
	if strings.HasPrefix(r.in[r.at:], "- ") {
		r.key = "syntax"
		r.flaw(begin, "begins with -, as an item of YAML does",
			`write a list as key = ["value", "value"], and a block as [[entry]] with its keys below it`, alone)
		r.at += 2
		r.blanks()
		begin = r.at
	}
	line, _, _ := strings.Cut(r.in[begin:], "\n")
	end, sign := signIn(line)
	head := strings.TrimRight(line[:end], " \t\u00a0")
	if sign == "" {
		return r.withoutSign(begin, line)
	}
	r.key, r.isKey = shown(head), true
	r.at = begin + end + len(sign)
	key := r.readKey(begin, head)
	if sign == ":" && !r.hasField(key) && strings.Contains(line[end:], "=") {
		r.flaw(begin, "is not a key", "write a key as one word of letters, digits, - and _, and = after it", alone)
		return ""
	}
	if sign != "=" {
		r.flaw(begin+end, "has "+sign+" where TOML has =", "write = in place of "+sign, "")
	}
	if s := sectionMeant(key); sign == ":" && s != nil && strings.TrimSpace(line[end+1:]) == "" && !r.hasField(key) {
		fix := "write " + s.header()
		if strings.Contains(r.in[begin:], "\n") {
			fix += " for each of its items, and below it a line key = value for each key"
		}
		r.flaws, r.isKey = []flaw{{begin, "has : where TOML has brackets", fix, alone}}, false
		return s.header()
	}
	return r.assignment(begin, key)
}

// signIn finds what stands between a key and its value on a line.
func signIn(line string) (at int, sign string) {
	quote := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && strings.TrimSpace(line[:i]) == "":
			quote = c
		case c == '"' || c == '\'' || c == '[' || c == '#':
			return i, ""
		default:
			for _, s := range signs {
				if strings.HasPrefix(line[i:], s) {
					return i, s
				}
			}
		}
	}
	return len(line), ""
}

// hasField reports whether the section has a key with a value.
func (r *repair) hasField(key string) bool {
	return r.section != nil && slices.ContainsFunc(r.section.fields, func(f field) bool { return f.name == key })
}

// readKey returns a key as TOML has it.
func (r *repair) readKey(at int, head string) string {
	key := plainText(head)
	plain := strings.Trim(key, `"'`)
	switch {
	case key == "":
		r.key, r.isKey = "syntax", false
		r.flaw(at, "has no key before its value", `write key = "value"`, alone)
	case strings.HasPrefix(key, "#"), reDotted.MatchString(key):
		if key != strings.TrimSpace(head) {
			r.flaw(at, "has a character in its key that looks like a plain letter but is not one",
				"write the key with plain letters", "")
		}
	case reDotted.MatchString(plain):
		key = plain
	default:
		if name := r.fieldMeant(plain); name != "" {
			r.flaw(at, "is not a key", "write "+name, "")
			return name
		}
		r.flaw(at, "is not a key", "write a key as one word of letters, digits, - and _", alone)
	}
	return key
}

// fieldMeant returns the key of the section that is meant by several words, or
// by one with other signs.
func (r *repair) fieldMeant(words string) string {
	if r.section == nil {
		return ""
	}
	var names []string
	for _, f := range r.section.fields {
		names = append(names, f.name)
	}
	letters := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}, words)
	if k := r.section.closest(letters, names); k != "" {
		return k
	}
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return ""
	}
	return r.section.closest(fields[len(fields)-1], names) // as in "set mode"
}

// withoutSign reads a line that has nothing between a key and its value.
func (r *repair) withoutSign(begin int, line string) string {
	text := strings.TrimSpace(line)
	word := text
	ends := func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(`"'[`, c) }
	if i := strings.IndexFunc(text, ends); i > 0 {
		word = text[:i]
	}
	name := plainText(word)
	rest := strings.TrimSpace(text[len(word):])
	known := r.hasField(name)
	r.key = "syntax"
	label := shown(text)
	if secretKey(text) {
		label = "this"
	}
	switch {
	case strings.HasSuffix(text, "{"):
		r.opens = true
		r.flaw(begin, "ends in {, which begins no block here",
			"write a header such as [network] or [[entry]] on a line, and its keys below it", alone)
		return ""
	case known && rest != "" && !strings.HasPrefix(rest, "#"):
		r.key, r.isKey = name, true
		r.flaw(begin+len(word), "has no = between its key and its value", "write = between them", "")
		r.at = begin + strings.Index(line, word) + len(word)
		return r.assignment(begin, name)
	case known:
		r.key, r.isKey = name, true
		r.flaw(begin, "has no value", "write "+name+" = "+r.example(name)+", or delete the line", alone)
		return ""
	case rest == "" && sectionMeant(name) != nil:
		r.flaw(begin, "has no brackets around "+shown(name), "write "+sectionMeant(name).header(), alone)
		return sectionMeant(name).header()
	}
	directive, in := pxelinux.InLabel(text)
	if (in || elsewhereInMenu[directive] != "") && word == strings.ToUpper(word) {
		r.flaw(begin, label+" is a line of PXELINUX",
			"write what it starts as an [[entry]], or have its menu converted: pxebox adopt", alone)
		return ""
	}
	r.flaw(begin, label+" is neither a key with its value nor a header",
		`write key = "value", or # before a comment`, alone)
	return ""
}

// example is what a key's value looks like.
func (r *repair) example(key string) string {
	if r.section != nil {
		for _, f := range r.section.fields {
			if f.name == key {
				return f.example
			}
		}
	}
	return `"value"`
}

// assignment reads the value, and what is behind it.
func (r *repair) assignment(begin int, key string) string {
	example := r.example(key)
	r.blanks()
	if line, next, more := strings.Cut(r.in[r.at:], "\n"); more && (line == "" || line[0] == '#' || line == "\r") {
		if strings.HasPrefix(strings.TrimLeft(next, " \t"), "- ") {
			return r.items(begin, key, next)
		}
		r.at += len(line)
		reading{r, example, false}.skipLines()
		if len(r.flaws) == 0 {
			r.flaw(begin, "has its value on the next line", "write the value on the line of its key", "")
		}
	}
	none := strings.Trim(r.in[r.at:], ",; \t\r\n") == ""
	if none || r.in[r.at] == '\n' || r.in[r.at] == '#' {
		if key == "" {
			return ""
		}
		r.flaws = nil
		r.flaw(begin, "has no value", "write "+key+" = "+example+", or delete the line", alone)
		return ""
	}
	v := reading{r, example, secretKey(key)}
	value := v.value(0)
	if value == "" {
		return ""
	}
	out := key + " = " + value
	r.blanks()
	rest := strings.TrimSpace(r.in[r.at:])
	signs, _, _ := strings.Cut(rest, "#")
	switch signs = strings.TrimSpace(signs); {
	case signs == "":
	case strings.Trim(signs, ",;") == "":
		r.flaw(r.at, "ends in "+signs, "delete the "+signs+" at its end", "")
	case strings.TrimSpace(r.in[r.at:lineBreakIn(r.in, r.at)]) != "" &&
		startsStatement(strings.TrimLeft(rest, ",; "), false):
		r.flaw(r.at, "has another key on its line", "write each key on a line by itself", alone)
	case reCommentSign.MatchString(rest):
		sign := ";"
		if rest[0] != ';' {
			sign = rest[:2]
		}
		r.flaw(r.at, sign+" does not begin a comment", "write # in place of "+sign, alone)
	default:
		r.flaw(r.at, "has something after its value", "delete what follows it, or put # before a comment", alone)
	}
	return out
}

// lineBreakIn is where the line ends that has text[at].
func lineBreakIn(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// items reads a list as YAML has it: a line for each item.
func (r *repair) items(begin int, key, lines string) string {
	r.flaws = nil
	r.flaw(begin, "has a list as in YAML", "write "+key+" = "+r.example(key), "")
	var items []string
	for line := range strings.SplitSeq(lines, "\n") {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if line == "" {
			continue
		}
		v := reading{&repair{section: r.section, in: line}, r.example(key), secretKey(key)}
		v.blanks()
		item := v.value(1)
		if !ok || item == "" || !ends(line[v.at:], 1) {
			return ""
		}
		items = append(items, item)
	}
	return key + " = [" + strings.Join(items, ", ") + "]"
}
