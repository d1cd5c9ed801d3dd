package netns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Tap adds a port to the segment that is a file: each Read returns a frame, and each
// Write sends one. The port is removed when the file is closed.
func (l *LAN) Tap() (*os.File, error) {
	l.ports++
	port := fmt.Sprintf("port%d", l.ports)
	var tap *os.File
	if err := l.Do(func() (err error) { tap, err = openTap(port); return err }); err != nil {
		return nil, err
	}
	// The state of such an interface stays unknown, so there is nothing to wait for.
	if err := l.Run("ip", "link", "set", port, "master", Bridge, "up", "addrgenmode", "none"); err != nil {
		return nil, errors.Join(err, tap.Close())
	}
	return tap, nil
}

// openTap makes a TAP interface in the thread's namespace.
func openTap(name string) (*os.File, error) {
	const device = "/dev/net/tun"
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	// Close ends a Read only if the file does not block.
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: device, Err: err}
	}
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("TAP interface %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), device), nil
}
