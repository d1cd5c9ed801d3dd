package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with files, and returns its directory.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files = maps.Clone(files)
	files["go.mod"] = "module example.org/m\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lasting returns a function that is lines long.
func lasting(name string, lines int) string {
	return "func " + name + "() {" + strings.Repeat("\n", lines-1) + "}\n"
}

func TestStructure(t *testing.T) {
	dir := module(t, map[string]string{
		"cmd/m/main.go": `package main

import (
	"fmt"

	"example.org/m/internal/serve/tftp"
)

func main() { fmt.Print(tftp.Limit) }
`,
		"internal/serve/tftp/tftp.go": `package tftp

import (
	"example.org/m/internal/base"
	"example.org/m/internal/base/once"
	"example.org/m/internal/serve/event"
)

const Limit = base.Limit + once.Limit + event.Limit
`,
		"internal/serve/tftp/tftp_test.go": "package tftp\n\nimport _ \"example.org/m/config\"\n\n" +
			lasting("TestAll", 81),
		"internal/serve/event/event.go": "package event\n\nconst Limit = 1\n\n" + lasting("Short", 80) +
			lasting("Long", 81),
		"internal/serve/event/darwin.go":     "//go:build darwin\n\npackage event\n\n" + lasting("Longest", 82),
		"internal/serve/event/e2e_test.go":   "//go:build e2e\n\npackage event\n",
		"internal/serve/event/other_test.go": "//go:build darwin\n\npackage event\n",
		"internal/base/base.go":              "package base\n\nconst Limit = 1\n",
		"internal/base/once/once.go": "package once\n\nimport \"example.org/m/internal/serve/event\"\n\n" +
			"const Limit = event.Limit\n",
		"config/config.go":           "package config\n",
		"assets/fetch/main.go":       "package main\n\nimport _ \"example.org/m/config\"\n\nfunc main() {}\n",
		"internal/test/pcap/pcap.go": "package pcap\n",
		"e2e/lan/lan.go":             "package lan\n\nimport _ \"example.org/m/config\"\n",
	})
	m, err := measure(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	m.print(&got)
	const want = `product     278 lines,  6 packages
build         5 lines,  1 packages
tests        95 lines,  2 packages

imports between wings of the product: 4
  base → serve 1 (and back)
  cmd → serve 1
  serve → base 2 (and back)

functions of product over 80 lines: 2; the longest:
  82 Longest internal/serve/event/darwin.go:5
  81 Long internal/serve/event/event.go:85
functions of build over 80 lines: 0; the longest:
  1 main assets/fetch/main.go:5
functions of tests over 80 lines: 1; the longest:
  81 TestAll internal/serve/tftp/tftp_test.go:5
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

func TestStructureFails(t *testing.T) {
	for situation, tt := range map[string]struct {
		dir  string
		want string
	}{
		"no module": {dir: t.TempDir(), want: "is not in a Go module"},
		"a file with an error": {dir: module(t, map[string]string{"config/c.go": "package config\n\nfunc {\n"}),
			want: "config/c.go:3:6: "},
	} {
		t.Run(situation, func(t *testing.T) {
			if _, err := measure(tt.dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}
