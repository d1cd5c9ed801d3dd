// Pxebox is the command-line tool for a box's owner: it checks and previews
// settings, converts a PXELINUX server's configuration, and sends settings, boot
// files and updates to the box.
package main

import (
	"os"

	"github.com/pxebox/pxebox/internal/tool/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
