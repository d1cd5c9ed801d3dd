package syslog

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// message is RFC 5424 §6, for lines without PROCID and with one SD-ELEMENT.
var message = regexp.MustCompile(`^<(\d{1,3})>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) pxebox - boot ` +
	`\[boot@32473((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*)\] (?s:(.*))$`)

var param = regexp.MustCompile(` ([a-z]+)="((?:[^"\\\]]|\\["\\\]])*)"`)

// read reads a line as a strict receiver does.
func read(t *testing.T, line []byte) (severity int, fields map[string]string, text string) {
	t.Helper()
	m := message.FindSubmatch(line)
	if m == nil || !utf8.Valid(line) {
		t.Fatalf("not a message of RFC 5424: %q", line)
	}
	var priority int
	fmt.Sscan(string(m[1]), &priority)
	fields = map[string]string{}
	for _, p := range param.FindAllSubmatch(m[4], -1) {
		fields[string(p[1])] = regexp.MustCompile(`\\(.)`).ReplaceAllString(string(p[2]), "$1")
	}
	return priority % 8, fields, strings.TrimPrefix(string(m[5]), "\ufeff")
}

var stopped = Report{
	Time: time.Date(2026, 11, 30, 14, 3, 5, 250_000_000, time.UTC), MAC: "52:54:00:12:34:56",
	GUID:    "70786562-6f78-4c61-8000-000000000010",
	Address: "192.168.77.101", Firmware: "uefi-x64", Stage: "loaded", Finding: "secure-boot-refused",
	Sentence: "Secure Boot refused shim.",
}

func TestLine(t *testing.T) {
	const want = `<28>1 2026-11-30T14:03:05.250000Z pxebox.local pxebox - boot [boot@32473 mac="52:54:00:12:34:56"` +
		` guid="70786562-6f78-4c61-8000-000000000010" address="192.168.77.101" firmware="uefi-x64" stage="loaded"` +
		` finding="secure-boot-refused"] Secure Boot refused shim.`
	if got := string(Line("pxebox.local", stopped)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	read(t, []byte(want))
}

func TestLineOfWhatStrangersSend(t *testing.T) {
	for _, tt := range []struct {
		situation string
		host      string
		r         Report
		severity  int
		entry     string // of the fields, as a receiver reads it
		text      string
	}{
		{
			situation: "a good boot", host: "h", r: Report{Good: true, Sentence: "Handed over."}, severity: info,
			text: "Handed over.",
		},
		{
			situation: "no clock", host: "h", r: Report{Time: time.Unix(99, 0), Sentence: "x"}, severity: warning,
			text: "x",
		},
		{situation: "no host", r: Report{Sentence: "x"}, severity: warning, text: "x"},
		{situation: "a host name with blanks", host: "my box\n", r: Report{}, severity: warning},
		{
			situation: "characters to escape", host: "h", r: Report{Entry: `a"] b\ c]`}, severity: warning,
			entry: `a"] b\ c]`,
		},
		{
			situation: "a new line, to forge another message", host: "h",
			r: Report{Entry: "a\n<0>1 - - - - - -", Sentence: "b\r\nc"}, severity: warning,
			entry: "a?<0>1 - - - - - -", text: "b??c",
		},
		{
			situation: "an escape sequence", host: "h", r: Report{Entry: "\x1b[2J", Sentence: "\x9b2J\x00"},
			severity: warning, entry: "?[2J", text: "?2J?",
		},
		{
			situation: "characters that reverse the text", host: "h", r: Report{Entry: "a\u202eb"},
			severity: warning, entry: "a?b",
		},
		{situation: "invalid UTF-8", host: "h", r: Report{Entry: "a\xff\xfeb"}, severity: warning, entry: "a??b"},
		{
			situation: "another script", host: "h", r: Report{Entry: "дом", Sentence: "Müller"},
			severity: warning, entry: "дом", text: "Müller",
		},
		{
			situation: "a long name", host: "h", r: Report{Entry: strings.Repeat("ü", 300)}, severity: warning,
			entry: strings.Repeat("ü", 64),
		},
		{
			situation: "a long name that is cut inside of a character", host: "h",
			r: Report{Entry: "a" + strings.Repeat("ü", 300)}, severity: warning,
			entry: "a" + strings.Repeat("ü", 63),
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			severity, fields, text := read(t, Line(tt.host, tt.r))
			if severity != tt.severity || fields["entry"] != tt.entry || text != tt.text {
				t.Errorf("severity %d, entry %q, text %q; want %d, %q, %q",
					severity, fields["entry"], text, tt.severity, tt.entry, tt.text)
			}
		})
	}
}

func TestLineIsBounded(t *testing.T) {
	bad := strings.Repeat(`"\]`, 1000)
	line := Line(strings.Repeat("h", 9999), Report{
		MAC: bad, GUID: bad, Address: bad, Firmware: bad, Stage: bad, Finding: bad, Entry: bad,
		Server: bad, Sentence: bad,
	})
	read(t, line)
	if len(line) > 8192 {
		t.Errorf("it has %d bytes", len(line))
	}
}

func FuzzLine(f *testing.F) {
	f.Add("host", `a"]\`, "text\n")
	f.Fuzz(func(t *testing.T, host, name, text string) {
		read(t, Line(host, Report{Entry: name, Server: name, Firmware: text, Sentence: text}))
	})
}
