// Package httpd answers HTTP requests for boot files from PXELINUX, GRUB, iPXE
// and UEFI firmware. The catalog (bootfiles) decides which files are published,
// and under which names. Nothing is listed, and nothing can be written.
package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// metricsPath is the path of the metrics. A boot file of that name is not
// available over HTTP.
const metricsPath = "/metrics"

// Server answers requests. Its fields are set before Serve.
type Server struct {
	// Open returns the file that a client asks for, by the name as the client
	// sent it, decoded. Its errors are those of bootfiles.Catalog's Open.
	Open func(client netip.Addr, name string) (bootfiles.File, error)
	// Allow reports whether to answer a source address.
	Allow func(netip.Addr) bool
	// Began, if not nil, is called for each file that begins to be sent, with the
	// file's size in bytes. Done is called for each request that has ended, except
	// HEAD requests that succeed. Neither may block.
	Began func(e trace.Event, size int64)
	Done  func(trace.Event)
	// Metrics answers at /metrics. Nil means that there are no metrics.
	Metrics http.Handler
	// AllowMetrics reports whether a source address may read the metrics. Nil
	// means Allow.
	AllowMetrics func(netip.Addr) bool
	Log          *slog.Logger
	// Limits bound what clients may use. The zero value means the defaults.
	Limits Limits

	now     func() time.Time // for ETags; nil means time.Now
	running atomic.Int64
	conns   *conns
	refused loglimit.Once[netip.Addr] // clients that were logged as refused
}

// Limits bound the resources of the box that clients can hold.
type Limits struct {
	// Connections is how many may be open at one time. When one more comes, the
	// one that makes the least progress is closed. Default 1024.
	Connections int

	// Header is how long a request may take to come in. Default 10 s.
	Header time.Duration
	// Idle is how long a connection may wait for its next request. Default
	// 15 s: boot loaders ask for the next file at once or not at all.
	Idle time.Duration
	// Stall is how far a client may fall behind 1 KiB a second during an
	// answer. Default one minute of silence, as with TFTP.
	Stall time.Duration
}

const (
	// refusedAgain is how long the log does not warn again about a client that
	// was refused something, because a client that tries one name tries many.
	// maxRefused is the number of clients that it warns about in that time.
	refusedAgain = time.Hour
	maxRefused   = 4096
)

// maxHeader bounds a request's header, in bytes; net/http adds 4096.
const maxHeader = 4 << 10

func (l Limits) orDefault() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if l.Connections == 0 {
		l.Connections = 1024
	}
	set(&l.Header, 10*time.Second)
	set(&l.Idle, 15*time.Second)
	set(&l.Stall, time.Minute)
	return l
}

// Serve answers requests on l until ctx ends or the listener fails. It closes
// l.
func (s *Server) Serve(ctx context.Context, l *net.TCPListener) error {
	limits := s.Limits.orDefault()
	s.conns = newConns(limits)
	s.refused = loglimit.Once[netip.Addr]{Most: maxRefused, Again: refusedAgain}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: limits.Header,
		// No ReadTimeout: net/http keeps reading while it answers, and would
		// treat the time-out as the end of the connection.
		IdleTimeout:    limits.Idle,
		MaxHeaderBytes: maxHeader,
		// "OPTIONS *" is refused like every other method.
		DisableGeneralOptionsHandler: true,
		Protocols:                    new(http.Protocols),
		ConnContext:                  withConn,
		ConnState:                    func(c net.Conn, state http.ConnState) { s.conns.changed(ctx, c, state) },
		ErrorLog:                     slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	srv.Protocols.SetHTTP1(true)
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	go s.conns.run(ctx)

	err := srv.Serve(&listener{l, func(a netip.Addr) bool { return s.Allow(a) || s.allowsMetrics(a) }})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("http: %w", err)
}

// Running returns how many requests are being answered.
func (s *Server) Running() int { return int(s.running.Load()) }

// ServeHTTP implements http.Handler.
//
// It uses no http.ServeMux. A ServeMux redirects a name like "//boot//linux",
// which boot loaders build from prefixes, and GRUB does not follow redirects.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := newResponse(rw)
	if r.ContentLength != 0 {
		// net/http would wait for a body without a limit before it goes on.
		w.refuseBody()
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, r, http.StatusMethodNotAllowed)
	case r.ContentLength != 0:
		s.refuse(w, r, http.StatusBadRequest)
	case r.URL.Path == metricsPath && s.Metrics != nil && s.allowsMetrics(source(r)):
		s.Metrics.ServeHTTP(w, r)
	case !s.Allow(source(r)), r.URL.Path == metricsPath && s.Metrics != nil:
		s.refuse(w, r, http.StatusForbidden)
	default:
		s.serveFile(w, r)
	}
}

func (s *Server) allowsMetrics(a netip.Addr) bool {
	if s.AllowMetrics == nil {
		return s.Allow(a)
	}
	return s.AllowMetrics(a)
}

func (s *Server) refuse(w *response, r *http.Request, status int) {
	began := time.Now()
	fail(w, status)
	s.done(w, r, began, trace.Refused, nil)
}

// fail answers with a status and its standard text, without internal details.
func fail(w http.ResponseWriter, status int) {
	http.Error(w, strings.ToLower(http.StatusText(status)), status)
}

func (s *Server) serveFile(w *response, r *http.Request) {
	s.running.Add(1)
	defer s.running.Add(-1)
	began := time.Now()
	f, err := s.Open(source(r), r.URL.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		outcome := trace.NotFound
		if errors.As(err, new(bootfiles.RefusedError)) {
			outcome = trace.Refused
		}
		fail(w, http.StatusNotFound)
		s.done(w, r, began, outcome, err)
		return
	case errors.Is(err, bootfiles.ErrName):
		fail(w, http.StatusForbidden)
		s.done(w, r, began, trace.Refused, nil)
		return
	case err != nil:
		fail(w, http.StatusInternalServerError)
		s.done(w, r, began, trace.Failed, err)
		return
	}
	defer f.Close()
	if s.Began != nil && r.Method == http.MethodGet {
		s.Began(trace.Event{Time: began, Protocol: trace.HTTP, Addr: source(r), What: fileOf(r), Outcome: trace.Begun},
			f.Size())
	}
	s.send(w, r, f)
	outcome, err := w.outcome(r.Method)
	if c, ok := connOf(r); ok && outcome == trace.Aborted && s.conns.isCutOff(c) {
		outcome = trace.TimedOut
	}
	s.done(w, r, began, outcome, err)
}

// send lets net/http answer, which handles ranges (RFC 9110 §14) and conditions
// (§13). A file in memory is small and has no validator, because no client
// resumes it.
func (s *Server) send(w *response, r *http.Request, f bootfiles.File) {
	if c, ok := connOf(r); ok {
		defer c.release()
	}
	h := w.Header()
	h.Set("Content-Type", contentType(r.URL.Path))
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Several ranges make a multipart answer, which is built by copying. "A
		// server MAY ignore the Range header field" (§14.2), and no boot loader
		// asks for more than one.
		r.Header.Del("Range")
	}
	switch f := f.(type) {
	case *bootfiles.InMemory:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Bytes()))
	case *bootfiles.Personal:
		// Read it in parts. With a copy for each client, clients that do not
		// read could fill the memory.
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(f, 0, f.Size()))
	case *bootfiles.OnDisk:
		now := time.Now
		if s.now != nil {
			now = s.now
		}
		if tag := etag(f.Info(), now()); tag != "" {
			h.Set("ETag", tag)
		}
		// Pass the *os.File itself. Through a wrapper, the kernel could not
		// send it with sendfile(2).
		http.ServeContent(w, r, "", f.Info().ModTime(), f.File())
	}
}

// contentTypes maps extensions, in lower case, to types. EDK2 looks at the type
// first, and then at the extension, which it knows only in lower case. Without
// either it refuses the file. "application/efi" must have no parameter.
var contentTypes = map[string]string{
	".efi":  "application/efi",
	".iso":  "application/vnd.efi-iso",
	".img":  "application/vnd.efi-img",
	".cfg":  "text/plain; charset=utf-8",
	".ipxe": "text/plain; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
}

// contentType always returns a type. Otherwise net/http would guess it from the
// content, and read the start of the file once more.
func contentType(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

// done logs and reports a request that has ended. A HEAD that succeeds is not
// reported: EDK2 sends one before each file to get its size.
func (s *Server) done(w *response, r *http.Request, began time.Time, outcome trace.Outcome, err error) {
	if r.Method == http.MethodHead && outcome == trace.Sent {
		return
	}
	now := time.Now()
	e := trace.Event{
		Time: now, Protocol: trace.HTTP, Addr: source(r), What: fileOf(r),
		Outcome: outcome, Bytes: w.sent, Took: now.Sub(began),
	}
	s.Done(e)
	level, text := slog.LevelDebug, "http: "+string(outcome)
	switch outcome {
	case trace.Sent:
		level = slog.LevelInfo
	case trace.Refused:
		// If a file exists and is not given out, Open has logged why.
		if !errors.Is(err, fs.ErrNotExist) && s.refused.First(now, e.Addr) {
			level = slog.LevelWarn
		}
	case trace.TimedOut:
		level = slog.LevelWarn
	case trace.Failed:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.Any("client", e.Addr), slog.String("file", e.What), slog.Int64("bytes", e.Bytes),
		slog.Duration("took", e.Took.Round(time.Millisecond)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	s.Log.LogAttrs(context.Background(), level, text, attrs...)
}

// fileOf returns the name that a client asks for, as an event keeps it.
func fileOf(r *http.Request) string { return trace.Name(strings.TrimPrefix(r.URL.Path, "/")) }

// source returns the client's address.
func source(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// isGone reports whether the client caused a connection's error.
func isGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}
