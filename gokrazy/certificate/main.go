// Command certificate makes the certificate of the box's update page, unless
// there is one already. The build and the box share it. The command prints the
// fingerprint that a browser shows for it, and the public-key pin for curl.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"github.com/pxebox/pxebox/internal/base/access"
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
	sum := sha256.Sum256(c.Leaf.Raw)
	fingerprint := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
	fmt.Println("the page's certificate has the SHA-256 fingerprint", fingerprint)
	fmt.Println("curl takes it with --pinnedpubkey", access.Pin(c))
}
