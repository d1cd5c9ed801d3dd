package settings

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/base/access"
)

func TestHandler(t *testing.T) {
	const secret = "correct horse"
	b := newBox(t, mine)
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(access.Require(access.NewGate(secret), Handler(b.Store, log), log))
	defer server.Close()
	ask := func(method, password, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+"/"+FileName, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			r.SetBasicAuth(access.User, password)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	for _, tt := range []struct {
		situation, method, password, body string
		code                              int
		says, inForce                     string
	}{
		{"no password", "GET", "", "", 401, "the user is gokrazy", mine},
		{"put without a password", "PUT", "", theirs, 401, "", mine},
		{"wrong password", "PUT", "correct", theirs, 401, "wrong user or password", mine},
		{"read", "GET", secret, "", 200, mine, mine},
		{"mistakes", "PUT", secret, wrong, 422, "pxebox.toml:3: menu.timeuot", mine},
		{"no text at all", "PUT", secret, "\x00\xff", 422, "UTF-8", mine},
		{"right, as Windows writes", "PUT", secret, strings.ReplaceAll(theirs, "\n", "\r\n"), 200, "accepted", theirs},
		{"too long", "PUT", secret, strings.Repeat("#", maxBody+1), 400, "too large", theirs},
		{"delete", "DELETE", secret, "", 405, "", theirs},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			code, text := ask(tt.method, tt.password, tt.body)
			if code != tt.code || !strings.Contains(text, tt.says) {
				t.Errorf("%d %q", code, text)
			}
			if got := b.inForce(t); got != tt.inForce {
				t.Errorf("%q in force", got)
			}
		})
	}
	r, err := http.NewRequest("PUT", server.URL+"/"+FileName, strings.NewReader(mine))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(access.User, secret)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := b.inForce(t); resp.StatusCode != http.StatusForbidden || got != theirs {
		t.Errorf("another site's script gets %s, and %q is in force", resp.Status, got)
	}
	for range 20 {
		ask("GET", "guess", "")
	}
	if code, _ := ask("GET", secret, ""); code != http.StatusTooManyRequests {
		t.Errorf("after twenty guesses the right password gets %d", code)
	}
}
