// Package gokrazy holds the tests of the scripts that make an image.
package gokrazy

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/box/owner"
)

var instances = []string{"pxebox-amd64", "pxebox-rpi"}

// copyInstance copies instance.sh and an instance into an empty checkout.
func copyInstance(t *testing.T, name string) (checkout string, committed []byte) {
	t.Helper()
	checkout = t.TempDir()
	for _, file := range []string{"instance.sh", name + "/config.json"} {
		content, err := os.ReadFile(file)
		to := filepath.Join(checkout, "gokrazy", file)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, content, 0o755)); err != nil {
			t.Fatal(err)
		}
		committed = content
	}
	return checkout, committed
}

// makeInstance runs instance.sh with additions to the environment.
func makeInstance(checkout, name string, env ...string) (out []byte, err error) {
	cmd := exec.Command(filepath.Join(checkout, "gokrazy/instance.sh"), name)
	cmd.Dir = checkout
	cmd.Env = append(append(os.Environ(), "PXEBOX_VERSION=", "PXEBOX_RELEASE_KEY="), env...)
	return cmd.CombinedOutput()
}

// A release's root has its version and the key by which the box verifies
// updates, and differs in nothing else. A build without them forgets both.
func TestInstanceOfARelease(t *testing.T) {
	for _, name := range instances {
		checkout, committed := copyInstance(t, name)
		dir := filepath.Join(checkout, "build/gokrazy", name)
		if err := os.WriteFile(filepath.Join(checkout, "release.pub"), []byte("a key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := makeInstance(checkout, name, "PXEBOX_VERSION=1.2.0~rc1", "PXEBOX_RELEASE_KEY=release.pub")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		built, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := errors.Join(json.Unmarshal(built, &got), json.Unmarshal(committed, &want)); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, built)
		}
		packages := want["PackageConfig"].(map[string]any)
		const appliance = "github.com/pxebox/pxebox/cmd/appliance"
		if packages[appliance] != nil {
			t.Fatalf("%s configures the appliance: instance.sh would do so a second time", name)
		}
		packages[appliance] = map[string]any{"ExtraFilePaths": map[string]any{
			"/etc/pxebox-version": "pxebox-version", "/etc/pxebox-release.pub": "pxebox-release.pub",
		}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", name, built)
		}
		for file, text := range map[string]string{"pxebox-version": "1.2.0~rc1\n", "pxebox-release.pub": "a key\n"} {
			b, err := os.ReadFile(filepath.Join(dir, file))
			info, e := os.Stat(filepath.Join(dir, file))
			if err := errors.Join(err, e); err != nil || string(b) != text || info.Mode().Perm() != 0o644 {
				t.Errorf("%s: %q, %v, %v", file, b, info.Mode(), err)
			}
		}
		if out, err := makeInstance(checkout, name); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		left, err := filepath.Glob(filepath.Join(dir, "pxebox-*"))
		if built, e := os.ReadFile(filepath.Join(dir, "config.json")); string(built) != string(committed) || left != nil {
			t.Errorf("the next build has %v, %v, and %s", left, errors.Join(err, e), built)
		}
	}
}

func TestInstanceRefuses(t *testing.T) {
	for situation, tt := range map[string]struct {
		env []string
		err string
	}{
		"a version without a key": {env: []string{"PXEBOX_VERSION=1.2.0"}, err: "PXEBOX_RELEASE_KEY is not"},
		"a key without a version": {env: []string{"PXEBOX_RELEASE_KEY=release.pub"}, err: "PXEBOX_VERSION is not"},
		"a key that is not there": {env: []string{"PXEBOX_VERSION=1.2.0", "PXEBOX_RELEASE_KEY=none.pub"},
			err: "no such public key"},
		"a version with a letter first": {env: []string{"PXEBOX_VERSION=v1.2.0", "PXEBOX_RELEASE_KEY=release.pub"},
			err: "v1.2.0 is not a version"},
		"a version of two lines": {env: []string{"PXEBOX_VERSION=1.2.0\n1", "PXEBOX_RELEASE_KEY=release.pub"},
			err: "is not a version"},
	} {
		t.Run(situation, func(t *testing.T) {
			checkout, _ := copyInstance(t, "pxebox-amd64")
			if err := os.WriteFile(filepath.Join(checkout, "release.pub"), []byte("a key\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := makeInstance(checkout, "pxebox-amd64", tt.env...)
			if err == nil || !strings.Contains(string(out), tt.err) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// What every box would share is no secret: no instance brings a password, a key
// or a certificate, and building one adds none.
func TestInstancesHaveNoSecret(t *testing.T) {
	for _, name := range instances {
		checkout, committed := copyInstance(t, name)
		if out, err := makeInstance(checkout, name, "PXEBOX_PASSWORD=of-the-person-who-builds"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		built, err := os.ReadFile(filepath.Join(checkout, "build/gokrazy", name, "config.json"))
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
