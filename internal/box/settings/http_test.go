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
	b.Check = withDoubts
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
		{situation: "no password", method: "GET", code: 401, says: "the user is gokrazy", inForce: mine},
		{situation: "put without a password", method: "PUT", body: theirs, code: 401, inForce: mine},
		{situation: "wrong password", method: "PUT", password: "correct", body: theirs, code: 401,
			says: "wrong user or password", inForce: mine},
		{situation: "read", method: "GET", password: secret, code: 200, says: mine, inForce: mine},
		{situation: "mistakes", method: "PUT", password: secret, body: wrong, code: 422,
			says: "pxebox.toml:3: menu.timeuot", inForce: mine},
		{situation: "no text at all", method: "PUT", password: secret, body: "\x00\xff", code: 422,
			says: "UTF-8", inForce: mine},
		{situation: "right, as Windows writes", method: "PUT", password: secret,
			body: strings.ReplaceAll(theirs, "\n", "\r\n"), code: 200, says: "accepted", inForce: theirs},
		{situation: "right, and will hardly work", method: "PUT", password: secret, body: doubtful, code: 200,
			says: "accepted\nwarning: pxebox.toml:2: network.interface: it is not there; plug it in\n", inForce: doubtful},
		{situation: "right again", method: "PUT", password: secret, body: theirs, code: 200, says: "accepted",
			inForce: theirs},
		{situation: "too long", method: "PUT", password: secret, body: strings.Repeat("#", maxBody+1), code: 400,
			says: "too large", inForce: theirs},
		{situation: "delete", method: "DELETE", password: secret, code: 405, inForce: theirs},
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
