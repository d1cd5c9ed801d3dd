package trace

import "testing"

// Advice names sections of the settings, whose brackets are no optional part.
func TestFillKeepsBracketsWithoutAPlace(t *testing.T) {
	for text, want := range map[string]string{
		"Name it in [boot].":                "Name it in [boot].",
		"Try [tftp] max_block = 512.":       "Try [tftp] max_block = 512.",
		"A [[machine]] leads {file} there.": "A [[machine]] leads k there.",
		"Loaded[ {entry}] for [boot]":       "Loaded for [boot]",
		"Sent[ {file}] for [boot]":          "Sent k for [boot]",
	} {
		if got := Fill(text, Verdict{File: "k"}); got != want {
			t.Errorf("%q is filled as %q, want %q", text, got, want)
		}
	}
}
