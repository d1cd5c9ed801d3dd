package parser

import (
	"bytes"
	"regexp"
	"strings"
)

// This file finds where a statement ends that is not TOML.

// reKnownHeader is a line that begins a section, with any brackets.
var reKnownHeader = regexp.MustCompile(
	`^\[{1,2}[ \t]*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?)[ \t]*\]{1,2}[ \t\r]*(?:#.*)?$`)

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
	depth int  // of brackets
	end   int  // of the line that at is on, if that is known
	value bool // has begun
	items bool // are of YAML
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
		x.value = !x.items && (x.value || strings.IndexByte("[]\"'", rest[0]) >= 0)
		switch c := rest[0]; {
		case c == '\n':
			x.at++
			next := x.data[x.at:x.lineEnd()]
			if x.depth <= 0 && !x.value && beginsValue(next) {
				if x.items = bytes.HasPrefix(bytes.TrimLeft(next, " \t"), []byte("- ")); x.items {
					x.at = x.lineBreak()
				}
				continue
			}
			line := bytes.TrimRight(x.data[max(0, x.at-maxStatement):x.at], " \t\r\n")
			continued := bytes.HasSuffix(line, []byte(`\`))
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
			x.value = x.value || c > ' '
			x.at++
		}
	}
	return len(x.data)
}

// beginsValue reports whether a line can be the value of the key above it.
func beginsValue(line []byte) bool {
	text := bytes.TrimLeft(line, " \t")
	switch {
	case len(text) == 0 || len(text) > maxStatement:
		return false
	case text[0] == '[':
		return !startsStatement(string(text), true)
	}
	return text[0] == '"' || text[0] == '\'' || bytes.HasPrefix(text, []byte("- "))
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
			x.at += len(line[i+3:]) - len(bytes.TrimLeft(line[i+3:], string(quotes[:1])))
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
