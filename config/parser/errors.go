package parser

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/config"
)

// Bounds of what is said about a file: a reader corrects a few mistakes
// at a time, and the small volume that the settings come on has no room for a
// mebibyte of them.
const (
	maxErrors = 100
	maxText   = 300 // bytes of one part of an Error
)

// mistakes collects Errors, the first maxErrors of them.
type mistakes struct {
	first config.Errors
	more  int // were left out
}

func (m *mistakes) add(e config.Error) {
	if len(m.first) == maxErrors {
		m.more++
		return
	}
	e.Key, e.Problem, e.Fix = clip(e.Key), clip(e.Problem), clip(e.Fix)
	m.first = append(m.first, e)
}

// list returns them in the order of their lines, or nil where there are none.
func (m *mistakes) list() config.Errors {
	es := m.first
	slices.SortStableFunc(es, func(a, b config.Error) int { return cmp.Compare(a.Line, b.Line) })
	if m.more > 0 {
		end := es[len(es)-1]
		es = append(es, config.Error{
			File: end.File, Line: end.Line, Key: "file",
			Problem: fmt.Sprintf("has %d more mistakes", m.more), Fix: "correct the ones above first",
		})
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
