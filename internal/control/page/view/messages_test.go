package view

import (
	"regexp"
	"strings"
	"testing"
)

// A translation names the same settings, options, ports and files.
func TestMessagesInGermanNameTheSame(t *testing.T) {
	names := regexp.MustCompile(`\[\w+\]|\w+ = \S+[\w"]|\d{2,}|\w+\.(?:0|c32|cfg|stl)|0x\w+`)
	if len(englishMessages) < 60 {
		t.Fatalf("only %d sentences", len(englishMessages))
	}
	for key, text := range englishMessages {
		got := germanMessages[key]
		if got == "" || got == text {
			t.Errorf("no German text for %q", text)
			continue
		}
		for _, name := range names.FindAllString(text, -1) {
			if !strings.Contains(got, name) {
				t.Errorf("%q is %q, which does not name %s", text, got, name)
			}
		}
	}
}
