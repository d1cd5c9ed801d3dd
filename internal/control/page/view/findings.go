package view

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/control/boots"
)

// verdictText is what a person reads about a boot.
type verdictText struct {
	State    string // in a word or two: "did not boot"
	Kind     string // of State, for the style: good, bad, busy
	Stage    string // the furthest stage
	Number   int    // of the stage among Steps
	Steps    int
	Sentence template.HTML // the verdict
	Advice   []string      // what to try
	Try      string        // what the advice is for
}

// textsOf puts a boot into words.
func textsOf(lang string, b *boots.Boot) verdictText {
	c := catalogs[lang]
	v := verdictText{Stage: stageText(lang, b.Verdict.Stage), Number: number(b.Verdict.Stage), Steps: len(steps)}
	v.Kind = kindOf(b.Verdict)
	v.State = c.text("state." + v.Kind)
	v.Try = c.text("try." + v.Kind)
	verdict := b.Verdict
	verdict.Why = c.cause(verdict.Why)
	v.Sentence, v.Advice = sentence(c, verdict), advice(c, verdict)
	return v
}

// englishFindings has the texts of package trace, by the finding: a sentence,
// and each sentence of its advice by its number.
var englishFindings = func() catalog {
	c := catalog{}
	for _, row := range trace.Findings() {
		c[findingKey(row.Finding)] = row.Sentence
		for i, a := range row.Advice {
			c[adviceKey(row.Finding, i)] = a
		}
	}
	return c
}()

func findingKey(f trace.Finding) string { return "finding." + string(f) }

func adviceKey(f trace.Finding, i int) string { return fmt.Sprintf("finding.%s.%d", f, i+1) }

// sentence returns the verdict in one sentence. The time in it is an element
// that the script converts to the reader's time zone.
func sentence(c catalog, v trace.Verdict) template.HTML {
	text, ok := c[findingKey(v.Finding)]
	if !ok {
		text = englishFindings[findingKey(v.Finding)]
	}
	if v.At.IsZero() {
		return template.HTML(template.HTMLEscapeString(trace.Fill(text, v)))
	}
	// What fills the places has no control characters, so this one is the time's
	// alone.
	const here = "\x01"
	escaped := template.HTMLEscapeString(trace.Fill(strings.ReplaceAll(text, "{time}", here), v))
	return template.HTML(strings.ReplaceAll(escaped, here, string(short(v.At))))
}

// advice returns what to try.
func advice(c catalog, v trace.Verdict) []string {
	var all []string
	for i := 0; ; i++ {
		text, ok := c[adviceKey(v.Finding, i)]
		if !ok {
			return all
		}
		all = append(all, trace.Fill(text, v))
	}
}

// kindOf returns the kind of a boot's state.
func kindOf(v trace.Verdict) string {
	switch {
	case v.Running:
		return "busy"
	case v.Good:
		return "good"
	}
	return "bad"
}

var stageKeys = map[trace.Stage]string{
	trace.Silent:      "stage.silent",
	trace.Heard:       "stage.heard",
	trace.Elsewhere:   "stage.elsewhere",
	trace.Offered:     "stage.offered",
	trace.Asked:       "stage.asked",
	trace.Loading:     "stage.loading",
	trace.Loaded:      "stage.loaded",
	trace.InMenu:      "stage.menu",
	trace.Started:     "stage.started",
	trace.Transferred: "stage.transferred",
}

func stageText(lang string, s trace.Stage) string { return catalogs[lang].text(stageKeys[s]) }

// englishNotes has the remarks of package trace about events.
var englishNotes = func() catalog {
	c := catalog{}
	for n, text := range trace.Notes() {
		c[noteKey(n)] = text
	}
	return c
}()

func noteKey(n trace.Note) string { return "event.note." + string(n) }

// note returns why an event that looks like a fault is normal; empty if it does
// not look like one.
func (c catalog) note(e trace.Event) string {
	if n := e.Note(); n != "" {
		return c.text(noteKey(n))
	}
	return ""
}
