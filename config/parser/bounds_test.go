package parser

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// However wrong a file is, what is said about it has room on the volume that
// the settings come on, which has 3 MiB.
func TestErrorsAreBounded(t *testing.T) {
	var manyServers strings.Builder
	for i := range maxWDS + 1 {
		fmt.Fprintf(&manyServers, "[[wds]]\nname = \"w%d\"\nserver = \"10.0.0.1\"\n", i)
	}
	long := strings.Repeat("\u00e9", 500_000)
	for _, tt := range []struct {
		name, file, last string
		count            int
	}{
		{name: "the same key on every line", file: strings.Repeat("a = 1\n", 150_000),
			last: "f.toml:101: file: has 149900 more mistakes; correct the ones above first", count: maxErrors + 1},
		{name: "as many mistakes as are shown", file: strings.Repeat("a = 1\n", maxErrors),
			last: "f.toml:100: a: appears twice, first on line 1; keep one of them", count: maxErrors},
		{name: "a value as long as the file", file: "[menu]\ntimeout = \"" + long + "\"\n", count: 1},
		{name: "a key as long as the file", file: "[menu]\n\"" + long + "\" = 1\n", count: 1},
		{name: "a key of very many parts", file: strings.Repeat("a.", 500_000) + "a = 1\n", count: 1},
		{name: "more WDS servers than are allowed", file: manyServers.String(),
			last: `f.toml:193: wds "w64": is one too many; keep it to 64 servers`, count: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f.toml", []byte(tt.file))
			if err == nil {
				t.Fatal("accepted")
			}
			checkForm(t, err)
			text := err.Error()
			if lines := strings.Split(text, "\n"); len(lines) != tt.count || len(text) > 128<<10 ||
				!strings.HasSuffix(text, tt.last) {
				t.Errorf("%d lines of %d bytes in all; the last is %.200q", len(lines), len(text), lines[len(lines)-1])
			}
		})
	}
}

// Two rules with all the values that a file has room for took 11 s to be told
// from each other.
func TestLongListsAreCompared(t *testing.T) {
	file := "[[machine]]\nmac = [\"52\"]\nfirmware = [" + strings.Repeat("\"bios\",", 60_000) + "\"uefi-x64\"]\n" +
		"[[machine]]\nmac = [\"52\"]\nfirmware = [" + strings.Repeat("\"uefi-x64\",", 45_000) + "]\n"
	start := time.Now()
	_, err := Parse("f.toml", []byte(file))
	if err == nil || !strings.Contains(err.Error(), "f.toml:4: machine 2: is never used") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second { // seen: 0.1 s, with the race detector 0.7 s
		t.Errorf("it took %v", took)
	}
}
