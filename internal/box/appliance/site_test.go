package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/box/updatepage"
)

// httpsServer serves a handler as the box serves its settings and its page.
// dial connects to it from an address of this machine. The server ends when
// stop is called, and at the end of the test.
func httpsServer(t *testing.T, gate *access.Gate, h http.Handler) (
	dial func(ctx context.Context, from string) (net.Conn, error), stop func(),
) {
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
	go func() { done <- serveHTTPS(ctx, l, certificate, gate, 0, h) }()
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
	}, cancel
}

// password is the password of the boxes in these tests.
const password = "correct horse"

// ask sends a request on a new connection from an address, and reads the
// answer.
func ask(
	ctx context.Context, dial func(context.Context, string) (net.Conn, error), from, method, path, password string,
) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://box"+path, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(access.User, password)
	t := &http.Transport{
		DialTLSContext:    func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, from) },
		DisableKeepAlives: true,
	}
	return (&http.Client{Transport: t}).Do(r)
}

// Strangers open as many connections as allowed, and more, from any number of
// addresses, and send nothing.
func TestStrangersLeaveRoomForTheOwner(t *testing.T) {
	for _, tt := range []struct {
		situation        string
		addresses, conns int
	}{
		{situation: "one address", addresses: 1, conns: 200},
		{situation: "four addresses", addresses: 4, conns: 200},
		{situation: "more addresses than there may be connections", addresses: 100, conns: 400},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			gate := access.NewGate(password)
			h := access.Require(gate, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
			dial, _ := httpsServer(t, gate, h)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			// One connection after another, each open until the end.
			for i := range tt.conns {
				from := netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i%tt.addresses)})
				if _, err := dial(ctx, from.String()); err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
			}
			resp, err := ask(ctx, dial, "127.0.0.3", http.MethodGet, "/", password)
			if err != nil {
				t.Fatalf("the owner is not let in: %v", err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("the owner gets %s", resp.Status)
			}
		})
	}
}

// A request may make gokrazy end this program, for example to restart the box.
// The client still gets the answer: gok update treats a broken connection as a
// failure.
func TestRestartIsAnswered(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "http.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(password)
	silent := slog.New(slog.DiscardHandler)
	dial, stop := httpsServer(t, gate, access.Require(gate, updatepage.Handler(socket, silent), silent))
	over := make(chan struct{})
	init := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop() // gokrazy's signal
		<-over // gokrazy answers once all programs have ended
	})}
	go init.Serve(l)
	defer init.Close()
	defer close(over)
	resp, err := ask(t.Context(), dial, "127.0.0.1", http.MethodPost, "/reboot", password)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || len(text) == 0 || err != nil {
		t.Errorf("%s, %q, %v", resp.Status, text, err)
	}
}

// A client cannot hold a connection by sending more requests.
func TestOneQuestionToAConnection(t *testing.T) {
	dial, _ := httpsServer(t, access.NewGate(password), http.NotFoundHandler())
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

// The README has people send the password with curl: curl sends it only to the
// box that it knows.
func TestCurlKnowsTheBox(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is missing: run make deps")
	}
	certificate, err := access.Certificate(filepath.Join(t.TempDir(), "https.pem"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := access.Certificate(filepath.Join(t.TempDir(), "https.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		situation, pin string
		in             bool
	}{
		{situation: "the box", pin: access.Pin(certificate), in: true},
		{situation: "another in its place", pin: access.Pin(other)},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var asked atomic.Bool
			h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) })
			s := httptest.NewUnstartedServer(h)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			s.StartTLS()
			defer s.Close()
			cmd := exec.CommandContext(t.Context(), curl, "-sS", "-k", "--pinnedpubkey", tt.pin, "-u",
				"gokrazy:"+password, s.URL)
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.in || asked.Load() != tt.in {
				t.Errorf("%v, the server was asked: %v\n%s", err, asked.Load(), out)
			}
		})
	}
}
