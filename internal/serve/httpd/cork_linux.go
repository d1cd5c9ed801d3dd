package httpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// setCork has the kernel keep back packets that are not full, or send what it
// kept (tcp(7), TCP_CORK). Should it refuse, the answer is only slower.
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
