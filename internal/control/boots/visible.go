package boots

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// maxText is how much of a string from the network is kept, in bytes.
const maxText = 160

// visible returns a string from the network in a form that a person can read and
// that cannot fool them: what is not a printable character shows as an escape.
// This includes marks that reverse the order of text, and the spaces that look
// like others.
func visible(s string) string {
	plain := len(s) <= maxText
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if b.Len() > maxText {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// clean makes the strings of an event visible, and bounds them. Whatever shows
// an event later, or decides by it, then has only harmless text.
func clean(e trace.Event) trace.Event {
	for _, s := range []*string{&e.GUID, &e.Firmware, &e.What, &e.Why, &e.File, &e.Entry, &e.Code} {
		*s = visible(*s)
	}
	e.Protocol = trace.Protocol(visible(string(e.Protocol)))
	e.Outcome = trace.Outcome(visible(string(e.Outcome)))
	e.Role = trace.Role(visible(string(e.Role)))
	return e
}
