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

// Errors is everything that is wrong in a configuration file, in the order of
// its lines.
type Errors []Error

// Error gives one line for each of them.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
}

// nearest returns the word of known that was most likely meant by word, or "".
func nearest(word string, known []string) string {
	best, at := "", 3 // more than two slips are another word
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < at && d < len(k) {
			best, at = k, d
		}
	}
	return best
}

// distance is the edit distance of two words (Levenshtein): how many bytes to
// insert, drop or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
