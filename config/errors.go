package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong in a configuration file, told so that it
// can be put right without reading anything else.
type Error struct {
	File    string
	Line    int    // counted from 1
	Key     string // as in dhcp.mode, or entry "debian".kernel
	Problem string // what is wrong
	Mend    string // what to write instead
}

func (e Error) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s; %s", e.File, e.Line, e.Key, e.Problem, e.Mend)
}

// Errors is what is wrong in a configuration file, in the order of its lines. Of
// very many, the first ones.
type Errors []Error

// Error gives one line for each of them.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Bounds of what is said about a file: a reader corrects a few mistakes
// at a time, and the small volume that the settings come on has no room for a
// mebibyte of them.
const (
	maxErrors = 100
	maxText   = 300 // bytes of one part of an Error
)

// mistakes collects Errors, the first maxErrors of them.
type mistakes struct {
	first Errors
	more  int // were left out
}

func (m *mistakes) add(e Error) {
	if len(m.first) == maxErrors {
		m.more++
		return
	}
	e.Key, e.Problem, e.Mend = clip(e.Key), clip(e.Problem), clip(e.Mend)
	m.first = append(m.first, e)
}

// list returns them in the order of their lines, or nil where there are none.
func (m *mistakes) list() Errors {
	es := m.first
	slices.SortStableFunc(es, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	if m.more > 0 {
		end := es[len(es)-1]
		es = append(es, Error{end.File, end.Line, "file", fmt.Sprintf("has %d more mistakes", m.more), "correct those above first"})
	}
	return es
}

// clip shortens a text: it may repeat a value that is as long as the file.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "..."
}
