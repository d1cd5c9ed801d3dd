// Package gokrazy holds the tests of the scripts that make an image.
package gokrazy

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/box/owner"
)

// What every box would share is no secret: no instance brings a password, a key
// or a certificate, and building one adds none.
func TestInstancesHaveNoSecret(t *testing.T) {
	script, err := os.ReadFile("instance.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pxebox-amd64", "pxebox-rpi"} {
		committed, err := os.ReadFile(filepath.Join(name, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file, content := range map[string][]byte{"instance.sh": script, name + "/config.json": committed} {
			file = filepath.Join(dir, "gokrazy", file)
			err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o755))
			if err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(filepath.Join(dir, "gokrazy/instance.sh"), name)
		cmd.Env = append(os.Environ(), "PXEBOX_PASSWORD=of-the-person-who-builds")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		built, err := os.ReadFile(filepath.Join(dir, "build/gokrazy", name, "config.json"))
		if err != nil || string(built) != string(committed) {
			t.Errorf("%s: the build makes %s of it, %v", name, built, err)
		}
		var config struct {
			Update struct {
				NoPassword           bool
				HTTPPassword, UseTLS string
			}
			PackageConfig map[string]struct{ ExtraFileContents, ExtraFilePaths map[string]string }
		}
		if err := json.Unmarshal(committed, &config); err != nil {
			t.Fatal(err)
		}
		if u := config.Update; !u.NoPassword || u.HTTPPassword != "" || u.UseTLS != "off" {
			t.Errorf("%s: gok would invent a password or a certificate: %+v", name, u)
		}
		// Licences, and the versions of the boot programs.
		public := []string{"/usr/share/licenses", "/usr/share/pxebox/manifest.json"}
		for program, p := range config.PackageConfig {
			for _, extra := range []map[string]string{p.ExtraFileContents, p.ExtraFilePaths} {
				for file := range extra {
					if !slices.Contains(public, file) {
						t.Errorf("%s: %s brings %s: is it the same for every box, and no secret?", name, program, file)
					}
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
	files := owner.On("/perm")
	for _, file := range []string{"pxebox-amd64/config.json", "pxebox-rpi/config.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"-page=:443",
			"-password=" + files.Password, "-first-password=" + files.First,
			"-keys=" + filepath.Dir(files.First),
			"-appliance=/run/pxebox/" + boxstatus.Socket,
		} {
			if !strings.Contains(string(text), `"`+want+`"`) {
				t.Errorf("%s lacks %s", file, want)
			}
		}
	}
}
