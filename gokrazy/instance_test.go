// Package gokrazy holds the tests of the scripts that make an image.
package gokrazy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A build must not change behind one's back what the boxes built before let in.
func TestInstancePassword(t *testing.T) {
	script, err := os.ReadFile("instance.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		situation, kept, variable string
		want                      string // the password afterwards; empty: a new one, or none
		complains                 string
	}{
		{"the first build", "", "", "", ""},
		{"the first build, with a password chosen", "", "chosen", "chosen", ""},
		{"a later build", "kept", "", "kept", ""},
		{"a later build, with the same", "kept", "kept", "kept", ""},
		{"a later build, with another", "kept", "chosen", "kept", "holds another password than PXEBOX_PASSWORD"},
		{"one that no URL may hold", "", "cho sen", "", "letters, digits"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, content string, mode os.FileMode) {
				t.Helper()
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(content), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("gokrazy/instance.sh", string(script), 0o755)
			write("gokrazy/box/config.json", "<@PASSWORD@>", 0o644)
			write("bin/go", "#!/bin/sh\n", 0o755) // the certificate is another's care
			if tt.kept != "" {
				write("build/update-password", tt.kept+"\n", 0o600)
			}
			cmd := exec.Command(filepath.Join(dir, "gokrazy/instance.sh"), "box")
			cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "PXEBOX_PASSWORD="+tt.variable)
			out, err := cmd.CombinedOutput()
			if (err != nil) != (tt.complains != "") || !strings.Contains(string(out), tt.complains) {
				t.Fatalf("%v, %s", err, out)
			}
			b, err := os.ReadFile(filepath.Join(dir, "build/update-password"))
			if err != nil && (tt.complains == "" || tt.kept != "") {
				t.Fatal(err)
			}
			is := strings.TrimSpace(string(b))
			if invented := tt.want == "" && tt.complains == ""; invented && len(is) != 20 || !invented && is != tt.want {
				t.Errorf("the password is %q, want %q", is, tt.want)
			}
			if tt.complains != "" {
				return
			}
			if b, err := os.ReadFile(filepath.Join(dir, "build/gokrazy/box/config.json")); err != nil || string(b) != "<"+is+">" {
				t.Errorf("the instance has %q, %v", b, err)
			}
		})
	}
}
