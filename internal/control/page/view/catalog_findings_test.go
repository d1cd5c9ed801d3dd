package view

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// rePart matches a part of a text that is left out if its place is not filled.
var rePart = regexp.MustCompile(`\[[^\]]*\{[^\]]*\]`)

// places returns the places of a text, marked where they are in an optional
// part: without the mark, a translation would show "?" for what is not known.
func places(text string) (all []string) {
	re := regexp.MustCompile(`\{\w+\}`)
	for _, part := range rePart.FindAllString(text, -1) {
		for _, p := range re.FindAllString(part, -1) {
			all = append(all, "optional "+p)
		}
	}
	all = append(all, re.FindAllString(rePart.ReplaceAllString(text, ""), -1)...)
	slices.Sort(all)
	return all
}

// Each finding has a German sentence and as much German advice, with the same
// places.
func TestFindingsInGerman(t *testing.T) {
	known := map[string]bool{}
	check := func(key, english string) {
		known[key] = true
		got := germanFindings[key]
		if got == "" {
			t.Errorf("no German text %q for %q", key, english)
			return
		}
		if got == english {
			t.Errorf("%q is not translated", key)
		}
		if g, w := places(got), places(english); !slices.Equal(g, w) {
			t.Errorf("%q has the places %q, want %q", key, g, w)
		}
	}
	rows := trace.Findings()
	if len(rows) < 20 {
		t.Fatalf("only %d findings", len(rows))
	}
	for _, row := range rows {
		check("finding."+string(row.Finding), row.Sentence)
		for i, advice := range row.Advice {
			check(fmt.Sprintf("finding.%s.%d", row.Finding, i+1), advice)
		}
	}
	for key, text := range germanFindings {
		if !known[key] {
			t.Errorf("%q translates no finding: %s", key, text)
		}
		if strings.ContainsAny(text, "\t\n") || strings.Contains(text, "  ") {
			t.Errorf("%q has white space that does not show", key)
		}
	}
}
