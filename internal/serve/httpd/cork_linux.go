package httpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// setCork makes the kernel hold back packets that are not full, or send what it
// held back (tcp(7), TCP_CORK). Best effort: without it, the answer is only
// slower.
func setCork(c *net.TCPConn, on bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	value := 0
	if on {
		value = 1
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, value) })
}
