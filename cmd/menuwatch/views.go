package main

import (
	"html"
	"io"
	"net/http"

	"github.com/pxebox/pxebox/internal/control/page"
)

// views are the pages until package view has them.
func views() page.Views {
	return page.Views{
		Pages:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pxebox\n") }),
		Static: http.NotFoundHandler(),
		Login: func(w http.ResponseWriter, _ *http.Request, l page.Login) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			switch {
			case l.Wait > 0:
				w.WriteHeader(http.StatusTooManyRequests)
			case l.Failed:
				w.WriteHeader(http.StatusForbidden)
			}
			io.WriteString(w, `<!doctype html><html lang="en"><title>pxebox</title><form method="post" action="/login">`+
				`<label>Password <input name="password" type="password" autofocus></label>`+
				`<input name="next" type="hidden" value="`+html.EscapeString(l.Next)+`"><button>Log in</button></form></html>`)
		},
	}
}
