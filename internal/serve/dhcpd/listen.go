package dhcpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/net/arp"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
)

// listen receives on one link until ctx ends or a socket fails.
func (s *Server) listen(ctx context.Context, l netif.Link, mode spec.Mode) error {
	conn, err := dhcpconn.Listen(ctx, l.Name, l.Index)
	if errors.Is(err, syscall.EADDRINUSE) && !mode.Answers() {
		// The DHCP server that names the box runs on the same host.
		loglimit.Keep(s.Log, "dhcp ports").Info("another program has the DHCP server's ports, and DHCP is off")
		<-ctx.Done()
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("dhcp: %w", err)
	}
	conn.Keep = s.Tap.On
	s.progress.conn.Store(conn)
	prober, err := arp.Open(l.Name, l.Index, l.HW)
	if err != nil {
		return errors.Join(fmt.Errorf("dhcp: %w", err), conn.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { conn.Close(); prober.Close() })
	g.Go(func() error {
		return prober.Run(func(a netip.Addr, _ net.HardwareAddr) { task.Give(ctx, s.inbox.inUse, a) })
	})
	for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
		g.Go(func() error {
			for r := conn.Receiver(port); ; {
				qs, bad, err := r.Receive()
				if err != nil {
					return fmt.Errorf("dhcp: receive on port %d: %w", port, err)
				}
				task.Give(ctx, s.inbox.packets, Packets{qs, bad, conn, prober})
			}
		})
	}
	g.Go(func() error { return s.watchRivals(ctx, l) })
	return g.Wait()
}
