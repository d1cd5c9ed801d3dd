package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pxebox/pxebox/assets/manifest"
)

// set is the programs in a folder.
type set struct {
	dir string
	say func(line string)
}

// fetch fills the folder with verified programs and their manifest. If verified
// programs are already there, fetch does nothing, unless refresh requests the
// current ones. On an error the folder's content stays as it was.
func (s set) fetch(refresh bool) error {
	file := filepath.Join(s.dir, "tested.txt")
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	list, err := readTested(file, b)
	if err != nil {
		return err
	}
	m, ok := s.present(list)
	if !ok || refresh {
		if m, err = s.download(list); err != nil {
			return err
		}
	}
	for _, line := range untested(list, versions(m), newer) {
		s.say(line)
	}
	return nil
}

// present returns the manifest of the folder's content, and whether that
// content matches the list, is unchanged, and passes today's checks.
func (s set) present(list []listed) (manifest.Manifest, bool) {
	b, err := os.ReadFile(filepath.Join(s.dir, manifest.Name))
	if err != nil {
		return manifest.Manifest{}, false
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return manifest.Manifest{}, false
	}
	for _, l := range list {
		if m.Package(l.Package).Release != l.Release {
			return m, false
		}
	}
	files, err := read(func(p pkg) string { return filepath.Join(s.dir, p.dir) })
	if err != nil {
		return m, false
	}
	again, err := check(files, m.Packages)
	return again, err == nil && bytes.Equal(again.Encode(), b)
}

// download fetches the current packages, verifies their files, and only then
// moves them into place. It writes the manifest last: without a manifest no
// file counts as verified.
func (s set) download(list []listed) (manifest.Manifest, error) {
	// Next to the files' final place, so that moving them there is a rename.
	work, err := os.MkdirTemp(s.dir, ".fetch")
	if err != nil {
		return manifest.Manifest{}, err
	}
	defer os.RemoveAll(work)
	s.say("fetching boot programs from Debian's packages")
	got, err := s.unpack(work, list)
	if err != nil {
		return manifest.Manifest{}, err
	}
	files, err := read(func(p pkg) string { return filepath.Join(work, release(list, p.name)) })
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("boot programs were refused, and nothing was changed:\n%w\n"+
			"If the package has the file under another name, change it in assets/fetch/list.go", err)
	}
	m, err := check(files, got)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("boot programs were refused, and nothing was changed:\n%w", err)
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(s.dir, name)), 0o755); err != nil {
			return m, err
		}
		if err := replace(filepath.Join(s.dir, name), content); err != nil {
			return m, err
		}
	}
	return m, replace(filepath.Join(s.dir, manifest.Name), m.Encode())
}

// unpack downloads the listed packages, unpacks them below dir, in one folder
// per release, and returns a description of each.
func (s set) unpack(dir string, list []listed) ([]manifest.Package, error) {
	var all []manifest.Package
	var releases []string
	for _, p := range packages {
		release := release(list, p.name)
		all = append(all, manifest.Package{Name: p.name, Program: p.program, Release: release})
		if !slices.Contains(releases, release) {
			releases = append(releases, release)
		}
	}
	for _, release := range releases {
		args := []string{"-r", release, filepath.Join(dir, release)}
		for _, p := range all {
			if p.Release == release {
				args = append(args, p.Name)
			}
		}
		said, err := exec.Command(filepath.Join(s.dir, "unpack.sh"), args...).CombinedOutput()
		if text := strings.TrimSpace(string(said)); text != "" {
			s.say(text)
		}
		if err != nil {
			return nil, fmt.Errorf("unpack.sh: %w", err)
		}
		b, err := os.ReadFile(filepath.Join(dir, release, "packages.txt"))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			version, rest, _ := strings.Cut(rest, " ")
			sum, _, _ := strings.Cut(rest, " ")
			if i := slices.IndexFunc(all, func(p manifest.Package) bool { return p.Name == name }); i >= 0 {
				all[i].Version, all[i].SHA256 = version, sum
			}
		}
	}
	return all, nil
}

func release(list []listed, name string) string {
	return list[slices.IndexFunc(list, func(l listed) bool { return l.Package == name })].Release
}

// read reads all files of all packages, by their path below assets. at returns
// where a package is unpacked.
func read(at func(pkg) string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var missing []error
	for _, p := range packages {
		for _, name := range p.files {
			b, err := os.ReadFile(filepath.Join(at(p), name))
			if err != nil {
				missing = append(missing, fmt.Errorf("the package %s has no %s", p.name, name))
			}
			files[p.path(name)] = b
		}
	}
	return files, errors.Join(missing...)
}

// writeTested writes the versions of the present programs to tested.txt.
func (s set) writeTested() error {
	b, err := os.ReadFile(filepath.Join(s.dir, manifest.Name))
	if err != nil {
		return fmt.Errorf("%w: run make assets and make test first", err)
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "tested.txt")
	if b, err = os.ReadFile(file); err != nil {
		return err
	}
	return replace(file, replaceTested(b, versions(m)))
}

func versions(m manifest.Manifest) map[string]string {
	versions := map[string]string{}
	for _, p := range m.Packages {
		versions[p.Name] = p.Version
	}
	return versions
}

// replace replaces a file's content atomically.
func replace(name string, content []byte) error {
	if err := os.WriteFile(name+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
