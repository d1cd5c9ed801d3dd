// Bench-storm lets a room of machines boot at once through a cable of 1 Gbit/s,
// from pxed and from dnsmasq, and writes a table in Markdown to its standard
// output and into a page of documentation.
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
	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/stormbench"
)

func main() {
	s := stormbench.Storm{}
	bin := flag.String("bin", "build/bin", "the `folder` of our programs")
	only := flag.String("server", "", "measure only servers whose name begins with this `text`")
	size := flag.Int("size", 100, "the size of the file, in `MB`")
	cores := flag.String("cores", "0", "the `numbers` of cores to hold the servers to, such as 1,2; 0 means all")
	page := flag.String("write", "", "the `page` to write into")
	flag.IntVar(&s.Machines, "machines", 200, "the `number` of machines")
	flag.DurationVar(&s.Within, "within", 2*time.Second, "the `time` within which they are switched on")
	flag.DurationVar(&s.Patience, "patience", 10*time.Minute, "the `time` after which a server has failed")
	flag.Parse()
	s.Size = *size * 1e6
	if err := run(*bin, *only, *cores, s, *page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(bin, only, cores string, s stormbench.Storm, page string) error {
	counts, err := report.ParseCores(cores)
	if err != nil {
		return err
	}
	machine, err := report.Machine()
	if err != nil {
		return err
	}
	var servers []fileserver.Server
	for _, server := range stormbench.Servers(bin) {
		if strings.HasPrefix(server.Name, only) {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 || s.Machines < 1 || s.Machines > stormbench.MaxMachines || s.Size < 1 {
		return fmt.Errorf("nothing to measure: -machines must be 1 to %d, and -size 1 or more", stormbench.MaxMachines)
	}
	text := "## A storm as a whole\n"
	for _, n := range counts {
		s.Cores = n
		results, err := s.Measure(context.Background(), servers, os.Stderr)
		if err != nil {
			return err
		}
		text += "\n" + report.OnCores(n) + ":\n\n" + stormbench.Table(s, results)
	}
	text += stormbench.Notes(machine, s)
	if page != "" {
		err = report.Write(page, "bench-storm", text)
	}
	_, printed := os.Stdout.WriteString(text)
	return errors.Join(err, printed)
}
