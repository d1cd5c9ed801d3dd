package view

import (
	"net/http"
	"strings"

	"github.com/pxebox/pxebox/internal/control/boots"
)

// codesPage is the data of the table of what screens say.
type codesPage struct {
	Words string
	Codes []screenCode
}

func (p *Pages) codes(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query().Get("q")
	v := codesPage{Words: strings.Join(strings.Fields(q[:min(len(q), maxWords)]), " ")}
	v.Codes = codesFor(language(r), v.Words, nil)
	p.render(w, r, http.StatusOK, "codes", text(r, "codes.title"), v)
}

// screenCode is what a screen may say.
type screenCode struct {
	Code, Text string
	Meaning    string
	Advice     []string
	Verdict    bool // it was compared with a boot
	Fits       bool // and the boot agrees
}

func codesFor(lang, words string, b *boots.Boot) []screenCode { return nil }
