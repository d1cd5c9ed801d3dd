// Menuwatch reads pxebox.toml and publishes what pxed serves. It also serves the
// owner's page, if it is told where.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/pxebox/pxebox/internal/base/version"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/page"
	"github.com/pxebox/pxebox/internal/control/resolve"
	"github.com/pxebox/pxebox/internal/control/tftpread"
	"github.com/pxebox/pxebox/internal/control/wdsprobe"
)

// memoryLimit is the memory that the garbage collector keeps a process with a page
// to, in bytes. A full history and the pages need some 35 MiB, and the program's
// own file adds 14 MiB to what the kernel counts.
const memoryLimit = 44 << 20

// gcPercent makes the garbage collector run less often than by default, which
// costs memory that memoryLimit bounds: the processor is pxed's.
const gcPercent = 300

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	w := &menuwatch.Watcher{
		Lookup: resolve.Lookup, Probe: new(wdsprobe.Prober).Ask, Read: tftpread.Program,
		Own: menuwatch.OwnAddresses, Log: log,
	}
	p := &page.Server{Log: log}
	flag.StringVar(&w.ConfigFile, "config", "/perm/pxebox/pxebox.toml", "the configuration `file`")
	flag.StringVar(&w.BootDir, "boot", "/perm/pxebox/boot", "the `folder` with the site's boot files")
	flag.StringVar(&w.StickDir, "stick", "/run/pxebox/usb",
		"the `folder` where a medium with more boot files is mounted")
	flag.StringVar(&w.RunDir, "run", "/run/pxebox", "the `folder` to publish the generation in")
	flag.StringVar(&w.CacheDir, "cache", "/perm/pxebox/cache",
		"the `folder` for what is taken out of a boot.wim, created if needed; pxed has to read it")
	flag.StringVar(&p.Address, "page", "",
		"the `address` to serve the page at over HTTPS, such as :443; empty for no page")
	flag.StringVar(&p.Password, "password", "", "the `file` with the page's password, which has at least 12 characters")
	flag.StringVar(&p.First, "first-password", "",
		"the `file` with the password that the box has generated, for when there is no other")
	flag.StringVar(&p.Keys, "keys", "/perm/pxebox/keys",
		"the `folder` with the page's certificate, https.pem, created if missing")
	flag.StringVar(&p.Appliance.Socket, "appliance", "", "the `socket` of the program appliance, on the box")
	names := flag.String("names", "", "more host `names` by which a browser may open the page, separated by commas")
	printIt := flag.Bool("version", false, "print the version, and exit")
	flag.Parse()
	if *printIt {
		fmt.Println("menuwatch", version.String(), runtime.Version())
		return
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "menuwatch: unknown argument %q; menuwatch -help lists the flags\n", flag.Arg(0))
		os.Exit(1)
	}
	log.Info("menuwatch starts", "version", version.String())
	ctx := context.Background()
	store := boots.New(boots.DefaultLimits)
	w.KeepPorts = p.Appliance.Socket != ""
	box := &mdnsName{} // it has no name without a page
	if p.Address != "" {
		debug.SetMemoryLimit(memoryLimit)
		debug.SetGCPercent(gcPercent)
		p.Names = func() []string { return append(strings.Split(*names, ","), box.Name()) }
		p.Views = views(w, store, p.Appliance)
		servePage(ctx, w, p, box, log)
	}
	logBoots(ctx, w, store, box, log)
	go store.Run(ctx, w.RunDir, log.With("part", "page"))
	// SIGTERM is not handled: the files on disk are complete at any time, and
	// exit status 0 would tell gokrazy not to restart the program.
	if err := w.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // nor 125, which gokrazy treats like 0
	}
}
