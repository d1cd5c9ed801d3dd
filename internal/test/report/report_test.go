package report

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	section := func(name, text string) string {
		return "<!-- " + name + ": written by make " + name + " -->\n" + text + "<!-- end of " + name + " -->\n"
	}
	for _, tc := range []struct {
		situation, before, want string
	}{
		{situation: "no page yet", want: section("b", "new\n")},
		{situation: "a page without the section", before: "# T\n", want: "# T\n\n" + section("b", "new\n")},
		{situation: "the section is between others",
			before: "# T\n" + section("a", "x\n") + section("b", "old\n") + section("c", "y\n"),
			want:   "# T\n" + section("a", "x\n") + section("b", "new\n") + section("c", "y\n")},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page.md")
			if tc.before != "" {
				if err := os.WriteFile(path, []byte(tc.before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := Write(path, "b", "new\n"); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
