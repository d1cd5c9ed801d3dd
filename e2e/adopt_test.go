//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/tool/adopt"
)

// TestAdoptDebianInstaller adopts the TFTP folder of Debian's own package,
// linked as Debian's manual describes: its menu waits at the boot: prompt, so
// no entry may start by itself.
func TestAdoptDebianInstaller(t *testing.T) {
	t.Parallel()
	debianFiles(t)
	installer, err := filepath.Abs(filepath.Join(buildDir, "cache", "debian-installer"))
	if err != nil {
		t.Fatal(err)
	}
	tree, into := t.TempDir(), t.TempDir()
	if err := os.CopyFS(filepath.Join(tree, "debian-installer", "amd64"), os.DirFS(installer)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pxelinux.0", "pxelinux.cfg"} {
		if err := os.Symlink("debian-installer/amd64/"+name, filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	var report bytes.Buffer
	job := adopt.Job{Sources: []string{tree}, Into: into}
	if err := job.Run(&report); err != nil {
		t.Fatalf("%v\n%v", err, &report)
	}

	file := filepath.Join(into, "pxebox.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parser.Parse(file, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.Menu.Timeout != 0 || !strings.Contains(report.String(), "nothing starts by itself") {
		t.Errorf("%s starts after %v; want nothing to start by itself:\n%v", c.Menu.Default, c.Menu.Timeout, &report)
	}
	labels := map[string]bool{}
	for _, e := range c.Entries {
		labels[e.Label] = true
		if e.Submenu {
			continue
		}
		for _, name := range append([]string{e.Kernel}, e.Initrd...) {
			if _, err := os.Stat(filepath.Join(into, "boot", name)); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
	}
	for _, label := range []string{"Install", "Advanced options", "Expert install", "Rescue mode",
		"Automated install"} {
		if !labels[label] {
			t.Errorf("there is no entry %q:\n%s", label, text)
		}
	}
}
