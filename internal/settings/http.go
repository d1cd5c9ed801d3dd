package settings

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/access"
	"github.com/pxebox/pxebox/internal/loglimit"
)

// maxBody bounds what is read of a request, in bytes: more than config.Parse
// takes, so that it is the one to say so.
const maxBody = 2 << 20

// Handler serves the settings by HTTP to whoever the gate lets in: GET, and PUT
// of new ones. Mistakes in those are answered with 422 and a line for each.
func Handler(s *Store, gate *access.Gate, log *slog.Logger) http.Handler {
	h := &handler{s, gate, log.With("step", "settings")}
	mux := http.NewServeMux()
	mux.Handle("GET /"+FileName, h.admit(h.get))
	mux.Handle("PUT /"+FileName, h.admit(h.put))
	return mux
}

type handler struct {
	store *Store
	gate  *access.Gate
	log   *slog.Logger
}

// admit lets a request through whose user and password are right.
func (h *handler) admit(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="pxebox"`)
			http.Error(w, "the user is "+access.User+", the password that of the update page", http.StatusUnauthorized)
			return
		}
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		switch err := h.gate.Check(time.Now(), from.Addr(), user, password); err {
		case nil:
			next(w, r)
		case access.ErrWait:
			w.Header().Set("Retry-After", "60")
			http.Error(w, err.Error(), http.StatusTooManyRequests)
		default:
			h.log.Warn("refused", "client", from.Addr(), "err", err)
			w.Header().Set("WWW-Authenticate", `Basic realm="pxebox"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	})
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	b, err := h.store.Read()
	if err != nil {
		h.fail(w, "the settings cannot be read", err)
		return
	}
	w.Header().Set("Content-Type", "application/toml")
	w.Write(b)
}

func (h *handler) put(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	err = h.store.Take(b)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		loglimit.Trusted(h.log).Warn("settings with mistakes: not taken", "client", r.RemoteAddr, "mistakes", len(mistakes))
		http.Error(w, mistakes.Error(), http.StatusUnprocessableEntity)
	case err != nil:
		h.fail(w, "the settings cannot be checked or kept, and the old ones stay", err)
	default:
		loglimit.Trusted(h.log).Info("settings are taken", "client", r.RemoteAddr, "bytes", len(b))
		fmt.Fprintln(w, "taken")
	}
}

func (h *handler) fail(w http.ResponseWriter, what string, err error) {
	h.log.Error(what, "err", err)
	http.Error(w, what+": "+err.Error(), http.StatusInternalServerError)
}
