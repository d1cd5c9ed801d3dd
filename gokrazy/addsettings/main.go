// Command addsettings adds the settings partition, unformatted, to an image
// that gok has built.
package main

import (
	"fmt"
	"os"

	"github.com/pxebox/pxebox/internal/box/disk"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: addsettings IMAGE")
		os.Exit(2)
	}
	if err := disk.AddSettings(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "addsettings:", err)
		os.Exit(1)
	}
}
