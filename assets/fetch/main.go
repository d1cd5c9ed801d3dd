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
	dir := flag.String("dir", "assets", "the `folder` with tested.txt, which gets the programs and their record")
	refresh := flag.Bool("refresh", false, "take the current versions, also where verified ones are there")
	tested := flag.Bool("tested", false, "only write the versions that are there into tested.txt")
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
