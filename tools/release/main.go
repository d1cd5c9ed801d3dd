// Release makes the parts of a release that no other program makes: keys and
// signatures in minisign's format, virtual disks without random identifiers, the
// OVA, the list for Raspberry Pi Imager, the file with the sources, and the SBOM.
// packaging/release/build.sh and sources.sh call it.
//
// It reads no clock and no random numbers, except to make a key.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// command is one of the program's commands.
type command struct {
	name, args string
	run        func(args []string) error
}

var commands = []command{
	{"key", "FILE", func(a []string) error { return makeKey(a[0], os.Getenv("MINISIGN_PASSWORD")) }},
	{"public", "FILE", func(a []string) error { return printPublic(os.Stdout, a[0], os.Getenv("MINISIGN_PASSWORD")) }},
	{"sign", "KEY FILE COMMENT", func(a []string) error {
		return signFile(a[0], os.Getenv("MINISIGN_PASSWORD"), a[1], a[2])
	}},
	{"identify", "VERSION DISK", func(a []string) error { return identify(a[0], a[1]) }},
	{"ova", "VERSION TIME VMDK OVA", func(a []string) error { return makeOVA(a[0], a[1], a[2], a[3]) }},
	{"imager", "VERSION TIME URL IMAGE COMPRESSED", func(a []string) error {
		return writeImager(os.Stdout, a[0], a[1], a[2], a[3], a[4])
	}},
	{"packages", "", func([]string) error { return printPackages(os.Stdout) }},
	{"built-from", "CONTROL", func(a []string) error { return printBuiltFrom(os.Stdout, a[0]) }},
	{"sources", "VERSION TIME COMMIT FOLDER TAR", func(a []string) error {
		return writeSources(a[0], a[1], a[2], a[3], a[4])
	}},
	{"sbom", "VERSION TIME", func(a []string) error { return writeSBOM(os.Stdout, a[0], a[1]) }},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var usage []string
	for _, c := range commands {
		if len(args) == 1+len(strings.Fields(c.args)) && args[0] == c.name {
			return c.run(args[1:])
		}
		usage = append(usage, "\n  release "+c.name+" "+c.args)
	}
	return errors.New("usage:" + strings.Join(usage, ""))
}
