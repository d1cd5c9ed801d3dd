package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/task"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/mdns"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
	"github.com/pxebox/pxebox/internal/control/page"
)

// firstSettings is how long the page waits for the settings, which may give it
// another port.
const firstSettings = 2 * time.Second

// mdnsName is the box's name, from what announces the page now.
type mdnsName struct{ atomic.Pointer[mdns.Responder] }

// Name returns the name, or "".
func (n *mdnsName) Name() string {
	if r := n.Load(); r != nil {
		return r.Name()
	}
	return ""
}

// servePage serves the page at its address, with the port of the settings if they
// have one, announces it, and has the menus name it.
func servePage(ctx context.Context, w *menuwatch.Watcher, p *page.Server, box *mdnsName, log *slog.Logger) {
	ports := make(chan spec.Port, 1)
	w.PagePort = func(port spec.Port) { // the only sender
		select {
		case <-ports:
		default:
		}
		ports <- port
	}
	w.Page = func() string { return addressOf(box.Load()) }
	go followPort(ctx, p.Address, ports, firstSettings, func(ctx context.Context, address string) {
		if address == "" {
			log.With("part", "page").Info("the page is off: [page] has port = 0")
			<-ctx.Done()
			return
		}
		var done sync.WaitGroup
		defer done.Wait()
		certificate := filepath.Join(p.Keys, access.CertificateFile)
		r, err := mdns.ForPage(address, certificate, w.RunDir, log.With("part", "mdns"))
		if err != nil {
			log.With("part", "page").Error("the page's address cannot be used", "address", address, "err", err)
		} else {
			box.Store(r)
			defer box.Store(nil)
			done.Go(func() { r.Run(ctx) })
		}
		p.Address = address
		p.Run(ctx)
	})
}

// followPort calls serve with the address, and the latest port instead of the
// address's own. It waits for the first one for a while. The address is "" where
// the page is off.
func followPort(
	ctx context.Context, address string, ports <-chan spec.Port, wait time.Duration,
	serve func(ctx context.Context, address string),
) {
	at := address
	select {
	case port := <-ports:
		at = withPort(address, port)
	case <-time.After(wait):
	case <-ctx.Done():
	}
	t := task.New(ctx)
	defer t.Stop()
	start := func() { t.Start(func(ctx context.Context) error { serve(ctx, at); return nil }) }
	start()
	for {
		select {
		case <-ctx.Done():
			return
		case port := <-ports:
			if next := withPort(address, port); next != at {
				t.Stop()
				at = next
				start()
			}
		}
	}
}

// withPort returns an address with another port, or "" if the port is off.
func withPort(address string, port spec.Port) string {
	n, on := port.Or(0)
	host, _, err := net.SplitHostPort(address)
	switch {
	case !on:
		return ""
	case n == 0 || err != nil: // the server that listens there reports the error
		return address
	}
	return net.JoinHostPort(host, strconv.Itoa(n))
}

// addressOf returns the URL of the page that r announces, or "".
func addressOf(r *mdns.Responder) string {
	if r == nil {
		return ""
	}
	a := r.Link().Addr.Addr()
	switch {
	case !a.IsValid():
		return ""
	case r.Service.Port == 443:
		return "https://" + a.String()
	}
	return "https://" + netip.AddrPortFrom(a, r.Service.Port).String()
}
