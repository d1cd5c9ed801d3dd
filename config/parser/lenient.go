package parser

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file reads values that are not TOML, as they were meant.

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
		return v.table(depth)
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
	return strings.Trim(line, ",; \t\r") == "" || s[0] == ';' || strings.HasPrefix(s, "//") ||
		strings.HasPrefix(s, "--")
}

// quoted reads a text that begins with a plain quote.
func (v reading) quoted(q byte, depth int) string {
	begin := v.at
	line, more, _ := strings.Cut(v.in[begin+1:], "\n")
	twice := strings.HasPrefix(line, string(q)) && !ends(line[1:], depth)
	if twice && !strings.HasPrefix(strings.TrimSpace(line[1:]), string(q)) {
		// Two quotes for one, as in ''text'' or ""text"".
		if text, after, ok := strings.Cut(line[1:], string([]byte{q, q})); ok && ends(after, depth) {
			v.at = begin + 2 + len(text) + 2
			v.flaw(begin, "has two quotes where one belongs", "write one", "")
			return quoteText(text)
		}
	}
	first, last := -1, -1 // the first quote, and the last that a text can end with
	for i := 0; i < len(line); i++ {
		if q == '"' && line[i] == '\\' && i+1 < len(line) &&
			(line[i+1] == '\\' || line[i+1] == '"' && !ends(line[i+2:], depth)) {
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
	case depth == 0 && reSeveral.MatchString(line[first+1:]):
		if strings.HasPrefix(v.example, "[") {
			return v.several(depth)
		}
		last = first
	case reDash.MatchString(line[first+1:]):
		last = first
	case ends(line[first+1:], depth):
		last = first
	case depth > 0 && nextItem(line[first+1:]),
		depth == 0 && (last < 0 || startsStatement(strings.TrimLeft(line[first+1:], ",; \t"), true)):
		last = first // what follows is another item, another key, or no text
	case last < 0:
		last = first
	default:
		v.flaw(begin, "has the quote "+string(q)+" inside a text that begins with it",
			"write the text between the other quotes", "")
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
		v.flaw(begin, "has a backslash between double quotes, where it begins an escape such as \\n",
			"write the text between single quotes", "it between single quotes: ")
	}
	return quoteText(text)
}

var (
	reSeveral = regexp.MustCompile(`^\s*[,;|+–—-]?\s*["\']`) // another text follows
	reDash    = regexp.MustCompile(`^\s*[–—-]\s*["\']`)
)

// several reads the items of a list without brackets.
func (v reading) several(depth int) string {
	begin := v.at
	line, _, _ := strings.Cut(v.in[begin:], "\n")
	inner := reading{&repair{section: v.section, in: "[" + line + "]"}, v.example, v.secret}
	list := inner.list(depth)
	if list == "" || inner.at != len(inner.in) {
		return ""
	}
	v.at = begin + len(line)
	v.flaw(begin, "has several texts without brackets around them", "write [ before and ] after them", "")
	parts := strings.Split(strings.Trim(list, "[]"), `", "`)
	if len(parts) == 2 && strings.Contains(v.example, "-") && reNumeric.MatchString(v.example) {
		return "[" + strings.Join(parts, alone) + "]" // the first and the last of a range
	}
	return list
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
		if v.key == "pxelinux" || v.key == "grub" || v.key == "help" || strings.TrimRight(line, " \t\r") == "" {
			v.flaw(begin, "has one quote before a text of several lines", `begin and end it with three: """`, alone)
			return quoteLines(line + "\n" + text)
		}
		parts := []string{strings.TrimRight(trimmed, `\ `)}
		for part := range strings.SplitSeq(text, "\n") {
			parts = append(parts, strings.TrimSpace(strings.TrimRight(strings.TrimSpace(part), `\`)))
		}
		v.flaw(begin, "continues on the next line, which a text in single or double quotes cannot do",
			`write it on one line, or begin and end it with three quotes: """`, "it on one line: ")
		return quoteText(strings.Join(parts, " "))
	}
	text := line
	switch i := strings.Index(line, " #"); {
	case other:
		text = trimmed[:len(trimmed)-size]
		v.flaw(begin, fmt.Sprintf("begins with the quote %c and ends with %c", q, last),
			"write the same plain quote twice", "")
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
	v.flaw(begin, fmt.Sprintf("has the typographic quote %c, which is not the plain one", open),
		`write the plain quote " before and after the text`, "")
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
		v.flaw(begin, "begins with "+quotes+" but does not end with them",
			"write "+quotes+" after its last line", alone)
		return quoteLines(text)
	}
	v.at += 3
	more := len(v.in[v.at:]) - len(strings.TrimLeft(v.in[v.at:], quotes[:1]))
	v.at += more
	if more > 2 {
		v.flaw(begin, "has more than three quotes after its text", "write "+quotes+" after its last line", alone)
		more = 0
	}
	text += strings.Repeat(quotes[:1], more)
	if quotes == `"""` && !isTOML(`x = """`+text+`"""`) && strings.ContainsRune(text, '\\') {
		v.flaw(begin, "has a backslash between double quotes, where it begins an escape such as \\n",
			"begin and end the text with three single quotes: '''", alone)
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
		v.flaw(begin, "continues on the next line, which only a text in three quotes can do",
			"write it on one line", "it on one line: ")
		return quoteText(strings.Trim(words, `"`))
	}
	if depth > 0 {
		if i := strings.IndexAny(text, ",]}#;"); i >= 0 {
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
	if all := addressesIn(bare); depth > 0 && len(all) > 1 {
		v.flaw(begin, v.piece(bare)+"are texts without quotes",
			"write each in quotes, and a comma between two of them", "")
		return strings.Join(all, ", ")
	}
	if v.example == "true" || v.example == "false" {
		b, ok := flagIn(bare)
		if n := nearest(bare, []string{"true", "false"}); !ok && n != "" && reDotted.MatchString(bare) {
			b, ok = n == "true", true
		}
		if !ok {
			v.flaw(begin, v.piece(bare)+"is neither true nor false", "write true or false, without quotes", alone)
			return ""
		}
		v.flaw(begin, v.piece(bare)+"is neither true nor false",
			"write true or false, in small letters and without quotes", "")
		return strconv.FormatBool(b)
	}
	if last, size := utf8.DecodeLastRuneInString(bare); last == '"' || last == '\'' || typographicQuote(last) {
		bare = bare[:len(bare)-size]
		v.flaw(begin, "has a quote at its end but none before it", `write " before the text`, "")
	} else {
		v.flaw(begin, v.piece(bare)+"is a text without quotes", `write " before and after the text`, "")
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
			v.flaw(begin, "has a list that is not closed", "write ] after its last value", "")
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ']':
			v.at++
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ')' || rest[0] == '}' || strings.HasPrefix(rest, "］"):
			_, size := utf8.DecodeRuneInString(rest)
			if open == '[' {
				v.flaw(v.at, "has a list that ends in "+rest[:size], "write ] instead", "")
			}
			v.at += size
			return "[" + strings.Join(items, ", ") + "]"
		case rest[0] == ',' || rest[0] == ';' || strings.HasPrefix(rest, "，"):
			_, size := utf8.DecodeRuneInString(rest)
			if rest[0] != ',' {
				v.flaw(v.at, "has "+rest[:size]+" where a comma belongs", "write a comma instead", "")
			} else if comma {
				v.flaw(v.at, "has one comma too many", "delete it", "")
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
		if c, size := utf8.DecodeRuneInString(rest); len(items) > 0 && !comma && reDash.MatchString(rest) {
			v.flaw(v.at, fmt.Sprintf("has %c between two texts", c), "write both ends of a range as one text", "")
			v.at += size
			v.blanks()
			last := v.value(depth + 1)
			if last == "" {
				return ""
			}
			items[len(items)-1] = strings.TrimRight(items[len(items)-1], `"'`) + "-" + strings.TrimLeft(last, `"'`)
			continue
		}
		if !comma {
			v.flaw(end, strings.TrimSpace("has no comma after "+v.piece(items[len(items)-1])),
				"write a comma between two values", "")
		}
		at := v.at
		item := v.value(depth + 1)
		if item == "" || v.at == at {
			return ""
		}
		items, comma, end = append(items, item), false, v.at
	}
}

// table reads { key = value, ... }.
func (v reading) table(depth int) string {
	v.at++
	if depth == maxNested {
		return ""
	}
	var keys []string
	for {
		v.skipLines()
		rest := v.in[v.at:]
		switch {
		case strings.HasPrefix(rest, "}"):
			v.at++
			return "{ " + strings.Join(keys, ", ") + " }"
		case strings.HasPrefix(rest, ","):
			v.at++
			continue
		}
		line, _, _ := strings.Cut(rest, "\n")
		end, sign := signIn(line)
		key := strings.Trim(strings.TrimSpace(line[:end]), `"`)
		if sign == "" || !reDotted.MatchString(key) {
			return ""
		}
		if sign != "=" {
			v.flaw(v.at+end, "has "+sign+" where TOML has =", "write = in place of "+sign, "")
		}
		v.at += end + len(sign)
		v.blanks()
		example := `"value"`
		if s := v.section; s != nil && s.has(v.key) && !v.hasField(v.key) {
			example = (&repair{section: s.in(v.key)}).example(key)
		}
		at := v.at
		v.hide = v.hide || secretKey(key)
		item := reading{v.repair, example, v.secret || secretKey(key)}.value(depth + 1)
		if item == "" || v.at == at {
			return ""
		}
		keys = append(keys, key+" = "+item)
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
