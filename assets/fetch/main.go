// Command fetch extracts third-party boot programs from Debian's packages into
// assets: apt verifies the packages against Debian's signature, and check
// verifies the programs that boot machines. If all programs are present and
// verified it downloads nothing, so a tree that was built once can be rebuilt
// offline.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	dir := flag.String("dir", "assets", "the `folder` with tested.txt, in which to store the programs and their record")
	refresh := flag.Bool("refresh", false, "fetch the current versions, even if verified ones exist")
	tested := flag.Bool("tested", false, "only write the versions of the existing programs into tested.txt")
	flag.Parse()

	s := set{dir: *dir, say: func(line string) { fmt.Println(line) }}
	do := func() error { return s.fetch(*refresh) }
	if *tested {
		do = s.writeTested
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
