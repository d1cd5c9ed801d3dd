package httpd

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen opens a TCP port on one interface.
func Listen(ctx context.Context, ifname string, port int) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.Control = func(_, _ string, rc syscall.RawConn) error {
		var err error
		if e := rc.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, ifname)
		}); e != nil {
			return e
		}
		return err
	}
	l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", ifname, err)
	}
	return l.(*net.TCPListener), nil
}
