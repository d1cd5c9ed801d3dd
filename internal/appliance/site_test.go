package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/access"
)

// settingsServer serves a handler as the box does its settings, and returns
// what connects to it from an address of this machine.
func settingsServer(t *testing.T, h http.Handler) (dial func(ctx context.Context, from string) (net.Conn, error)) {
	t.Helper()
	certificate, err := access.Certificate(filepath.Join(t.TempDir(), "https.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- serveSettings(ctx, l, certificate, access.NewGate("correct horse"), h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	return func(ctx context.Context, from string) (net.Conn, error) {
		d := tls.Dialer{
			NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}},
			Config:    &tls.Config{InsecureSkipVerify: true},
		}
		c, err := d.DialContext(ctx, "tcp", l.Addr().String())
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		return c, err
	}
}

// A stranger opens as many connections as there may be, and says nothing.
func TestStrangerLeavesRoomForTheOwner(t *testing.T) {
	dial := settingsServer(t, http.NotFoundHandler())
	for range 16 {
		if _, err := dial(t.Context(), "127.0.0.2"); err != nil {
			break // no more of them
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := dial(ctx, "127.0.0.3"); err != nil {
		t.Errorf("the owner is not let in: %v", err)
	}
}

// Nobody holds a connection by asking again.
func TestOneQuestionToAConnection(t *testing.T) {
	dial := settingsServer(t, http.NotFoundHandler())
	c, err := dial(t.Context(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	const question = "GET / HTTP/1.1\r\nHost: box\r\n"
	if _, err := io.WriteString(c, question+"\r\n"+question+"Connection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answers, err := io.ReadAll(c)
	if n := strings.Count(string(answers), "HTTP/1.1 404"); n != 1 || err != nil {
		t.Errorf("%d answers, then %v", n, err)
	}
}
