// Bench-http compares pxed's HTTP server with nginx and with net/http alone, and
// writes a table in Markdown to its standard output and into a page of
// documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/test/report"
	"github.com/pxebox/pxebox/peers/httpbench"
)

func main() {
	p := httpbench.Programs{}
	flag.StringVar(&p.Bin, "bin", "build/bin", "the `folder` of our programs")
	flag.StringVar(&p.Peers, "peers", "build/peers", "the `folder` of unpacked Debian packages")
	runs := flag.Int("runs", 3, "how often each case is run; the median counts")
	length := flag.Duration("time", 2*time.Second, "how long each run is, in whole seconds")
	cores := flag.String("cores", "0", "the `numbers` of cores to hold the servers to, such as 1,2; 0 means all")
	only := flag.String("case", "", "measure only cases whose name begins with this `text`")
	page := flag.String("write", "", "the `page` to write into")
	serve := flag.String("serve", "",
		"serve this `folder` by net/http, and do nothing else: the benchmark starts itself so")
	flag.Parse()
	err := func() error {
		if *serve != "" {
			return httpbench.Plain(*serve)
		}
		var err error
		if p.Plain, err = os.Executable(); err != nil {
			return err
		}
		return run(p, *only, *cores, *runs, *length, *page)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(p httpbench.Programs, only, cores string, runs int, length time.Duration, page string) error {
	var cases []httpbench.Case
	for _, c := range httpbench.Cases {
		if strings.HasPrefix(c.Name, only) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 || runs < 1 || length < time.Second {
		return errors.New("nothing to measure")
	}
	counts, err := report.ParseCores(cores)
	if err != nil {
		return err
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	congestion, err := httpbench.Congestion()
	if err != nil {
		return err
	}
	text := "## HTTP\n"
	for _, n := range counts {
		results, err := httpbench.Measure(context.Background(), p, cases, n, runs, length, os.Stderr)
		if err != nil {
			return err
		}
		text += "\n" + report.OnCores(n) + ":\n\n" + httpbench.Table(httpbench.Names(p), cases, results)
	}
	text += httpbench.Notes(machine, congestion, runs, length)
	if page != "" {
		err = report.Write(page, "bench-http", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
