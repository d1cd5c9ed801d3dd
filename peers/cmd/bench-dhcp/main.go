// Bench-dhcp compares DHCP servers, pxed among them, and writes a table in
// Markdown on its standard output, and into a page of documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/pxebox/pxebox/peers/dhcpbench"
	"github.com/pxebox/pxebox/peers/report"
)

func main() {
	bin := flag.String("bin", "build/bin", "the `folder` of our programs")
	only := flag.String("server", "", "measure only servers whose name begins with this `text`")
	page := flag.String("write", "", "the `page` to write into")
	flag.Parse()
	if err := bench(*bin, *only, *page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(bin, only, page string) error {
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	var results []dhcpbench.Result
	for _, s := range dhcpbench.Servers(bin) {
		if !strings.HasPrefix(s.Name, only) {
			continue
		}
		r, err := dhcpbench.Measure(context.Background(), s, os.Stderr)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return errors.New("nothing to measure")
	}
	text := dhcpbench.Section(machine, results)
	if page != "" {
		err = report.Write(page, "bench-dhcp", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
