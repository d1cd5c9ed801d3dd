package assets

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	bootPath = "usr/lib/demo/boot.0"
	docPath  = "usr/share/doc/demo/copyright"
)

// fetch runs fetch.sh in a directory that pins bootPath and docPath to the
// contents "boot" and "doc". apt-get is played by a script that hands out a
// real package made of pkg, or has no network where pkg is nil. The package is
// of a release, or of the machine's own where that is empty. It returns what the
// script said, and the files then in the directory.
func fetch(t *testing.T, release string, present, pkg map[string]string) (output string, files map[string]string, err error) {
	t.Helper()
	tmp := t.TempDir()
	dir := filepath.Join(tmp, "dir")
	sums := "# what this is\n# package demo " + strings.TrimSpace("1.0-1 "+release) + "\n" +
		hash([]byte("boot")) + "  " + bootPath + "\n" +
		hash([]byte("doc")) + "  " + docPath + "\n"
	write(t, filepath.Join(dir, "SHA256SUMS"), sums, 0o644)
	for name, content := range present {
		write(t, filepath.Join(dir, name), content, 0o644)
	}

	apt := "#!/bin/sh\necho 'E: no network' >&2\nexit 100\n"
	if pkg != nil {
		root := filepath.Join(tmp, "root")
		write(t, filepath.Join(root, "DEBIAN/control"),
			"Package: demo\nVersion: 1.0-1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: demo\n", 0o644)
		for name, content := range pkg {
			write(t, filepath.Join(root, name), content, 0o644)
		}
		deb := filepath.Join(tmp, "demo.deb")
		if out, err := exec.Command("dpkg-deb", "--build", "--root-owner-group", root, deb).CombinedOutput(); err != nil {
			t.Fatalf("dpkg-deb (package dpkg) is needed: %v\n%s", err, out)
		}
		// Of what is not the machine's own release it asks where the mirror is.
		apt = "#!/bin/sh\n" +
			"case $1 in indextargets) echo http://security.example/; echo http://mirror.example/debian/; exit;; esac\n" +
			"if [ -f sources.list ]; then cp sources.list '" + tmp + "'; fi\n" +
			"cp '" + deb + "' .\n"
	}
	write(t, filepath.Join(tmp, "bin/apt-get"), apt, 0o755)

	cmd := exec.Command("./fetch.sh", dir)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(tmp, "bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	sources, _ := os.ReadFile(filepath.Join(tmp, "sources.list"))

	files = make(map[string]string)
	walkErr := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && !strings.Contains(name, ".fetch.") || d.Name() == "SHA256SUMS" {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		b, _ := os.ReadFile(name)
		files[rel] = string(b)
		return nil
	})
	if walkErr != nil {
		t.Fatal(walkErr)
	}
	return string(out) + string(sources), files, err
}

func TestFetch(t *testing.T) {
	right := map[string]string{bootPath: "boot", docPath: "doc"}
	old := map[string]string{bootPath: "boot of an older list"}
	tests := []struct {
		name    string
		present map[string]string
		pkg     map[string]string // nil: no network
		release string
		files   map[string]string
		fails   bool
		says    []string // the script, and apt's own sources for the release
	}{
		{
			name:  "nothing there yet",
			pkg:   map[string]string{bootPath: "boot", docPath: "doc", "usr/lib/demo/other": "not listed"},
			files: right,
		},
		{
			name:    "of another release",
			release: "next",
			pkg:     right,
			files:   right,
			says:    []string{"http://mirror.example/debian/ next main"},
		},
		{
			name:    "all right already, no network",
			present: right,
			files:   right,
		},
		{
			name:    "a file changed since",
			present: map[string]string{bootPath: "boot", docPath: "tampered"},
			pkg:     right,
			files:   right,
		},
		{
			name:    "the package holds another boot program",
			present: old,
			pkg:     map[string]string{bootPath: "other", docPath: "doc"},
			files:   old,
			fails:   true,
			says: []string{bootPath + ": refused", "want sha256 " + hash([]byte("boot")),
				"got  sha256 " + hash([]byte("other")), "demo 1.0-1"},
		},
		{
			name:  "the package lacks a file",
			pkg:   map[string]string{bootPath: "boot"},
			files: map[string]string{},
			fails: true,
			says:  []string{docPath + ": refused", "got  sha256 missing", "demo 1.0-1"},
		},
		{
			name:    "something missing, no network",
			present: old,
			files:   old,
			fails:   true,
			says:    []string{"E: no network", "cannot download: demo"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, files, err := fetch(t, tt.release, tt.present, tt.pkg)
			if failed := err != nil; failed != tt.fails {
				t.Errorf("fetch.sh: %v\n%s", err, out)
			}
			for _, want := range tt.says {
				if !strings.Contains(out, want) {
					t.Errorf("does not say %q:\n%s", want, out)
				}
			}
			if got, want := flat(files), flat(tt.files); !slices.Equal(got, want) {
				t.Errorf("left behind %q, want %q", got, want)
			}
		})
	}
}

func flat(files map[string]string) []string {
	var list []string
	for name, content := range files {
		list = append(list, name+": "+content)
	}
	slices.Sort(list)
	return list
}

func write(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
