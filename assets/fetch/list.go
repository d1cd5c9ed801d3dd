package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// listed is a line of tested.txt.
type listed struct {
	Package, Release, Version string
}

// readTested reads tested.txt. Empty lines and lines that begin with # are for
// people.
func readTested(file string, b []byte) ([]listed, error) {
	var list []listed
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s:%d: the line has %d words; write package, release and tested version", file, n,
				len(fields))
		}
		list = append(list, listed{fields[0], fields[1], fields[2]})
	}
	for _, p := range packages {
		if !slices.ContainsFunc(list, func(l listed) bool { return l.Package == p.name }) {
			return nil, fmt.Errorf("%s: no line for the package %s", file, p.name)
		}
	}
	return list, nil
}

// replaceTested returns tested.txt with other versions, by package. Everything
// else stays as it is.
func replaceTested(b []byte, versions map[string]string) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && versions[fields[0]] != "" && !strings.HasPrefix(line, "#") {
			line = strings.TrimSuffix(strings.TrimRight(line, "\n"), fields[2]) + versions[fields[0]] + "\n"
		}
		out.WriteString(line)
	}
	return out.Bytes()
}

// untested reports each program whose version is not the tested one, and how it
// differs. newer compares two versions in Debian's order.
func untested(list []listed, versions map[string]string, newer func(a, b string) bool) []string {
	var lines []string
	said := map[string]bool{}
	for _, p := range packages {
		i := slices.IndexFunc(list, func(l listed) bool { return l.Package == p.name })
		version, tested := versions[p.name], list[i].Version
		if version == tested || said[p.program] {
			continue
		}
		said[p.program] = true
		than := "older"
		if newer(version, tested) {
			than = "newer"
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s is %s than the tested %s", p.program, p.name, version, than,
			tested))
	}
	return lines
}

// newer compares versions with dpkg, which implements Debian's order.
func newer(a, b string) bool {
	return exec.Command("dpkg", "--compare-versions", a, "gt", b).Run() == nil
}

// pkg is a package that files are taken from.
type pkg struct {
	name    string
	program string   // what people call its content
	dir     string   // below assets
	files   []string // paths in the package
}

// packages are the packages that an image needs. For each program, the first
// package carries the version that people know.
var packages = []pkg{
	{"shim-signed", "shim", "grub", []string{shimFile, license("shim-signed")}},
	{"shim-unsigned", "shim", "grub", []string{license("shim-unsigned")}},
	{"grub-efi-amd64-signed", "GRUB", "grub", []string{grubFile, license("grub-efi-amd64-signed")}},
	{"grub-common", "GRUB", "grub", []string{license("grub-common")}},
	{"pxelinux", "PXELINUX", "syslinux", []string{pxelinuxFile, lpxelinuxFile, license("pxelinux")}},
	{"syslinux-common", "PXELINUX", "syslinux", []string{
		memdiskFile,
		module("chain"), module("ldlinux"), module("libcom32"), module("libutil"), module("linux"), module("menu"),
		module("poweroff"), module("pxechn"), module("reboot"), module("vesamenu"),
		license("syslinux-common"),
	}},
}

const (
	shimFile      = "usr/lib/shim/shimx64.efi.signed"
	grubFile      = "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"
	pxelinuxFile  = "usr/lib/PXELINUX/pxelinux.0"
	lpxelinuxFile = "usr/lib/PXELINUX/lpxelinux.0"
	memdiskFile   = "usr/lib/syslinux/memdisk"
)

func module(name string) string { return "usr/lib/syslinux/modules/bios/" + name + ".c32" }

func license(name string) string { return "usr/share/doc/" + name + "/copyright" }

// path returns the path of one of the package's files, below assets.
func (p pkg) path(file string) string { return path.Join(p.dir, file) }
