// Command child is the process of a check, or of a check that goes wrong.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/box/settings"
)

// reader turns a function into an io.Reader. CheckStdin calls it after setting
// its limits.
type reader func(p []byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func main() {
	var in io.Reader = os.Stdin
	switch os.Args[1] {
	case "hog":
		in = reader(func([]byte) (int, error) {
			var all [][]byte
			for range 1 << 10 {
				b := make([]byte, 1<<20)
				for i := range b {
					b[i] = 1
				}
				all = append(all, b)
			}
			return 0, fmt.Errorf("%d MiB fit", len(all))
		})
	case "hang":
		in = reader(func([]byte) (int, error) { time.Sleep(time.Hour); return 0, io.EOF })
	case "panic":
		in = reader(func([]byte) (int, error) { panic("a mistake of the program's") })
	case "fail":
		in = reader(func([]byte) (int, error) { return 0, errors.New("no pipe") })
	}
	if err := settings.CheckStdin(in, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
