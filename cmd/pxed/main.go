// Command pxed is pxebox's data plane: DHCP, proxyDHCP, TFTP and HTTP for machines
// that boot from the network.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"

	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/pxed"
)

func main() {
	o := pxed.Options{Log: slog.New(loglimit.New(slog.NewTextHandler(os.Stderr, nil)))}
	flag.StringVar(&o.RunDir, "run", "/run/pxebox", "`folder` of the generation that menuwatch publishes")
	flag.StringVar(&o.BootDir, "boot", "/perm/pxebox/boot", "`folder` of the site's boot files")
	flag.StringVar(&o.StickDir, "stick", "/run/pxebox/usb", "`folder` of a medium with more boot files")
	flag.StringVar(&o.DataDir, "data", "/perm/pxebox", "`folder` of what is to outlast a power cut: leases, and which machines have had their one boot")
	flag.StringVar(&o.Interface, "interface", "", "network `interface` to serve on (default: network.interface, or the only wired one)")
	flag.Parse()

	// SIGTERM ends the program as it is: nothing waits to be written, and a
	// tidy exit with status 0 would tell gokrazy never to start it again.
	o.Log.Error("pxed ends", "err", pxed.Run(context.Background(), o))
	os.Exit(1)
}
