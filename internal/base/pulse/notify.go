package pulse

import (
	"net"
	"os"
	"time"
)

// notify tells systemd, if it started the program, that it works: the unit is
// ready, and its watchdog starts over (sd_notify(3)). Best effort, like the file:
// a message that is lost is followed by the next one.
func notify() {
	name := os.Getenv("NOTIFY_SOCKET") // package net reads @ as the abstract namespace
	if name == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	// A systemd that does not read must not hold up the daemon.
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte("READY=1\nWATCHDOG=1"))
}
