// Package wire is a bad cable between two hosts: it loses some frames and
// delivers some late, at random from a seed. Its ends are TAP devices and this
// process is the wire, so it needs only kernel features that every kernel has.
// It is slow and not suitable for measurements.
package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/peers/netns"
)

// Fault describes the faults on the way, for IPv4 frames in both directions.
// ARP is exempt: a kernel repeats it only after a second, and the tests are
// about the layers above it.
type Fault struct {
	Loss    float64 // probability that a frame is lost
	Reorder float64 // probability that a frame arrives after the next one
	Seed    uint64
}

// Wire is a plugged-in cable.
type Wire struct {
	Lost, Late atomic.Int64 // frames

	a, b *os.File
	g    errgroup.Group
}

// Connect plugs in a cable, with an interface of the same name at either end.
// The interfaces have no address yet.
func Connect(a, b *netns.Namespace, name string, f Fault) (*Wire, error) {
	w := &Wire{}
	var err error
	if w.a, err = tap(a, name); err != nil {
		return nil, err
	}
	if w.b, err = tap(b, name); err != nil {
		return nil, errors.Join(err, w.a.Close())
	}
	w.g.Go(func() error { return w.carry(w.b, w.a, f, 0) })
	w.g.Go(func() error { return w.carry(w.a, w.b, f, 1) })
	return w, nil
}

// Close unplugs the cable.
func (w *Wire) Close() error {
	return errors.Join(w.a.Close(), w.b.Close(), w.g.Wait())
}

// tap makes the end of a cable in a namespace. It has no offload, so it yields
// whole frames with their checksums.
func tap(n *netns.Namespace, name string) (*os.File, error) {
	var f *os.File
	err := n.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(name)
		if err == nil {
			request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("TUNSETIFF %s: %w", name, err), unix.Close(fd))
		}
		// The runtime polls this file, so it must be a device already.
		f = os.NewFile(uintptr(fd), "/dev/net/tun")
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.Run("ip", "link", "set", name, "up", "addrgenmode", "none"); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// carry carries frames in one direction.
func (w *Wire) carry(to, from *os.File, f Fault, direction uint64) error {
	random := rand.New(rand.NewPCG(f.Seed, direction))
	buf := make([]byte, 64<<10)
	var late []byte
	for {
		n, err := from.Read(buf)
		if errors.Is(err, fs.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wire: %w", err)
		}
		frame := buf[:n]
		if isIPv4(frame) {
			chance := random.Float64()
			switch {
			case chance < f.Loss:
				w.Lost.Add(1)
				continue
			case chance < f.Loss+f.Reorder && late == nil:
				// It is sent after the next frame. If no frame follows it is
				// lost, and the ends then retransmit and so send the next
				// frame.
				w.Late.Add(1)
				late = append([]byte{}, frame...)
				continue
			}
		}
		if err := write(to, frame); err != nil {
			return err
		}
		if late != nil {
			if err := write(to, late); err != nil {
				return err
			}
			late = nil
		}
	}
}

// write delivers a frame.
func write(to *os.File, frame []byte) error {
	_, err := to.Write(frame)
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("wire: %w", err)
	}
	return nil
}

func isIPv4(frame []byte) bool {
	const etherType = 12
	return len(frame) > etherType+1 && frame[etherType] == 0x08 && frame[etherType+1] == 0x00
}
