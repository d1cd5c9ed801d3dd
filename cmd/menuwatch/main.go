// Menuwatch reads pxebox.toml and publishes what pxed serves.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/resolve"
	"github.com/pxebox/pxebox/internal/control/wdsprobe"
)

func main() {
	config := flag.String("config", "/perm/pxebox/pxebox.toml", "the configuration `file`")
	boot := flag.String("boot", "/perm/pxebox/boot", "the `folder` with the site's boot files")
	stick := flag.String("stick", "/run/pxebox/usb", "the `folder` where a medium with more boot files is mounted")
	run := flag.String("run", "/run/pxebox", "the `folder` to publish the generation in")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "menuwatch: unknown argument %q; menuwatch -help lists the flags\n", flag.Arg(0))
		os.Exit(1)
	}
	w := &menuwatch.Watcher{
		ConfigFile: *config,
		BootDir:    *boot,
		StickDir:   *stick,
		RunDir:     *run,
		Lookup:     resolve.Lookup,
		Probe:      new(wdsprobe.Prober).Ask,
		Own:        menuwatch.OwnAddresses,
		Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	// SIGTERM is not handled: the files on disk are complete at any time, and
	// exit status 0 would tell gokrazy not to restart the program.
	if err := w.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // nor 125, which gokrazy treats like 0
	}
}
