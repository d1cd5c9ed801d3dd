package view

import (
	"net/http"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// codesPage is the data of the table of what screens say.
type codesPage struct {
	Words string
	Codes []screenCode
}

func (p *Pages) codes(w http.ResponseWriter, r *http.Request) {
	v := codesPage{Words: typed(r, "q")}
	c := catalogs[language(r)]
	if v.Words == "" {
		for _, m := range trace.Messages() {
			v.Codes = append(v.Codes, newScreenCode(c, trace.Match{Message: m}))
		}
	} else {
		v.Codes = codesFor(c, v.Words, trace.Verdict{})
	}
	p.render(w, r, http.StatusOK, "codes", text(r, "codes.title"), v)
}

// typed returns what a person typed into a field, within bounds.
func typed(r *http.Request, field string) string {
	q := r.URL.Query().Get(field)
	return strings.Join(strings.Fields(strings.ToValidUTF8(q[:min(len(q), maxWords)], "")), " ")
}

// screenCode is what a screen may say.
type screenCode struct {
	Name, Text string
	Meanings   []meaning
	Advice     []string
	Fit        string // the key of how it agrees with a boot; empty if it was not compared
	Agrees     bool
}

// A meaning is what a message means on some firmware.
type meaning struct {
	Firmware string // empty: on all
	Text     string
}

// codesFor returns the messages that a text may mean, compared with a boot's
// verdict unless that is zero.
func codesFor(c catalog, text string, v trace.Verdict) (all []screenCode) {
	for _, m := range trace.Look(text, v) {
		all = append(all, newScreenCode(c, m))
	}
	return all
}

func newScreenCode(c catalog, m trace.Match) screenCode {
	s := screenCode{Name: m.Name, Text: m.Text, Agrees: m.Fit == trace.Agrees}
	switch {
	case m.Meaning != "" && (m.Meaning == m.UEFI || m.Meaning == m.BIOS):
		s.Meanings = []meaning{{"", c.message(m.Meaning)}}
	case m.UEFI == m.BIOS:
		s.Meanings = []meaning{{"", c.message(m.UEFI)}}
	default:
		if m.UEFI != "" {
			s.Meanings = append(s.Meanings, meaning{"UEFI", c.message(m.UEFI)})
		}
		if m.BIOS != "" {
			s.Meanings = append(s.Meanings, meaning{"BIOS", c.message(m.BIOS)})
		}
	}
	for _, a := range m.Advice {
		s.Advice = append(s.Advice, c.message(a))
	}
	switch m.Fit {
	case trace.Agrees:
		s.Fit = "screen.fits"
	case trace.Contradicts:
		s.Fit = "screen.not"
	}
	return s
}

// messagePrefix is what the keys of package trace's sentences about messages
// begin with. The rest is the English sentence: many messages share them.
const messagePrefix = "message: "

// message returns such a sentence in the catalog's language.
func (c catalog) message(english string) string {
	if s, ok := c[messagePrefix+english]; ok {
		return s
	}
	return english
}

// englishMessages has those sentences.
var englishMessages = func() catalog {
	c := catalog{}
	for _, m := range trace.Messages() {
		for _, s := range append([]string{m.UEFI, m.BIOS}, m.Advice...) {
			if s != "" {
				c[messagePrefix+s] = s
			}
		}
	}
	return c
}()
