package config

import (
	"fmt"
	"strings"
)

// Error is one mistake in a configuration file, described so that a person can fix it
// without reading anything else.
type Error struct {
	File    string
	Line    int    // counted from 1
	Key     string // as in dhcp.mode, or entry "debian".kernel
	Problem string // what is wrong
	Fix     string // what to write instead
}

func (e Error) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s; %s", e.File, e.Line, e.Key, e.Problem, e.Fix)
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
