package mdns

import (
	"bytes"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// listen opens a socket that receives what is sent to the group on the link,
// and nothing else: neither other links' packets nor unicast ones, so that no
// host beyond the link reaches it. Package net would bind it to every address.
func listen(l Link) (*net.UDPConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "mDNS socket")
	defer f.Close() // FilePacketConn duplicates it
	if err := setOptions(fd, l); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: group.As4()}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

func setOptions(fd int, l Link) error {
	member := &unix.IPMreqn{Multiaddr: group.As4(), Address: l.Addr.Addr().As4(), Ifindex: int32(l.Index)}
	for _, set := range []func() error{
		// A program that starts later, such as avahi, must be able to.
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MULTICAST_ALL, 0) },
		func() error { return unix.SetsockoptIPMreqn(fd, unix.SOL_IP, unix.IP_ADD_MEMBERSHIP, member) },
		func() error { return unix.SetsockoptIPMreqn(fd, unix.SOL_IP, unix.IP_MULTICAST_IF, member) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MULTICAST_LOOP, 0) },
		// RFC 6762 §11.
		func() error { return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MULTICAST_TTL, 255) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TTL, 255) },
	} {
		if err := set(); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// alone returns an error if other sockets than the program's own have the port:
// avahi, or systemd's resolver with mDNS.
func alone(own int) error {
	n := 0
	for _, file := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		b, err := os.ReadFile(file)
		if err != nil && file == "/proc/net/udp" {
			return err
		}
		n += bound(b)
	}
	if n > own {
		return errOther
	}
	return nil
}

// bound counts the sockets in the kernel's list that are bound to the port.
func bound(list []byte) int {
	n := 0
	for line := range bytes.Lines(list) {
		// "  sl  local_address rem_address ...", the port in hexadecimal
		if f := bytes.Fields(line); len(f) > 1 && bytes.HasSuffix(f[1], fmt.Appendf(nil, ":%04X", port)) {
			n++
		}
	}
	return n
}
