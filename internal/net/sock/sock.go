// Package sock sets options on the sockets that package net opens, before they
// are bound.
package sock

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Control returns a Control function for a net.ListenConfig or net.Dialer that
// calls set with the socket.
func Control(set func(fd int) error) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = set(int(fd)) }); e != nil {
			return e
		}
		return err
	}
}

// OnInterface binds a socket to a network interface: it receives and sends only
// there.
func OnInterface(name string) func(fd int) error {
	return func(fd int) error {
		return os.NewSyscallError("setsockopt SO_BINDTODEVICE", unix.BindToDevice(fd, name))
	}
}
