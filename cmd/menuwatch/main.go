// Menuwatch reads pxebox.toml and publishes what pxed serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/pxebox/pxebox/internal/adopt"
	"github.com/pxebox/pxebox/internal/menuwatch"
	"github.com/pxebox/pxebox/internal/resolve"
	"github.com/pxebox/pxebox/internal/wds"
)

func main() {
	from := flag.String("adopt", "", "read the PXELINUX menus and boot files of this TFTP `directory`, write a pxebox.toml and a boot folder of them, and stop; needs -into")
	into := flag.String("into", "", "the `directory` that -adopt writes to")
	check := flag.String("check", "", "check this configuration `file` and stop; with -boot, its boot files as well")
	config := flag.String("config", "/perm/pxebox/pxebox.toml", "the configuration `file`")
	hash := flag.Bool("hash-password", false, "ask for a password, print the line of it for [menu], and stop")
	render := flag.String("render", "", "write the menus of the configuration into this `directory` and stop; with -boot, marked where boot files are missing")
	boot := flag.String("boot", "", "the `directory` of the site's boot files (default \"/perm/pxebox/boot\")")
	stick := flag.String("stick", "/run/pxebox/usb", "the `directory` of a medium with more boot files")
	run := flag.String("run", "/run/pxebox", "the `directory` that the generation is published in")
	flag.Parse()

	// SIGTERM is left to end the program: what it writes is whole at any time,
	// and an exit with 0 would tell gokrazy never to start it again.
	ctx := context.Background()
	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("menuwatch: unknown argument %q; menuwatch -help lists the flags", flag.Arg(0))
	case *from != "" && *into == "":
		err = errors.New("menuwatch: -adopt needs -into DIR, the directory to write to")
	case *from != "":
		err = adopt.Run(*from, *into, os.Stdout)
	case *hash:
		err = menuwatch.HashPassword(os.Stdin, os.Stdout, os.Stderr)
	case *check != "":
		err = menuwatch.Check(os.Stdout, *check, *boot)
	case *render != "":
		err = menuwatch.Render(ctx, *config, *boot, *render, resolve.Lookup)
	default:
		if *boot == "" {
			*boot = "/perm/pxebox/boot"
		}
		w := &menuwatch.Watcher{
			ConfigFile: *config,
			BootDir:    *boot,
			StickDir:   *stick,
			RunDir:     *run,
			Lookup:     resolve.Lookup,
			Probe:      new(wds.Prober).Ask,
			Own:        menuwatch.OwnAddresses,
			Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		err = w.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // nor 125, which means the same to gokrazy
	}
}
