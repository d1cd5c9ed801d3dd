package fileserver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		situation string
		folders   []string
		want      []string // of LD_LIBRARY_PATH
	}{
		{
			situation: "no library is unpacked",
			folders:   []string{"usr/lib/tftp"},
		},
		{
			situation: "Debian 13, libraries in /usr/lib",
			folders:   []string{"usr/lib/x86_64-linux-gnu"},
			want:      []string{"usr/lib/x86_64-linux-gnu"},
		},
		{
			situation: "Debian 12, libraries in both places",
			folders:   []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"},
			want:      []string{"usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Setenv("LD_LIBRARY_PATH", "")
			os.Unsetenv("LD_LIBRARY_PATH")
			root := t.TempDir()
			for _, folder := range append(tt.folders, "usr/bin") {
				if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			env, err := Environment(filepath.Join(root, "usr/bin/atftp"))
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, e := range env {
				if path, ok := strings.CutPrefix(e, "LD_LIBRARY_PATH="); ok {
					got = append(got, strings.Split(path, ":")...)
				}
			}
			for _, folder := range tt.want {
				want = append(want, filepath.Join(root, folder))
			}
			if !slices.Equal(got, want) {
				t.Errorf("the program looks for libraries in %q; want %q", got, want)
			}
		})
	}
}
