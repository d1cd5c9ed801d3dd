package httpd

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sentBytes asks the kernel how much the peer has acknowledged, and whether
// more waits to be sent or acknowledged (tcp(7), TCP_INFO). The bytes that a
// program has written say less, because they may still be in the socket's
// buffer.
func sentBytes(c syscall.Conn) (acked uint64, waits bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var i *unix.TCPInfo
	if e := raw.Control(func(fd uintptr) {
		i,
			err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); e != nil {
		return 0, false, e
	}
	if err != nil {
		return 0, false, err
	}
	return i.Bytes_acked, i.Unacked > 0 || i.Notsent_bytes > 0, nil
}
