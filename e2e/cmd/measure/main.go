// Command measure boots the appliance's images in QEMU. It measures how soon
// they answer, how much memory and disk they use, and whether they leave the
// disk alone while idle. It writes a table in Markdown to its standard output
// and into a page of documentation.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	m := measurement{boxes: boxes}
	flag.StringVar(&m.dir, "dir", "build", "`directory` of the images; for packet captures and the consoles' logs")
	flag.StringVar(&m.page, "write", "", "the `page` to write into")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := m.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}
