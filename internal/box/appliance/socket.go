package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/box/releaseupdate"
	"github.com/pxebox/pxebox/internal/box/settings"
)

// status is what the appliance tells the page, on a Unix socket.
type status struct {
	perm  string
	store *settings.Store
	// ready is set once new settings may arrive over the network: those of the
	// volume come first.
	ready atomic.Bool

	mu     sync.Mutex
	growth boxstatus.Disk // without its sizes
	update boxstatus.Update
}

func newStatus(perm string, store *settings.Store) *status {
	return &status{
		perm: perm, store: store,
		growth: boxstatus.Disk{Dir: perm, Growth: boxstatus.Growing},
		update: boxstatus.Update{State: boxstatus.NoUpdate},
	}
}

// setGrown records the result of growing the file system.
func (s *status) setGrown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.growth.Growth = boxstatus.Grown
	if err != nil {
		s.growth.Growth, s.growth.Why = boxstatus.Failed, err.Error()
	}
}

func (s *status) setUpdate(u boxstatus.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update = u
}

func (s *status) disk() boxstatus.Disk {
	s.mu.Lock()
	d := s.growth
	s.mu.Unlock()
	var fs unix.Statfs_t
	if err := unix.Statfs(s.perm, &fs); err != nil {
		d.Growth, d.Why = boxstatus.Failed, fmt.Sprintf("%s: %v", s.perm, err)
		return d
	}
	d.Bytes, d.Free = fs.Blocks*uint64(fs.Bsize), fs.Bavail*uint64(fs.Bsize)
	return d
}

func (s *status) updateState() boxstatus.Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.update
}

// onTrial reports whether the running root is an update that is not kept yet.
func (s *status) onTrial() bool { return s.updateState().State == boxstatus.Trial }

// version returns what runs on this machine.
func version() boxstatus.Version {
	v := boxstatus.Version{Go: runtime.Version(), Hardware: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Pxebox = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			case "vcs.time":
				v.Built, _ = time.Parse(time.RFC3339, s.Value) // the zero time if it is none
			}
		}
	}
	// A release's number, where the module has none.
	if system, err := releaseupdate.Running(etc); err == nil && system.Version != "" {
		v.Pxebox = system.Version
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		v.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return v
}

// handler answers the page. The socket's mode is its only protection.
func (s *status) handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+boxstatus.PathDisk, answer(s.disk))
	mux.HandleFunc("GET "+boxstatus.PathSettings, answer(s.store.Results))
	mux.HandleFunc("GET "+boxstatus.PathVersion, answer(version))
	mux.HandleFunc("GET "+boxstatus.PathUpdate, answer(s.updateState))
	change := settings.Handler(s.store, log)
	mux.HandleFunc("/"+settings.FileName, func(w http.ResponseWriter, r *http.Request) {
		if !s.ready.Load() {
			w.Header().Set("Retry-After", "10")
			http.Error(w, "the box is starting and looks for settings on its disk first: try again in ten seconds",
				http.StatusServiceUnavailable)
			return
		}
		r.RemoteAddr = "the page"
		if client, err := netip.ParseAddrPort(r.Header.Get(boxstatus.ClientHeader)); err == nil {
			r.RemoteAddr = client.String()
		}
		change.ServeHTTP(w, r)
	})
	return mux
}

// answer serves a value as JSON.
func answer[T any](value func() T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := json.Marshal(value())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(b)
	}
}

// serve answers the page at socket until ctx ends.
func (s *status) serve(ctx context.Context, socket string, logger *slog.Logger) error {
	l, err := listenPrivate(socket)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           s.handler(logger),
		ReadHeaderTimeout: headers,
		ReadTimeout:       settingsLast,
		WriteTimeout:      settingsLast,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	server.SetKeepAlivesEnabled(false)
	defer context.AfterFunc(ctx, func() { server.Close() })()
	err = server.Serve(ownListener{l, uint32(os.Geteuid())})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// listenPrivate listens on a socket that only this user can connect to. It
// replaces the one of an earlier process.
func listenPrivate(socket string) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, err
	}
	// Under the real name it never has another mode.
	hidden := socket + ".new"
	if err := remove(hidden); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(hidden, 0o600), os.Rename(hidden, socket)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// ownListener closes connections of other users.
type ownListener struct {
	*net.UnixListener
	uid uint32
}

func (l ownListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peer(c); err == nil && uid == l.uid {
			return c, nil
		}
		c.Close()
	}
}

// peer returns the user at the other end of a connection.
func peer(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var e error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, e = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); e == nil {
			uid = cred.Uid
		}
	})
	return uid, errors.Join(err, e)
}
