// Command certificate makes the certificate of the box's update page, unless
// there is one already. The build and the box share it. The command prints the
// fingerprint that a browser shows for it, and the public-key pin for curl.
package main

import (
	"fmt"
	"os"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/credential"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: certificate FILE")
		os.Exit(2)
	}
	c, err := access.Certificate(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "certificate:", err)
		os.Exit(1)
	}
	fmt.Println("the update page's certificate has the SHA-256 fingerprint", credential.Fingerprint(c.Leaf))
	fmt.Println("curl takes it with --pinnedpubkey", access.Pin(c))
}
