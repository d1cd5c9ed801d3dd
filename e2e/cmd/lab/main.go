// Command lab boots the appliance's image and a client on a virtual LAN, next
// to a stand-in for a WDS server, and shows how the client gets from its
// firmware to the menu to WDS. It exits with 0 only if the client got there.
// With -screenshot it stops at the menu and takes a picture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var s show
	flag.StringVar(&s.image, "image", "build/pxebox-amd64.img", "the appliance's `file`")
	flag.StringVar(&s.dir, "dir", "build", "`directory` for the packet capture and the consoles' logs")
	flag.BoolVar(&s.uefi, "uefi", false, "the client has UEFI with Secure Boot on, and no BIOS")
	flag.BoolVar(&s.keep, "keep", false, "leave everything up until Ctrl-C")
	flag.StringVar(&s.display, "display", "",
		"QEMU's -display for the client; empty: a window where there is a display, else its serial text")
	flag.StringVar(&s.screenshot, "screenshot", "", "write a picture of the menu to a PNG `file`, and quit")
	limit := flag.Duration("limit", 10*time.Minute, "give up after that time")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
