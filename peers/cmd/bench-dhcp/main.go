// Bench-dhcp compares DHCP servers, including pxed, and writes a table in
// Markdown to its standard output and into a page of documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/pxebox/pxebox/internal/test/report"
	"github.com/pxebox/pxebox/peers/dhcpbench"
)

func main() {
	bin := flag.String("bin", "build/bin", "the `folder` of our programs")
	runs := flag.Int("runs", 3, "how often each server is measured; the median counts")
	only := flag.String("server", "", "measure only servers whose name begins with this `text`")
	cores := flag.String("cores", "0", "the `numbers` of cores to hold the servers to, such as 1,2; 0 means all")
	page := flag.String("write", "", "the `page` to write into")
	flag.Parse()
	if err := bench(*bin, *only, *cores, *runs, *page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(bin, only, cores string, runs int, page string) error {
	counts, err := report.ParseCores(cores)
	if err != nil {
		return err
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	var servers []dhcpbench.Server
	for _, s := range dhcpbench.Servers(bin) {
		if strings.HasPrefix(s.Name, only) {
			servers = append(servers, s)
		}
	}
	if len(servers) == 0 || runs < 1 {
		return errors.New("nothing to measure")
	}
	text := "## DHCP\n"
	for _, n := range counts {
		results, err := dhcpbench.Measure(context.Background(), servers, n, runs, os.Stderr)
		if err != nil {
			return err
		}
		text += "\n" + report.OnCores(n) + ":\n\n" + dhcpbench.Table(results)
	}
	text += dhcpbench.Notes(machine, runs)
	if page != "" {
		err = report.Write(page, "bench-dhcp", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
