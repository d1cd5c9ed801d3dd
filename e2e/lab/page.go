package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/e2e/lan"
)

const (
	// PagePort is the port of gokrazy's page on the box.
	PagePort = 8080
	// Page is its URL. The certificate has this name, whatever the box's
	// address.
	Page = "https://pxebox:8080/"
)

// PageClient returns a client for the page of the box at addr, from the
// observer.
func (l *Lab) PageClient(addr netip.Addr) (*http.Client, error) {
	return l.PageClientOf(l.Observer, addr)
}

// PageClientOf returns a client for the page from another host of the LAN. It
// accepts only the certificate that the build made.
func (l *Lab) PageClientOf(host *lan.Host, addr netip.Addr) (*http.Client, error) {
	file := filepath.Join(l.dir, "update-certificate.pem")
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: run make image", err)
	}
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s contains no certificate", file)
	}
	to := netip.AddrPortFrom(addr, PagePort).String()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return host.DialContext(ctx, network, to)
		},
		TLSClientConfig:   &tls.Config{RootCAs: known},
		DisableKeepAlives: true, // boxes restart
	}}, nil
}
