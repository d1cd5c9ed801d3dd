// Package syslog sends a line for each boot to a site's log server (RFC 5424, by
// UDP as in RFC 5426 or by TCP as in RFC 6587).
package syslog

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Report is what a line says about a boot. Any text may come from a stranger.
type Report struct {
	Time     time.Time // when the boot ended
	MAC      string
	GUID     string
	Address  string
	Firmware string
	Stage    string // how far it got
	Finding  string // what is known of the reason, in one word
	Entry    string // of the menu
	Server   string
	Sentence string
	Good     bool // nothing is to be done about it
}

const (
	// maxField and maxSentence are how much of a text a line has, in bytes. The
	// line of an ordinary boot fits into the 2,048 that each receiver should read
	// (RFC 5424 §6.1). With all fields full of characters to escape, it has fewer
	// than the 8,192 that rsyslog reads.
	maxField, maxSentence = 128, 512

	// facility daemon, and the severities informational and warning.
	daemon        = 3
	info, warning = 6, 4

	// structure is the SD-ID. A name that is not registered has a private
	// enterprise number (RFC 5424 §6.3.2). 32473 is the one for examples (RFC
	// 5612): the project has none.
	structure = "boot@32473"
)

// clockless is a time that the clock has passed, if it was ever set. A box
// without a clock starts in 1970.
var clockless = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Line returns the message for a boot. host is the box's name or address.
func Line(host string, r Report) []byte {
	severity := warning
	if r.Good {
		severity = info
	}
	at := "-" // the system time is not known (RFC 5424 §6.2.3)
	if r.Time.After(clockless) {
		at = r.Time.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s %s pxebox - boot [%s", daemon*8+severity, at, header(host), structure)
	for _, p := range []struct{ name, value string }{
		{"mac", r.MAC}, {"guid", r.GUID}, {"address", r.Address}, {"firmware", r.Firmware},
		{"stage", r.Stage}, {"finding", r.Finding}, {"entry", r.Entry}, {"server", r.Server},
	} {
		if v := clean(p.value, maxField); v != "" {
			fmt.Fprintf(&b, ` %s="%s"`, p.name, escapes.Replace(v))
		}
	}
	b.WriteString("] ")
	text := clean(r.Sentence, maxSentence)
	if strings.IndexFunc(text, func(c rune) bool { return c > unicode.MaxASCII }) >= 0 {
		b.WriteString("\ufeff") // the text is UTF-8 (RFC 5424 §6.4)
	}
	b.WriteString(text)
	return []byte(b.String())
}

// escapes are the characters that a parameter's value must not contain as they
// are (RFC 5424 §6.3.3).
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// clean returns valid UTF-8 of at most so many bytes, with a ? for each
// character that a terminal or an editor may take for a command.
func clean(s string, most int) string {
	if len(s) > most {
		// Not inside of a character.
		for i := 1; i < utf8.UTFMax && !utf8.RuneStart(s[most]); i++ {
			most--
		}
		s = s[:most]
	}
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
}

// header returns a header's field: 1 to 255 printable characters of ASCII
// without a blank, or "-" for none (RFC 5424 §6).
func header(s string) string {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	if s = s[:min(len(s), 255)]; s == "" {
		return "-"
	}
	return s
}
