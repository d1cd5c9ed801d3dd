package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/e2e/secureboot"
	image "github.com/pxebox/pxebox/internal/secureboot"
)

// real returns the files that make assets has fetched, and their manifest. The
// tests each change one thing in them.
func real(t *testing.T) (map[string][]byte, manifest.Manifest) {
	t.Helper()
	files, err := read(func(p pkg) string { return filepath.Join("..", p.dir) })
	if err != nil {
		t.Fatalf("run make assets first: %v", err)
	}
	b, err := os.ReadFile(filepath.Join("..", manifest.Name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return files, m
}

// archive is a Debian archive that a test makes: the folder with its packages.
// The folder is empty for an archive that cannot be reached.
type archive struct{ debs string }

func newArchive(t *testing.T, files map[string][]byte, versions map[string]string) archive {
	t.Helper()
	a := archive{t.TempDir()}
	for _, p := range packages {
		buildDeb(t, filepath.Join(a.debs, p.name+".deb"), p, files, versions[p.name])
	}
	return a
}

// tree is a copy of the folder assets, as far as fetch uses it.
type tree struct {
	t    *testing.T
	dir  string
	said []string
}

func newTree(t *testing.T) *tree {
	t.Helper()
	tr := &tree{t: t, dir: t.TempDir()}
	for _, name := range []string{"tested.txt", "unpack.sh", "apt.sh"} {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(tr.dir, name), b, 0o755)
	}
	return tr
}

// fetch runs fetch in the tree. A script replaces apt-get and hands out
// packages that dpkg-deb made from the archive's files. TestUnsignedArchive
// tests what apt itself verifies.
func (tr *tree) fetch(a archive, refresh bool) error {
	tr.t.Helper()
	bin := tr.t.TempDir()
	script := "#!/bin/sh\necho 'E: no network' >&2\nexit 100\n"
	if a.debs != "" {
		script = "#!/bin/sh\n" +
			"case \" $* \" in\n" +
			"*' indextargets '*) echo http://mirror.example/debian/; exit;;\n" +
			"*' update '*) exit;;\n" +
			"esac\n" +
			"found=\nfor word; do\n  [ -z \"$found\" ] || cp \"" + a.debs +
			"/$word.deb\" .\n  [ \"$word\" != download ] || found=1\ndone\n"
	}
	write(tr.t, filepath.Join(bin, "apt-get"), []byte(script), 0o755)
	tr.t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	tr.said = nil
	return set{tr.dir, func(line string) { tr.said = append(tr.said, line) }}.fetch(refresh)
}

// files returns all files in the tree except those that it started with, by
// their path.
func (tr *tree) files() map[string]string {
	tr.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(tr.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && !strings.Contains(name, ".fetch") || d.Name() == "tested.txt" ||
			filepath.Ext(name) == ".sh" {
			return err
		}
		b, _ := os.ReadFile(name)
		rel, _ := filepath.Rel(tr.dir, name)
		files[rel] = string(b)
		return nil
	})
	if err != nil {
		tr.t.Fatal(err)
	}
	return files
}

func buildDeb(t *testing.T, deb string, p pkg, files map[string][]byte, version string) {
	t.Helper()
	root := t.TempDir()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\n"+
		"Description: test\n",
		p.name, version)
	write(t, filepath.Join(root, "DEBIAN/control"), []byte(control), 0o644)
	for _, name := range p.files {
		if b, ok := files[p.path(name)]; ok {
			write(t, filepath.Join(root, name), b, 0o644)
		}
	}
	out, err := exec.Command("dpkg-deb", "-Znone", "--build", "--root-owner-group", root, deb).CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
}

func write(t *testing.T, name string, content []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, mode); err != nil {
		t.Fatal(err)
	}
}

func TestFetch(t *testing.T) {
	files, m := real(t)
	good := newArchive(t, files, versions(m))
	tr := newTree(t)
	if err := tr.fetch(good, false); err != nil {
		t.Fatalf("from an empty tree: %v", err)
	}
	whole := tr.files()
	for name, b := range files {
		if whole[name] != string(b) {
			t.Errorf("%s is not the package's", name)
		}
	}
	got, err := manifest.Decode([]byte(whole[manifest.Name]))
	if err != nil || len(got.Files) != len(files) || got.Package("pxelinux").Version != m.Package("pxelinux").Version {
		t.Errorf("the manifest is %+v, %v", got, err)
	}

	with := func(version string) map[string]string {
		changed := versions(m)
		changed["grub-efi-amd64-signed"] = version
		return changed
	}
	down := archive{}
	other := newArchive(t, files, with("1+99"))
	older := newArchive(t, files, with("1+2.06"))
	files["grub/"+grubFile] = flip(files["grub/"+grubFile])
	refused := newArchive(t, files, with("1+99"))

	// Each step continues with the tree that the steps before it left.
	for _, step := range []struct {
		situation string
		change    func()
		from      archive
		refresh   bool
		fails     string
		says      string
	}{
		{situation: "verified programs are there, no network", from: down},
		{
			situation: "the archive has a newer GRUB, without -refresh",
			from:      other,
		},
		{
			situation: "a newer GRUB is asked for",
			from:      other, refresh: true,
			says: "GRUB: grub-efi-amd64-signed 1+99 is newer than the tested " +
				m.Package("grub-efi-amd64-signed").Version,
		},
		{
			situation: "the newer one is there, no network", from: down,
			says: "is newer than the tested",
		},
		{
			situation: "an older GRUB is asked for", from: older, refresh: true,
			says: "GRUB: grub-efi-amd64-signed 1+2.06 is older than the tested",
		},
		{
			situation: "the current one is refused, the one before stays",
			from:      refused, refresh: true,
			fails: "the file was changed",
		},
		{situation: "what is there is good", from: down, says: "1+2.06 is older than the tested"},
		{
			situation: "a file was changed, no network",
			change:    func() { write(t, filepath.Join(tr.dir, "grub", grubFile), []byte("other"), 0o644) },
			from:      down,
			fails:     "unpack.sh",
		},
		{situation: "a file was changed", from: good},
		{
			situation: "the program ended before it wrote the manifest",
			change:    func() { os.Remove(filepath.Join(tr.dir, manifest.Name)) },
			from:      good,
		},
		{
			situation: "another release is to be taken, no network",
			change: func() {
				b, _ := os.ReadFile(filepath.Join(tr.dir, "tested.txt"))
				write(t, filepath.Join(tr.dir, "tested.txt"),
					bytes.ReplaceAll(b, []byte("bookworm"), []byte("trixie  ")), 0o644)
			},
			from:  down,
			fails: "unpack.sh",
		},
		{situation: "another release is to be taken", from: good},
	} {
		if step.change != nil {
			step.change()
		}
		before := tr.files()
		err := tr.fetch(step.from, step.refresh)
		if step.fails == "" && err != nil || step.fails != "" && (err == nil ||
			!strings.Contains(err.Error(), step.fails)) {
			t.Errorf("%s: %v, want %q\n%s", step.situation, err, step.fails, strings.Join(tr.said, "\n"))
		}
		if step.fails != "" && !maps.Equal(before, tr.files()) {
			t.Errorf("%s: it changed files", step.situation)
		}
		if said := strings.Join(tr.said, "\n"); !strings.Contains(said, step.says) ||
			step.says == "" && strings.Contains(said, "tested") {
			t.Errorf("%s: it says %q, want %q", step.situation, said, step.says)
		}
	}
}

// flip changes one bit in the middle of a program.
func flip(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// unsigned returns a program without its certificate table.
func unsigned(t *testing.T, b []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "program")
	write(t, name, b, 0o644)
	for range 2 { // shim has two signatures
		if out, err := exec.Command("sbattach", "--remove", name).CombinedOutput(); err != nil {
			t.Fatalf("sbattach: %v: run make deps\n%s", err, out)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := image.Parse(b); err != nil {
			t.Fatal(err)
		} else if s, err := i.Signatures(); err == nil && len(s) == 0 {
			return b
		}
	}
	t.Fatal("sbattach leaves signatures")
	return nil
}

func TestCheck(t *testing.T) {
	files, m := real(t)
	shim, grub := files["grub/"+shimFile], files["grub/"+grubFile]
	sign := func(name string, program []byte) []byte {
		key, err := secureboot.NewKey(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := key.Sign(unsigned(t, program))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// trusted is signed by an authority that this test counts among
	// Microsoft's.
	key, err := secureboot.NewKey("trusted")
	if err != nil {
		t.Fatal(err)
	}
	authorities[image.FingerprintOf(key.Certificate())] = "trusted"
	t.Cleanup(func() { delete(authorities, image.FingerprintOf(key.Certificate())) })
	trusted := func(program []byte) []byte {
		b, err := key.Sign(unsigned(t, program))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	replaced := func(b []byte, old, new string) []byte {
		if len(old) != len(new) || bytes.Count(b, []byte(old)) == 0 {
			t.Fatalf("%q for %q does not change the file in place", new, old)
		}
		return bytes.ReplaceAll(b, []byte(old), []byte(new))
	}

	for _, test := range []struct {
		situation string
		files     map[string][]byte // nil content: the file is empty
		packages  func(p *manifest.Package)
		want      []string // all in one problem, the only one
	}{
		{situation: "as Debian ships them"},
		{
			situation: "a shim by an authority that counts",
			files:     map[string][]byte{"grub/" + shimFile: trusted(shim)},
		},
		{
			situation: "a GRUB with its signature cut off",
			files:     map[string][]byte{"grub/" + grubFile: unsigned(t, grub)},
			want:      []string{grubFile, "it has no signature", "make assets REFRESH=1"},
		},
		{
			situation: "a GRUB that was cut off in its certificate table",
			files:     map[string][]byte{"grub/" + grubFile: grub[:len(grub)-100]},
			want:      []string{grubFile, "its certificate table spans", "make assets REFRESH=1"},
		},
		{
			situation: "a GRUB with bytes behind its certificate table",
			files:     map[string][]byte{"grub/" + grubFile: append(slices.Clone(grub), 0, 0, 0, 0, 0, 0, 0, 0)},
			want:      []string{grubFile, "its certificate table spans"},
		},
		{
			situation: "a GRUB with one bit changed",
			files:     map[string][]byte{"grub/" + grubFile: flip(grub)},
			want:      []string{grubFile, "the file was changed", "make assets REFRESH=1"},
		},
		{
			situation: "a shim by a certificate that bears Microsoft's name",
			files:     map[string][]byte{"grub/" + shimFile: sign("Microsoft Corporation UEFI CA 2011", shim)},
			want: []string{shimFile, "not issued by a Microsoft authority", "48e99b99",
				`"Microsoft Corporation UEFI CA 2011"`, "assets/tested.txt"},
		},
		{
			situation: "a GRUB by a certificate that bears Debian's name",
			files:     map[string][]byte{"grub/" + grubFile: sign("Debian Secure Boot CA", grub)},
			want:      []string{grubFile, `its signer "Debian Secure Boot CA" has no certificate from`, "one release"},
		},
		{
			situation: "a shim whose level revokes this GRUB",
			files:     map[string][]byte{"grub/" + shimFile: trusted(replaced(shim, "grub,5\n", "grub,9\n"))},
			want: []string{grubFile, "its SBAT generation is grub,7",
				"revokes generations below grub,9", "one release"},
		},
		{
			situation: "a shim that its own level revokes",
			files: map[string][]byte{"grub/" +
				shimFile: trusted(replaced(shim, "2025051000\nshim,4\n", "2025051000\nshim,7\n"))},
			want: []string{shimFile, "its SBAT generation is shim,4", "below shim,7"},
		},
		{
			situation: "an empty file for GRUB",
			files:     map[string][]byte{"grub/" + grubFile: nil},
			want:      []string{grubFile, "not a PE image"},
		},
		{
			situation: "another shim, which revokes nothing, for GRUB",
			files:     map[string][]byte{"grub/" + grubFile: shim},
			want: []string{grubFile,
				`"Microsoft Windows UEFI Driver Publisher" has no certificate from "Debian Secure Boot CA"`},
		},
		{
			situation: "GRUB in place of shim",
			files:     map[string][]byte{"grub/" + shimFile: trusted(grub)},
			want:      []string{shimFile, "no .sbatlevel section"},
		},
		{
			situation: "PXELINUX and its modules of two packages",
			packages: func(p *manifest.Package) {
				if p.Name == "syslinux-common" {
					p.Version = "3:6.04-4"
				}
			},
			want: []string{pxelinuxFile, "its modules are of version 3:6.04-4",
				"one release for pxelinux and syslinux-common"},
		},
		{
			situation: "a memdisk of another build",
			files: map[string][]byte{
				"syslinux/" + memdiskFile: replaced(files["syslinux/"+memdiskFile], "MEMDISK 6.04 ", "MEMDISK 6.03 "),
			},
			want: []string{memdiskFile, "it is 6.03, built", "is 6.04, built"},
		},
		{
			situation: "something else in the place of PXELINUX",
			files:     map[string][]byte{"syslinux/" + lpxelinuxFile: []byte("other")},
			want:      []string{lpxelinuxFile, "does not contain its version"},
		},
		{
			situation: "an empty licence text",
			files:     map[string][]byte{"grub/" + license("shim-signed"): nil},
			want:      []string{license("shim-signed"), "the licence text of shim-signed is empty"},
		},
	} {
		t.Run(test.situation, func(t *testing.T) {
			given := maps.Clone(files)
			maps.Copy(given, test.files)
			from := slices.Clone(m.Packages)
			for i := range from {
				if test.packages != nil {
					test.packages(&from[i])
				}
			}
			_, err := check(given, from)
			if len(test.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			problems := strings.Split(err.Error(), "\n")
			found := slices.ContainsFunc(problems, func(p string) bool {
				return !slices.ContainsFunc(test.want, func(w string) bool { return !strings.Contains(p, w) })
			})
			if !found {
				t.Errorf("%v\nwant a problem with %q", err, test.want)
			}
		})
	}
}

// A module's name is part of the signed content, so a GRUB that lacks a module
// causes a second problem here.
func TestGRUBLacksAModule(t *testing.T) {
	files, m := real(t)
	grub, err := image.Parse(files["grub/"+grubFile])
	if err != nil {
		t.Fatal(err)
	}
	names, err := grub.GRUBModules()
	if err != nil || len(names) < 50 || !slices.Contains(names, "tftp") {
		t.Fatalf("modules %q, %v", names, err)
	}
	key, err := secureboot.NewKey("other")
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(files["grub/"+grubFile], []byte("\x00password_pbkdf2\x00"),
		[]byte("\x00password_pbkdf3\x00"))
	if files["grub/"+grubFile], err = key.Sign(unsigned(t, changed)); err != nil {
		t.Fatal(err)
	}
	if _, err = check(files, m.Packages); err == nil ||
		!strings.Contains(err.Error(), "it does not have the module password_pbkdf2,") {
		t.Errorf("got %v", err)
	}
}

// TestUnsignedArchive runs the real apt on an archive without a signature.
func TestUnsignedArchive(t *testing.T) {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		t.Fatal("apt-get is needed: ", err)
	}
	repository := filepath.Join(t.TempDir(), "debian")
	for _, suite := range []string{"trixie", "trixie-updates"} {
		write(t, filepath.Join(repository, "dists", suite, "Release"),
			[]byte("Suite: "+suite+"\nCodename: "+suite+"\n"), 0o644)
	}
	bin := t.TempDir()
	script := "#!/bin/sh\ncase \" $* \" in *' indextargets '*) echo file:" + repository + "/; exit;; esac\nexec " +
		apt + " \"$@\"\n"
	write(t, filepath.Join(bin, "apt-get"), []byte(script), 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out, err := exec.Command("../unpack.sh", "-r", "trixie", t.TempDir(), "shim-signed").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is not signed") {
		t.Errorf("unpack.sh: %v\n%s", err, out)
	}
}

func TestTestedList(t *testing.T) {
	b, err := os.ReadFile("../tested.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := readTested("tested.txt", b)
	if err != nil {
		t.Fatal(err)
	}
	changed := replaceTested(b, map[string]string{"pxelinux": "9-9"})
	again, err := readTested("tested.txt", changed)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range list {
		if l.Package == "pxelinux" {
			l.Version = "9-9"
		}
		if again[i] != l {
			t.Errorf("got %v, want %v", again[i], l)
		}
	}
	if want := bytes.Count(b, []byte("\n")); bytes.Count(changed, []byte("\n")) != want {
		t.Error("other lines changed")
	}
	for _, test := range []struct{ situation, file, want string }{
		{situation: "a line with two words", file: "a b\n",
			want: "tested.txt:1: the line has 2 words; write package, release and tested version"},
		{situation: "a package is missing", file: strings.ReplaceAll(string(b), "pxelinux  ", "#pxelinux "),
			want: "no line for the package pxelinux"},
	} {
		if _, err := readTested("tested.txt", []byte(test.file)); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.situation, err, test.want)
		}
	}
}
