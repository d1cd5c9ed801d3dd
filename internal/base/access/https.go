package access

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/pxebox/pxebox/internal/base/connlimit"
)

// HTTPS is how a port is served that only people with the password use.
type HTTPS struct {
	Certificate tls.Certificate
	Gate        *Gate // its addresses keep their connections longest
	// Total and PerSource limit the open connections.
	Total, PerSource int
	// Header is how long a client may take for the TLS handshake and a request's
	// header.
	Header time.Duration
	// Request is how long a request may take with its answer; 0: as long as the
	// handler allows.
	Request time.Duration
	// Idle is how long a connection may wait for its next request. 0: it is
	// closed after each request, so that a client gives its place back.
	Idle time.Duration
}

const (
	maxHeader = 16 << 10 // bytes
	// lastAnswers is how long pending requests may take once the program has to
	// end.
	lastAnswers = 3 * time.Second
)

// Serve serves HTTPS on l until ctx ends. Client errors below HTTP are not
// logged.
func (s HTTPS) Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{s.Certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: s.Header,
		ReadTimeout:       s.Request,
		WriteTimeout:      s.Request,
		IdleTimeout:       s.Idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext:       connlimit.Context,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		// connlimit counts one request at a time per connection.
		Protocols: &http.Protocols{},
	}
	server.Protocols.SetHTTP1(true)
	server.SetKeepAlivesEnabled(s.Idle > 0)
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		last, cancel := context.WithTimeout(context.Background(), lastAnswers)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	l = connlimit.Listener(l, connlimit.Limits{Total: s.Total, PerSource: s.PerSource, Known: s.Gate.Known})
	err := server.ServeTLS(l, "", "")
	if !stop() {
		<-closed // ServeTLS returns before the last requests are answered
		return ctx.Err()
	}
	return err
}
