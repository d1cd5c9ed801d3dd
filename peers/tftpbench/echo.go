package tftpbench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/netns"
)

const exchanges = 2000

// roundTrip returns the median time from one datagram to the next on a server's
// cable, if the client holds each datagram back for a delay, as the load does.
// The other end is the minimal server: a program that sleeps until a datagram
// arrives, and sends it back. Each end has its own processor: on the client's
// processor, which never sleeps, no thread would have to be woken.
func roundTrip(r *fileserver.Running, delay time.Duration) (time.Duration, error) {
	processors, err := netns.Cores()
	if err != nil {
		return 0, err
	}
	there := unix.SockaddrInet4{Port: 7, Addr: fileserver.Address.As4()}
	echo, err := socket(r.Host.Do, there, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(echo)
	client, err := socket(r.Client.Do, unix.SockaddrInet4{Addr: netip.IPv4Unspecified().As4()}, unix.SOCK_NONBLOCK)
	if err != nil {
		return 0, err
	}
	defer unix.Close(client)
	// If a datagram is lost, the echo must not wait indefinitely.
	patience := unix.NsecToTimeval((10 * time.Second).Nanoseconds())
	if err := unix.SetsockoptTimeval(echo, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return 0, os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	times := make([]time.Duration, exchanges)
	var g errgroup.Group
	g.Go(func() error {
		return netns.On(processors[len(processors)-1:], func() error { return sendBack(echo) })
	})
	g.Go(func() error {
		return netns.On(processors[:1], func() error { return exchange(client, &there, delay, times) })
	})
	if err := g.Wait(); err != nil {
		return 0, fmt.Errorf("round trip: %w", err)
	}
	slices.Sort(times)
	return times[exchanges/2], nil
}

// sendBack is the echoing end.
func sendBack(fd int) error {
	b := make([]byte, 4)
	for range exchanges {
		n, from, err := unix.Recvfrom(fd, b, 0)
		for err == unix.EINTR {
			n, from, err = unix.Recvfrom(fd, b, 0)
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		if err := unix.Sendto(fd, b[:n], 0, from); err != nil {
			return os.NewSyscallError("sendto", err)
		}
	}
	return nil
}

// exchange measures the times.
func exchange(fd int, to unix.Sockaddr, delay time.Duration, times []time.Duration) error {
	b := make([]byte, 4)
	last := time.Now()
	for i := range times {
		for time.Since(last) < delay {
		}
		if err := unix.Sendto(fd, b, 0, to); err != nil {
			return os.NewSyscallError("sendto", err)
		}
		for {
			_, _, err := unix.Recvfrom(fd, b, 0)
			if err == nil {
				break
			}
			if err != unix.EAGAIN && err != unix.EINTR {
				return os.NewSyscallError("recvfrom", err)
			}
			if time.Since(last) > 10*time.Second {
				return errors.New("no answer")
			}
		}
		now := time.Now()
		times[i], last = now.Sub(last), now
	}
	return nil
}

// socket opens a socket in a namespace.
func socket(in func(func() error) error, addr unix.SockaddrInet4, flags int) (fd int, err error) {
	err = in(func() error {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|flags, 0); err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Bind(fd, &addr); err != nil {
			return errors.Join(os.NewSyscallError("bind", err), unix.Close(fd))
		}
		return nil
	})
	return fd, err
}
