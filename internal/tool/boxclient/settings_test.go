package boxclient

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
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
