package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// A release offers the source of the programs under the GPL in the same place as the
// programs (GPL 2 §3, GPL 3 §6). packaging/release/sources.sh downloads it.

//go:embed sources.txt
var sourcesTemplate string

// source is a source package of Debian.
type source struct{ Name, Version string }

// licences are those of the sources, in short.
var licences = map[string]string{
	"grub-efi-amd64-signed": "GPL 2 or later: how Debian signs it",
	"grub2":                 "GPL 3 or later",
	"shim":                  "BSD 2-clause",
	"shim-signed":           "BSD 2-clause",
	"syslinux":              "GPL 2 or later",
}

// sourcesName is the name of the file, without .tar, and of the folder in it.
func sourcesName(version string) string { return "pxebox-" + version + "-sources" }

// isKernel reports whether a package is the source that make kernel builds from.
func isKernel(p bootPackage) bool { return strings.HasPrefix(p.Name, "linux-source-") }

// withPrograms returns the packages that programs in the release are from. Of others
// it has the licence texts only.
func withPrograms(boot bootPrograms) []bootPackage {
	return slices.DeleteFunc(slices.Clone(boot.Packages), func(p bootPackage) bool {
		return !isKernel(p) && !slices.ContainsFunc(boot.Files, func(f bootFile) bool {
			return f.Package == p.Name && path.Base(f.Name) != "copyright"
		})
	})
}

// listPackages prints what sources.sh downloads: a line for each package with a kind,
// name, version and release. Of the kind source are packages whose source packages
// are needed; of the kind deb are those that have the source in them.
func listPackages(packages []bootPackage) string {
	lines := []string{}
	for _, p := range packages {
		kind := "source"
		if isKernel(p) {
			kind = "deb"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s\n", kind, p.Name, p.Version, p.Release))
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

func printPackages(w io.Writer) error {
	boot, err := readBootPrograms()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, listPackages(withPrograms(boot)))
	return err
}

// builtFrom returns the sources of each package, by name and version, in a list like
// that from apt-cache show. A package is built from the source that the field Source
// names, or from the one with the same name and version. Programs that were copied
// into it from other packages are from the sources in Built-Using (Debian Policy
// §5.6.1, §7.8): so a signed GRUB is from grub2.
func builtFrom(control string) (map[source][]source, error) {
	all := map[source][]source{}
	for stanza := range strings.SplitSeq(control, "\n\n") {
		fields := parseStanza(stanza)
		if len(fields) == 0 {
			continue
		}
		p := source{fields["Package"], fields["Version"]}
		if p.Name == "" || p.Version == "" {
			return nil, fmt.Errorf("a package without name or version: %q", stanza)
		}
		main := p
		if fields["Source"] != "" {
			name, version, ok := parseRelation(fields["Source"])
			main.Name = name
			if ok {
				main.Version = version
			}
		}
		sources := []source{main}
		for _, field := range []string{"Built-Using", "Static-Built-Using"} {
			for relation := range strings.SplitSeq(fields[field], ",") {
				if strings.TrimSpace(relation) == "" {
					continue
				}
				name, version, ok := parseRelation(relation)
				if !ok {
					return nil, fmt.Errorf("%s %s: %s has no version in %q", p.Name, p.Version, field, relation)
				}
				sources = append(sources, source{name, version})
			}
		}
		all[p] = sources
	}
	return all, nil
}

// parseStanza reads the fields of a package. A line that begins with a space
// continues the field before it.
func parseStanza(stanza string) map[string]string {
	fields := map[string]string{}
	last := ""
	for line := range strings.Lines(stanza) {
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
			last = name
			fields[last] = strings.TrimSpace(value)
		} else if last != "" {
			fields[last] += " " + strings.TrimSpace(line)
		}
	}
	return fields
}

// parseRelation reads "grub2 (= 2.12-9)" and "grub2 (2.12-9)".
func parseRelation(s string) (name, version string, ok bool) {
	name, version, ok = strings.Cut(s, "(")
	version = strings.TrimLeft(strings.TrimSuffix(strings.TrimSpace(version), ")"), "= ")
	return strings.TrimSpace(name), version, ok
}

// printBuiltFrom prints a line for each source, its name and version.
func printBuiltFrom(w io.Writer, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all, err := builtFrom(string(b))
	if err != nil {
		return err
	}
	var lines []string
	for _, sources := range all {
		for _, s := range sources {
			lines = append(lines, s.Name+" "+s.Version+"\n")
		}
	}
	slices.Sort(lines)
	_, err = io.WriteString(w, strings.Join(slices.Compact(lines), ""))
	return err
}

// sourceFile is a file of a source.
type sourceFile struct {
	source source
	Name   string
	Size   int64
	SHA256 string
}

// parseSourceFiles reads the list that sources.sh writes, and refuses names that lead
// out of its folder.
func parseSourceFiles(list string) ([]sourceFile, error) {
	var files []sourceFile
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) != 5 {
			return nil, fmt.Errorf("not a file of a source: %q", line)
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil || f[2] != filepath.Base(f[2]) || len(f[4]) != 64 {
			return nil, fmt.Errorf("not a file of a source: %q", line)
		}
		files = append(files, sourceFile{source{f[0], f[1]}, f[2], size, f[4]})
	}
	// Two versions of a package may have a file in common.
	slices.SortFunc(files, func(a, b sourceFile) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(files, func(a, b sourceFile) bool {
		return a.Name == b.Name && a.SHA256 == b.SHA256
	}), nil
}

// upstream is a Go module with binaries, and where their source is.
type upstream struct {
	Path, Version, Dir string
	Upstream           string // address of the source
}

// Commit returns what the end of a pseudo-version names.
func (u upstream) Commit() string { return u.Version[strings.LastIndex(u.Version, "-")+1:] }

// contents is what README.txt describes.
type contents struct {
	Version, Commit string
	Kernel          *bootPackage // nil: gokrazy's
	AMD64, RPi      upstream
	Firmware        upstream
	EEPROM          upstream
	Tools           upstream
	SystemdBoot     string // Arch Linux's version
	Files           []sourceFile
	Programs        []program
	Missing         []missingSource
}

type program struct {
	bootPackage
	Sources []licensedSource
}

type licensedSource struct {
	source
	Licence string
}

type missingSource struct {
	Source source
	Files  []sourceFile
}

// SystemdTag is upstream's tag: Arch Linux adds a release of the package.
func (c contents) SystemdTag() string {
	version, _, _ := strings.Cut(c.SystemdBoot, "-")
	return "v" + version
}

// describe fills in the programs with their sources, and what is missing.
func (c *contents) describe(packages []bootPackage, built map[source][]source, missing []sourceFile) error {
	for _, p := range packages {
		if isKernel(p) {
			c.Kernel = &p
			if !slices.ContainsFunc(c.Files, func(f sourceFile) bool { return f.SHA256 == p.SHA256 }) {
				return fmt.Errorf("no file has the SHA-256 of the kernel's source, %s; delete the folder, and run make sources",
					p.SHA256)
			}
			continue
		}
		sources := built[source{p.Name, p.Version}]
		if sources == nil {
			return fmt.Errorf("the source of %s %s is not known; run make sources", p.Name, p.Version)
		}
		described := program{bootPackage: p}
		for _, s := range sources {
			if licences[s.Name] == "" {
				return fmt.Errorf("the licence of the source %s is not known; add it to licences in tools/release/sources.go",
					s.Name)
			}
			if !slices.ContainsFunc(c.Files, func(f sourceFile) bool { return f.source == s }) {
				return fmt.Errorf("the files of the source %s %s are not known; run make sources", s.Name, s.Version)
			}
			described.Sources = append(described.Sources, licensedSource{s, licences[s.Name]})
		}
		c.Programs = append(c.Programs, described)
	}
	of := map[source][]sourceFile{}
	for _, f := range missing {
		of[f.source] = append(of[f.source], f)
	}
	for _, s := range slices.SortedFunc(maps.Keys(of), func(a, b source) int { return cmp.Compare(a.Name, b.Name) }) {
		c.Missing = append(c.Missing, missingSource{s, of[s]})
	}
	return nil
}

// readme returns README.txt.
func (c contents) readme() ([]byte, error) {
	title := func(s string) string { return s + "\n" + strings.Repeat("=", len(s)) }
	t, err := template.New("README.txt").Funcs(template.FuncMap{"title": title}).Parse(sourcesTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, c)
	return b.Bytes(), err
}

// findModule returns a module in the version that the module in a folder requires.
func findModule(in, module string) (upstream, error) {
	cmd := exec.Command("go", "-C", in, "mod", "download", "-json", module)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	b, err := cmd.Output()
	if err != nil {
		return upstream{}, fmt.Errorf("%v: %w\n%s", cmd, err, b)
	}
	var u upstream
	if err := json.Unmarshal(b, &u); err != nil {
		return upstream{}, fmt.Errorf("%v: %w", cmd, err)
	}
	if url, err := os.ReadFile(filepath.Join(u.Dir, "_build", "upstream-url.txt")); err == nil {
		u.Upstream = strings.TrimSpace(string(url))
	}
	return u, nil
}

// findModules looks up all modules that have binaries.
func (c *contents) findModules() error {
	for _, m := range []struct {
		to       *upstream
		in, name string
	}{
		{&c.AMD64, "gokrazy/builddir", "kernel.amd64"},
		{&c.RPi, "gokrazy/builddir", "kernel.rpi"},
		{&c.Firmware, "gokrazy/builddir", "firmware"},
		{&c.EEPROM, "gokrazy/builddir", "rpi-eeprom"},
		{&c.Tools, "tools", "tools"},
	} {
		var err error
		if *m.to, err = findModule(m.in, "github.com/gokrazy/"+m.name); err != nil {
			return err
		}
	}
	if c.AMD64.Upstream == "" || c.RPi.Upstream == "" {
		return fmt.Errorf("%s or %s has no _build/upstream-url.txt: find out where its source is", c.AMD64.Dir, c.RPi.Dir)
	}
	const prefix = "systemd-"
	dirs, err := filepath.Glob(filepath.Join(c.Tools.Dir, "third_party", prefix+"*"))
	if err != nil || len(dirs) != 1 {
		return fmt.Errorf("%s has %d folders third_party/%s*, not 1: find out which systemd-boot it has",
			c.Tools.Dir, len(dirs), prefix)
	}
	c.SystemdBoot = strings.TrimPrefix(filepath.Base(dirs[0]), prefix)
	return nil
}

// writeSources writes the file with the sources that sources.sh has downloaded into a
// folder. The current folder is the project's.
func writeSources(version, at, commit, folder, out string) error {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return err
	}
	boot, err := readBootPrograms()
	if err != nil {
		return err
	}
	packages := withPrograms(boot)
	built, files, err := readDownloads(folder, packages)
	if err != nil {
		return err
	}
	paths, missing, err := findFiles(folder, files)
	if err != nil {
		return err
	}
	c := contents{Version: version, Commit: commit, Files: files}
	if err := c.describe(packages, built, missing); err != nil {
		return err
	}
	if err := c.findModules(); err != nil {
		return err
	}
	if err := c.addScripts(paths); err != nil {
		return err
	}
	text, err := c.readme()
	if err != nil {
		return err
	}
	return tarSources(out, sourcesName(version), t, text, paths)
}

// readDownloads reads what sources.sh says about the files in a folder, and verifies
// that they are the sources of the packages.
func readDownloads(folder string, packages []bootPackage) (map[source][]source, []sourceFile, error) {
	list, err := os.ReadFile(filepath.Join(folder, "packages.txt"))
	if err != nil || string(list) != listPackages(packages) {
		return nil, nil, fmt.Errorf("%s does not have the sources of these boot programs and this kernel; run make sources",
			folder)
	}
	control, err := os.ReadFile(filepath.Join(folder, "control.txt"))
	if err != nil {
		return nil, nil, err
	}
	built, err := builtFrom(string(control))
	if err != nil {
		return nil, nil, err
	}
	list, err = os.ReadFile(filepath.Join(folder, "files.txt"))
	if err != nil {
		return nil, nil, err
	}
	files, err := parseSourceFiles(string(list))
	return built, files, err
}

// findFiles returns where files are, by their names in the release's file, and which
// are missing.
func findFiles(folder string, files []sourceFile) (paths map[string]string, missing []sourceFile, err error) {
	paths = map[string]string{}
	for _, f := range files {
		name := filepath.Join(folder, "debian", f.Name)
		got, err := measure(name)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, f)
			continue
		}
		if err == nil && got != (file{f.Size, f.SHA256}) {
			err = fmt.Errorf("it has %d bytes and the SHA-256 %s, and Debian's has %d and %s",
				got.size, got.sha256, f.Size, f.SHA256)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w; delete it, and run make sources", name, err)
		}
		paths["debian/"+f.Name] = name
	}
	return paths, missing, nil
}

// addScripts adds what configures and builds the kernels.
func (c *contents) addScripts(paths map[string]string) error {
	if c.Kernel != nil {
		for _, name := range []string{"build.sh", "check-config.sh", "config.addendum.txt"} {
			paths["kernel/"+name] = filepath.Join("gokrazy/kernel", name)
		}
		paths["kernel/config"] = "build/kernel/config"
	}
	for _, u := range []upstream{c.AMD64, c.RPi} {
		scripts, err := filepath.Glob(filepath.Join(u.Dir, "_build", "*"))
		if err != nil {
			return err
		}
		for _, script := range scripts {
			paths[path.Base(u.Path)+"/"+filepath.Base(script)] = script
		}
	}
	return nil
}

// tarSources writes the files below a folder, in the order of their names.
func tarSources(out, folder string, at time.Time, text []byte, paths map[string]string) error {
	entries := []entry{{folder + "/README.txt", int64(len(text)), bytes.NewReader(text)}}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		f, err := os.Open(paths[name])
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		entries = append(entries, entry{folder + "/" + name, info.Size(), f})
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := writeTar(f, at, entries); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
