package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"

	"github.com/pxebox/pxebox/e2e/lan"
)

const (
	// PagePort is the port of gokrazy's page on the box.
	PagePort = 8080
	// Page is its URL, whatever the box's address.
	Page = "https://pxebox:8080/"
)

// PageClient returns a client for the page of the box at addr, from the
// observer.
func (l *Lab) PageClient(addr netip.Addr) (*http.Client, error) {
	return l.PageClientOf(l.Observer, addr)
}

// PageClientOf returns a client for the page from another host of the LAN. It
// accepts any certificate: the box makes its own, which the test has never seen.
func (l *Lab) PageClientOf(host *lan.Host, addr netip.Addr) (*http.Client, error) {
	to := netip.AddrPortFrom(addr, PagePort).String()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return host.DialContext(ctx, network, to)
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true, // boxes restart
	}}, nil
}
