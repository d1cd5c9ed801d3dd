package credential

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadPassword(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	none, own, built, empty := filepath.Join(dir, "none"), file("own", "mine\n"), file("built", "image's"),
		file("empty", "\n")
	for _, tt := range []struct {
		situation string
		files     []string
		want, err string
	}{
		{situation: "as built", files: []string{none, built}, want: "image's"},
		{situation: "the site's own", files: []string{own, built}, want: "mine"},
		{situation: "none", files: []string{none, none}, err: "no password in"},
		{situation: "empty", files: []string{empty, built}, err: "is empty"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := ReadPassword(tt.files...)
			if got != tt.want || (tt.err == "") != (err == nil) ||
				err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
