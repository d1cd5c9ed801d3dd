package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/access"
	"github.com/pxebox/pxebox/internal/connlimit"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/selftest"
	"github.com/pxebox/pxebox/internal/settings"
	"github.com/pxebox/pxebox/internal/upload"
	"github.com/pxebox/pxebox/internal/volume"
)

const (
	// settingsLabel is what gokrazy/image.sh calls the volume for settings,
	// usbLabel what a person calls a medium with boot files.
	settingsLabel = "PXEBOX-CFG"
	usbLabel      = "PXEBOX"

	settingsPort = "8443"
	uploadPort   = "22"
)

// site is where the box keeps what is the site's own.
type site struct {
	perm string
	dir  string // in perm
	log  *slog.Logger
}

func newSite(o Options) *site { return &site{o.Perm, filepath.Join(o.Perm, "pxebox"), o.Log} }

func (s *site) store() *settings.Store {
	return &settings.Store{
		File:  filepath.Join(s.dir, settings.FileName),
		Check: settings.CheckIn("/proc/self/exe", "-"+CheckFlag),
	}
}

// CheckFlag is the flag with which this program calls settings.CheckStdin and
// does nothing else.
const CheckFlag = "check-settings"

// waitServing waits until machines are served with the settings in force, but
// not for ever: those may be why they are not.
func waitServing(ctx context.Context) {
	const longest, again = 15 * time.Second, 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		// Without a generation pxed serves what is built in.
		if _, err := generation.Read(runDir); err == nil && selftest.Pxed(ctx, "", selftest.Progress{}) == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// exchangeSettings takes over what was written on the medium's volume for
// settings while the medium was in a computer.
func (s *site) exchangeSettings(ctx context.Context, store *settings.Store) error {
	own, err := volume.RootDisk()
	if err != nil {
		return err
	}
	devices, err := volume.Devices(os.DirFS("/sys"))
	if err != nil {
		return err
	}
	d, f, err := volume.Find(devices, settingsLabel, func(d volume.Device) bool { return d.Disk == own && d.Name != own })
	if err != nil {
		return err
	}
	v, err := volume.Open(d, f)
	if err != nil {
		return err
	}
	// gokrazy mounts /perm, or leaves a folder there that nobody can write to.
	broken := unix.Access(s.perm, unix.W_OK)
	if broken == nil {
		broken = os.MkdirAll(s.dir, 0o755)
	}
	err = settings.Exchange(v, store, filepath.Join(s.dir, "settings-volume.sha256"), broken, func() { waitServing(ctx) }, s.log)
	return errors.Join(err, v.Close())
}

// serve lets the owner change settings and boot files over the network, and
// mounts a medium that is plugged in.
func (s *site) serve(ctx context.Context, store *settings.Store) error {
	limited := slog.New(loglimit.New(s.log.Handler()))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		w := &volume.Watcher{Label: usbLabel, Dir: "/run/pxebox/usb", Log: s.log.With("step", "usb")}
		if err := w.Run(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error("no medium with boot files will be used", "err", err)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	certificate, host, gate, err := s.keys(limited)
	if err != nil {
		// No restart would help, and machines boot all the same.
		s.log.Error("settings and boot files cannot be changed over the network", "step", "access", "err", err)
		return g.Wait()
	}
	g.Go(func() error {
		l, err := net.Listen("tcp4", ":"+settingsPort)
		if err != nil {
			return err
		}
		return serveSettings(ctx, l, certificate, gate, settings.Handler(store, gate, limited))
	})
	g.Go(func() error {
		l, err := net.Listen("tcp4", ":"+uploadPort)
		if err != nil {
			return err
		}
		return (&upload.Server{
			Boot:           filepath.Join(s.dir, "boot"),
			Staging:        filepath.Join(s.dir, "staging"),
			Gate:           gate,
			HostKey:        host,
			AuthorizedKeys: filepath.Join(s.dir, "authorized_keys"),
			Log:            limited,
		}).Serve(ctx, l)
	})
	return g.Wait()
}

// keys reads the update password and the box's own keys, which are made at the
// first start, and tells by what the box is known.
func (s *site) keys(log *slog.Logger) (c tls.Certificate, host ssh.Signer, gate *access.Gate, err error) {
	password, err := access.ReadPassword(filepath.Join(s.perm, "gokr-pw.txt"), "/etc/gokr-pw.txt")
	if err != nil {
		return c, host, nil, err
	}
	dir := filepath.Join(s.dir, "keys")
	if c, err = access.Certificate(filepath.Join(dir, "https.pem")); err != nil {
		return c, host, nil, fmt.Errorf("certificate: %w", err)
	}
	if host, err = access.HostKey(filepath.Join(dir, "ssh.pem")); err != nil {
		return c, host, nil, fmt.Errorf("host key: %w", err)
	}
	loglimit.Keep(log, "keys").Info("the box is known by", "step", "access", "https", access.Pin(c), "ssh", ssh.FingerprintSHA256(host.PublicKey()))
	return c, host, access.NewGate(password), nil
}

// serveSettings serves HTTPS on l until ctx ends. What clients do wrong is not
// worth a line.
func serveSettings(ctx context.Context, l net.Listener, certificate tls.Certificate, gate *access.Gate, h http.Handler) error {
	const conns, perSource, ample = 64, 16, time.Minute
	server := &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: ample / 4,
		ReadTimeout:       ample,
		WriteTimeout:      ample,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext:       connlimit.Context,
	}
	// Who has asked, with the password or without, gives the place back.
	server.SetKeepAlivesEnabled(false)
	defer context.AfterFunc(ctx, func() { server.Close() })()
	l = connlimit.Listener(l, connlimit.Limits{Total: conns, PerSource: perSource, Known: gate.Known})
	err := server.ServeTLS(l, "", "")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
