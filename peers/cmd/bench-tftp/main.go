// Bench-tftp compares TFTP servers, including pxed, and writes a table in
// Markdown to its standard output and into a page of documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	pin "github.com/pin/tftp/v3"

	"github.com/pxebox/pxebox/internal/test/report"
	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/tftpbench"
)

func main() {
	f := tftpbench.Folders{}
	flag.StringVar(&f.Bin, "bin", "build/bin", "the `folder` of our programs")
	flag.StringVar(&f.Peers, "peers", "build/peers", "the `folder` of unpacked Debian packages")
	runs := flag.Int("runs", 5, "how often each case is run; the median counts")
	length := flag.Duration("time", time.Second, "how long each run is")
	server := flag.String("server", "", "measure only servers whose name begins with this `text`")
	only := flag.String("case", "", "measure only cases whose name begins with this `text`")
	page := flag.String("write", "", "the `page` to write into")
	serve := flag.String("serve", "",
		"serve this `folder` by pin/tftp, and do nothing else: the benchmark starts itself so")
	flag.Parse()

	err := func() error {
		if *serve != "" {
			return servePin(*serve)
		}
		var err error
		if f.Pin, err = os.Executable(); err != nil {
			return err
		}
		return bench(f, *server, *only, *runs, *length, *page)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(f tftpbench.Folders, server, only string, runs int, length time.Duration, page string) error {
	var servers []fileserver.Server
	for _, s := range tftpbench.Servers(f) {
		if strings.HasPrefix(s.Name, server) {
			servers = append(servers, s)
		}
	}
	var cases []tftpbench.Case
	for _, c := range tftpbench.Cases {
		if strings.HasPrefix(c.Name, only) {
			cases = append(cases, c)
		}
	}
	if len(servers) == 0 || len(cases) == 0 || runs < 1 {
		return errors.New("nothing to measure")
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	results, rtt, err := tftpbench.Measure(context.Background(), servers, cases, runs, length, os.Stderr)
	if err != nil {
		return err
	}
	var delayed float64
	for i, c := range cases {
		if c.Name == tftpbench.DelayedCase {
			delayed = results[i][len(servers)-1].Rate
		}
	}
	text := tftpbench.Section(machine, runs, length, rtt, delayed,
		tftpbench.Table(servers, cases, results, tftpbench.CPUCase))
	if page != "" {
		err = report.Write(page, "bench-tftp", text)
	}
	_, printed := os.Stdout.WriteString(text)
	for i, row := range results {
		if ours := row[len(row)-1]; ours.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", cases[i].Name, ours.Err))
		}
	}
	return errors.Join(err, printed)
}

// servePin is the server that a programmer would write with pin/tftp.
func servePin(folder string) error {
	return pin.NewServer(func(name string, to io.ReaderFrom) error {
		f, err := os.Open(filepath.Join(folder, filepath.Base(name)))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = to.ReadFrom(f)
		return err
	}, nil).ListenAndServe(":69")
}
