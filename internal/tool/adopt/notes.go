package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
)

// kind is the kind of a note. The notes of each kind except the first are
// reported in one line.
type kind int

const (
	plain   kind = iota
	look         // colors, hot keys and the like
	screens      // help screens, fonts, keyboards
	wayBack      // entries that lead back
)

// whyOne is the text for one line of a kind, and whyAll for several.
var (
	whyOne = map[kind]string{
		look:    "the menu has its own colors, layout and words, and no hot keys, indentation or empty lines",
		screens: "pxebox has no key for it",
		wayBack: "leads back: each submenu gets an entry for that",
	}
	whyAll = map[kind]string{
		look:    whyOne[look],
		screens: "pxebox has no keys for them",
		wayBack: "lead back: each submenu gets an entry for that",
	}
)

// finish sorts the notes for the report: first those about what starts
// automatically, then file by file in the order of reading, and last the kinds
// that are one line each.
func (c *converter) finish(order []string) {
	place := map[string]int{}
	for i, name := range order {
		place[name] = i
	}
	at := func(n note) int {
		if i, ok := place[n.line.File]; ok {
			return i
		}
		return len(order)
	}
	rank := func(n note) int {
		if n.first {
			return -1
		}
		return int(n.kind)
	}
	slices.SortStableFunc(c.notes, func(a, b note) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(at(a), at(b)),
			cmp.Compare(a.line.File, b.line.File), cmp.Compare(a.line.Number, b.line.Number))
	})
	c.notes = gathered(c.notes)
}

// gathered merges adjacent notes of the same kind into one note.
func gathered(notes []note) []note {
	var out []note
	for len(notes) > 0 {
		n := 1
		for n < len(notes) && notes[0].kind != plain && notes[n].kind == notes[0].kind {
			n++
		}
		one := notes[0]
		if n > 1 {
			one.why = whyAll[one.kind]
			one.others = notes[1:n]
		}
		for _, o := range one.others {
			one.lost = one.lost || o.lost
		}
		out, notes = append(out, one), notes[n:]
	}
	return out
}

// String returns the note as the report shows it.
func (n note) String() string {
	place := brief(pxelinux.Decode(n.line.Place()))
	why := oneLine(pxelinux.Decode(n.why))
	switch {
	case len(n.others) > 0:
		return fmt.Sprintf("%s and %d more (%s): %s", place, len(n.others), n.keywords(), why)
	case n.line.Keyword == "":
		return place + ": " + why
	}
	return place + ": " + shown(n.line) + ": " + why
}

// keywords lists the keywords of a note's lines, without duplicates, as far as
// they fit.
func (n note) keywords() string {
	words := []string{brief(n.line.Keyword)}
	for _, o := range n.others {
		if w := brief(o.line.Keyword); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	const most = 6
	if len(words) > most {
		words = append(words[:most], "...")
	}
	return strings.Join(words, ", ")
}
