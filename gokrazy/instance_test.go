// Package gokrazy holds the tests of the scripts that make an image.
package gokrazy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
)

// A build must not silently change the password of boxes built before.
func TestInstancePassword(t *testing.T) {
	script, err := os.ReadFile("instance.sh")
	if err != nil {
		t.Fatal(err)
	}
	const kept, chosen = "kept-from-before", "chosen-words"
	short := strings.Repeat("x", access.MinPassword-1)
	for _, tt := range []struct {
		situation, kept, variable string
		want                      string // the password afterwards; empty: a new one, or none
		complains                 string
		warns                     bool // and continues
	}{
		{situation: "the first build"},
		{situation: "the first build, with a password chosen", variable: chosen, want: chosen},
		{situation: "the first build, with a short one", variable: short, complains: "choose one with at least 12"},
		{situation: "a later build", kept: kept, want: kept},
		{situation: "a later build, with the same", kept: kept, variable: kept, want: kept},
		{situation: "a later build, with another", kept: kept, variable: chosen, want: kept,
			complains: "build/update-password and PXEBOX_PASSWORD differ"},
		{situation: "a later build, with one from when short ones were allowed", kept: short, want: short,
			complains: "use at least 12", warns: true},
		{situation: "one that no URL may hold", variable: "three word pass", complains: "letters, digits"},
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
			write("gokrazy/box/config.json", "<@PASSWORD@ @PASSWORD@>", 0o644)
			write("bin/go", "#!/bin/sh\n", 0o755) // another test covers the certificate
			if tt.kept != "" {
				write("build/update-password", tt.kept+"\n", 0o600)
			}
			cmd := exec.Command(filepath.Join(dir, "gokrazy/instance.sh"), "box")
			cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"),
				"PXEBOX_PASSWORD="+tt.variable)
			out, err := cmd.CombinedOutput()
			if (err != nil) != (tt.complains != "" && !tt.warns) || !strings.Contains(string(out), tt.complains) {
				t.Fatalf("%v, %s", err, out)
			}
			b, err := os.ReadFile(filepath.Join(dir, "build/update-password"))
			refused := tt.complains != "" && !tt.warns
			if err != nil && (!refused || tt.kept != "") {
				t.Fatal(err)
			}
			is := strings.TrimSpace(string(b))
			if invented := tt.want == "" && !refused; invented && len(is) != 20 || !invented && is != tt.want {
				t.Errorf("the password is %q, want %q", is, tt.want)
			}
			if refused {
				return
			}
			b, err = os.ReadFile(filepath.Join(dir, "build/gokrazy/box/config.json"))
			if err != nil || string(b) != "<"+is+" "+is+">" {
				t.Errorf("the instance has %q, %v", b, err)
			}
		})
	}
}

// gokrazy's init, the machine's first program, opens a TCP port if the image
// has a password for it.
func TestInitOpensNoPort(t *testing.T) {
	files, err := filepath.Glob("*/config.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no instances: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var config struct {
			Update struct {
				NoPassword           bool
				HTTPPassword, UseTLS string
			}
			PackageConfig map[string]struct{ ExtraFileContents, ExtraFilePaths map[string]string }
		}
		if err := json.Unmarshal(text, &config); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if u := config.Update; !u.NoPassword || u.HTTPPassword != "" || u.UseTLS != "off" {
			t.Errorf("%s: init serves by itself: %+v", file, u)
		}
		for program, p := range config.PackageConfig {
			for _, extra := range []map[string]string{p.ExtraFileContents, p.ExtraFilePaths} {
				if _, there := extra["/etc/gokr-pw.txt"]; there {
					t.Errorf("%s: %s brings init's password", file, program)
				}
			}
		}
	}
}

// menuwatch has no -help on the box: a flag that it does not know ends it again
// and again.
func TestFlagsAreKnown(t *testing.T) {
	files, err := filepath.Glob("*/config.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no instances: %v", err)
	}
	checked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var config struct {
			PackageConfig map[string]struct{ CommandLineFlags []string }
		}
		if err := json.Unmarshal(text, &config); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for program, p := range config.PackageConfig {
			source, err := os.ReadFile(filepath.Join("../cmd", filepath.Base(program), "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range p.CommandLineFlags {
				name, _, _ := strings.Cut(strings.TrimPrefix(f, "-"), "=")
				if !strings.Contains(string(source), `"`+name+`"`) {
					t.Errorf("%s: %s has no flag %s", file, program, f)
				}
				checked++
			}
		}
	}
	if checked < 5*len(files) {
		t.Errorf("the instances have %d flags", checked)
	}
}

// The appliance and menuwatch must agree on the box's password, certificate and
// socket.
func TestProgramsOfTheBoxAgree(t *testing.T) {
	for _, file := range []string{"pxebox-amd64/config.json", "pxebox-rpi/config.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"-page=:443"`,
			`"-password=/perm/gokr-pw.txt"`, `"-image-password=/etc/pxebox/password"`,
			`"/etc/pxebox/password": "@PASSWORD@"`,
			`"-keys=/perm/pxebox/keys"`,
			`"-appliance=/run/pxebox/` + boxstatus.Socket + `"`,
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %s", file, want)
			}
		}
	}
}
