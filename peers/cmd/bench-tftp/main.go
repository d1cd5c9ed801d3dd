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
	runs := flag.Int("runs", 3, "how often each case is run; the median counts")
	length := flag.Duration("time", time.Second, "how long each run is")
	server := flag.String("server", "", "measure only servers whose name begins with this `text`")
	only := flag.String("case", "", "measure only cases whose name begins with this `text`")
	cores := flag.String("cores", "0", "the `numbers` of cores to hold the servers to, such as 1,2; 0 means all")
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
		return bench(f, *server, *only, *cores, *runs, *length, *page)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(
	f tftpbench.Folders, server, only, cores string, runs int, length time.Duration, page string,
) error {
	counts, err := report.ParseCores(cores)
	if err != nil {
		return err
	}
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
	text := "## TFTP\n"
	var failed error
	var rtt time.Duration
	var delayed float64
	for _, n := range counts {
		m, err := tftpbench.Measure(context.Background(), servers, cases, n, runs, length, os.Stderr)
		if err != nil {
			return err
		}
		text += "\n" + report.OnCores(n) + ":\n\n" + tftpbench.Table(servers, cases, m)
		rtt = m.RoundTrip
		for i, c := range cases {
			ours := m.Results[i][len(servers)-1]
			if c.Name == tftpbench.DelayedCase {
				delayed = ours.Rate
			}
			if ours.Err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", c.Name, ours.Err))
			}
		}
	}
	text += tftpbench.Notes(machine, runs, length, rtt, delayed)
	if page != "" {
		err = report.Write(page, "bench-tftp", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, failed, printed)
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
