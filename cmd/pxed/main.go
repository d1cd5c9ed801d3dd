// Command pxed is pxebox's data plane: DHCP, proxyDHCP, TFTP and HTTP for machines
// that boot from the network.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/pxebox/pxebox/assets"
	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/version"
	"github.com/pxebox/pxebox/internal/serve/pxed"
)

func main() {
	limited := loglimit.New(slog.NewTextHandler(os.Stderr, nil))
	o := pxed.Options{Log: slog.New(limited)}
	flag.StringVar(&o.RunDir, "run", "/run/pxebox", "`folder` with the generation that menuwatch publishes")
	flag.StringVar(&o.BootDir, "boot", "/perm/pxebox/boot", "`folder` with the site's boot files")
	flag.StringVar(&o.StickDir, "stick", "/run/pxebox/usb", "`folder` where a medium with more boot files is mounted")
	flag.StringVar(&o.CacheDir, "cache", "/perm/pxebox/cache",
		"`folder` where menuwatch keeps what it takes out of a boot.wim")
	flag.StringVar(&o.DataDir, "data", "/perm/pxebox",
		"`folder` for what must survive a power cut: leases and used one-time boots")
	flag.StringVar(&o.Interface, "interface", "",
		"network `interface` to serve on (default: network.interface, or a wired one)")
	console := flag.String("console", "",
		"`file` that also receives log lines about the box's own network, such as /dev/kmsg")
	printIt := flag.Bool("version", false, "print the version and the built-in third-party boot programs, and exit")
	flag.Parse()
	if *printIt {
		printVersion()
		return
	}
	// A separate log budget, so that a flood of packets does not hide these
	// lines.
	var network io.Writer = os.Stderr
	if *console != "" {
		f, err := os.OpenFile(*console, os.O_WRONLY, 0)
		if err != nil {
			o.Log.Error("network: cannot write its log lines to the console", "err", err)
		} else {
			network = io.MultiWriter(os.Stderr, f)
		}
	}
	o.NetworkLog = slog.New(limited.Part(slog.NewTextHandler(network, nil))).With("program", "pxed")

	o.Log.Info("pxed starts", "version", version.String())
	// SIGTERM is not handled: there is nothing to flush, and exit status 0 would
	// tell gokrazy not to restart the program.
	o.Log.Error("pxed exits", "err", pxed.Run(context.Background(), o))
	os.Exit(1)
}

// printVersion prints the program's version and the versions of the boot programs
// that it includes.
func printVersion() {
	fmt.Println("pxed", version.String(), runtime.Version())
	m := assets.Manifest()
	for _, p := range m.Packages {
		fmt.Printf("%s: package %s %s of Debian %s, SHA-256 %s\n", p.Program, p.Name, p.Version, p.Release, p.SHA256)
		for facts := m.Facts(p); len(facts) > 0; facts = facts[2:] {
			fmt.Printf("    %v: %v\n", facts[0], facts[1])
		}
	}
}
