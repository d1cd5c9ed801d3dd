// Bench-slowdisk measures how long machines wait for an address from pxed if
// its disk is slow, and writes a table in Markdown to its standard output and
// into a page of documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
	"github.com/pxebox/pxebox/peers/slowdisk"
)

func main() {
	r := slowdisk.Room{}
	bin := flag.String("bin", "build/bin", "the `folder` of our programs")
	page := flag.String("write", "", "the `page` to write into")
	flag.IntVar(&r.Machines, "machines", 500, "the `number` of machines")
	flag.DurationVar(&r.Within, "within", 10*time.Second, "the `time` within which they are switched on")
	flag.Parse()
	if err := run(*bin, r, *page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(bin string, r slowdisk.Room, page string) error {
	if r.Machines < 1 || r.Machines > slowdisk.MaxMachines {
		return fmt.Errorf("nothing to measure: -machines must be 1 to %d", slowdisk.MaxMachines)
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	results, err := r.Measure(context.Background(), bin, slowdisk.Flushes, os.Stderr)
	if err != nil {
		return err
	}
	text := slowdisk.Section(machine, r, results)
	if page != "" {
		err = report.Write(page, "bench-slowdisk", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
