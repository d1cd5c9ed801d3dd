package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Stage is how far a boot got. A boot's stage is the furthest one that an event
// of it shows.
type Stage int

// The stages, in the order of a boot.
const (
	Silent      Stage = iota // nothing was received from the machine
	Heard                    // a packet of its firmware was received
	Elsewhere                // another server told it what to boot
	Offered                  // the box's offer was sent
	Asked                    // it took an address, or asked the box on port 4011
	Loading                  // it requests its first stage
	Loaded                   // it has the whole first stage
	InMenu                   // it has read a menu
	Started                  // it has read an entry's kernel or program, or asked for a hand-over
	Transferred              // it was handed over, or its system runs
)

var stageNames = []string{
	"silent", "heard", "elsewhere", "offered", "asked", "loading", "loaded", "in-menu", "started", "transferred",
}

// String returns the stage's name in the log and the metrics.
func (s Stage) String() string {
	if s < 0 || int(s) >= len(stageNames) {
		return fmt.Sprintf("stage-%d", int(s))
	}
	return stageNames[s]
}

// Stages returns all stages.
func Stages() []Stage {
	all := make([]Stage, len(stageNames))
	for i := range all {
		all[i] = Stage(i)
	}
	return all
}

// Finding names a row of the table of verdicts: "secure-boot-refused". It is
// stable: the log, the metrics and the page's translations use it.
type Finding string

// Verdict is what can be said about a boot.
type Verdict struct {
	Stage   Stage
	Finding Finding
	// Good says that there is nothing to do. Running says that the boot goes
	// on, and that the verdict is about what it has done so far; a machine that
	// waits for an hour no longer counts.
	Good, Running bool
	// What the sentences name; zero if they do not.
	Server   netip.Addr
	File     string
	Entry    string
	Firmware string
	Why      string        // the box's reason, in English, as in the log
	Bytes    int64         // how much of File was sent
	At       time.Time     // when it happened
	After    time.Duration // how long after the event before it
}

// Row is a row of the table of verdicts. Its texts have places for what a
// Verdict names:
//
//	{server} {file} {entry} {firmware} {why} {size} {time} {after}
//
// A part in square brackets is left out if a place in it has nothing to fill it;
// brackets without a place are the name of a table of the settings. Fill fills
// the places, and those of a translation in the same form.
type Row struct {
	Finding       Finding
	Good, Running bool
	Sentence      string
	Advice        []string // at most three sentences
	// is reports whether the boot is such a one, and returns what the texts
	// name.
	is func(facts) (mark, bool)
}

// Verdict returns what can be said about the boot at a time: some causes can be
// told apart only by what does not happen. It is that of the first row in the
// table that applies.
func (b Boot) Verdict(now time.Time) Verdict {
	f := facts{&b, now}
	for _, r := range verdicts {
		m, ok := r.is(f)
		if !ok {
			continue
		}
		v := Verdict{
			Stage: b.stage, Finding: r.Finding, Good: r.Good, Running: r.Running && f.runs(),
			Server: m.server, File: m.what, Entry: m.entry, Firmware: b.Firmware, Why: m.why, Bytes: m.bytes, At: m.at,
		}
		if r.Finding == CameBack {
			v.After = f.back()
		}
		return v
	}
	panic("the last row of the table applies to every boot")
}

// Findings returns the rows of the table of verdicts.
func Findings() []Row { return slices.Clone(verdicts) }

// row returns the table's row for a finding; the last row for an unknown one.
func row(f Finding) Row {
	if i := slices.IndexFunc(verdicts, func(r Row) bool { return r.Finding == f }); i >= 0 {
		return verdicts[i]
	}
	return verdicts[len(verdicts)-1]
}

// Sentence returns the verdict in one English sentence.
func (v Verdict) Sentence() string { return Fill(row(v.Finding).Sentence, v) }

// Advice returns what to try, in up to three English sentences.
func (v Verdict) Advice() []string {
	var all []string
	for _, s := range row(v.Finding).Advice {
		all = append(all, Fill(s, v))
	}
	return all
}

// places returns what fills the places of a text.
func (v Verdict) places() map[string]string {
	p := map[string]string{
		"file": plain(v.File, maxPlain), "entry": plain(v.Entry, maxPlain), "firmware": plain(v.Firmware, maxPlain),
		"why":    plain(v.Why, maxWhy),
		"server": "", "size": "", "time": "", "after": "",
	}
	if v.Server.IsValid() {
		p["server"] = v.Server.String()
	}
	if v.Bytes > 0 {
		p["size"] = size(v.Bytes)
	}
	if !v.At.IsZero() {
		p["time"] = v.At.Format("15:04")
	}
	if v.After > 0 {
		p["after"] = v.After.Round(time.Second).String()
	}
	return p
}

// Fill fills the places of a text for a verdict. The names in it are those that
// a machine sent: they are plain text, and not safe as HTML.
func Fill(text string, v Verdict) string {
	p := v.places()
	var out strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '[')
		if i < 0 {
			i = len(text)
		}
		part, _ := fill(text[:i], p)
		out.WriteString(part)
		text = text[i:]
		if part, rest, ok := strings.Cut(text, "]"); ok {
			if filled, whole := fill(part[1:], p); !strings.Contains(part, "{") {
				out.WriteString(part + "]") // a section of the settings: [boot]
			} else if whole {
				out.WriteString(filled)
			}
			text = rest
		} else if text != "" {
			out.WriteString(text)
			break
		}
	}
	return out.String()
}

// fill fills the places of a text, and reports whether each has something. What
// fills a place is not searched for places.
func fill(text string, places map[string]string) (filled string, whole bool) {
	var out strings.Builder
	whole = true
	for {
		before, rest, ok := strings.Cut(text, "{")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return out.String(), whole
		}
		value, known := places[name]
		if value == "" || !known {
			whole, value = false, "?"
		}
		out.WriteString(value)
		text = after
	}
}

// maxPlain is how many characters of a name a sentence has.
const maxPlain = 80

// plain returns a text of at most the given number of characters, and without
// control characters: a machine may send anything.
func plain(s string, most int) string {
	n := 0
	s = strings.Map(func(r rune) rune {
		if n++; n > most {
			return -1
		}
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if n > most {
		s += "…"
	}
	return s
}

// size writes a number of bytes for a person.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
