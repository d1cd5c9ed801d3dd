package access

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequire(t *testing.T) {
	const secret = "correct horse"
	var log bytes.Buffer
	passed := 0
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { passed++ })
	h := Require(NewGate(secret), next, slog.New(slog.NewTextHandler(&log, nil)))
	ask := func(user, password string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/reboot", nil)
		if password != "" {
			r.SetBasicAuth(user, password)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, tt := range []struct {
		situation, user, password string
		code                      int
		logged                    string
	}{
		{situation: "no password", code: http.StatusUnauthorized},
		{situation: "right", user: User, password: secret, code: http.StatusOK},
		{situation: "wrong password", user: User, password: "guess", code: http.StatusUnauthorized,
			logged: "client=192.0.2.1"},
		{situation: "wrong user", user: "root", password: secret, code: http.StatusUnauthorized,
			logged: "client=192.0.2.1"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			log.Reset()
			before := passed
			w := ask(tt.user, tt.password)
			if w.Code != tt.code || (passed > before) != (tt.code == http.StatusOK) {
				t.Errorf("answered %d, passed on %v", w.Code, passed > before)
			}
			if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%d with WWW-Authenticate %q", w.Code, w.Header().Get("WWW-Authenticate"))
			}
			if (tt.logged == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("logged %q", &log)
			}
		})
	}
	for range 20 {
		ask(User, "guess")
	}
	w := ask(User, secret)
	text, _ := io.ReadAll(w.Body)
	if w.Code != http.StatusTooManyRequests || !strings.Contains(string(text), "wait a minute") ||
		w.Header().Get("Retry-After") != "60" {
		t.Errorf("after twenty guesses the right password gets %d, %q", w.Code, text)
	}
}
