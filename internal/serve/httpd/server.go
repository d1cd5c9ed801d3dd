// Package httpd answers HTTP requests for boot files: PXELINUX's, GRUB's,
// iPXE's and UEFI's own. What is published, and under which names, is the
// catalog's to know; nothing is listed, and nothing can be written.
package httpd

import (
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
	"github.com/pxebox/pxebox/internal/serve/event"
)

// metricsPath is where a scrape finds the metrics. A boot file of that name
// cannot be had by HTTP.
const metricsPath = "/metrics"

// Server answers requests. Its fields are set before Serve.
type Server struct {
	// Open finds the file that a client asks for, by the name as it sent it,
	// decoded. Its errors are those of bootfiles.Catalog's Open.
	Open func(client netip.Addr, name string) (bootfiles.File, error)
	// Allow says whether a source address is one to answer.
	Allow func(netip.Addr) bool
	// Began hears of each file that begins to be sent; nil for nobody. Done
	// hears of each request that has ended, but for those that only asked what
	// there is. They must not wait.
	Began, Done func(event.Event)
	// Metrics answers at /metrics; nil for nothing there.
	Metrics http.Handler
	Log     *slog.Logger
	// Limits are what clients may take; the zero Limits are the defaults.
	Limits Limits

	now     func() time.Time // for ETags; nil for time.Now
	running atomic.Int64
	conns   *conns
	refused loglimit.Once[netip.Addr] // clients that were logged as refused
}

// Limits bound what clients can hold of the box.
type Limits struct {
	// Connections is how many may be open at one time. When one more comes, the
	// one that makes the least progress is closed. Default 1024.
	Connections int

	// Header is how long a request may take to come in. Default 10 s.
	Header time.Duration
	// Idle is how long a connection may wait for its next request. Default
	// 15 s: boot loaders ask for the next file at once or not at all.
	Idle time.Duration
	// Stall is how far a client may fall behind 1 KiB a second while it is
	// answered: a minute of silence by default, as with TFTP.
	Stall time.Duration
}

const (
	// refusedAgain is how long the log does not warn again of a client that was
	// refused something, for a client that tries one name tries many. maxRefused
	// is of how many clients it warns in that time.
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
		// No ReadTimeout: net/http goes on reading while it answers, and would
		// take the time-out there for the end of the connection.
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

	err := srv.Serve(&listener{l, s.Allow})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("http: %w", err)
}

// Running is how many requests are being answered.
func (s *Server) Running() int { return int(s.running.Load()) }

// ServeHTTP is http.Handler's.
//
// There is no http.ServeMux before it: that answers a name such as
// "//boot//linux", which boot loaders make of prefixes, by a redirect, and
// GRUB follows none.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := newResponse(rw)
	if r.ContentLength != 0 {
		// net/http would wait for a body before it goes on, without a limit.
		w.refuseBody()
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, r, http.StatusMethodNotAllowed)
	case r.ContentLength != 0:
		s.refuse(w, r, http.StatusBadRequest)
	case r.URL.Path == metricsPath && s.Metrics != nil:
		s.Metrics.ServeHTTP(w, r)
	default:
		s.serveFile(w, r)
	}
}

func (s *Server) refuse(w *response, r *http.Request, status int) {
	began := time.Now()
	fail(w, status)
	s.done(w, r, began, event.Refused, nil)
}

// fail answers with a status and its standard text, and nothing of what went
// wrong inside.
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
		outcome := event.NotFound
		if errors.As(err, new(bootfiles.RefusedError)) {
			outcome = event.Refused
		}
		fail(w, http.StatusNotFound)
		s.done(w, r, began, outcome, err)
		return
	case errors.Is(err, bootfiles.ErrName):
		fail(w, http.StatusForbidden)
		s.done(w, r, began, event.Refused, nil)
		return
	case err != nil:
		fail(w, http.StatusInternalServerError)
		s.done(w, r, began, event.Failed, err)
		return
	}
	defer f.Close()
	if s.Began != nil && r.Method == http.MethodGet {
		s.Began(event.Event{Time: began, Protocol: event.HTTP, Addr: source(r), What: fileOf(r), Outcome: event.Begun})
	}
	s.send(w, r, f)
	outcome, err := w.outcome(r.Method)
	if c, ok := connOf(r); ok && outcome == event.Aborted && s.conns.isCutOff(c) {
		outcome = event.TimedOut
	}
	s.done(w, r, began, outcome, err)
}

// send lets net/http answer: it knows ranges (RFC 9110 §14) and conditions
// (§13). What is in memory is small and has no validator: no client resumes it.
func (s *Server) send(w *response, r *http.Request, f bootfiles.File) {
	if c, ok := connOf(r); ok {
		c.hold()
		defer func() { w.count(0, c.release()) }()
	}
	h := w.Header()
	h.Set("Content-Type", contentType(r.URL.Path))
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Several ranges make an answer of many parts, put together by copying.
		// "A server MAY ignore the Range header field" (§14.2): no boot loader
		// asks for more than one.
		r.Header.Del("Range")
	}
	switch f := f.(type) {
	case *bootfiles.InMemory:
		http.ServeContent(w, r, "", time.Time{}, newMemory(f.Bytes()))
	case *bootfiles.Personal:
		// Part by part: a copy for each reader would let those that do not read
		// fill the memory.
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(f, 0, f.Size()))
	case *bootfiles.OnDisk:
		now := time.Now
		if s.now != nil {
			now = s.now
		}
		if tag := etag(f.Info(), now()); tag != "" {
			h.Set("ETag", tag)
		}
		// The *os.File itself: through any wrapper the kernel could not send
		// it by sendfile(2).
		http.ServeContent(w, r, "", f.Info().ModTime(), f.File())
	}
}

// contentTypes are by extension, in lower case. EDK2 looks at the type first,
// and only then at the extension, which it knows in lower case alone; without
// either it refuses the file. "application/efi" must stand for itself, with
// no parameter.
var contentTypes = map[string]string{
	".efi":  "application/efi",
	".iso":  "application/vnd.efi-iso",
	".img":  "application/vnd.efi-img",
	".cfg":  "text/plain; charset=utf-8",
	".ipxe": "text/plain; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
}

// contentType never leaves the type to a guess from the content, which would
// read the file's start once more.
func contentType(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

// done tells of a request that has ended. A HEAD that is answered is not
// told: EDK2 asks so for the size before each file.
func (s *Server) done(w *response, r *http.Request, began time.Time, outcome event.Outcome, err error) {
	if r.Method == http.MethodHead && outcome == event.Sent {
		return
	}
	now := time.Now()
	e := event.Event{
		Time: now, Protocol: event.HTTP, Addr: source(r), What: fileOf(r),
		Outcome: outcome, Bytes: w.sent, Took: now.Sub(began),
	}
	s.Done(e)
	level, text := slog.LevelDebug, "http: "+string(outcome)
	switch outcome {
	case event.Sent:
		level = slog.LevelInfo
	case event.Refused:
		// Of what is there and not given out, Open has told why.
		if !errors.Is(err, fs.ErrNotExist) && s.refused.First(now, e.Addr) {
			level = slog.LevelWarn
		}
	case event.TimedOut:
		level = slog.LevelWarn
	case event.Failed:
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

// fileOf is the name that a client asks for, as an event keeps it.
func fileOf(r *http.Request) string { return event.Name(strings.TrimPrefix(r.URL.Path, "/")) }

// source is the client's address.
func source(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// isGone reports whether an error of a connection is the client's doing.
func isGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}
