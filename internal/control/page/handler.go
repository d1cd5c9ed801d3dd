package page

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/connlimit"
	"github.com/pxebox/pxebox/internal/base/loglimit"
)

const (
	// cookieName has the prefix that makes a browser keep the cookie to this
	// host, to HTTPS and to the whole site (RFC 6265bis §4.1.3.2).
	cookieName = "__Host-pxebox"
	// maxBody and maxLogin bound the bodies of requests, in bytes. maxBody is
	// more than the appliance accepts, so that the appliance reports the error.
	maxBody, maxLogin = 4 << 20, 4 << 10
	maxNext           = 1 << 10 // bytes of the path to show after a login
)

// ProgramsPath leads to gokrazy's page on the box: the programs and their logs,
// a restart and the update.
const ProgramsPath = "/programs"

const programsPort = "8080"

// policy lets the page load its own files and nothing else: no inline script,
// no other host, no frame around it.
const policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// handler serves what the page consists of. Its methods run in the goroutines of
// requests.
type handler struct {
	gate     *access.Gate
	views    Views
	settings http.Handler
	box      bool         // there is an appliance
	byBasic  http.Handler // inside, with the password in each request
	sessions sessions
	streams  streams
	log      *slog.Logger
	now      func() time.Time
}

// newHandler returns the page with everything that protects it.
func newHandler(s *Server, gate *access.Gate, log *slog.Logger) http.Handler {
	h := &handler{
		gate: gate, views: s.Views, settings: settingsHandler(s.Appliance, log), box: s.Appliance.Socket != "",
		log: log, now: time.Now,
	}
	return h.protect(s.Names)
}

// protect returns the handler of all requests.
func (h *handler) protect(names func() []string) http.Handler {
	h.byBasic = access.Require(h.gate, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.inside(w, r, clientOf(r), context.Background(), func() {})
	}), h.log)
	mux := http.NewServeMux()
	for _, p := range StaticPaths {
		mux.Handle("GET "+p, h.views.Static)
	}
	mux.HandleFunc("GET /login", h.loginForm)
	mux.HandleFunc("POST /login", h.login)
	mux.HandleFunc("POST /logout", h.logout)
	mux.HandleFunc("/", h.authenticate)
	limited := http.MaxBytesHandler(mux, maxBody)
	return h.catch(withHeaders(checkHost(names, http.NewCrossOriginProtection().Handler(limited))))
}

// withHeaders sets the header fields that every answer has. Handlers may replace
// Cache-Control.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: browsers then send "Origin: null" with the login form
		// (Fetch §4.6), which looks like another site's where they send no
		// Sec-Fetch-Site.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		// No Strict-Transport-Security: browsers ignore it with a certificate
		// that no authority signed (RFC 6797 §8.1).
		next.ServeHTTP(w, r)
	})
}

// catch logs panics. Without it they would end up in the server's log of client
// errors, which is discarded.
func (h *handler) catch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			switch p {
			case nil:
				return
			case http.ErrAbortHandler:
				panic(p)
			}
			loglimit.Trusted(h.log).Error("a page failed",
				"path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			http.Error(w, "This page failed; menuwatch's log says where. Please report it.",
				http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// authenticate passes requests of people who have logged in on.
func (h *handler) authenticate(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		if s := h.sessions.find(h.now(), c.Value); s != nil {
			connlimit.RequestLoggedIn(r.Context())
			h.inside(w, r, s, s.over, func() { h.sessions.touch(h.now(), s) })
			return
		}
	}
	if _, _, ok := r.BasicAuth(); ok {
		h.byBasic.ServeHTTP(w, r)
		return
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && strings.Contains(r.Header.Get("Accept"), "text/html") {
		to := "/login"
		if next := nextPath(r.URL.RequestURI()); next != "/" {
			to += "?" + url.Values{"next": {next}}.Encode()
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	if !byBrowser(r) {
		// A browser would show its own form, and then send the password with
		// every request.
		w.Header().Set("WWW-Authenticate", `Basic realm="pxebox"`)
	}
	http.Error(w, "Log in at /login, or send the user "+access.User+" and the password with the request.",
		http.StatusUnauthorized)
}

// inside serves a person who has logged in: owner, until over ends.
func (h *handler) inside(w http.ResponseWriter, r *http.Request, owner any, over context.Context, touch func()) {
	switch {
	case r.URL.Path == settingsPath:
		h.settings.ServeHTTP(w, r)
	case r.URL.Path == ProgramsPath && h.box:
		http.Redirect(w, r, "https://"+net.JoinHostPort(hostOf(r.Host), programsPort)+"/", http.StatusSeeOther)
	case isStream(r):
		h.streams.serve(w, r, h.views.Pages, owner, over, touch)
	default:
		h.views.Pages.ServeHTTP(w, r)
	}
}

func (h *handler) loginForm(w http.ResponseWriter, r *http.Request) {
	next := nextPath(r.URL.Query().Get("next"))
	if c, err := r.Cookie(cookieName); err == nil && h.sessions.find(h.now(), c.Value) != nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	h.views.Login(w, r, Login{Next: next})
}

func (h *handler) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	client, next := clientOf(r), nextPath(r.PostForm.Get("next"))
	switch err := h.gate.Check(h.now(), client, access.User, r.PostForm.Get("password")); err {
	case nil:
	case access.ErrWait:
		w.Header().Set("Retry-After", "60")
		h.views.Login(w, r, Login{Wait: time.Minute, Next: next})
		return
	default:
		h.log.Warn("refused", "client", client, "err", err)
		h.views.Login(w, r, Login{Failed: true, Next: next})
		return
	}
	connlimit.RequestLoggedIn(r.Context())
	if c, err := r.Cookie(cookieName); err == nil {
		h.sessions.end(c.Value)
	}
	loglimit.Trusted(h.log).Info("logged in", "client", client)
	setCookie(w, h.sessions.start(h.now()), 0)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (h *handler) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		h.sessions.end(c.Value)
	}
	setCookie(w, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// setCookie sets the session's cookie, which a browser drops when it is closed,
// or at once if maxAge is negative. The box may have no clock, so the cookie has
// no time: the server ends the session.
func setCookie(w http.ResponseWriter, token string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: token, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// clientOf returns the address of a request's client.
func clientOf(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // the server sets it
	return from.Addr()
}

// nextPath returns the path to show after a login: a path of this host, or "/".
func nextPath(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, len(next) > maxNext, u.IsAbs(), u.Host != "", u.User != nil, u.Opaque != "":
		return "/"
	case !strings.HasPrefix(next, "/"), strings.HasPrefix(next, "//"), strings.ContainsAny(next, "\\\t\r\n"):
		return "/"
	case u.Path == "/login", u.Path == "/logout":
		return "/"
	}
	return next
}
