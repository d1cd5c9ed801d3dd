package config

import (
	"fmt"
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
