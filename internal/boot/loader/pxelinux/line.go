package pxelinux

import (
	"bytes"
	"slices"
	"strings"
)

// keywords are those that PXELINUX knows, besides ofEntry and MENU's layout.
var keywords = []string{
	comment, "ALLOWOPTIONS", "CONSOLE", "DEFAULT", "DISPLAY", "ENDTEXT", "FONT", "IMPLICIT", "INCLUDE", "KBDMAP",
	"LABEL", "NOCOMPLETE", "NOESCAPE", "NOHALT", "ONERROR", "ONTIMEOUT", "PATH", "PROMPT", "PXERETRY", "SAY",
	"SENDCOOKIES", "SERIAL", "TEXT", "TIMEOUT", "TOTALTIMEOUT", "UI",
	"F0", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12",
}

// Known reports whether PXELINUX knows the keyword. All MENU lines count:
// PXELINUX looks up any other word after MENU among the words of the layout.
func (l Line) Known() bool {
	return slices.Contains(keywords, l.Keyword) || slices.Contains(ofEntry, l.Keyword) ||
		strings.HasPrefix(l.Keyword, "MENU ")
}

// scanner returns the lines of a file as the reader's fgets does.
type scanner struct {
	file   string
	data   []byte
	text   string
	number int
	cut    bool // the line continues in the next text
}

func (s *scanner) next() bool {
	if len(s.data) == 0 {
		return false
	}
	if !s.cut {
		s.number++
	}
	line, rest, _ := bytes.Cut(s.data, []byte("\n"))
	s.cut = len(line) > maxLine
	if s.cut {
		line, rest = s.data[:maxLine], s.data[maxLine:]
	}
	s.data = rest
	// The reader ends a line at the first CR, and C ends it at a NUL.
	if i := bytes.IndexAny(line, "\r\x00"); i >= 0 {
		line = line[:i]
	}
	s.text = string(line)
	return true
}

// parseLine splits a line into its keyword and the rest. It returns false for
// an empty line.
func parseLine(text string) (Line, bool) {
	text = trim(text)
	if text == "" {
		return Line{}, false
	}
	if strings.HasPrefix(text, comment) {
		return Line{Keyword: comment, Args: text[1:]}, true
	}
	word := firstWord(text)
	l := Line{Keyword: upper(word), Args: trim(text[len(word):])}
	more := 0 // words of the keyword that follow
	switch l.Keyword {
	case "MENU", "TEXT":
		more = 1
	}
	for ; more > 0 && l.Args != ""; more-- {
		word := firstWord(l.Args)
		l.Keyword, l.Args = l.Keyword+" "+upper(word), trim(l.Args[len(word):])
		if l.Keyword == "MENU MASTER" {
			more++
		}
	}
	return l, true
}

// space reports what the reader treats as white space (my_isspace), which
// includes control characters.
func space(r rune) bool { return r <= ' ' }

func trim(s string) string { return strings.TrimFunc(s, space) }

// firstWord returns what precedes the first white space.
func firstWord(s string) string {
	if i := strings.IndexFunc(s, space); i >= 0 {
		return s[:i]
	}
	return s
}

// upper converts only ASCII letters to upper case: the text need not be UTF-8.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
