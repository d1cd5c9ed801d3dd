package boxclient

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/box/settings"
)

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	store := &settings.Store{File: file("box.toml", "# old\n")}
	log := slog.New(slog.DiscardHandler)
	h := access.Require(access.NewGate(password), settings.Handler(store, log), log)
	box := httptest.NewTLSServer(h)
	defer box.Close()
	host := box.Listener.Addr().String()
	known := filepath.Join(dir, "build", "known")
	const right, wrong = "[menu]\ntitle = \"Mine\"\n", "[menu]\ntitel = \"Mine\"\n"
	var out strings.Builder
	send := func(text, password string) error {
		out.Reset()
		return Settings{Host: host, Password: password, Known: known, Out: &out}.Send(t.Context(), []byte(text))
	}

	if err := send(right, password); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), host+" is new: trusted from now on, with the fingerprint sha256//") {
		t.Errorf("a new box: it says %q", &out)
	}
	if got, err := store.Read(); err != nil || string(got) != "[menu]\ntitle = \"Mine\"\n" {
		t.Errorf("the box has %q, %v", got, err)
	}
	if err := send(wrong, password); err == nil || !strings.Contains(err.Error(), "pxebox.toml:2: menu.titel") {
		t.Errorf("a mistake: %v", err)
	}
	if err := send(right, "guess"); err == nil || !strings.Contains(err.Error(), "wrong user or password") {
		t.Errorf("a wrong password: %v", err)
	}
	if b, err := os.ReadFile(known); err != nil || strings.Count(string(b), host) != 1 {
		t.Errorf("known boxes: %q, %v", b, err)
	}
	if err := os.WriteFile(known, []byte(host+" sha256//another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := send(right, password); err == nil || !strings.Contains(err.Error(), "this is not the box") {
		t.Errorf("another box: %v", err)
	}
}

// A box with an earlier version has no port 443. One that is known by its old
// port is the same box at the new one.
func TestSettingsPorts(t *testing.T) {
	const text = "[menu]\ntitle = \"Mine\"\n"
	serve := func(t *testing.T, what string) *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter,
			_ *http.Request) {
			fmt.Fprintln(w, what)
		}))
		t.Cleanup(s.Close)
		return s
	}
	port := func(s *httptest.Server) string { return strconv.Itoa(s.Listener.Addr().(*net.TCPAddr).Port) }
	page, old := serve(t, "by the page"), serve(t, "by the old port")
	nothing := serve(t, "")
	closed := port(nothing)
	nothing.Close()
	pin := credential.Pin(page.Certificate()) // all test servers have the same
	for _, tt := range []struct {
		situation, host string
		ports           settingsPorts
		known           string // by the address of which port, and as what
		says, err       string
		isNew           bool
	}{
		{situation: "both ports", host: "127.0.0.1", ports: settingsPorts{port(page), port(old)},
			says: "by the page", isNew: true},
		{
			situation: "an earlier version", host: "127.0.0.1", ports: settingsPorts{closed, port(old)},
			says: "by the old port", isNew: true,
		},
		{
			situation: "a port that the user names", host: "127.0.0.1:" + port(old),
			ports: settingsPorts{port(page), closed},
			says:  "by the old port", isNew: true,
		},
		{
			situation: "known by the old port", host: "127.0.0.1", ports: settingsPorts{port(page), port(old)},
			known: "127.0.0.1:" + port(old) + " " + pin, says: "by the page",
		},
		{
			situation: "another box than at the old port", host: "127.0.0.1",
			ports: settingsPorts{port(page), port(old)},
			known: "127.0.0.1:" + port(old) + " sha256//another", err: "this is not the box",
		},
		{
			situation: "another box than at the new port", host: "127.0.0.1",
			ports: settingsPorts{port(page), port(old)},
			known: "127.0.0.1:" + port(page) + " sha256//another\n127.0.0.1:" + port(old) + " " + pin,
			err:   "this is not the box",
		},
		{
			situation: "another box at the old port, and none at the new one", host: "127.0.0.1",
			ports: settingsPorts{closed, port(old)}, known: "127.0.0.1:" + closed + " sha256//another",
			err: "this is not the box",
		},
		{situation: "no box at all", host: "127.0.0.1", ports: settingsPorts{closed, closed}, err: "refused"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			var out strings.Builder
			known := filepath.Join(t.TempDir(), "known")
			if err := os.WriteFile(known, []byte(tt.known+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := Settings{Host: tt.host, Password: password, Known: known, Out: &out, testPorts: tt.ports}
			err := s.Send(t.Context(), []byte(text))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), " is new") != tt.isNew {
				t.Errorf("it says %q", &out)
			}
		})
	}
}
