// Bench-http compares pxed's HTTP server with nginx, and writes a table in
// Markdown to its standard output and into a page of documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
	"github.com/pxebox/pxebox/peers/httpbench"
)

func main() {
	bin := flag.String("bin", "build/bin", "the `folder` of our programs")
	peers := flag.String("peers", "build/peers", "the `folder` of unpacked Debian packages")
	runs := flag.Int("runs", 5, "how often each case is run; the median counts")
	length := flag.Duration("time", 2*time.Second, "how long each run is, in whole seconds")
	page := flag.String("write", "", "the `page` to write into")
	flag.Parse()
	if err := run(*bin, *peers, *runs, *length, *page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(bin, peers string, runs int, length time.Duration, page string) error {
	if runs < 1 || length < time.Second {
		return errors.New("nothing to measure")
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	congestion, err := httpbench.Congestion()
	if err != nil {
		return err
	}
	results, err := httpbench.Measure(context.Background(), bin, peers, runs, length, os.Stderr)
	if err != nil {
		return err
	}
	text := httpbench.Section(machine, httpbench.Nginx(peers), congestion, runs, length, results)
	if page != "" {
		err = report.Write(page, "bench-http", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
