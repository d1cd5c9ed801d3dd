// Package page serves the owner's page over HTTPS: the login, sessions, and
// everything that keeps strangers and other web sites out. Package view says
// what the pages show. Nothing that a browser sends reaches menuwatch's own
// work: the page reads what menuwatch knows, and new settings go to the
// appliance.
package page

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/portowner"
)

// Views render what a browser shows.
type Views struct {
	// Pages serves "/" and everything below to a person who has logged in.
	Pages http.Handler
	// Static serves StaticPaths, without a login.
	Static http.Handler
	// Login writes the login form, which posts the fields "password" and "next"
	// to /login.
	Login func(http.ResponseWriter, *http.Request, Login)
}

// StaticPaths are the paths that need no login.
var StaticPaths = []string{"/style.css", "/script.js", "/icon.svg"}

// Login is what the login form shows.
type Login struct {
	Failed bool          // the password was wrong
	Wait   time.Duration // how long further attempts are refused; 0: they are not
	Next   string        // the value of the field "next"
}

// Server is the page's server.
type Server struct {
	Address string // to listen on; for example ":443"
	// Password is the file with the page's password. First is the file with the
	// password that the box has generated, and empty outside of the box.
	Password, First string
	Keys            string // the folder of the certificate
	// Names returns names of this machine besides its host name; nil: it has
	// none.
	Names     func() []string
	Appliance boxstatus.Client
	Views     Views
	Log       *slog.Logger
}

const (
	// Six connections of a browser for each of a few people. With a page that is
	// being sent, each costs about 80 KiB.
	maxConns, maxPerSource = 128, 32
	// header, request and idle bound how long a client takes for a request's
	// header, for the request with its answer, and until its next request.
	header  = 15 * time.Second
	request = time.Minute
	idle    = 30 * time.Second
	// firstRetry and lastRetry bound the pause after the page could not be
	// served.
	firstRetry, lastRetry = time.Second, time.Minute
	// socketLongest is how long the appliance may take to open its socket after
	// the box's start.
	socketPoll, socketLongest = 100 * time.Millisecond, 15 * time.Second
)

// Run serves the page until ctx ends. If that fails, for example because the
// port is taken or there is no password yet, it logs that once and tries again.
func (s *Server) Run(ctx context.Context) {
	log := slog.New(loglimit.New(s.Log.Handler())).With("part", "page")
	retry(ctx, firstRetry, lastRetry, log, func(serving func()) error {
		gate, certificate, err := s.credentials(ctx, log)
		if err != nil {
			return err
		}
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", s.Address)
		if err != nil {
			return explain(s.Address, err)
		}
		serving()
		loglimit.Keep(log, "page").Info("the page is served", "address", l.Addr(),
			"https", access.Pin(certificate), "certificate", credential.Fingerprint(certificate.Leaf))
		return access.HTTPS{
			Certificate: certificate, Gate: gate, Total: maxConns, PerSource: maxPerSource,
			Header: header, Request: request, Idle: idle,
		}.Serve(ctx, l, newHandler(s, gate, log))
	})
}

// credentials reads the password, and reads or creates the certificate.
func (s *Server) credentials(ctx context.Context, log *slog.Logger) (*access.Gate, tls.Certificate, error) {
	if s.Password == "" {
		return nil, tls.Certificate{}, fmt.Errorf("there is no password: "+
			"write one of at least %d characters into a file, and name it with -password", access.MinPassword)
	}
	started := s.applianceStarted(ctx)
	gate, err := access.OpenGate(s.Password, s.First, log)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: write a password of at least %d characters into %s", err, access.MinPassword, s.Password)
	}
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	certificate, err := s.certificate(started)
	if err != nil {
		return nil, tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return gate, certificate, nil
}

// certificate reads the certificate, or creates it unless the appliance has to
// start first.
func (s *Server) certificate(started error) (tls.Certificate, error) {
	file := filepath.Join(s.Keys, access.CertificateFile)
	if c, err := access.ReadCertificate(file); started != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = started
		}
		return c, err
	}
	return access.Certificate(file)
}

// applianceStarted waits for the appliance, on the box: it checks the file
// system, to which no program may write until then, and puts a new password into
// force. It opens its socket afterwards. The wait is bounded: the page shows why
// machines do not boot, also where the appliance hangs.
func (s *Server) applianceStarted(ctx context.Context) error {
	for waited := time.Duration(0); s.Appliance.Socket != ""; waited += socketPoll {
		if _, err := os.Stat(s.Appliance.Socket); err == nil {
			break
		}
		if waited > socketLongest {
			return errors.New("the appliance has not checked the disk: its log says why")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(socketPoll):
		}
	}
	return nil
}

// portOf returns the port of an address that was listened on.
func portOf(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := net.LookupPort("tcp", port)
	return n
}

// explain adds to an error what a person can do about it.
func explain(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return portowner.Page.At(portOf(address)).Explain(err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: run menuwatch as root, or choose a port above 1023 with -page", err)
	}
	return err
}

// retry calls serve again and again until ctx ends. The pauses grow from first
// to last, and start over once serve has called serving. An error is logged once
// until then.
func retry(ctx context.Context, first, last time.Duration, log *slog.Logger, serve func(serving func()) error) {
	var (
		pause = first
		said  string
	)
	for {
		err := serve(func() { pause, said = first, "" })
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			log.Error("the page is off", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, last)
	}
}
