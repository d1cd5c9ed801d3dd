package pxed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/httpd"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// serveFiles serves on one link until ctx ends or a socket fails. A server that
// is off has no socket.
func (d *daemon) serveFiles(ctx context.Context, l netif.Link, tftp, http spec.Port) error {
	g, ctx := errgroup.WithContext(ctx)
	if port, on := tftp.Or(tftpPort); on {
		g.Go(func() error { return d.serveTFTP(ctx, l, port) })
	}
	if port, on := http.Or(httpPort); on {
		g.Go(func() error { return d.serveHTTP(ctx, l, port) })
	}
	g.Go(func() error { <-ctx.Done(); return ctx.Err() })
	return g.Wait()
}

const (
	tftpPort = 69
	httpPort = 80
	// blockOverhead is the size of a TFTP block's headers: IP 20, UDP 8,
	// TFTP 4.
	blockOverhead = 32
	maxWindow     = 256 // the largest that the settings accept
)

func (d *daemon) serveTFTP(ctx context.Context, l netif.Link, port int) error {
	conn, err := dhcpconn.ListenUDP(ctx, l.Name, port)
	if err != nil {
		return fmt.Errorf("tftp: %w", err)
	}
	s := d.tftpServer(l.MTU)
	d.tell.tftp.Store(s)
	return s.Serve(ctx, conn)
}

func (d *daemon) tftpServer(mtu int) *tftp.Server {
	return &tftp.Server{
		Open: d.files.openTFTP, Allow: d.dhcp.Serves, Log: d.part("tftp"), Began: d.files.began, Brief: trace.Brief,
		Done:   d.files.transferred,
		Packet: d.files.packet, Bounds: func() (int, int) { return d.files.bounds(mtu) }, MaxWindow: maxWindow,
	}
}

func (d *daemon) serveHTTP(ctx context.Context, l netif.Link, port int) error {
	listener, err := d.listenHTTP(ctx, l.Name, port)
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	s := d.httpServer()
	d.tell.http.Store(s)
	return s.Serve(ctx, listener)
}

// portPoll is how often to try a port that another program has.
const portPoll = 10 * time.Second

// listenHTTP opens HTTP's port. On a Linux host a web server may have it; most
// machines boot without HTTP, so it waits until the port is free.
func (d *daemon) listenHTTP(ctx context.Context, ifname string, port int) (*net.TCPListener, error) {
	for said := false; ; said = true {
		l, err := httpd.Listen(ctx, ifname, port)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		if !said {
			loglimit.Keep(d.part("http"), "http").Error("HTTP is off until its port is free", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(portPoll):
		}
	}
}

func (d *daemon) httpServer() *httpd.Server {
	return &httpd.Server{
		Open: d.files.openHTTP, Allow: d.dhcp.Serves, Log: d.part("http"), Began: d.files.sends, Done: d.files.answered,
		Metrics: d.tell.metrics.Handler(), AllowMetrics: d.files.mayReadMetrics(d.dhcp.Serves),
	}
}
