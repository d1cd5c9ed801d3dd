package httpbench

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Plain serves a folder on port 80 with nothing but net/http, as a programmer
// would write it who knows that the clients are strangers. It shows what pxed's
// own code gains, and what it costs.
func Plain(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	inMemory, err := root.ReadFile(menu)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", ":80")
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: plain(root, inMemory),
		// pxed's limits, as far as the standard server has them. WriteTimeout
		// bounds an answer as a whole: 1 GB at 1 KiB a second takes 11 days.
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 15 * time.Second, WriteTimeout: 12 * 24 * time.Hour,
		MaxHeaderBytes: 4 << 10,
	}
	return s.Serve(netutil.LimitListener(l, 1024))
}

func plain(root *os.Root, inMemory []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		w.Header().Set("Content-Type", "application/octet-stream")
		if name == menu {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(inMemory))
			return
		}
		f, err := root.Open(name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}
