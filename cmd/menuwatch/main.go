// Menuwatch reads pxebox.toml and publishes what pxed serves.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/pxebox/pxebox/internal/menuwatch"
)

func main() {
	check := flag.String("check", "", "check this configuration `file` and stop")
	config := flag.String("config", "/perm/pxebox/pxebox.toml", "the configuration `file`")
	render := flag.String("render", "", "write the menus of the configuration into this `directory` and stop")
	boot := flag.String("boot", "/perm/pxebox/boot", "the `directory` of the site's boot files")
	run := flag.String("run", "/run/pxebox", "the `directory` that the generation is published in")
	flag.Parse()

	// SIGTERM is left to end the program: what it writes is whole at any time,
	// and an exit with 0 would tell gokrazy never to start it again.
	ctx := context.Background()
	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("menuwatch: unknown argument %q; menuwatch -help lists the flags", flag.Arg(0))
	case *check != "":
		if _, err = menuwatch.Check(*check); err == nil {
			fmt.Printf("%s: OK\n", *check)
		}
	case *render != "":
		err = menuwatch.Render(ctx, *config, *render, lookup)
	default:
		w := &menuwatch.Watcher{
			ConfigFile: *config,
			BootDir:    *boot,
			RunDir:     *run,
			Lookup:     lookup,
			Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		err = w.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // nor 125, which means the same to gokrazy
	}
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
}
