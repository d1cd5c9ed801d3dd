// Pxebox is the tool of a person who runs a box: it checks and shows settings,
// makes them of a PXELINUX server, and sends settings, boot files and updates.
package main

import (
	"os"

	"github.com/pxebox/pxebox/internal/tool/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
