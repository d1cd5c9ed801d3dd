package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/access"
	"github.com/pxebox/pxebox/internal/base/credential"
	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/box/console"
	"github.com/pxebox/pxebox/internal/box/owner"
	"github.com/pxebox/pxebox/internal/box/releaseupdate"
	"github.com/pxebox/pxebox/internal/box/selftest"
	"github.com/pxebox/pxebox/internal/box/settings"
	"github.com/pxebox/pxebox/internal/box/updatepage"
	"github.com/pxebox/pxebox/internal/box/upload"
	"github.com/pxebox/pxebox/internal/box/volume"
	"github.com/pxebox/pxebox/internal/generation"
)

const (
	// settingsLabel is what gokrazy/image.sh calls the volume for settings.
	// usbLabel is what a person calls a medium with boot files.
	settingsLabel = "PXEBOX-CFG"
	usbLabel      = "PXEBOX"

	settingsPort = "8443" // of earlier versions; now menuwatch's page passes settings on
	pagePort     = "443"  // menuwatch's page
	uploadPort   = "22"
)

// site locates what belongs to the site rather than to the image.
type site struct {
	perm    string
	dir     string // below perm
	log     *slog.Logger
	limited *slog.Logger // for lines that strangers can trigger: all ports share one budget
}

func newSite(o Options) *site {
	return &site{
		perm: o.Perm, dir: filepath.Join(o.Perm, "pxebox"), log: o.Log,
		limited: slog.New(loglimit.New(o.Log.Handler())),
	}
}

func (s *site) store() *settings.Store {
	return &settings.Store{
		File:  filepath.Join(s.dir, settings.FileName),
		Check: settings.CheckIn("/proc/self/exe", "-"+CheckFlag),
	}
}

// CheckFlag is the flag with which this program only runs settings.CheckStdin.
const CheckFlag = "check-settings"

// waitServing waits until machines are served with the current settings. The
// wait is bounded, because those settings may be why they are not.
func waitServing(ctx context.Context) {
	const longest, again = 15 * time.Second, 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		// Without a generation, pxed serves the built-in default.
		if _, err := generation.Read(runDir); err == nil && selftest.Pxed(ctx, "", pulse.Progress{}) == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// settingsVolume mounts the medium's volume for settings.
func settingsVolume() (*volume.Writable, error) {
	own, err := volume.RootDisk()
	if err != nil {
		return nil, err
	}
	devices, err := volume.Devices(os.DirFS("/sys"))
	if err != nil {
		return nil, err
	}
	d, f, err := volume.Find(devices, settingsLabel,
		func(d volume.Device) bool { return d.Disk == own && d.Name != own })
	if err != nil {
		return nil, err
	}
	return volume.Open(d, f)
}

// writable returns an error if nothing can be saved on /perm. gokrazy mounts it,
// or leaves a read-only folder there.
func (s *site) writable() error {
	if err := unix.Access(s.perm, unix.W_OK); err != nil {
		return err
	}
	return os.MkdirAll(s.dir, 0o755)
}

// exchangeSettings adopts what was written to the medium's settings volume
// while the medium was in a computer, and writes there how to reach the box.
func (s *site) exchangeSettings(ctx context.Context, store *settings.Store, access owner.Access) error {
	v, err := settingsVolume()
	if err != nil {
		return err
	}
	w := settings.WithAccess{Volume: v, Text: access.Text()}
	// First, since new settings may be why the box goes no further.
	err = w.Update()
	err = errors.Join(err, settings.Exchange(w, store, filepath.Join(s.dir, "settings-volume.sha256"), s.writable(),
		func() { waitServing(ctx) }, s.log))
	return errors.Join(err, v.Close())
}

// showState shows the box's state on its screen and its serial port, until ctx
// ends.
func (s *site) showState(ctx context.Context, o owned) error {
	c := &console.Console{RunDir: runDir, Certificate: o.certificateFile, Password: o.access.Password}
	// A separate file: the kernel limits the lines of each.
	if kmsg, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		defer kmsg.Close()
		c.Kmsg = kmsg
	}
	c.Run(ctx)
	return ctx.Err()
}

// servePage serves gokrazy's page, and accepts updates, until ctx ends.
func (s *site) servePage(
	ctx context.Context, status *status, gate *access.Gate, certificate tls.Certificate,
) error {
	log := s.limited.With("part", "page")
	releases := s.releases(status)
	l, err := net.Listen("tcp", ":"+updatePort)
	if err != nil {
		return err
	}
	page := updatepage.Handler(updatepage.Socket, log)
	h := access.Require(gate, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == release.Path {
			releases.ServeHTTP(w, r)
			return
		}
		page.ServeHTTP(w, r)
	}), log)
	return serveHTTPS(ctx, l, certificate, gate, 0, h)
}

// releases accepts the update files of releases.
func (s *site) releases(status *status) http.Handler {
	log := s.limited.With("part", "update")
	system, err := releaseupdate.Running(etc)
	if err != nil {
		log.Error("the box cannot verify updates of releases", "err", err)
	}
	u := &releaseupdate.Updater{
		System: system, Dir: s.dir, Init: updatepage.Init{Socket: updatepage.Socket}, OnTrial: status.onTrial,
		Log: loglimit.Trusted(log),
	}
	if err := u.Clean(); err != nil {
		log.Error("cannot delete what is left of an update that was interrupted", "err", err)
	}
	return u.Handler()
}

// etc is where the root says which release it is of.
const etc = "/etc"

// serve lets the owner change settings and boot files over the network, unless
// there is no gate. It also mounts a medium that is plugged in.
func (s *site) serve(ctx context.Context, store *settings.Store, gate *access.Gate) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		w := &volume.Watcher{Label: usbLabel, Dir: "/run/pxebox/usb", Log: s.log.With("part", "usb")}
		if err := w.Run(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error("no medium with boot files can be used", "err", err)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if gate == nil {
		return g.Wait()
	}
	certificate, host, err := s.keys()
	if err != nil {
		// A restart would not help, and machines can still boot.
		s.log.With("part", "access").Error("settings and boot files cannot be changed over the network", "err", err)
		return g.Wait()
	}
	g.Go(func() error {
		l, err := net.Listen("tcp4", ":"+settingsPort)
		if err != nil {
			return err
		}
		log := s.limited.With("part", "settings")
		h := access.Require(gate, oldPort(settings.Handler(store, s.limited), log), log)
		return serveHTTPS(ctx, l, certificate, gate, settingsLast, h)
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
			AuthorizedKeys: owner.On(s.perm).Keys,
			Log:            s.limited,
		}).Serve(ctx, l)
	})
	return g.Wait()
}

// oldPort logs once per client that it uses the port of earlier versions, which
// a later one will close.
func oldPort(next http.Handler, log *slog.Logger) http.Handler {
	// Each client has logged in, so there are few.
	logged := &loglimit.Once[string]{Most: 64, Again: 24 * time.Hour}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && logged.First(time.Now(), client) {
			loglimit.Trusted(log).Warn("a client uses the old port for settings, which a later version closes: use the new one",
				"client", client, "old", settingsPort, "new", pagePort)
		}
		next.ServeHTTP(w, r)
	})
}

// key returns the name of a file with a key.
func (s *site) key(name string) string { return filepath.Join(s.dir, "keys", name) }

// keys reads the box's keys, which are created at the first start, and logs
// their fingerprints.
func (s *site) keys() (c tls.Certificate, host ssh.Signer, err error) {
	if c, err = access.Certificate(s.key(access.CertificateFile)); err != nil {
		return c, host, fmt.Errorf("certificate: %w", err)
	}
	if host, err = upload.HostKey(s.key("ssh.pem")); err != nil {
		return c, host, fmt.Errorf("host key: %w", err)
	}
	loglimit.Keep(s.limited.With("part", "access"), "keys").Info("the box's keys",
		"certificate", credential.Fingerprint(c.Leaf), "https", access.Pin(c),
		"ssh", ssh.FingerprintSHA256(host.PublicKey()))
	return c, host, nil
}

const (
	// A browser opens six connections at once. Each one that has not logged in
	// costs about 20 KiB.
	maxConns, maxPerSource = 64, 16
	// headers is how long a client may take for the TLS handshake and a
	// request's header.
	headers = 15 * time.Second
	// settingsLast is how long a request for settings may take.
	settingsLast = time.Minute
)

// serveHTTPS serves HTTPS on l until ctx ends. A request may take as long as
// limit, or as long as the handler allows if limit is 0. A client gives its
// connection back after each request, with or without the password.
func serveHTTPS(
	ctx context.Context, l net.Listener, certificate tls.Certificate, gate *access.Gate,
	limit time.Duration, h http.Handler,
) error {
	return access.HTTPS{
		Certificate: certificate, Gate: gate, Total: maxConns, PerSource: maxPerSource,
		Header: headers, Request: limit,
	}.Serve(ctx, l, h)
}
