package config

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
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
	mend    string // what to write, where the statement itself cannot be shown
	how     string // how the statement that is shown is written
}

// repair is a statement that is not TOML, read as it was meant.
type repair struct {
	section *section // that it is in; nil where that is not known
	in      string
	at      int
	flaws   []flaw
	key     string // as written; or the header, or what else it is
	isKey   bool
	opens   bool   // ends in {
	closes  bool   // has nothing but brackets that close something
	fixed   string // TOML, where it is known
}

func (r *repair) flaw(at int, problem, mend, how string) {
	r.flaws = append(r.flaws, flaw{at, problem, mend, how})
}

// repairOf reads a statement. Its fixed text is empty or is TOML.
func repairOf(text string, s *section) *repair {
	r := &repair{section: s, in: text}
	if len(text) > maxStatement {
		return r
	}
	fixed := r.statement()
	if len(r.flaws) > 0 && isTOML(fixed) {
		r.fixed = fixed
	}
	return r
}

// mend is what to write.
func (r *repair) mend() string {
	f := r.flaws[0]
	odd := strings.ContainsFunc(r.fixed, func(c rune) bool { return !strconv.IsPrint(c) })
	if f.how == "-" || r.fixed == "" || odd || len(r.fixed) > 120 || secretKey(r.key) {
		return f.mend
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

// commentSigns begin a comment in other languages.
var commentSigns = []string{";", "//", "--", "/*", "<!--", "!", "REM ", "rem ", "::"}

func (r *repair) statement() string {
	r.blanks()
	rest := r.in[r.at:]
	if strings.Trim(rest, "]})>,;- \t\r\n") == "" {
		r.key, r.closes = "syntax", true
		r.flaw(r.at, shown(rest)+" is neither a key with its value nor a header", "delete it", "-")
		return ""
	}
	for _, sign := range commentSigns {
		if strings.HasPrefix(rest, sign) {
			sign = strings.TrimSpace(sign)
			r.key = "comment"
			r.flaw(r.at, sign+" does not begin a comment", "write # in place of "+sign, "-")
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
			r.flaw(r.at, fmt.Sprintf("holds %U, which looks like a blank and is none", c), "write a plain space for it", "")
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
	reStatement = regexp.MustCompile(`^([A-Za-z0-9_.-]+)\s*=\s*(?:"[^"]*"|'[^']*'|true|false|[0-9]+|\[.*|"""|\'\'\')[ \t,;]*(?:#.*)?$`)
	reKeyed     = regexp.MustCompile(`^([A-Za-z0-9_.-]+)(?:\s+[=:]|\s*[=:]\s*["'\[]|:\s|[=:]$)`)
	reLoosely   = regexp.MustCompile(`^([A-Za-z0-9_.-]+)\s*[=:]`)
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
		r.key = shown(strings.TrimSpace(m[0]))
		r.flaw(begin, "is not the header of a section", "write one such as [network] or [[entry]]", "-")
		return ""
	}
	fixed := strings.Repeat("[", min(max(opened, 1), 2)) + name + strings.Repeat("]", min(max(opened, 1), 2))
	if s := sectionMeant(name); s != nil {
		fixed = s.header()
	}
	r.key = shown(strings.TrimSpace(m[1] + name + m[3]))
	switch {
	case more != "":
		r.flaw(begin, "has more than a name between its brackets", "write "+fixed+", and its keys on the lines below", "-")
	case rest != "" && !strings.HasPrefix(rest, "#") && strings.Trim(rest, ":;,.") != "" && strings.HasSuffix(strings.TrimRight(m[3], " \t"), "]"):
		r.flaw(begin, "has more behind it", "write "+fixed+" on a line by itself, and its keys on the lines below", "-")
	case rest != "" && !strings.HasPrefix(rest, "#") && strings.Trim(rest, ":;,.") == "":
		r.flaw(begin, "ends in "+rest, "write "+fixed, "-")
	default:
		r.flaw(begin, "has brackets that do not match", "write "+fixed, "-")
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
		r.flaw(begin, "begins with -, as an item of YAML does", `write a list as key = ["value", "value"], and a block as [[entry]] with its keys below it`, "-")
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
	if sign != "=" {
		r.flaw(begin+end, "has "+sign+" where TOML has =", "write = in place of "+sign, "")
	}
	if s := sectionMeant(key); sign == ":" && s != nil && strings.TrimSpace(line[end+1:]) == "" && !r.hasField(key) {
		r.flaws, r.isKey = []flaw{{begin, "has : where TOML has brackets", "write " + s.header(), "-"}}, false
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
		r.flaw(at, "has no key before its value", `write key = "value"`, "-")
	case strings.HasPrefix(key, "#"), reDotted.MatchString(key):
		if key != strings.TrimSpace(head) {
			r.flaw(at, "has a character in its key that looks like a plain one and is none", "write the key with plain letters", "")
		}
	case reDotted.MatchString(plain):
		key = plain
	default:
		if name := r.fieldMeant(plain); name != "" {
			r.flaw(at, "is not a key", "write "+name, "")
			return name
		}
		r.flaw(at, "is not a key", "write a key as one word of letters, digits, - and _", "-")
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
	if i := strings.IndexFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == '"' || c == '\'' || c == '[' }); i > 0 {
		word = text[:i]
	}
	name := plainText(word)
	rest := strings.TrimSpace(text[len(word):])
	known := r.hasField(name)
	r.key = "syntax"
	switch {
	case strings.HasSuffix(text, "{"):
		r.opens = true
		r.flaw(begin, "ends in {, which begins no block here", "write a header such as [network] or [[entry]] on a line, and its keys below it", "-")
		return ""
	case known && rest != "" && !strings.HasPrefix(rest, "#"):
		r.key, r.isKey = name, true
		r.flaw(begin+len(word), "has no = between its key and its value", "write = between them", "")
		r.at = begin + strings.Index(line, word) + len(word)
		return r.assignment(begin, name)
	case known:
		r.key, r.isKey = name, true
		r.flaw(begin, "has no value", "write "+name+" = "+r.example(name)+", or delete the line", "-")
		return ""
	case rest == "" && sectionMeant(name) != nil:
		r.flaw(begin, "has no brackets around "+shown(name), "write "+sectionMeant(name).header(), "-")
		return sectionMeant(name).header()
	}
	r.flaw(begin, shown(text)+" is neither a key with its value nor a header", `write key = "value", or # before a comment`, "-")
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
	if r.at == len(r.in) || strings.ContainsRune("\n#", rune(r.in[r.at])) || strings.Trim(r.in[r.at:], ",; \t\r\n") == "" {
		r.flaws = nil
		r.flaw(begin, "has no value", "write "+key+" = "+example+", or delete the line", "-")
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
	switch {
	case rest == "" || strings.HasPrefix(rest, "#"):
	case strings.Trim(rest, ",;") == "":
		r.flaw(r.at, "ends in "+rest, "delete the "+rest+" at its end", "")
	case startsStatement(strings.TrimLeft(rest, ",; "), false):
		r.flaw(r.at, "has another key on its line", "write each key on a line by itself", "-")
	case strings.HasPrefix(rest, ";") || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*"):
		sign := ";"
		if rest[0] != ';' {
			sign = rest[:2]
		}
		r.flaw(r.at, sign+" does not begin a comment", "write # in place of "+sign, "-")
	default:
		r.flaw(r.at, "has more behind its value", "delete what follows it, or put # before a comment", "-")
	}
	return out
}

// secretKey reports whether a key's value may be a password, which no message
// repeats.
func secretKey(key string) bool {
	return strings.Contains(strings.ToLower(key), "pass") || plainName(key) == "pw"
}

// shown is a piece of the file as a message shows it.
func shown(s string) string {
	s = strings.TrimSpace(s)
	line, _, _ := strings.Cut(s, "\n")
	if letters := []rune(line); len(letters) > 40 {
		line = string(letters[:40]) + "..."
	}
	if line = strings.TrimSpace(line); line == "" {
		return "syntax"
	}
	if strings.ContainsFunc(line, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(line)
	}
	return line
}

// reading reads values.
type reading struct {
	*repair
	example string
	secret  bool
}

// piece is a part of a value in a message.
func (v reading) piece(s string) string {
	if v.secret {
		return ""
	}
	return shown(s) + " "
}

// maxNested bounds lists in lists.
const maxNested = 8

// value reads one value and returns it as TOML, or "" where it is not to be
// known.
func (v reading) value(depth int) string {
	rest := v.in[v.at:]
	first, _ := utf8.DecodeRuneInString(rest)
	switch {
	case strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, "'''"):
		return v.lines(rest[:3])
	case first == '"' || first == '\'':
		return v.quoted(byte(first), depth)
	case first == '[' || first == '［', (first == '(' || first == '{') && strings.HasPrefix(v.example, "["):
		return v.list(depth)
	case first == '{':
		return ""
	case typographicQuote(first):
		return v.typographic(depth)
	}
	return v.bare(depth)
}

// reNumeric is an address, or a time.
var reNumeric = regexp.MustCompile(`[0-9]`)

func typographicQuote(c rune) bool {
	q := typographic[c]
	return q == `"` || q == `'`
}

// ends reports whether a value can end before s.
func ends(s string, depth int) bool {
	s = strings.TrimLeft(s, " \t\r\u00a0")
	if s == "" || s[0] == '\n' || s[0] == '#' {
		return true
	}
	if depth > 0 {
		return strings.ContainsRune(",;])}", rune(s[0]))
	}
	line, _, _ := strings.Cut(s, "\n")
	return strings.Trim(line, ",; \t\r") == "" || s[0] == ';' || strings.HasPrefix(s, "//") || strings.HasPrefix(s, "--")
}

// quoted reads a text that begins with a plain quote.
func (v reading) quoted(q byte, depth int) string {
	begin := v.at
	line, more, _ := strings.Cut(v.in[begin+1:], "\n")
	if strings.HasPrefix(line, string(q)) && !ends(line[1:], depth) && !strings.HasPrefix(strings.TrimSpace(line[1:]), string(q)) {
		// Two quotes for one, as in ''text'' or ""text"".
		if text, after, ok := strings.Cut(line[1:], string([]byte{q, q})); ok && ends(after, depth) {
			v.at = begin + 2 + len(text) + 2
			v.flaw(begin, "has two quotes for one", "write one", "")
			return quoteText(text)
		}
	}
	first, last := -1, -1 // the first quote, and the last that a text can end with
	for i := 0; i < len(line); i++ {
		if q == '"' && line[i] == '\\' && i+1 < len(line) && (line[i+1] == '\\' || line[i+1] == '"' && !ends(line[i+2:], depth)) {
			i++
			continue
		}
		if line[i] != q {
			continue
		}
		if first < 0 {
			first = i
		}
		if ends(line[i+1:], depth) {
			last = i
			if depth > 0 {
				break
			}
		}
	}
	switch {
	case first < 0:
		return v.unclosed(q, line, more, depth)
	case ends(line[first+1:], depth):
		last = first
	case depth > 0 && nextItem(line[first+1:]), depth == 0 && (last < 0 || startsStatement(strings.TrimLeft(line[first+1:], ",; \t"), true)):
		last = first // what follows is another item, another key, or no text
	case last < 0:
		last = first
	default:
		v.flaw(begin, "has the quote "+string(q)+" inside of a text that begins with it", "write the text between the other quotes", "")
	}
	text := line[:last]
	v.at = begin + 1 + last + 1
	if q == '\'' {
		return quoteText(text)
	}
	if isTOML(`x = "` + text + `"`) {
		return `"` + text + `"`
	}
	if strings.ContainsRune(text, '\\') {
		v.flaw(begin, "has a backslash between double quotes, where it begins an escape such as \\n", "write the text between single quotes", "it between single quotes: ")
	}
	return quoteText(text)
}

// nextItem reports whether another item of a list begins without a comma.
func nextItem(s string) bool {
	s = strings.TrimLeft(s, " \t")
	return s != "" && (s[0] == '"' || s[0] == '\'')
}

// unclosed reads a text that does not end on its line.
func (v reading) unclosed(q byte, line, more string, depth int) string {
	begin := v.at
	v.at = begin + 1 + len(line)
	trimmed := strings.TrimRight(line, " \t\r,;")
	last, size := utf8.DecodeLastRuneInString(trimmed)
	other := last == '"' || last == '\'' || last >= 0x80 && typographicQuote(last)
	// A text of several lines between single quotes.
	if text, after, ok := strings.Cut(more, string(q)); depth == 0 && ok && ends(after, 0) && !other {
		v.at += 1 + len(text) + 1
		if strings.TrimRight(line, " \t\r") == "" { // as a text in three quotes begins
			v.flaw(begin, "has one quote before a text of several lines", `begin and end it with three: """`, "-")
			return quoteLines(text)
		}
		parts := []string{strings.TrimRight(trimmed, `\ `)}
		for part := range strings.SplitSeq(text, "\n") {
			parts = append(parts, strings.TrimSpace(strings.TrimRight(strings.TrimSpace(part), `\`)))
		}
		v.flaw(begin, "goes on in the next line, which a text between single or double quotes does not",
			`write it on one line, or begin and end it with three quotes: """`, "it on one line: ")
		return quoteText(strings.Join(parts, " "))
	}
	text := line
	switch i := strings.Index(line, " #"); {
	case other:
		text = trimmed[:len(trimmed)-size]
		v.flaw(begin, fmt.Sprintf("begins with the quote %c and ends with %c", q, last), "write the same plain quote twice", "")
		return quoteText(text)
	case depth > 0 && strings.ContainsAny(line, ",]"):
		i = strings.IndexAny(line, ",]")
		text, v.at = line[:i], begin+1+i
	case i >= 0:
		text = line[:i]
	}
	v.flaw(begin, "has a quote that is not closed", "write "+string(q)+" at the end of the text", "")
	return quoteText(strings.TrimRight(text, " \t\r,;"))
}

// typographic reads a text between quotes that are not plain.
func (v reading) typographic(depth int) string {
	begin := v.at
	open, size := utf8.DecodeRuneInString(v.in[begin:])
	line, _, _ := strings.Cut(v.in[begin+size:], "\n")
	text, end := strings.TrimRight(line, " \t\r"), len(line)
	for i, c := range line {
		if after := i + utf8.RuneLen(c); (typographicQuote(c) || c == '"' || c == '\'') && ends(line[after:], depth) {
			text, end = line[:i], after
			break
		}
	}
	v.at = begin + size + end
	v.flaw(begin, fmt.Sprintf("has the typographic quote %c, which is not the plain one", open), `write the plain quote " before and behind the text`, "")
	if reNumeric.MatchString(v.example) {
		text = plainText(text) // its dashes are not plain, either
	}
	return quoteText(text)
}

// lines reads a text between three quotes. A statement ends before the next
// header, so that the closing ones may be missing.
func (v reading) lines(quotes string) string {
	begin := v.at
	text, _, ok := strings.Cut(v.in[begin+3:], quotes)
	v.at = begin + 3 + len(text)
	if !ok {
		v.flaw(begin, "begins with "+quotes+" and does not end with them", "write "+quotes+" behind its last line", "-")
		return quoteLines(text)
	}
	v.at += 3
	for strings.HasPrefix(v.in[v.at:], quotes[:1]) {
		text += quotes[:1]
		v.at++
	}
	if quotes == `"""` && !isTOML(`x = """`+text+`"""`) && strings.ContainsRune(text, '\\') {
		v.flaw(begin, "has a backslash between double quotes, where it begins an escape such as \\n", "begin and end the text with three single quotes: '''", "-")
		return quoteLines(text)
	}
	return quotes + text + quotes
}

// bare reads a value without quotes.
func (v reading) bare(depth int) string {
	begin := v.at
	text, more, _ := strings.Cut(v.in[begin:], "\n")
	end := len(text)
	if words := strings.TrimRight(text, " \t\r"); depth == 0 && more != "" && strings.HasSuffix(words, `\`) {
		for part := range strings.SplitSeq(more, "\n") {
			words = strings.TrimSpace(strings.TrimSuffix(words, `\`)) + " " + strings.TrimSpace(part)
		}
		v.at = len(v.in)
		v.flaw(begin, "goes on in the next line, which a text without three quotes does not", `write it on one line`, "it on one line: ")
		return quoteText(strings.Trim(words, `"`))
	}
	if depth > 0 {
		if i := strings.IndexAny(text, ",]#;"); i >= 0 {
			end = i
		}
	} else {
		for _, sign := range []string{"#", " ;", "\t;", " //", "\t//"} {
			if i := strings.Index(text[:end], sign); i >= 0 {
				end = i
			}
		}
	}
	text = strings.TrimSpace(text[:end])
	v.at = begin + end
	bare := strings.TrimSpace(strings.TrimRight(text, ",;"))
	if bare == "" || strings.HasSuffix(bare, "{") {
		return ""
	}
	if isTOML("x = " + bare) {
		if bare != text {
			v.flaw(begin, "ends in "+text[len(text)-1:], "delete the "+text[len(text)-1:]+" at its end", "")
		}
		return bare
	}
	bare = strings.TrimRight(bare, `\ `)
	if v.example == "true" || v.example == "false" {
		b, ok := flagIn(bare)
		if n := nearest(bare, []string{"true", "false"}); !ok && n != "" {
			b, ok = n == "true", true
		}
		if !ok {
			v.flaw(begin, v.piece(bare)+"is neither true nor false", "write true or false, without quotes", "-")
			return ""
		}
		v.flaw(begin, v.piece(bare)+"is neither true nor false", "write true or false, in small letters and without quotes", "")
		return strconv.FormatBool(b)
	}
	if last, size := utf8.DecodeLastRuneInString(bare); last == '"' || last == '\'' || typographicQuote(last) {
		bare = bare[:len(bare)-size]
		v.flaw(begin, "has a quote at its end and none before it", `write " before the text`, "")
	} else {
		v.flaw(begin, v.piece(bare)+"is a text without quotes", `write " before and behind the text`, "")
	}
	if depth == 0 && strings.HasPrefix(v.example, "[") {
		var items []string
		for item := range strings.SplitSeq(bare, ",") {
			items = append(items, quoteText(plainText(strings.Trim(item, `"' `))))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return quoteText(plainText(bare))
}

// list reads [ ... ].
func (v reading) list(depth int) string {
	begin := v.at
	open, size := utf8.DecodeRuneInString(v.in[begin:])
	if open != '[' {
		v.flaw(begin, fmt.Sprintf("has %c where a list begins", open), "write [ and ]", "")
	}
	v.at += size
	if depth == maxNested {
		return ""
	}
	var items []string
	comma := true // before the next item
	end := v.at   // of the last one
	for {
		v.skipLines()
		rest := v.in[v.at:]
		switch {
		case rest == "":
			v.flaw(begin, "has a list that is not closed", "write ] behind its last value", "")
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ']':
			v.at++
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ')' || rest[0] == '}' || strings.HasPrefix(rest, "］"):
			_, size := utf8.DecodeRuneInString(rest)
			if open == '[' {
				v.flaw(v.at, "has a list that ends in "+rest[:size], "write ] in its place", "")
			}
			v.at += size
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ',' || rest[0] == ';' || strings.HasPrefix(rest, "，"):
			_, size := utf8.DecodeRuneInString(rest)
			if rest[0] != ',' {
				v.flaw(v.at, "has "+rest[:size]+" where a comma belongs", "write a comma in its place", "")
			} else if comma {
				v.flaw(v.at, "has a comma too many", "delete it", "")
			}
			comma = true
			v.at += size
			continue
		}
		if rest[0] == '\\' {
			v.flaw(v.at, "has a \\ at the end of its line, which a list does not need", "delete it", "")
			v.at++
			continue
		}
		if !comma {
			v.flaw(end, strings.TrimSpace("has no comma behind "+v.piece(items[len(items)-1])), "write a comma between two values", "")
		}
		at := v.at
		item := v.value(depth + 1)
		if item == "" || v.at == at {
			return ""
		}
		items, comma, end = append(items, item), false, v.at
	}
}

// skipLines skips blanks, line ends and comments.
func (v reading) skipLines() {
	for {
		v.blanks()
		switch rest := v.in[v.at:]; {
		case strings.HasPrefix(rest, "\n"):
			v.at++
		case strings.HasPrefix(rest, "#"):
			line, _, _ := strings.Cut(rest, "\n")
			v.at += len(line)
		default:
			return
		}
	}
}

// quoteText writes a text of one line as TOML.
func quoteText(s string) string {
	s = strings.TrimRight(s, "\r")
	switch {
	case !strings.ContainsAny(s, `"\`):
		return `"` + s + `"`
	case !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// quoteLines writes a text of several lines as TOML, as far as it is known.
func quoteLines(s string) string {
	if strings.Contains(s, "'''") {
		return ""
	}
	return "'''" + s + "'''"
}

// reKnownHeader is a line that begins a section, with any brackets.
var reKnownHeader = regexp.MustCompile(`^\[{1,2}[ \t]*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?)[ \t]*\]{1,2}[ \t\r]*(?:#.*)?$`)

func startsSection(line string) bool {
	m := reKnownHeader.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	first, _, _ := strings.Cut(m[1], ".")
	return (&section{inner: schema}).has(first)
}

// startsStatement reports whether a line begins a section, or a key and its
// value. A word with = behind it may also be in a text, as in the arguments of a
// kernel, but not in a list.
func startsStatement(line string, inText bool) bool {
	line = strings.Trim(line, " \t\r\n")
	if startsSection(line) || reStatement.MatchString(line) {
		return true
	}
	keyed := reLoosely
	if inText {
		keyed = reKeyed
	}
	m := keyed.FindStringSubmatch(line)
	return m != nil && knownKey(m[1])
}

// knownKey reports whether any section has the key.
func knownKey(key string) bool {
	var look func([]section) bool
	look = func(in []section) bool {
		for i := range in {
			if in[i].has(key) || look(in[i].inner) {
				return true
			}
		}
		return false
	}
	return look(schema)
}

// extent returns the length of the statement that data begins with, in whole
// lines. It is not TOML.
func extent(data []byte) int {
	end := lineEnd(data, 0)
	line := string(data[:end])
	text := strings.TrimLeft(line, " \t\u00a0")
	for begin, close := range map[string]string{"/*": "*/", "<!--": "-->"} {
		if strings.HasPrefix(text, begin) {
			if i := bytes.Index(data, []byte(close)); i >= 0 && i < maxStatement {
				return lineEnd(data, i)
			}
			return end
		}
	}
	if strings.HasPrefix(text, "[") {
		return end
	}
	x := scan{data: data}
	if at, sign := signIn(strings.TrimRight(line, "\r\n")); sign != "" {
		x.at = at + len(sign)
	}
	return x.run()
}

// lineEnd is behind the line that has data[at].
func lineEnd(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(data)
}

// scan looks for the end of a value.
type scan struct {
	data  []byte
	at    int
	depth int // of brackets
	end   int // of the line that at is on, if that is known
}

// lineEnd is behind the line that at is on.
func (x *scan) lineEnd() int {
	if x.at >= x.end {
		x.end = lineEnd(x.data, x.at)
	}
	return x.end
}

func (x *scan) run() int {
	for x.at < len(x.data) {
		rest := x.data[x.at:]
		switch c := rest[0]; {
		case c == '\n':
			x.at++
			next := x.data[x.at:x.lineEnd()]
			continued := x.at > 1 && bytes.HasSuffix(bytes.TrimRight(x.data[max(0, x.at-maxStatement):x.at], " \t\r\n"), []byte(`\`))
			if x.depth <= 0 && !continued || len(next) > maxStatement || startsStatement(string(next), x.depth <= 0) {
				return x.at
			}
		case c == '#':
			x.at = x.lineBreak()
		case c == '[':
			x.depth++
			x.at++
		case c == ']':
			x.depth--
			x.at++
		case bytes.HasPrefix(rest, []byte(`"""`)) || bytes.HasPrefix(rest, []byte("'''")):
			if x.lines(rest[:3]) {
				return x.at
			}
		case c == '"' || c == '\'':
			if x.quoted(c) {
				return x.at
			}
		default:
			x.at++
		}
	}
	return len(x.data)
}

// lineBreak is where the line ends.
func (x *scan) lineBreak() int {
	if end := x.lineEnd(); x.data[end-1] == '\n' {
		return end - 1
	}
	return x.end
}

// lines skips a text between three quotes. It reports whether the statement ends
// with it, because the next section begins before its last quotes.
func (x *scan) lines(quotes []byte) bool {
	x.at += 3
	for x.at < len(x.data) {
		end := x.lineEnd()
		line := x.data[x.at:end]
		if x.data[x.at-1] == '\n' && len(line) < maxStatement && startsSection(strings.TrimRight(string(line), "\n")) {
			return true
		}
		if i := bytes.Index(line, quotes); i >= 0 {
			x.at += i + 3
			return false
		}
		x.at = end
	}
	return true
}

// maxContinued bounds the lines of a text that goes on in the next line.
const maxContinued = 40

// quoted skips a text between quotes. It reports whether the statement ends with
// it, because the text is not closed on its line.
func (x *scan) quoted(q byte) bool {
	end := x.lineEnd()
	for i := x.at + 1; i < end; i++ {
		switch {
		case x.data[i] == '\\' && q == '"' && i+1 < end && (x.data[i+1] == '"' || x.data[i+1] == '\\'):
			i++
		case x.data[i] == q:
			x.at = i + 1
			return false
		}
	}
	if x.depth > 0 {
		x.at = x.lineBreak()
		return false
	}
	x.at = end
	// It may go on: up to the quote that ends a line, if no statement begins
	// before that.
	at := end
	for range maxContinued {
		next := lineEnd(x.data, at)
		line := strings.TrimRight(string(x.data[at:next]), "\r\n")
		if next == at || len(line) > maxStatement || startsStatement(line, true) {
			return true
		}
		if i := strings.IndexByte(line, q); i >= 0 {
			if ends(line[i+1:], 0) {
				x.at = next
			}
			return true
		}
		at = next
	}
	return true
}
