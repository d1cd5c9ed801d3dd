package appliance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/box/settings"
)

// startSocket serves the state of a box at a socket, and returns its path.
func startSocket(t *testing.T, s *status) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "run", boxstatus.Socket)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.serve(ctx, socket, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	for {
		if _, err := os.Stat(socket); err == nil {
			return socket
		}
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestSocketTellsTheState(t *testing.T) {
	dir := t.TempDir()
	s := newStatus(dir, &settings.Store{File: filepath.Join(dir, settings.FileName)})
	c := boxstatus.Client{Socket: startSocket(t, s)}
	if st, err := os.Stat(c.Socket); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", st.Mode(), err)
	}
	if d, err := c.Disk(t.Context()); err != nil || d.Bytes == 0 || d.Dir != dir || d.Growth != boxstatus.Growing {
		t.Errorf("disk: %+v, %v", d, err)
	}
	s.setGrown(errors.New("it is full"))
	if d, err := c.Disk(t.Context()); err != nil || d.Growth != boxstatus.Failed || d.Why != "it is full" {
		t.Errorf("disk: %+v, %v", d, err)
	}
	if v, err := c.Version(t.Context()); err != nil || v.Go == "" || v.Kernel == "" {
		t.Errorf("version: %+v, %v", v, err)
	}
	s.setUpdate(boxstatus.Update{State: boxstatus.Trial, Root: 3, Why: "no address"})
	if u, err := c.Update(t.Context()); err != nil || u.State != boxstatus.Trial || u.Root != 3 ||
		u.Why != "no address" {
		t.Errorf("update: %+v, %v", u, err)
	}

	// Settings over the network wait for those on the disk.
	put := func(text string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://box/pxebox.toml",
			strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(boxstatus.ClientHeader, "192.0.2.7:1024")
		resp, err := c.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, text := put("# new\n"); code != http.StatusServiceUnavailable || !strings.Contains(text, "try again") {
		t.Errorf("while the box starts: %d %q", code, text)
	}
	s.ready.Store(true)
	if code, text := put("# new\n"); code != http.StatusOK {
		t.Errorf("%d %q", code, text)
	}
	if b, err := s.store.Read(); err != nil || string(b) != "# new\n" {
		t.Errorf("in force is %q, %v", b, err)
	}
	r, err := c.Settings(t.Context())
	if err != nil || r.Network == nil || !r.Network.Taken || r.Network.Client != "192.0.2.7:1024" {
		t.Errorf("results: %+v, %v", r.Network, err)
	}
}

// A process of another user is not answered, even if it can open the socket.
func TestSocketAsksWhoConnects(t *testing.T) {
	for _, tt := range []struct {
		situation string
		uid       uint32
		answered  bool
	}{
		{situation: "this user", uid: uint32(os.Geteuid()), answered: true},
		{situation: "another user", uid: uint32(os.Geteuid()) + 1},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			inner, err := listenPrivate(filepath.Join(t.TempDir(), boxstatus.Socket))
			if err != nil {
				t.Fatal(err)
			}
			defer inner.Close()
			go func() {
				for {
					c, err := ownListener{inner, tt.uid}.Accept()
					if err != nil {
						return
					}
					io.WriteString(c, "hello")
					c.Close()
				}
			}()
			c, err := net.Dial("unix", strings.TrimSuffix(inner.Addr().String(), ".new"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if b, _ := io.ReadAll(c); (string(b) == "hello") != tt.answered {
				t.Errorf("it gets %q", b)
			}
		})
	}
}

// A process that was killed leaves its socket behind.
func TestSocketIsReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), boxstatus.Socket)
	first, err := listenPrivate(socket)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second, err := listenPrivate(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// Each client of the old port is logged once.
func TestOldPort(t *testing.T) {
	var log bytes.Buffer
	h := oldPort(http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, nil)))
	for _, client := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "192.0.2.1:3"} {
		r := httptest.NewRequest(http.MethodGet, "/pxebox.toml", nil)
		r.RemoteAddr = client
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "new=443") {
		t.Errorf("%d lines: %s", n, &log)
	}
}

// An update whose page does not work is kept, and the log says so.
func TestMissingPageIsLogged(t *testing.T) {
	for _, tt := range []struct {
		situation string
		code      int
		within    time.Duration
		logged    string
	}{
		{situation: "it works", code: http.StatusOK, within: time.Minute},
		{situation: "it does not", code: http.StatusInternalServerError, within: time.Second / 2,
			logged: "menuwatch does not serve the page"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			page := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/login" {
					t.Errorf("%s is requested", r.URL)
				}
				w.WriteHeader(tt.code)
			}))
			defer page.Close()
			_, port, err := net.SplitHostPort(page.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			lookForPage(t.Context(), port, tt.within, slog.New(slog.NewTextHandler(&log, nil)))
			if (tt.logged == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("logged %q", &log)
			}
		})
	}
}
