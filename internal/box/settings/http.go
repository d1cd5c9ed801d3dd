package settings

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/loglimit"
)

// maxBody bounds how much of a request is read, in bytes. It is more than
// config.Parse accepts, so that config.Parse reports the error.
const maxBody = 2 << 20

// Handler serves the settings over HTTP: GET returns them, and PUT replaces
// them. It answers settings with mistakes with 422 and a line for each mistake, and
// settings without any with "accepted" and a line for each warning.
// Who may send requests is decided elsewhere.
func Handler(s *Store, log *slog.Logger) http.Handler {
	h := &handler{s, log.With("part", "settings")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+FileName, h.get)
	mux.HandleFunc("PUT /"+FileName, h.put)
	return mux
}

type handler struct {
	store *Store
	log   *slog.Logger
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
	warnings, err := h.store.Apply(b)
	h.store.record(r.RemoteAddr, warnings, err)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		loglimit.Trusted(h.log).Warn("settings refused because of mistakes", "client", r.RemoteAddr,
			"mistakes", len(mistakes))
		http.Error(w, mistakes.Error(), http.StatusUnprocessableEntity)
	case err != nil:
		h.fail(w, "the settings cannot be checked or saved, so the old ones stay in force", err)
	default:
		loglimit.Trusted(h.log).Info("new settings in force", "client", r.RemoteAddr, "bytes", len(b))
		fmt.Fprintln(w, "accepted")
		for _, e := range warnings {
			loglimit.Trusted(h.log).Warn("new settings are in force, with a warning", "client", r.RemoteAddr, "why", e)
			fmt.Fprintln(w, "warning:", e)
		}
	}
}

func (h *handler) fail(w http.ResponseWriter, what string, err error) {
	h.log.Error(what, "err", err)
	http.Error(w, what+": "+err.Error(), http.StatusInternalServerError)
}
