package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Debian's lists say about these packages what is in the rows.
func TestBuiltFrom(t *testing.T) {
	for _, tt := range []struct {
		situation, control string
		want               map[source][]source
	}{
		{
			situation: "a signed program: the signed package's source, and the program's",
			control:   "Package: grub-efi-amd64-signed\nVersion: 1+2.12+9+deb13u4\nBuilt-Using: grub2 (= 2.12-9+deb13u4)\n",
			want: map[source][]source{{"grub-efi-amd64-signed", "1+2.12+9+deb13u4"}: {
				{"grub-efi-amd64-signed", "1+2.12+9+deb13u4"}, {"grub2", "2.12-9+deb13u4"}}},
		},
		{
			situation: "a package whose source has another version",
			control: "Package: shim-signed\nSource: shim-signed (1.51~1+deb13u1)\n" +
				"Version: 1.51~1+deb13u1+16.1-2~deb13u1\nBuilt-Using: shim (= 16.1-2~deb13u1)\n",
			want: map[source][]source{{"shim-signed", "1.51~1+deb13u1+16.1-2~deb13u1"}: {
				{"shim-signed", "1.51~1+deb13u1"}, {"shim", "16.1-2~deb13u1"}}},
		},
		{
			situation: "two packages of a source with an epoch, from different lists",
			control: "Package: pxelinux\nSource: syslinux\nVersion: 3:6.04~git20190206.bf6db5b4+dfsg1-3\n\n" +
				"Package: syslinux-common\nSource: syslinux\nVersion: 3:6.04~git20190206.bf6db5b4+dfsg1-3\n\n",
			want: map[source][]source{
				{"pxelinux", "3:6.04~git20190206.bf6db5b4+dfsg1-3"}:        {{"syslinux", "3:6.04~git20190206.bf6db5b4+dfsg1-3"}},
				{"syslinux-common", "3:6.04~git20190206.bf6db5b4+dfsg1-3"}: {{"syslinux", "3:6.04~git20190206.bf6db5b4+dfsg1-3"}},
			},
		},
		{
			situation: "a package that was only built again",
			control:   "Package: memtest86+\nSource: memtest86+ (6.10-4)\nVersion: 6.10-4+b1\n",
			want:      map[source][]source{{"memtest86+", "6.10-4+b1"}: {{"memtest86+", "6.10-4"}}},
		},
		{
			situation: "several programs in it, over two lines, and a description with a colon",
			control: "Package: a\nVersion: 1\nDescription: short\n Note: long\n .\n" +
				"Built-Using: b (= 2:1-1),\n c (= 3)\nStatic-Built-Using: d (= 4)\n",
			want: map[source][]source{{"a", "1"}: {{"a", "1"}, {"b", "2:1-1"}, {"c", "3"}, {"d", "4"}}},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			got, err := builtFrom(tt.control)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%v, %v; want %v", got, err, tt.want)
			}
		})
	}
	for _, control := range []string{"Package: a\n", "Package: a\nVersion: 1\nBuilt-Using: b\n"} {
		if got, err := builtFrom(control); err == nil {
			t.Errorf("%q gives %v", control, got)
		}
	}
}

// What release packages prints decides what sources.sh downloads.
func TestListPackages(t *testing.T) {
	boot := bootPrograms{
		Packages: []bootPackage{
			{Name: "shim-signed", Version: "1.51", Release: "trixie"},
			{Name: "shim-unsigned", Version: "16.1", Release: "trixie"},
			{Name: "pxelinux", Version: "3:6.04", Release: "bookworm"},
			{Name: "linux-source-6.12", Version: "6.12.118-1", Release: "trixie"},
		},
		Files: []bootFile{
			{Name: "grub/usr/lib/shim/shimx64.efi.signed", Package: "shim-signed"},
			{Name: "grub/usr/share/doc/shim-signed/copyright", Package: "shim-signed"},
			{Name: "grub/usr/share/doc/shim-unsigned/copyright", Package: "shim-unsigned"},
			{Name: "syslinux/usr/lib/PXELINUX/pxelinux.0", Package: "pxelinux"},
		},
	}
	want := "deb linux-source-6.12 6.12.118-1 trixie\nsource pxelinux 3:6.04 bookworm\nsource shim-signed 1.51 trixie\n"
	if got := listPackages(withPrograms(boot)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseSourceFiles(t *testing.T) {
	sum := strings.Repeat("0f", 32)
	got, err := parseSourceFiles("grub2 2.12-9 grub2_2.12.orig.tar.xz 12 " + sum + "\n" +
		"grub2 2.12-8 grub2_2.12.orig.tar.xz 12 " + sum + "\n")
	if err != nil || len(got) != 1 || got[0].Size != 12 {
		t.Errorf("%v, %v", got, err)
	}
	for _, list := range []string{"a 1 ../a.dsc 12 " + sum, "a 1 a.dsc x " + sum, "a 1 a.dsc 12 0f", "a 1 a.dsc 12"} {
		if got, err := parseSourceFiles(list); err == nil {
			t.Errorf("%q gives %v", list, got)
		}
	}
}

// testContents is a release with GRUB, one of whose files the mirror lacks.
func testContents(t *testing.T, packages []bootPackage) (contents, error) {
	t.Helper()
	grub, signed := source{"grub2", "2.12-9+deb13u4"}, source{"grub-efi-amd64-signed", "1+2.12+9+deb13u4"}
	missing := sourceFile{grub, "grub2_2.12-9+deb13u4.dsc", 8128, strings.Repeat("cd", 32)}
	c := contents{
		Version: "1.2.0", Commit: "963af73",
		AMD64: upstream{Path: "github.com/gokrazy/kernel.amd64", Version: "v0.0.0-20260705070735-de680abf072b",
			Upstream: "https://cdn.kernel.org/linux-7.1.3.tar.xz"},
		RPi: upstream{Path: "github.com/gokrazy/kernel.rpi", Version: "v0.0.0-20251127164438-9778ec0261de",
			Upstream: "https://github.com/raspberrypi/linux/archive/refs/tags/stable_20250916.tar.gz"},
		SystemdBoot: "250.5-1",
		Files: []sourceFile{
			{signed, "grub-efi-amd64-signed_1+2.12+9+deb13u4.dsc", 1218, strings.Repeat("ab", 32)},
			missing,
			{source{"linux-source-6.12", "6.12.118-1"}, "linux-source-6.12_6.12.118-1_all.deb", 9, strings.Repeat("ef", 32)},
		},
	}
	err := c.describe(packages, map[source][]source{
		signed:                 {signed, grub},
		{"pxelinux", "3:6.04"}: {{"syslinux", "3:6.04"}},
		{"other", "1"}:         {{"other", "1"}},
	}, []sourceFile{missing})
	return c, err
}

var signedGRUB = bootPackage{Name: "grub-efi-amd64-signed", Version: "1+2.12+9+deb13u4", Release: "trixie",
	Program: "GRUB"}

func TestSourcesReadme(t *testing.T) {
	kernel := bootPackage{Name: "linux-source-6.12", Version: "6.12.118-1", Release: "trixie",
		SHA256: strings.Repeat("ef", 32)}
	for _, tt := range []struct {
		situation   string
		packages    []bootPackage
		has, hasNot []string
	}{
		{
			situation: "the kernel from make kernel",
			packages:  []bootPackage{signedGRUB, kernel},
			has: []string{
				"Sources of the programs in pxebox 1.2.0\n=======================================\n",
				"https://github.com/pxebox/pxebox, commit 963af73\n",
				"GRUB: package grub-efi-amd64-signed 1+2.12+9+deb13u4 of Debian trixie\n" +
					"    source grub-efi-amd64-signed 1+2.12+9+deb13u4, GPL 2 or later: how Debian signs it\n" +
					"    source grub2 2.12-9+deb13u4, GPL 3 or later\n",
				"Source: package linux-source-6.12 6.12.118-1 of Debian trixie, in the folder debian;\n",
				"Source: https://github.com/raspberrypi/linux/archive/refs/tags/stable_20250916.tar.gz\n",
				"https://github.com/gokrazy/kernel.rpi, commit 9778ec0261de, by",
				"https://github.com/systemd/systemd-stable, tag v250.5\n",
				"\n" + strings.Repeat("ab", 32) + "  debian/grub-efi-amd64-signed_1+2.12+9+deb13u4.dsc\n",
				"grub2 2.12-9+deb13u4: https://snapshot.debian.org/package/grub2/2.12-9+deb13u4/\n" +
					"    grub2_2.12-9+deb13u4.dsc, 8128 bytes\n",
			},
			hasNot: []string{"cdn.kernel.org", "<", "\n\n\n\n"},
		},
		{
			situation: "gokrazy's kernel",
			packages:  []bootPackage{signedGRUB},
			has: []string{
				"Source: https://cdn.kernel.org/linux-7.1.3.tar.xz\n",
				"https://github.com/gokrazy/kernel.amd64, commit de680abf072b, by",
			},
			hasNot: []string{"package linux-source", "kernel/build.sh"},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			c, err := testContents(t, tt.packages)
			if err != nil {
				t.Fatal(err)
			}
			text, err := c.readme()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.has {
				if !strings.Contains(string(text), want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			for _, not := range tt.hasNot {
				if strings.Contains(string(text), not) {
					t.Errorf("it has %q:\n%s", not, text)
				}
			}
			// The section is for releases that lack something.
			c.Missing = nil
			if text, err := c.readme(); err != nil || strings.Contains(string(text), "Not in this file") {
				t.Errorf("nothing is missing, %v:\n%s", err, text)
			}
		})
	}
}

// A release with a program whose source is unknown must not be built.
func TestUnknownSource(t *testing.T) {
	for _, tt := range []struct {
		situation string
		added     bootPackage
		want      string
	}{
		{"no such package in Debian's lists", bootPackage{Name: "ipxe", Version: "1"},
			"the source of ipxe 1 is not known; run make sources"},
		{"a source whose files are in no list", bootPackage{Name: "pxelinux", Version: "3:6.04"},
			"the files of the source syslinux 3:6.04 are not known; run make sources"},
		{"another build of the kernel's source", bootPackage{Name: "linux-source-6.12", Version: "6.12.118-1", SHA256: "0f"},
			"no file has the SHA-256 of the kernel's source, 0f; delete the folder, and run make sources"},
		{"a new program", bootPackage{Name: "other", Version: "1"},
			"the licence of the source other is not known; add it to licences in tools/release/sources.go"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if _, err := testContents(t, []bootPackage{signedGRUB, tt.added}); err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// A file that is damaged must not get into a release.
func TestFindFiles(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "debian", "a.dsc")
	if err := os.WriteFile(name, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The SHA-256 of abc is in FIPS 180-2, appendix B.1.
	files := []sourceFile{
		{Name: "a.dsc", Size: 3, SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{Name: "b.dsc", Size: 3, SHA256: strings.Repeat("0f", 32)},
	}
	paths, missing, err := findFiles(folder, files)
	if err != nil || len(paths) != 1 || paths["debian/a.dsc"] != name || !slices.Equal(missing, files[1:]) {
		t.Errorf("there is %v, missing are %v, %v", paths, missing, err)
	}
	files[0].SHA256 = strings.Repeat("0f", 32)
	_, _, err = findFiles(folder, files)
	if err == nil || !strings.Contains(err.Error(), "delete it, and run make sources") {
		t.Errorf("a damaged file: %v", err)
	}
}

// Modes and times of the files that go in change nothing.
func TestTarSources(t *testing.T) {
	at := time.Unix(1796000000, 0)
	build := func(mode os.FileMode, age time.Duration) []byte {
		dir := t.TempDir()
		paths := map[string]string{}
		for _, name := range []string{"debian/b.dsc", "kernel/build.sh", "debian/a.dsc"} {
			file := filepath.Join(dir, filepath.Base(name))
			if err := os.WriteFile(file, []byte(name), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, at.Add(age), at.Add(age)); err != nil {
				t.Fatal(err)
			}
			paths[name] = file
		}
		out := filepath.Join(dir, "out.tar")
		if err := tarSources(out, "pxebox-1.2.0-sources", at, []byte("read me"), paths); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := build(0o644, time.Hour)
	if !bytes.Equal(build(0o700, 2*time.Hour), first) {
		t.Error("other modes and times give another file")
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(first)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Mode != 0o644 || h.Uid != 0 || h.Uname != "" || !h.ModTime.Equal(at) {
			t.Errorf("%+v", h)
		}
	}
	want := []string{"pxebox-1.2.0-sources/README.txt", "pxebox-1.2.0-sources/debian/a.dsc",
		"pxebox-1.2.0-sources/debian/b.dsc", "pxebox-1.2.0-sources/kernel/build.sh"}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
