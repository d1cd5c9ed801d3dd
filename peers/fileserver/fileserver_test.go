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

func TestVersionIn(t *testing.T) {
	for _, tt := range []struct{ situation, says, want string }{
		{situation: "tftpd-hpa", says: "tftp-hpa 5.2, with remap, with tcpwrappers\n", want: "5.2"},
		{situation: "atftpd", says: "atftp-0.8.0 (server)\n", want: "0.8.0"},
		{situation: "nginx", says: "nginx version: nginx/1.26.3\n", want: "1.26.3"},
		{situation: "dnsmasq", says: "Dnsmasq version 2.91  Copyright (c) 2000-2025 Simon Kelley\n", want: "2.91"},
		{situation: "Kea", says: "2.6.3\n", want: "2.6.3"},
		{situation: "none", says: "unknown option\n", want: ""},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := versionIn(tt.says); got != tt.want {
				t.Errorf("%q is version %q; want %q", tt.says, got, tt.want)
			}
		})
	}
}
