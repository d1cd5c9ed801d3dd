// Package loader holds what the packages of the boot loaders share. What GRUB
// can be told is in package grub, and what PXELINUX can be told in package
// pxelinux: their limits, their characters, their grammar, and how their files
// are written. Which entries a menu has is not decided there.
package loader

import (
	"bytes"
	"strings"
)

// Lines writes a file with one line for each call.
type Lines struct {
	bytes.Buffer
	Indent string
}

// Line writes words with a space between them, indented unless there are none.
func (l *Lines) Line(words ...string) {
	if len(words) > 0 {
		l.WriteString(l.Indent)
	}
	l.WriteString(strings.Join(words, " ") + "\n")
}
