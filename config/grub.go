package config

import (
	"fmt"
	"regexp"
	"strings"
)

// grub is a piece of a GRUB script. It stands between the braces of a
// menuentry: what it leaves open would take the rest of the menu in.
func (v value) grub() string {
	s := strings.Join(v.lines(), "\n")
	if s == "" || !v.in.ok(v.field.name) {
		return ""
	}
	g := grubScript{text: s, line: 1, first: true}
	if problem, mend := g.check(); problem != "" {
		v.fail(problem, mend)
		return ""
	}
	return s
}

// grubScript reads a GRUB script as far as to know what is open at its end
// (GRUB manual, "Shell-like scripting").
type grubScript struct {
	text    string // not yet read
	line    int
	word    string // the beginning of the word being read
	first   bool   // the word is a command, where keywords count
	open    []opened
	content bool // there is a command
}

// opened is a block that has begun.
type opened struct {
	by, until string
	line      int
}

// reVariable is a reference to a variable or a parameter.
var reVariable = regexp.MustCompile(`^\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#]|\{(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#])\})`)

// check returns the first mistake, or nothing.
func (g *grubScript) check() (problem, mend string) {
	for g.text != "" {
		c := g.text[0]
		n := 1
		switch c {
		case '|', '&', '<', '>':
			return fmt.Sprintf("line %d has a %c, which GRUB has no use for", g.line, c), "put it in quotes if it is part of an argument"
		case ' ', '\t', '\n', ';', '{', '}':
			if problem, mend = g.endWord(); problem != "" {
				return problem, mend
			}
			switch c {
			case '\n':
				g.first = true
			case ';':
				if g.first {
					return fmt.Sprintf("line %d has a ; without a command before it", g.line), "leave it out"
				}
				g.first = true
			case '{':
				g.begin("{", "}")
			case '}':
				if problem, mend = g.turn("}", "}", ""); problem != "" {
					return problem, mend
				}
			}
		case '#':
			if g.word == "" {
				n = strings.IndexByte(g.text+"\n", '\n')
				break
			}
			g.letter('#')
		case '\'', '"':
			if n = quoted(g.text); n < 0 {
				return fmt.Sprintf("line %d has a %c without its end", g.line, c), "close the quotes"
			}
			if c == '"' && strayDollar(g.text[1:n-1]) {
				return g.stray()
			}
			g.letter('\'')
		case '\\':
			if n = 2; len(g.text) < n {
				return fmt.Sprintf("line %d ends the text in a backslash", g.line), "leave it out"
			}
			if g.text[1] != '\n' { // else the line goes on
				g.letter('\\')
			}
		case '$':
			if n = len(reVariable.FindString(g.text)); n == 0 {
				return g.stray()
			}
			g.letter('$')
		default:
			g.letter(c)
		}
		g.line += strings.Count(g.text[:n], "\n")
		g.text = g.text[n:]
	}
	if problem, mend = g.endWord(); problem != "" {
		return problem, mend
	}
	if len(g.open) > 0 {
		o := g.open[len(g.open)-1]
		return fmt.Sprintf("line %d has %s without its %s", o.line, o.by, o.until), "write " + o.until + " where it ends"
	}
	if !g.content {
		return "has no command", "write one, or leave the key out"
	}
	return "", ""
}

func (g *grubScript) stray() (problem, mend string) {
	return fmt.Sprintf("line %d has a $ that begins no name of a variable", g.line), `write \$ for the sign itself`
}

// quoted is the length of the quoted text that s begins with, or -1.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i + 1
		case s[i] == '\\' && s[0] == '"':
			i++
		}
	}
	return -1
}

// strayDollar reports whether the inside of double quotes has a $ that GRUB
// does not take for a variable.
func strayDollar(s string) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '$' && !reVariable.MatchString(s[i:]):
			return true
		}
	}
	return false
}

// letter adds to the word. What was quoted or escaped is told by its sign,
// which no keyword has; and no keyword is longer than this.
func (g *grubScript) letter(c byte) {
	if len(g.word) < 8 {
		g.word += string(rune(c))
	}
}

// endWord looks at a word that is complete.
func (g *grubScript) endWord() (problem, mend string) {
	w, first := g.word, g.first
	g.word = ""
	if w == "" {
		return "", ""
	}
	g.first, g.content = false, true
	if !first {
		return "", ""
	}
	switch w {
	case "if":
		g.begin(w, "then")
	case "while", "until", "for":
		g.begin(w, "do")
		g.first = w != "for" // its variable follows
	case "then":
		return g.turn(w, w, "fi")
	case "elif":
		return g.turn(w, "fi", "then")
	case "else":
		return g.turn(w, "fi", "fi")
	case "do":
		return g.turn(w, w, "done")
	case "fi", "done":
		return g.turn(w, w, "")
	}
	return "", ""
}

func (g *grubScript) begin(by, until string) {
	g.open = append(g.open, opened{by, until, g.line})
	g.first = true
}

// turn takes the word with which a block that waits for until goes on, to wait
// for next, or ends where next is empty.
func (g *grubScript) turn(word, until, next string) (problem, mend string) {
	if len(g.open) == 0 {
		return fmt.Sprintf("line %d has %s, and nothing before that it belongs to", g.line, word), "leave it out"
	}
	o := &g.open[len(g.open)-1]
	if o.until != until {
		return fmt.Sprintf("line %d has %s before the %s of line %d has its %s", g.line, word, o.by, o.line, o.until), "write " + o.until + " before it"
	}
	o.until, g.first = next, next != ""
	if next == "" {
		g.open = g.open[:len(g.open)-1]
	}
	return "", ""
}
