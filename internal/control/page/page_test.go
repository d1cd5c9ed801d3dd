package page

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/test/journal"
)

const password = "correct horse"

// views are pages that say what they were given.
func views() Views {
	pages := http.NewServeMux()
	pages.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the machines") })
	pages.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("a mistake of ours") })
	pages.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			if _, err := io.WriteString(w, "data: hello\n\n"); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	pages.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
		}
	})
	return Views{
		Pages:  pages,
		Static: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "static") }),
		Login: func(w http.ResponseWriter, _ *http.Request, l Login) {
			switch {
			case l.Wait > 0:
				w.WriteHeader(http.StatusTooManyRequests)
			case l.Failed:
				w.WriteHeader(http.StatusForbidden)
			}
			fmt.Fprintf(w, "the form, next %s", l.Next)
		},
	}
}

// testPage is a page on this machine.
type testPage struct {
	t    *testing.T
	h    *handler
	addr string
	log  journal.Text
	now  time.Time // of sessions and guesses; set it between requests only
}

// newPage serves the page. change may alter how.
func newPage(t *testing.T, change func(*access.HTTPS, *Server)) *testPage {
	t.Helper()
	p := &testPage{t: t, now: time.Now()}
	log := slog.New(slog.NewTextHandler(&p.log, nil))
	certificate, err := access.Certificate(filepath.Join(t.TempDir(), "https.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	s := &Server{Views: views()}
	https := access.HTTPS{
		Certificate: certificate, Gate: access.NewGate(password), Total: maxConns, PerSource: maxPerSource,
		Header: time.Minute, Request: time.Minute, Idle: idle,
	}
	if change != nil {
		change(&https, s)
	}
	p.h = &handler{
		gate: https.Gate, views: s.Views, settings: settingsHandler(s.Appliance, log),
		box: s.Appliance.Socket != "", log: log,
		now: func() time.Time { return p.now },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- https.Serve(ctx, l, p.h.protect(s.Names)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	return p
}

// browser returns a client that keeps cookies and follows no redirect.
func (p *testPage) browser() *http.Client {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *testPage) request(method, path, body string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, "https://"+p.addr+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r
}

// ask sends a request and returns the answer with its text.
func (p *testPage) ask(c *http.Client, r *http.Request) (*http.Response, string) {
	p.t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(text)
}

func (p *testPage) login(c *http.Client, password, next string) *http.Response {
	p.t.Helper()
	form := url.Values{"password": {password}, "next": {next}}
	resp, _ := p.ask(c, p.request(http.MethodPost, "/login", form.Encode()))
	return resp
}

// in reports whether a client sees the machines.
func (p *testPage) in(c *http.Client) bool {
	p.t.Helper()
	resp, text := p.ask(c, p.request(http.MethodGet, "/", ""))
	return resp.StatusCode == http.StatusOK && text == "the machines"
}

func TestLogin(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	resp, _ := p.ask(c, p.request(http.MethodGet, "/machine?mac=1&x=2", ""))
	to := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || to != "/login?next=%2Fmachine%3Fmac%3D1%26x%3D2" {
		t.Errorf("a stranger gets %s, %q", resp.Status, to)
	}
	if _, text := p.ask(c, p.request(http.MethodGet, to, "")); text != "the form, next /machine?mac=1&x=2" {
		t.Errorf("the form: %q", text)
	}
	if _, text := p.ask(c, p.request(http.MethodGet, "/style.css", "")); text != "static" {
		t.Errorf("the form's style is %q", text)
	}
	if resp := p.login(c, "guess", "/"); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
		t.Errorf("a wrong password gets %s", resp.Status)
	}
	if !strings.Contains(p.log.String(), "msg=refused client=127.0.0.1") {
		t.Errorf("the log says %q", &p.log)
	}
	if p.in(c) {
		t.Error("a wrong password lets in")
	}

	resp = p.login(c, password, "/machine?mac=1&x=2")
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != "/machine?mac=1&x=2" {
		t.Errorf("the right password gets %s, %q", resp.Status, to)
	}
	if len(resp.Cookies()) != 1 {
		t.Fatalf("cookies: %v", resp.Cookies())
	}
	cookie := resp.Cookies()[0]
	if cookie.Name != "__Host-pxebox" || cookie.Path != "/" || !cookie.Secure || !cookie.HttpOnly ||
		cookie.SameSite != http.SameSiteStrictMode || cookie.Domain != "" || cookie.MaxAge != 0 ||
		len(cookie.Value) < 43 {
		t.Errorf("the cookie is %+v", cookie)
	}
	if !p.in(c) {
		t.Error("the session does not let in")
	}
	const elsewhere = "//evil.example.net/"
	form := p.request(http.MethodGet, "/login?next="+url.QueryEscape(elsewhere), "")
	if resp, _ := p.ask(c, form); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		t.Errorf("the form, with a session: %s, %q", resp.Status, resp.Header.Get("Location"))
	}
	if resp := p.login(p.browser(), password, elsewhere); resp.Header.Get("Location") != "/" {
		t.Errorf("a login leads to %q", resp.Header.Get("Location"))
	}

	resp, _ = p.ask(c, p.request(http.MethodPost, "/logout", ""))
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("the logout: %s", resp.Status)
	}
	stolen := p.request(http.MethodGet, "/", "")
	stolen.AddCookie(cookie)
	if resp, _ := p.ask(p.browser(), stolen); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("after the logout the cookie gets %s", resp.Status)
	}
}

// Guesses are limited, whichever way they take.
func TestGuessesAreLimited(t *testing.T) {
	const guesses = 20
	guess := map[string]func(p *testPage, password string) int{
		"by the form": func(p *testPage, password string) int { return p.login(p.browser(), password, "/").StatusCode },
		"with each request": func(p *testPage, password string) int {
			r := p.request(http.MethodGet, "/pxebox.toml", "")
			r.SetBasicAuth(access.User, password)
			resp, _ := p.ask(p.browser(), r)
			return resp.StatusCode
		},
	}
	for way, guess := range guess {
		t.Run(way, func(t *testing.T) {
			p := newPage(t, nil)
			codes := map[int]int{}
			for range guesses {
				codes[guess(p, "guess")]++
			}
			if codes[http.StatusTooManyRequests] != guesses-10 {
				t.Errorf("%d guesses get %v", guesses, codes)
			}
			if code := guess(p, password); code != http.StatusTooManyRequests {
				t.Errorf("then the right password gets %d", code)
			}
		})
	}
}

// Programs send the password with each request, and need no session.
func TestPrograms(t *testing.T) {
	p := newPage(t, nil)
	for _, tt := range []struct {
		situation, password, accept, site string
		code                              int
		challenge                         bool
	}{
		{situation: "no password", code: http.StatusUnauthorized, challenge: true},
		{situation: "wrong password", password: "guess", code: http.StatusUnauthorized, challenge: true},
		{situation: "right password", password: password, code: http.StatusOK},
		{
			situation: "the page's script after the session's end", site: "same-origin", accept: "text/event-stream",
			code: http.StatusUnauthorized,
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := p.request(http.MethodGet, "/", "")
			r.Header.Set("Accept", "*/*")
			if tt.accept != "" {
				r.Header.Set("Accept", tt.accept)
			}
			if tt.site != "" {
				r.Header.Set("Sec-Fetch-Site", tt.site)
			}
			if tt.password != "" {
				r.SetBasicAuth(access.User, tt.password)
			}
			resp, _ := p.ask(p.browser(), r)
			if asks := resp.Header.Get("WWW-Authenticate") != ""; resp.StatusCode != tt.code || asks != tt.challenge {
				t.Errorf("%s, asks for the password: %v", resp.Status, asks)
			}
			if len(resp.Cookies()) > 0 {
				t.Error("there is a session")
			}
		})
	}
}

func TestSessionsExpire(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	if resp := p.login(c, password, "/"); resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp.Status)
	}
	began := p.now
	for p.now.Sub(began) < sessionLongest-sessionIdle {
		p.now = p.now.Add(sessionIdle - time.Second)
		if !p.in(c) {
			t.Fatalf("a session in use ends after %v", p.now.Sub(began))
		}
	}
	p.now = began.Add(sessionLongest)
	if p.in(c) {
		t.Error("a session in use does not end")
	}
	p.login(c, password, "/")
	p.now = p.now.Add(sessionIdle)
	if p.in(c) {
		t.Error("an unused session does not end")
	}
}

// The least recently used session goes, and its streams with it.
func TestSessionsAreBounded(t *testing.T) {
	var s sessions
	now := time.Now()
	tokens := make([]string, maxSessions)
	for i := range tokens {
		tokens[i] = s.start(now.Add(time.Duration(i) * time.Second))
	}
	now = now.Add(time.Hour)
	if s.find(now, tokens[0]) == nil {
		t.Fatal("a session is lost before the table is full")
	}
	second := s.all[sha256.Sum256([]byte(tokens[1]))]
	s.start(now)
	if len(s.all) != maxSessions {
		t.Errorf("%d sessions", len(s.all))
	}
	for i, want := range []bool{true, false, true} {
		if found := s.find(now, tokens[i]) != nil; found != want {
			t.Errorf("session %d: %v, want %v", i, found, want)
		}
	}
	if second.over.Err() == nil {
		t.Error("the session that made room is not over")
	}
	// Expired ones go first, all of them.
	now = now.Add(sessionIdle)
	s.start(now)
	if len(s.all) != 1 {
		t.Errorf("%d sessions, the others have expired", len(s.all))
	}
	if s.find(now, "") != nil || s.find(now, "invented") != nil {
		t.Error("an invented token has a session")
	}
}

// Another web site cannot use the session, and not the password that a browser
// keeps.
func TestOtherSitesAreRefused(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	p.login(c, password, "/")
	for _, tt := range []struct {
		situation, method, path, site, origin string
		basic                                 bool
		code                                  int
	}{
		{situation: "our form", method: "POST", path: "/x", site: "same-origin", code: http.StatusNotFound},
		{situation: "another site's form", method: "POST", path: "/x", site: "cross-site", code: http.StatusForbidden},
		{situation: "another port's form", method: "POST", path: "/x", site: "same-site", code: http.StatusForbidden},
		{situation: "an old browser", method: "POST", path: "/x", origin: "https://example.org",
			code: http.StatusForbidden},
		{situation: "a login by another site", method: "POST", path: "/login", site: "cross-site",
			code: http.StatusForbidden},
		{situation: "a logout by another site", method: "POST", path: "/logout", site: "cross-site",
			code: http.StatusForbidden},
		{
			situation: "settings, with a stored password", method: "PUT", path: "/pxebox.toml",
			site: "cross-site", basic: true,
			code: http.StatusForbidden,
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := p.request(tt.method, tt.path, "")
			r.Header.Del("Sec-Fetch-Site")
			if tt.site != "" {
				r.Header.Set("Sec-Fetch-Site", tt.site)
			}
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if tt.basic {
				r.SetBasicAuth(access.User, password)
			}
			if resp, _ := p.ask(c, r); resp.StatusCode != tt.code {
				t.Errorf("%s, want %d", resp.Status, tt.code)
			}
		})
	}
	if !p.in(c) {
		t.Error("the session is over")
	}
}

func TestHostAllowed(t *testing.T) {
	names := hostNames("box7.example.org", []string{"", " Page.example.com"})
	for host, want := range map[string]bool{
		"192.168.77.1":          true,
		"192.168.77.1:8443":     true,
		"[fe80::1%25eth0]:443":  true,
		"[2001:db8::1]":         true,
		"localhost:8443":        true,
		"pxebox.local":          true,
		"PXEBOX.local.":         true,
		"box7":                  true,
		"box7.local:443":        true,
		"box7.example.org":      true,
		"page.example.com":      true,
		"evil.example.net":      false,
		"box7.evil.example.net": false,
		"192.168.77.1.nip.io":   false,
		"":                      false,
		"[":                     false,
	} {
		if got := hostAllowed(host, names); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

// A web site whose name leads here (DNS rebinding) gets nothing. Programs, which
// were given the password, may use any name.
func TestRebinding(t *testing.T) {
	p := newPage(t,
		func(_ *access.HTTPS, s *Server) { s.Names = func() []string { return []string{"known.example.org"} } })
	c := p.browser()
	for _, tt := range []struct {
		situation, host, path, site string
		basic                       bool
		code                        int
	}{
		{situation: "an address", host: "192.0.2.1", path: "/login", code: http.StatusOK},
		{situation: "a name of -names", host: "known.example.org", path: "/login", code: http.StatusOK},
		{situation: "another name", host: "evil.example.net", path: "/login", code: http.StatusMisdirectedRequest},
		{situation: "its style", host: "evil.example.net", path: "/style.css", code: http.StatusMisdirectedRequest},
		{situation: "a program", host: "box.example.net", path: "/", basic: true, code: http.StatusOK},
		{
			situation: "a script with the password", host: "evil.example.net", path: "/", basic: true,
			site: "same-origin",
			code: http.StatusMisdirectedRequest,
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := p.request(http.MethodGet, tt.path, "")
			r.Host = tt.host
			if tt.site != "" {
				r.Header.Set("Sec-Fetch-Site", tt.site)
			}
			if tt.basic {
				r.SetBasicAuth(access.User, password)
			}
			resp, text := p.ask(c, r)
			if resp.StatusCode != tt.code {
				t.Errorf("%s, want %d", resp.Status, tt.code)
			}
			if tt.code == http.StatusMisdirectedRequest && !strings.Contains(text, "by its IP address") {
				t.Errorf("it says %q", text)
			}
		})
	}
}

// Each answer has the fields that tell a browser what it may do.
func TestHeaders(t *testing.T) {
	p := newPage(t, nil)
	c, stranger := p.browser(), p.browser()
	p.login(c, password, "/")
	for _, tt := range []struct {
		situation string
		client    *http.Client
		change    func(*http.Request)
		path      string
		code      int
	}{
		{situation: "a page", client: c, path: "/", code: http.StatusOK},
		{situation: "the form", client: stranger, path: "/login", code: http.StatusOK},
		{situation: "a style", client: stranger, path: "/style.css", code: http.StatusOK},
		{situation: "a redirect", client: stranger, path: "/", code: http.StatusSeeOther},
		{situation: "not found", client: c, path: "/nothing", code: http.StatusNotFound},
		{situation: "a panic", client: c, path: "/panic", code: http.StatusInternalServerError},
		{situation: "no appliance", client: c, path: "/pxebox.toml", code: http.StatusNotFound},
		{situation: "another name", client: c, change: func(r *http.Request) { r.Host = "evil.example.net" }, path: "/",
			code: http.StatusMisdirectedRequest},
		{situation: "another site", client: c, change: func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, path: "/", code: http.StatusForbidden},
		{situation: "no password", client: stranger, change: func(r *http.Request) { r.Header.Set("Accept", "*/*") },
			path: "/", code: http.StatusUnauthorized},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := p.request(http.MethodGet, tt.path, "")
			if tt.change != nil {
				tt.change(r)
			}
			resp, _ := p.ask(tt.client, r)
			if resp.StatusCode != tt.code {
				t.Errorf("%s, want %d", resp.Status, tt.code)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; " +
					"form-action 'self'",
				"X-Content-Type-Options":    "nosniff",
				"Referrer-Policy":           "same-origin",
				"Cache-Control":             "no-store",
				"Strict-Transport-Security": "",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// A page that panics is an answer to one request, and a line in the log.
func TestPanic(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	p.login(c, password, "/")
	resp, text := p.ask(c, p.request(http.MethodGet, "/panic", ""))
	if resp.StatusCode != http.StatusInternalServerError || strings.Contains(text, "mistake") {
		t.Errorf("%s, %q", resp.Status, text)
	}
	if log := p.log.String(); !strings.Contains(log, `panic="a mistake of ours"`) ||
		!strings.Contains(log, "page_test.go") {
		t.Errorf("the log says %q", log)
	}
	if !p.in(c) {
		t.Error("the next request is not answered")
	}
}

// Requests that are too large are refused, and the connection with them.
func TestHugeRequests(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	r := p.request(http.MethodGet, "/", "")
	r.Header.Set("X-Huge", strings.Repeat("x", 1<<20))
	// The server may close the connection while the client still sends.
	if resp, err := c.Do(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a huge header gets %s", resp.Status)
		}
	}
	form := "password=" + strings.Repeat("x", maxLogin)
	resp, text := p.ask(c, p.request(http.MethodPost, "/login", form))
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "too large") {
		t.Errorf("a huge password gets %s, %q", resp.Status, text)
	}
	if resp := p.login(c, password, "/"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("afterwards: %s", resp.Status)
	}
}

func TestNextPath(t *testing.T) {
	for next, want := range map[string]string{
		"/machine/52:54:00:12:34:56?x=1#y": "/machine/52:54:00:12:34:56?x=1#y",
		"":                                 "/",
		"//evil.example.net/":              "/",
		"/\\evil.example.net/":             "/",
		"/\t/evil.example.net":             "/",
		"https://evil.example.net/":        "/",
		"javascript:alert(1)":              "/",
		"machine":                          "/",
		"/login":                           "/",
		"/logout":                          "/",
		"/" + strings.Repeat("x", maxNext): "/",
	} {
		if got := nextPath(next); got != want {
			t.Errorf("%.50q: %q, want %q", next, got, want)
		}
	}
}

// slow dials and sends the beginning of a request.
func (p *testPage) slow(from, begin string) *tls.Conn {
	p.t.Helper()
	d := tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}},
		Config:    &tls.Config{InsecureSkipVerify: true},
	}
	c, err := d.DialContext(p.t.Context(), "tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, begin); err != nil {
		p.t.Fatal(err)
	}
	return c.(*tls.Conn)
}

// A client that stops in the middle of a request loses its connection.
func TestSlowClients(t *testing.T) {
	for situation, begin := range map[string]string{
		"nothing":       "",
		"half a header": "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow:",
		"half a body":   "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\npass",
		"the next request on the same connection": "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(situation, func(t *testing.T) {
			t.Parallel()
			p := newPage(t, func(s *access.HTTPS, _ *Server) {
				s.Header, s.Request, s.Idle = 2*time.Second, 3*time.Second, 2*time.Second
			})
			c := p.slow("127.0.0.1", begin)
			// The test's own time limit would end it if the server did not.
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}

// A thousand connections of strangers leave room for a person with the password.
func TestThousandConnections(t *testing.T) {
	for situation, addresses := range map[string]int{"one address": 1, "two hundred addresses": 200} {
		t.Run(situation, func(t *testing.T) {
			p := newPage(t, nil)
			for i := range 1000 {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%addresses))}}
				c, err := d.DialContext(t.Context(), "tcp", p.addr)
				if err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
				t.Cleanup(func() { c.Close() })
			}
			c := p.browser()
			if resp := p.login(c, password, "/"); resp.StatusCode != http.StatusSeeOther || !p.in(c) {
				t.Errorf("a person with the password gets %s", resp.Status)
			}
		})
	}
}

// openStream opens an event stream and waits for its first event.
func (p *testPage) openStream(c *http.Client) *http.Response {
	p.t.Helper()
	r := p.request(http.MethodGet, "/events", "")
	r.Header.Set("Accept", "text/event-stream")
	resp, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { resp.Body.Close() })
	if line, err := bufio.NewReaderSize(resp.Body, 16).ReadString('\n'); err != nil || line != "data: hello\n" {
		p.t.Fatalf("%s, %q, %v", resp.Status, line, err)
	}
	return resp
}

// over waits for the end of a stream.
func over(t *testing.T, stream *http.Response) {
	t.Helper()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
}

// A stream outlives the time of an ordinary request, and ends with the session.
func TestStreams(t *testing.T) {
	t.Parallel()
	p := newPage(t, func(s *access.HTTPS, _ *Server) { s.Request = 5 * time.Second })
	c := p.browser()
	p.login(c, password, "/")
	began := time.Now()
	stream := p.openStream(c)
	for buffer := make([]byte, 1024); time.Since(began) < 7*time.Second; {
		if _, err := stream.Body.Read(buffer); err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
	}
	p.ask(c, p.request(http.MethodPost, "/logout", ""))
	over(t, stream)
}

// Newer streams replace older ones.
func TestStreamsAreBounded(t *testing.T) {
	p := newPage(t, nil)
	c := p.browser()
	p.login(c, password, "/")
	first := p.openStream(c)
	for range maxOwnStreams {
		p.openStream(c)
	}
	over(t, first)

	var s streams
	ends := make([]int, maxStreams+1)
	for i := range ends {
		s.add(i, func() { ends[i]++ })
	}
	if len(s.open) != maxStreams || ends[0] != 1 || ends[1] != 0 {
		t.Errorf("%d streams are open; the ends are %v", len(s.open), ends)
	}
}

// A browser that stops reading does not keep the stream's goroutine.
func TestStreamToSilentBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time that a browser has for reading")
	}
	t.Parallel()
	p := newPage(t, nil)
	c := p.browser()
	token := p.login(c, password, "/").Cookies()[0].Value
	p.slow("127.0.0.1", "GET /endless HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"+
		"Cookie: "+cookieName+"="+token+"\r\n\r\n")
	open := func() int {
		p.h.streams.mu.Lock()
		defer p.h.streams.mu.Unlock()
		return len(p.h.streams.open)
	}
	for _, want := range []int{1, 0} {
		for open() != want {
			select {
			case <-t.Context().Done():
				t.Fatal("it did not happen")
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// startAppliance answers at a socket like the appliance.
func startAppliance(t *testing.T, h http.HandlerFunc) boxstatus.Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), boxstatus.Socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return boxstatus.Client{Socket: socket}
}

// Settings go to the appliance, without the password.
func TestSettings(t *testing.T) {
	appliance := startAppliance(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, name := range []string{"Authorization", "Cookie"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("the appliance gets %s: %s", name, v)
			}
		}
		if c := r.Header.Values(boxstatus.ClientHeader); len(c) != 1 || !strings.HasPrefix(c[0], "127.0.0.1:") {
			t.Errorf("the appliance gets the clients %q", c)
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, b)
	})
	p := newPage(t, func(_ *access.HTTPS, s *Server) { s.Appliance = appliance })
	r := p.request(http.MethodPut, "/pxebox.toml", "# new")
	r.SetBasicAuth(access.User, password)
	r.Header.Set(boxstatus.ClientHeader, "192.0.2.1:1")
	r.Header.Set("Connection", boxstatus.ClientHeader)
	resp, text := p.ask(p.browser(), r)
	if resp.StatusCode != http.StatusUnprocessableEntity || text != "PUT /pxebox.toml # new" ||
		resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%s, %q", resp.Status, text)
	}
	resp, _ = p.ask(p.browser(), p.request(http.MethodPut, "/pxebox.toml", "# new"))
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the password: %s", resp.Status)
	}
}

func TestApplianceIsDown(t *testing.T) {
	p := newPage(t, func(_ *access.HTTPS, s *Server) {
		s.Appliance = boxstatus.Client{Socket: filepath.Join(t.TempDir(), boxstatus.Socket)}
	})
	c := p.browser()
	p.login(c, password, "/")
	resp, text := p.ask(c, p.request(http.MethodGet, "/pxebox.toml", ""))
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(text, "The appliance does not answer") {
		t.Errorf("%s, %q", resp.Status, text)
	}
	if !strings.Contains(p.log.String(), "the appliance does not answer") {
		t.Errorf("the log says %q", &p.log)
	}
	if !p.in(c) {
		t.Error("the page is down too")
	}
}

// The page leads to gokrazy's at the address by which the browser knows the box.
func TestWayToThePrograms(t *testing.T) {
	for _, tt := range []struct {
		situation, socket, host, want string
		code                          int
	}{
		{situation: "by address", socket: "x", host: "192.0.2.1", want: "https://192.0.2.1:8080/",
			code: http.StatusSeeOther},
		{situation: "IPv6", socket: "x", host: "[2001:db8::1]:443", want: "https://[2001:db8::1]:8080/",
			code: http.StatusSeeOther},
		{situation: "by name", socket: "x", host: "pxebox.local", want: "https://pxebox.local:8080/",
			code: http.StatusSeeOther},
		{situation: "no box", host: "192.0.2.1", code: http.StatusNotFound},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			p := newPage(t, func(_ *access.HTTPS, s *Server) { s.Appliance.Socket = tt.socket })
			r := p.request(http.MethodGet, ProgramsPath, "")
			r.Host = tt.host
			r.SetBasicAuth(access.User, password)
			resp, _ := p.ask(p.browser(), r)
			if to := resp.Header.Get("Location"); resp.StatusCode != tt.code || to != tt.want {
				t.Errorf("%s, %q", resp.Status, to)
			}
		})
	}
}

// The page waits for its port and for its password, and says so once.
func TestRunWaits(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var log journal.Text
	s := &Server{
		Address: taken.Addr().String(), Password: filepath.Join(dir, "password"), Keys: filepath.Join(dir, "keys"),
		Views: views(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	wait := func(text string) {
		t.Helper()
		for !strings.Contains(log.String(), text) {
			select {
			case <-t.Context().Done():
				t.Fatalf("the log does not say %q: %s", text, log.String())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	wait("write a password of at least 12 characters into " + s.Password)
	if err := os.WriteFile(s.Password, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait("address already in use: page.test (process")
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	wait("the page is served")
	c, err := tls.Dial("tcp", s.Address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	cancel()
	<-ended
	if n := strings.Count(log.String(), "the page is off"); n != 2 {
		t.Errorf("%d lines say that the page is off: %s", n, log.String())
	}
}

// On the box no program may write to the disk before the appliance has checked
// it.
func TestCertificateWaitsForTheAppliance(t *testing.T) {
	dir := t.TempDir()
	s := &Server{Keys: filepath.Join(dir, "keys"),
		Appliance: boxstatus.Client{Socket: filepath.Join(dir, boxstatus.Socket)}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*socketPoll)
	defer cancel()
	if _, err := s.certificate(s.applianceStarted(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it does not wait: %v", err)
	}
	if _, err := os.Stat(s.Keys); err == nil {
		t.Error("it has written to the disk")
	}
	if err := os.WriteFile(s.Appliance.Socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := s.certificate(s.applianceStarted(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	// One that exists needs no write.
	again, err := s.certificate(errors.New("the appliance hangs"))
	if err != nil || access.Pin(again) != access.Pin(c) {
		t.Errorf("the second time it is another one: %v", err)
	}
}

// A password that was put on the box's volume counts from the next start on, so
// the appliance must have read it before the page asks for it.
func TestPasswordWaitsForTheAppliance(t *testing.T) {
	dir := t.TempDir()
	s := &Server{
		Password: filepath.Join(dir, "password"), Keys: filepath.Join(dir, "keys"),
		Appliance: boxstatus.Client{Socket: filepath.Join(dir, boxstatus.Socket)},
	}
	if err := os.WriteFile(s.Password, []byte("from the last start\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*socketPoll, func() {
		err := errors.Join(os.WriteFile(s.Password, []byte("from the volume\n"), 0o600),
			os.WriteFile(s.Appliance.Socket, nil, 0o600))
		if err != nil {
			t.Error(err)
		}
	})
	gate, _, err := s.credentials(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Check(time.Now(), netip.MustParseAddr("192.0.2.1"), access.User, "from the volume"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestRetry(t *testing.T) {
	var (
		log   bytes.Buffer
		calls int
	)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	retry(ctx, time.Microsecond, time.Millisecond, slog.New(slog.NewTextHandler(&log, nil)),
		func(serving func()) error {
			calls++
			switch {
			case calls == 50: // an error after it was served is logged again
				serving()
			case calls == 100:
				cancel()
			}
			return errors.New("taken")
		})
	if n := strings.Count(log.String(), "the page is off"); n != 2 || calls != 100 {
		t.Errorf("%d lines after %d attempts", n, calls)
	}
}

func TestClientOf(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if got := clientOf(r); got != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("the client is %v", got)
	}
}
