package view

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed static
var staticFS embed.FS

// staticFiles are the files that the browser fetches, without a login.
var staticFiles = []string{"style.css", "script.js", "icon.svg"}

// static has the content of each static file, and what its address ends in: a
// browser may keep a file for a year, because another version has another
// address.
var static = func() map[string]staticFile {
	all := map[string]staticFile{}
	for _, name := range staticFiles {
		b, err := staticFS.ReadFile("static/" + name)
		if err != nil {
			panic(err) // embedded
		}
		sum := sha256.Sum256(b)
		all[name] = staticFile{b, hex.EncodeToString(sum[:6])}
	}
	return all
}()

type staticFile struct {
	content []byte
	version string
}

func address(name string) string { return "/" + name + "?v=" + static[name].version }

// Static serves /style.css, /script.js and /icon.svg.
func Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := static[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.URL.Query().Get("v") == f.version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(f.content))
	})
}
