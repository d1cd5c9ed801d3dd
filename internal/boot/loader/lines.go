// Package loader holds what the boot loader packages share. Package grub knows
// what GRUB accepts, and package pxelinux what PXELINUX accepts: limits,
// characters, grammar, and how to write their files. Neither decides which
// entries a menu has.
package loader

import (
	"bytes"
	"strings"
)

// Lines writes a file, one line per call.
type Lines struct {
	bytes.Buffer
	Indent string
}

// Line writes words separated by spaces, with the indentation if there are any.
func (l *Lines) Line(words ...string) {
	if len(words) > 0 {
		l.WriteString(l.Indent)
	}
	l.WriteString(strings.Join(words, " ") + "\n")
}
