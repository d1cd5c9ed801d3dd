package page

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
)

const (
	// settingsPath is where the settings are read and replaced.
	settingsPath = "/pxebox.toml"
	// maxSettings is how many such requests run at a time: the appliance holds
	// each one in memory.
	maxSettings = 4
)

// settingsHandler passes requests for the settings on to the appliance, which
// checks and stores them.
func settingsHandler(c boxstatus.Client, logger *slog.Logger) http.Handler {
	if c.Socket == "" {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "This machine is not a pxebox appliance: its settings are in the file of menuwatch's "+
				"-config. Edit that file; menuwatch reads it again by itself.", http.StatusNotFound)
		})
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "appliance"})
			r.Out.Header.Del("Authorization")
			r.Out.Header.Del("Cookie")
			r.Out.Header.Set(boxstatus.ClientHeader, r.In.RemoteAddr)
		},
		Transport: c.Transport(),
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				logger.Error("the appliance does not answer", "err", err)
			}
			http.Error(w, "The appliance does not answer, and the settings stay as they are: "+err.Error()+
				". Its log on port 8080, /user/appliance, says why.", http.StatusBadGateway)
		},
	}
	free := make(chan struct{}, maxSettings)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case free <- struct{}{}:
			defer func() { <-free }()
			proxy.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}
