package pxelinux

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The width of vesamenu.c32's screen: its 640 pixels have 78 columns, less the
// margins and the frame (menumain.c, draw_row). The text menu has two more.
const (
	Width  = 78 - 2*Margin - 4
	Margin = 2
)

// Shown reports whether a PC's text mode can show a character: it has the 256
// of code page 437, and PXELINUX loads no other font by itself.
func Shown(r rune) bool {
	_, ok := charmap.CodePage437.EncodeRune(r)
	return ok
}

// Encode converts a text to what a PC's text mode shows. If a character is not
// Shown, the whole text becomes a question mark.
func Encode(s string) string {
	out, err := charmap.CodePage437.NewEncoder().String(s)
	if err != nil {
		return "?"
	}
	return out
}

// Decode converts a piece of a menu to UTF-8. Text that is not UTF-8 was
// written for a PC's screen, which shows code page 437.
func Decode(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, err := charmap.CodePage437.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "?")
	}
	return out
}
