// Package wdsprobe checks whether a WDS server serves its boot programs: over
// TFTP, as a machine does, and at the boot service if the site wants that. What
// the answers mean is decided here over plain values. Other packages decide how
// often to ask and how a menu changes.
package wdsprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// The ports of a WDS server.
const (
	PortTFTP = 69
	PortBoot = 4011
)

// waits are how long to wait for an answer after each transmission: one lost
// packet does not mean that a server is down, and half a second is a long time on
// any link.
var waits = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}

// maxStray limits how many unrelated datagrams are read. A server that sends more
// counts as one that does not answer.
const maxStray = 32

// Prober asks WDS servers. The zero Prober is ready for use.
type Prober struct {
	TFTP, Boot uint16          // ports; 0 means PortTFTP and PortBoot
	Waits      []time.Duration // replaces waits unless empty
}

// Ask asks the server at addr for all of its programs at once, and returns the
// health of each, without Since. It takes up to twice the sum of the waits. An
// error is a failure of the box, such as a missing route: then nothing is known of
// the server.
func (p *Prober) Ask(ctx context.Context, addr netip.Addr, w config.WDS) (bootmenu.Server, error) {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		out     = bootmenu.Server{Addr: addr}
		failed  error
		service = gives
	)
	ask := func(programs map[firmware.Kind]string) map[firmware.Kind]bootmenu.Health {
		found := map[firmware.Kind]bootmenu.Health{}
		for kind, name := range programs {
			if name == "" {
				continue
			}
			running.Go(func() {
				h, err := p.program(ctx, netip.AddrPortFrom(addr, port(p.TFTP, PortTFTP)), w, name)
				mu.Lock()
				defer mu.Unlock()
				found[kind] = h
				if err != nil { // all of them fail the same way
					failed = err
				}
			})
		}
		return found
	}
	out.Programs, out.Programs2023 = ask(w.Programs), ask(w.Programs2023)
	if w.Probe4011 {
		running.Go(func() {
			k, err := p.bootService(ctx, netip.AddrPortFrom(addr, port(p.Boot, PortBoot)))
			mu.Lock()
			defer mu.Unlock()
			service = k
			if err != nil {
				failed = err
			}
		})
	}
	running.Wait()
	if failed != nil {
		// Without our local port, which differs each time, so that a caller that
		// logs the error can tell that it is the same.
		if op := new(net.OpError); errors.As(failed, &op) {
			failed = op.Err
		}
		return bootmenu.Server{}, fmt.Errorf("query server %s: %w", w.Name, failed)
	}
	if service == silent {
		for kind, h := range out.Programs {
			if h.State == bootmenu.Up {
				out.Programs[kind] = bootmenu.Health{State: bootmenu.Down,
					Note: fmt.Sprintf("its boot service on UDP port %d does not answer", PortBoot)}
			}
		}
	}
	return out, nil
}

func port(p, standard uint16) uint16 {
	if p == 0 {
		return standard
	}
	return p
}

// program asks for one program, and also for its name with the other slashes
// where that can tell what is wrong.
func (p *Prober) program(
	ctx context.Context, server netip.AddrPort, w config.WDS, name string,
) (bootmenu.Health, error) {
	asked, err := p.read(ctx, server, name)
	if err != nil {
		return bootmenu.Health{}, err
	}
	var turned answer
	if other := otherSlashes(name); asked.kind == refuses && other != "" {
		if turned, err = p.read(ctx, server, other); err != nil {
			return bootmenu.Health{}, err
		}
	}
	return verdict(w, name, asked, turned), nil
}

// read requests one file and stops at the first answer.
func (p *Prober) read(ctx context.Context, server netip.AddrPort, name string) (answer, error) {
	// Not connected: the answer comes from another port (RFC 1350 §4).
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	var a answer
	_, err = p.exchange(ctx, conn, func() error {
		_, err := conn.WriteToUDPAddrPort(readRequest(name), server)
		return err
	}, func(b []byte, from netip.AddrPort) (ok bool) {
		if from.Addr().Unmap() != server.Addr() {
			return false
		}
		if a, ok = parseAnswer(b); ok && a.kind == gives {
			conn.WriteToUDPAddrPort(abort(), from) // if this is lost, the server times out
		}
		return ok
	})
	return a, err
}

// bootService checks whether the server answers on the boot service's port.
func (p *Prober) bootService(ctx context.Context, server netip.AddrPort) (kind, error) {
	// Connected, so that the kernel knows our local address, and drops packets
	// from other hosts.
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return silent, err
	}
	defer conn.Close()
	own := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	id, err := dhcpv4.GenerateTransactionID()
	if err != nil {
		return silent, err
	}
	answered, err := p.exchange(ctx, conn, func() error {
		_, err := conn.Write(bootRequest(id, own))
		return err
	}, func(b []byte, _ netip.AddrPort) bool { return isBootReply(b, id) })
	if answered {
		return gives, err
	}
	return silent, err
}

// socket is what exchange needs of a *net.UDPConn.
type socket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	SetReadDeadline(t time.Time) error
	Close() error
}

// exchange sends a question until a datagram answers it, or all waits are over.
// The error is the box's own failure, or that of ctx.
func (p *Prober) exchange(
	ctx context.Context, conn socket, send func() error, isAnswer func([]byte, netip.AddrPort) bool,
) (answered bool, err error) {
	// Closing ends a read in progress.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	all := p.Waits
	if len(all) == 0 {
		all = waits
	}
	buf := make([]byte, maxPacket)
	stray := 0
	for _, wait := range all {
		err := send()
		if err != nil {
			// An ICMP error for an earlier question may be pending, and is
			// reported once (Linux, udp(7)).
			err = send()
		}
		if err == nil {
			err = conn.SetReadDeadline(time.Now().Add(wait))
		}
		if err != nil {
			return false, cmp.Or(ctx.Err(), err)
		}
		for err == nil {
			var n int
			var from netip.AddrPort
			if n, from, err = conn.ReadFromUDPAddrPort(buf); err != nil {
				break
			}
			if isAnswer(buf[:n], from) {
				return true, nil
			}
			if stray++; stray > maxStray {
				return false, nil
			}
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			// An ICMP error came back: no process listens on the port, or a
			// router or firewall on the path rejects the packet.
			return false, nil
		}
	}
	return false, nil
}
