package grub

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CheckScript returns the first mistake in a script and its fix, or nothing.
func CheckScript(text string) (problem, fix string) {
	g := script{text: text, line: 1}
	g.advance()
	g.lines()
	if g.next.kind == 0 {
		g.fail("has no command", "write one, or leave the key out")
	}
	g.commands(opened{})
	return g.problem, g.fix
}

// script parses a text by the grammar of the commands in a block (GRUB,
// script/parser.y and yylex.l).
type script struct {
	text string // not yet read
	line int
	next token
	deep int // number of open blocks

	problem, fix string // the first mistake: parsing stops there
}

// token is a word, or one of the characters { } ; or the end of a line.
type token struct {
	kind byte // the character, 'w' for a word, or 0 at the end
	word string
	line int
}

// opened is the block being read. by is empty outside of all blocks.
type opened struct {
	by, until string
	line      int
}

// A bison parser gives up at a stack depth of 10,000 (YYMAXDEPTH). A block uses
// about ten of that, each elif too, and a word uses one.
const (
	maxBlocks = 100
	maxWords  = 1000
)

// reVariable matches a reference to a variable or a parameter.
var reVariable = regexp.MustCompile(`^\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#]|\{(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?@*#])\})`)

var reVariableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var (
	// closing are the words that end a list of commands.
	closing = []string{"then", "elif", "else", "fi", "do", "done", "}"}
	// reserved are words that cannot begin a command within a block. GRUB
	// reserves them for what it does not support, or for the top of a
	// script.
	reserved = []string{"case", "esac", "function", "in", "select"}
	keywords = slices.Concat(closing, reserved, []string{"if", "while", "until", "for"})
)

func (g *script) fail(problem, fix string) {
	if g.problem == "" {
		g.problem, g.fix = problem, fix
	}
	g.text, g.next = "", token{}
}

// commands reads a list of commands and the word after it, which is one of
// ends, and returns that word.
func (g *script) commands(in opened, ends ...string) string {
	g.lines()
	for some := false; ; some = true {
		t := g.next
		switch closes := slices.Contains(closing, t.word); {
		case t.kind == 0:
			if in.by != "" {
				g.fail(fmt.Sprintf("line %d has %s without its %s", in.line, in.by, in.until),
					"write "+in.until+" where it ends")
			}
			return ""
		case closes && in.by == "":
			g.fail(fmt.Sprintf("line %d has %s, and nothing before that it belongs to", t.line, t.word), "leave it out")
		case closes && !slices.Contains(ends, t.word):
			g.fail(fmt.Sprintf("line %d has %s before the %s of line %d has its %s",
				t.line, t.word, in.by, in.line, in.until), "write "+in.until+" before it")
		case closes && !some, t.kind == ';':
			g.fail(fmt.Sprintf("line %d has a %s without a command before it", t.line, t.word),
				"leave it out, or write a command, such as true")
		case closes:
			g.advance()
			return t.word
		}
		g.command()
		switch t := g.next; t.kind {
		case ';', '\n':
			g.advance()
			g.lines()
		case 'w', '{':
			g.fail(fmt.Sprintf("line %d has %s right behind the end of a block", t.line, t.word),
				"write a ; or a line break between")
		}
	}
}

// lines skips line ends.
func (g *script) lines() {
	for g.next.kind == '\n' {
		g.advance()
	}
}

// command reads one command.
func (g *script) command() {
	t := g.next
	in := func(until string) opened { return opened{t.word, until, t.line} }
	defer func(deep int) { g.deep = deep }(g.deep)
	g.deeper()
	switch {
	case t.kind == 0:
		return
	case t.kind == '{':
		g.fail(fmt.Sprintf("line %d has a { without a command before it", t.line), "leave it out, and its }")
	case slices.Contains(reserved, t.word):
		g.fail(fmt.Sprintf("line %d has %s, which is not a command within an entry", t.line, t.word),
			"write it another way")
	}
	g.advance()
	switch t.word {
	case "if":
		for end := "elif"; end == "elif"; {
			g.commands(in("then"), "then")
			switch end = g.commands(in("fi"), "elif", "else", "fi"); end {
			case "elif":
				g.deeper()
			case "else":
				g.commands(in("fi"), "fi")
			}
		}
	case "for":
		name := g.next.word
		g.advance()
		if g.problem == "" && (!reVariableName.MatchString(name) || slices.Contains(keywords, name) ||
			g.next.word != "in") {
			g.fail(fmt.Sprintf("line %d has for without a name and in behind it", t.line), "write for NAME in WORDS")
		}
		g.words()
		if g.next.kind == ';' || g.next.kind == '\n' {
			g.advance()
			g.lines()
		}
		switch next := g.next; {
		case next.kind == 0:
			g.fail(fmt.Sprintf("line %d has for without its do", t.line), "write do where it ends")
		case next.word != "do":
			g.fail(fmt.Sprintf("line %d has %s before the for of line %d has its do", next.line, next.word, t.line),
				"write do before it")
		}
		g.advance()
		g.commands(in("done"), "done")
	case "while", "until":
		g.commands(in("do"), "do")
		g.commands(in("done"), "done")
	default:
		g.words()
		if b := g.next; b.kind == '{' {
			g.advance()
			g.commands(opened{"{", "}", b.line}, "}")
		}
	}
}

// deeper counts a nested block.
func (g *script) deeper() {
	if g.deep++; g.deep > maxBlocks {
		g.fail(fmt.Sprintf("line %d is more than %d blocks deep", g.next.line, maxBlocks),
			"write fewer, one in the other")
	}
}

// words reads the words of a command.
func (g *script) words() {
	for n := 2; g.next.kind == 'w'; n++ {
		if n > maxWords {
			g.fail(fmt.Sprintf("line %d has a command of more than %d words", g.next.line, maxWords), "write fewer")
		}
		g.advance()
	}
}

// advance reads the next token.
func (g *script) advance() {
	var word []byte // quoted or escaped text is represented by its quote character, which no keyword contains
	at := g.line
	for g.text != "" {
		c := g.text[0]
		n := 1
		switch c {
		case '|', '&', '<', '>':
			g.fail(fmt.Sprintf("line %d has a %c, which GRUB has no use for", g.line, c),
				"put it in quotes if it is part of an argument")
			return
		case ' ', '\t', '\n', ';', '{', '}':
			if word != nil {
				g.take(word, at)
				return
			}
			if c != ' ' && c != '\t' {
				g.next = token{c, string(rune(c)), g.line}
				g.skip(1)
				return
			}
		case '#':
			if word == nil {
				n = strings.IndexByte(g.text+"\n", '\n')
				break
			}
			word = append(word, c)
		case '\'', '"':
			if n = quoted(g.text); n < 0 {
				g.fail(fmt.Sprintf("line %d has a %c without its end", g.line, c), "close the quotes")
				return
			}
			if c == '"' && strayDollar(g.text[1:n-1]) {
				g.stray()
				return
			}
			word = append(word, c)
		case '\\':
			if n = 2; len(g.text) < n {
				g.fail(fmt.Sprintf("line %d ends the text in a backslash", g.line), "leave it out")
				return
			}
			word = append(word, c) // a line continuation forms a word as well, an empty one
		case '$':
			if n = len(reVariable.FindString(g.text)); n == 0 {
				g.stray()
				return
			}
			word = append(word, c)
		default:
			word = append(word, c)
		}
		if word == nil {
			at = g.line + strings.Count(g.text[:n], "\n")
		}
		g.skip(n)
	}
	if g.next = (token{}); word != nil {
		g.take(word, at)
	}
}

// skip consumes n bytes.
func (g *script) skip(n int) {
	g.line += strings.Count(g.text[:n], "\n")
	g.text = g.text[n:]
}

// take makes a token of a word.
func (g *script) take(word []byte, line int) {
	if g.next = (token{'w', string(word), line}); g.next.word == "[[" || g.next.word == "]]" {
		g.fail(fmt.Sprintf("line %d has %s, which GRUB has no use for", line, word),
			"write a test with [ and ], or put it in quotes")
	}
}

func (g *script) stray() {
	g.fail(fmt.Sprintf("line %d has a $ that begins no name of a variable", g.line), `write \$ for the sign itself`)
}

// quoted returns the length of the quoted text at the start of s, or -1.
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
// does not treat as a variable.
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
