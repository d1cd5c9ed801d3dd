// Command appliance does what the appliance needs besides pxed and menuwatch, and
// what a plain Linux host does not need.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/box/appliance"
	"github.com/pxebox/pxebox/internal/box/settings"
	"github.com/pxebox/pxebox/internal/box/updatetrial"
)

func main() {
	// The kernel's log goes to every console, so a person in front of the box
	// sees it. gokrazy shows a program's log only on its web page.
	var out io.Writer = os.Stderr
	if kmsg, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		out = io.MultiWriter(os.Stderr, kmsg)
	}
	o := appliance.Options{
		Restart: func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) },
		Log:     slog.New(slog.NewTextHandler(out, nil)).With("program", "appliance"),
	}
	if os.Getpid() == 1 {
		updatetrial.StartTrial(o.Log.With("part", "update"), "/user/appliance", "-guard")
	}
	guard := flag.Bool("guard", false, "reset the machine unless the root on trial is kept in time")
	check := flag.Bool(appliance.CheckFlag, false, "check the settings on standard input, and exit")
	flag.StringVar(&o.Perm, "perm", "/perm", "`folder` where the medium's last partition is mounted")
	flag.Parse()
	if *check {
		if err := settings.CheckStdin(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if *guard {
		updatetrial.GuardTrial(o.Log.With("part", "update"))
		return
	}

	// gokrazy takes exit status 0 or 125 as "do not restart".
	ctx, _ := signal.NotifyContext(context.Background(), unix.SIGTERM)
	o.Log.Error("appliance exits", "err", appliance.Run(ctx, o))
	os.Exit(1)
}
