package boots

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// How much of a text from the network is kept, in bytes. Package trace keeps as
// much, and cuts no character of what is shorter.
const (
	maxWord = 64
	maxName = 128
	maxWhy  = 160
)

// visible returns a string from the network in a form that a person can read and
// that cannot fool them: what is not a printable character shows as an escape.
// This includes marks that reverse the order of text, and the spaces that look
// like others.
// It has at most the given number of bytes.
func visible(s string, most int) string {
	plain := len(s) <= most
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	const more = "…"
	room := 0 // up to where there is still room for more
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		shown := s[i : i+n]
		switch {
		case r == utf8.RuneError && n == 1:
			shown = fmt.Sprintf(`\x%02x`, s[i])
		case r == '\n':
			shown = `\n`
		case r == '\t':
			shown = `\t`
		case r < 0x80 && !unicode.IsPrint(r):
			shown = fmt.Sprintf(`\x%02x`, r)
		case !unicode.IsPrint(r) && r > 0xffff:
			shown = fmt.Sprintf(`\U%08x`, r)
		case !unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me):
			shown = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(shown) > most {
			return b.String()[:room] + more
		}
		b.WriteString(shown)
		if b.Len() <= most-len(more) {
			room = b.Len()
		}
		i += n
	}
	return b.String()
}

// clean makes the texts of an event visible, and bounds them. Whatever shows an
// event later, or decides by it, then has only harmless text.
func clean(e trace.Event) trace.Event {
	for _, s := range []*string{&e.GUID, &e.Firmware, &e.Entry, &e.Code} {
		*s = visible(*s, maxWord)
	}
	e.Protocol = trace.Protocol(visible(string(e.Protocol), maxWord))
	e.Outcome = trace.Outcome(visible(string(e.Outcome), maxWord))
	e.Role = trace.Role(visible(string(e.Role), maxWord))
	e.What, e.File = visible(e.What, maxName), visible(e.File, maxName)
	e.Why = visible(e.Why, maxWhy)
	// The token in this name lets the machine be handed over.
	if r, ok := handoff.Parse(e.What); ok {
		r.Token = "…"
		e.What = r.Name()
	}
	return e
}
