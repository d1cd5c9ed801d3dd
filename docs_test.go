package pxebox_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// TestPagesNameTests checks that each test that a page names exists.
func TestPagesNameTests(t *testing.T) {
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "build":
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(name)
		for _, m := range function.FindAllSubmatch(b, -1) {
			declared[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, least := range map[string]int{"docs/security.md": 30, "docs/booting.md": 7} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(page), -1)
		if len(named) < least {
			t.Errorf("%s names %d tests", file, len(named))
		}
		for _, name := range named {
			if !declared[name] {
				t.Errorf("%s: there is no test %s", file, name)
			}
		}
	}
}

// TestTroublePageNamesFindings checks that docs/trouble.md says what each verdict
// of a boot means.
func TestTroublePageNamesFindings(t *testing.T) {
	page, err := os.ReadFile("docs/trouble.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range trace.Findings() {
		if !strings.Contains(string(page), "`"+string(r.Finding)+"`") {
			t.Errorf("%s is missing", r.Finding)
		}
	}
	for _, s := range trace.Stages() {
		if !strings.Contains(string(page), "`"+s.String()+"`") {
			t.Errorf("the stage %s is missing", s)
		}
	}
}
