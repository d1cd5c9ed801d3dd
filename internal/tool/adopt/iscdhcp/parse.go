// Package iscdhcp parses the configuration of ISC's DHCP server, dhcpd.conf. The
// syntax follows its manual pages dhcpd.conf and dhcp-options. The package opens
// no files: the caller provides them by name.
package iscdhcp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pxebox/pxebox/internal/tool/adopt/dhcpconf"
)

// token is a word, a quoted text, or a sign.
type token struct {
	text   string
	quoted bool
	number int // line
}

// is reports whether a token is the given word or sign. A quoted text never is.
func (t token) is(text string) bool { return !t.quoted && strings.EqualFold(t.text, text) }

// statement ends with a semicolon or a block.
type statement struct {
	line  dhcpconf.Line
	words []token
	block []*statement
	open  bool // has a block
}

// word returns the word at an index in lowercase, or "" if there is none.
func (s *statement) word(i int) string {
	if i >= len(s.words) || s.words[i].quoted {
		return ""
	}
	return strings.ToLower(s.words[i].text)
}

// text returns the word or text at an index, unchanged.
func (s *statement) text(i int) string {
	if i >= len(s.words) {
		return ""
	}
	return s.words[i].text
}

// signs are the tokens of one character.
const signs = "{};,()="

// maxBlocks limits the nesting depth of blocks.
const maxBlocks = 32

// tokens splits a file. A comment extends from # to the end of the line.
func tokens(data string) []token {
	var out []token
	number := 1
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '\n':
			number++
			i++
		case c <= ' ':
			i++
		case c == '#':
			for i < len(data) && data[i] != '\n' {
				i++
			}
		case c == '"':
			t := token{quoted: true, number: number}
			var n int
			t.text, n = unquote(data[i:])
			number += strings.Count(data[i:i+n], "\n")
			i += n
			out = append(out, t)
		case strings.IndexByte(signs, c) >= 0:
			out = append(out, token{text: string(c), number: number})
			i++
		default:
			end := i
			for end < len(data) && data[end] > ' ' && data[end] != '#' && data[end] != '"' && strings.IndexByte(signs,
				data[end]) < 0 {
				end++
			}
			out = append(out, token{text: data[i:end], number: number})
			i = end
		}
	}
	return out
}

// unquote reads a text from its opening quote on (conflex.c, read_string). n is
// the number of bytes read.
func unquote(s string) (text string, n int) {
	var b strings.Builder
	for n = 1; n < len(s) && s[n] != '"'; n++ {
		if s[n] != '\\' || n+1 >= len(s) {
			b.WriteByte(s[n])
			continue
		}
		n++
		switch c := s[n]; {
		case strings.IndexByte("tnrb", c) >= 0:
			b.WriteByte(map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', 'b': '\b'}[c])
		case c >= '0' && c <= '7':
			end := n
			for end < len(s) && end < n+3 && s[end] >= '0' && s[end] <= '7' {
				end++
			}
			v, _ := strconv.ParseUint(s[n:end], 8, 16)
			b.WriteByte(byte(v))
			n = end - 1
		case c == 'x' && n+2 < len(s):
			v, err := strconv.ParseUint(s[n+1:n+3], 16, 8)
			if err != nil {
				b.WriteByte(c)
				continue
			}
			b.WriteByte(byte(v))
			n += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), min(n+1, len(s))
}

// reader parses tokens into statements.
type reader struct {
	p      *parser
	file   string
	tokens []token
	at     int
}

// statements reads up to the end of a block or of the file.
func (r *reader) statements(depth int) []*statement {
	var out []*statement
	for r.at < len(r.tokens) {
		if r.tokens[r.at].is("}") {
			r.at++
			if depth > 0 {
				return out
			}
			r.p.cfg.Lost(dhcpconf.Line{File: r.file, Number: r.tokens[r.at-1].number, Text: "}"},
				"ends a block that has no beginning")
			continue
		}
		if s := r.statement(depth); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (r *reader) statement(depth int) *statement {
	s := &statement{line: dhcpconf.Line{File: r.file, Number: r.tokens[r.at].number, Text: r.tokens[r.at].text}}
	for ; r.at < len(r.tokens); r.at++ {
		t := r.tokens[r.at]
		switch {
		case t.is(";"):
			r.at++
			if len(s.words) == 0 {
				return nil
			}
			s.line.Text = s.shown(";")
			return s
		case t.is("}"):
			r.p.cfg.Lost(s.line, "has no ; at its end")
			return s // the caller reads the closing brace
		case t.is("{") && s.record():
			// option x code 200 = { integer 8, text }: the braces belong to the
			// type.
			s.words = append(s.words, t)
			for r.at++; r.at < len(r.tokens) && !r.tokens[r.at].is("}") && !r.tokens[r.at].is(";"); r.at++ {
				s.words = append(s.words, r.tokens[r.at])
			}
			if r.at == len(r.tokens) || r.tokens[r.at].is(";") {
				r.at--
			}
		case t.is("{"):
			r.at++
			s.open = true
			s.line.Text = s.shown(" {")
			if depth >= maxBlocks {
				r.p.cfg.Lost(s.line, "is more than %d blocks deep", maxBlocks)
				r.skip()
				return nil
			}
			if s.block = r.statements(depth + 1); r.tokens[r.at-1].is("}") {
				return s
			}
			r.p.cfg.Lost(s.line, "begins a block that has no end")
			return s
		default:
			s.words = append(s.words, t)
		}
	}
	r.p.cfg.Lost(s.line, "has no ; at its end")
	return s
}

// shown returns the statement as it may be shown: without the rest of its line,
// which may contain a key, and without its block.
func (s *statement) shown(end string) string {
	var b strings.Builder
	for i, w := range s.words {
		if i > 0 && !w.is(",") {
			b.WriteByte(' ')
		}
		if w.quoted {
			b.WriteString(`"` + w.text + `"`)
		} else {
			b.WriteString(w.text)
		}
	}
	return b.String() + end
}

// record reports whether a brace belongs to an option's type.
func (s *statement) record() bool {
	n := len(s.words)
	return s.word(0) == "option" && n > 0 && (s.words[n-1].is("=") || s.words[n-1].is("of"))
}

// skip skips a block.
func (r *reader) skip() {
	for depth := 1; r.at < len(r.tokens) && depth > 0; r.at++ {
		if t := r.tokens[r.at]; t.is("{") {
			depth++
		} else if t.is("}") {
			depth--
		}
	}
}

// Parse parses the named file and those that it includes. The error is about the
// first file.
func Parse(name string, files dhcpconf.Files) (*dhcpconf.Config, error) {
	p := &parser{cfg: &dhcpconf.Config{}, files: files, left: dhcpconf.MaxBytes, types: map[string]optionType{}}
	data, err := files.Read(name)
	if err != nil {
		return nil, err
	}
	top := &scope{}
	p.scope(top, p.file(name, data))
	p.finish(top)
	return p.cfg, nil
}

// file returns the statements of a file. Included statements replace their
// include.
func (p *parser) file(name string, data []byte) []*statement {
	if p.read++; p.read > dhcpconf.MaxFiles || len(data) > p.left {
		p.cfg.Lost(dhcpconf.Line{File: name, Number: 1}, "is left out: the configuration is too large")
		return nil
	}
	p.left -= len(data)
	p.open = append(p.open, name)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	text := strings.TrimPrefix(string(data), "\ufeff")
	r := &reader{p: p, file: name, tokens: tokens(text)}
	return p.included(r.statements(0))
}

func (p *parser) included(in []*statement) []*statement {
	var out []*statement
	for _, s := range in {
		if s.word(0) == "include" && !s.open {
			out = append(out, p.include(s.line, s.text(1))...)
			continue
		}
		s.block = p.included(s.block)
		out = append(out, s)
	}
	return out
}

func (p *parser) include(l dhcpconf.Line, name string) []*statement {
	switch {
	case name == "":
		p.cfg.Lost(l, "names no file")
		return nil
	case len(p.open) >= dhcpconf.MaxDepth || slices.Contains(p.open, name):
		p.cfg.Lost(l, "is left out: the file includes itself")
		return nil
	case p.read >= dhcpconf.MaxFiles:
		p.cfg.Lost(l, "is left out: at most %d files are read", dhcpconf.MaxFiles)
		return nil
	}
	data, err := p.files.Read(name)
	if err != nil {
		p.cfg.Lost(l, "%s cannot be read: %v", name, err)
		return nil
	}
	return p.file(name, data)
}
