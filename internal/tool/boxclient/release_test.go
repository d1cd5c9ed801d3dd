package boxclient

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/base/verdict"
	"github.com/pxebox/pxebox/internal/box/releaseupdate"
	"github.com/pxebox/pxebox/internal/box/updatepage"
	"github.com/pxebox/pxebox/internal/test/releasetest"
)

// initOfBox is gokrazy's init, as far as an update needs it.
type initOfBox struct {
	mu   sync.Mutex
	done []string // what it has written and done
	log  string   // what the appliance logs after a restart
	fail string   // the path that fails
	lie  string   // the path that answers with a wrong checksum
}

func (i *initOfBox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case r.URL.Path == i.fail:
		http.Error(w, "no space left", http.StatusInternalServerError)
	case r.URL.Path == i.lie:
		io.WriteString(w, "00000000")
	case r.Method == http.MethodPut:
		i.done = append(i.done, fmt.Sprintf("%s %d", r.URL.Path, len(body)))
		fmt.Fprintf(w, "%08x", crc32.ChecksumIEEE(body))
	case r.Method == http.MethodPost:
		i.done = append(i.done, r.URL.Path)
	case r.URL.Path == "/log" && len(i.done) > 0 && i.done[len(i.done)-1] == "/reboot":
		io.WriteString(w, "data: "+i.log+"\n\n")
	case r.URL.Path != "/log":
		io.WriteString(w, "<!DOCTYPE html>")
	}
}

func (i *initOfBox) all() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.done, " ")
}

func TestRelease(t *testing.T) {
	key := releasetest.NewKey(t)
	const wholeUpdate = "/update/root 500000 /update/boot 14 /update/mbr 9 /update/switch /reboot"
	const keptLine = `level=INFO msg="` + verdict.Kept + `" root=3`
	for situation, tt := range map[string]struct {
		running string  // its version; "" is a system from source
		instead answers // in place of the box's
		comment string  // instead of that of version 1.3.0 for a PC
		change  func(t *testing.T, r *Release)
		log     string
		fail    string // what init does not do
		lie     string // what init does wrongly
		older   bool
		unsent  bool // the box refuses before the file is sent
		err     string
		out     string
		done    string
	}{
		"a newer version":       {running: "1.2.0", done: wholeUpdate, out: "the box has kept the update\n"},
		"what it sends is said": {running: "1.2.0", done: wholeUpdate, out: " runs version 1.2.0; sending update.gaf\n"},
		"a version that is not healthy": {running: "1.2.0", done: wholeUpdate, log: `msg="` + verdict.FellBack + `"`,
			err: "back on its old root"},
		"an older version": {running: "1.4.0", older: true, unsent: true, err: "is version 1.3.0, and the box runs 1.4.0"},
		"an older version, and it is ok": {running: "1.4.0",
			change: func(_ *testing.T, r *Release) { r.Older = true }, done: wholeUpdate},
		"for other hardware": {running: "1.2.0", comment: "pxebox 1.3.0 pxebox-rpi", unsent: true,
			err: "the box says: the update is for pxebox-rpi"},
		"a tampered file": {running: "1.2.0",
			change: tamper, err: "the box says: the signature is not valid for this file"},
		"a wrong password": {running: "1.2.0", change: func(_ *testing.T, r *Release) { r.Password = "guess" },
			err: "refuses the password"},
		"no signature": {running: "1.2.0", change: func(t *testing.T, r *Release) {
			if err := os.Remove(r.File + ".minisig"); err != nil {
				t.Fatal(err)
			}
		}, err: "save the signature of"},
		"no file": {running: "1.2.0", change: func(t *testing.T, r *Release) {
			if err := os.Remove(r.File); err != nil {
				t.Fatal(err)
			}
		}, err: "no such file"},

		"a system from source": {err: "--key"},
		"a system from source, and the key": {change: withKey(key),
			done: wholeUpdate, out: "is valid: version 1.3.0 for pxebox-amd64"},
		"a system from source, other hardware": {change: withKey(key), comment: "pxebox 1.3.0 pxebox-rpi",
			err: "is for pxebox-rpi, and this box is pxebox-amd64"},
		"a system from source, a tampered file": {change: both(withKey(key), tamper), err: "not valid for this file"},
		"a system from source, and a wrong key": {change: withKey(releasetest.NewKey(t)),
			err: "is of another key"},
		"a system from source knows its hardware": {change: both(withKey(key), onPi), done: wholeUpdate},
		"a box from before":                       {instead: fromBefore, err: "--key"},
		"a box from before, and the key":          {instead: fromBefore, change: withKey(key), done: wholeUpdate},
		"a box from before, and it is not a PC": {instead: fromBefore,
			change: both(withKey(key), onPi), err: "is for pxebox-amd64, and this box is pxebox-rpi"},
		"a box whose init serves the page": {instead: fromInit, change: withKey(key), done: wholeUpdate},
		"a box that does not know the path": {instead: saying(http.StatusNotFound, "not here"), change: withKey(key),
			done: wholeUpdate},
		"a box that is in trouble": {instead: saying(http.StatusServiceUnavailable, "no memory"),
			change: withKey(key), err: "the box says: no memory"},
		"a box in trouble that answers with a page": {instead: saying(http.StatusServiceUnavailable, "<html>"),
			change: withKey(key), err: "the box says: 503 Service Unavailable"},
		"a box in trouble that says nothing": {instead: saying(http.StatusServiceUnavailable, ""),
			change: withKey(key), err: "the box says: 503 Service Unavailable"},
		"the box does not write the root": {change: withKey(key), fail: "/update/root",
			err: "root: the box says: no space left\nif the transfer was interrupted: do not switch the box off"},
		"the box writes the root wrongly": {change: withKey(key), lie: "/update/root",
			err: `root: the box has received something else: checksum "00000000" instead of `},
		"the box does not change its boot loader": {change: withKey(key), fail: "/update/switch",
			done: strings.TrimSuffix(wholeUpdate, " /update/switch /reboot"),
			err:  "the box says: no space left\nif the transfer was interrupted: do not switch the box off"},
		"the box does not restart": {change: withKey(key), fail: "/reboot",
			done: strings.TrimSuffix(wholeUpdate, " /reboot"), err: "the box says: no space left"},
		"signed, but no update file": {change: both(withKey(key), func(t *testing.T, r *Release) {
			image := []byte("an image")
			if err := errors.Join(os.WriteFile(r.File, image, 0o600), os.WriteFile(r.File+".minisig",
				key.Sign(t, bytes.NewReader(image), "pxebox 1.3.0 pxebox-amd64"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}), err: "is not an update file"},
		"a box that does not make sense": {instead: nonsense, change: withKey(key), err: "unexpected EOF"},
		"the connection breaks":          {running: "1.2.0", instead: breaksOff, err: "the update could not be sent: "},
		"a box with a key does not take another's": {running: "1.2.0",
			change: both(withKey(key), tamper), err: "the box says: "},
	} {
		t.Run(situation, func(t *testing.T) {
			gokrazy := &initOfBox{log: keptLine, fail: tt.fail, lie: tt.lie}
			if tt.log != "" {
				gokrazy.log = tt.log
			}
			u, s := newTestBox(t, boxHandler(t, gokrazy, tt.running, tt.instead, key))
			defer s.Close()
			file := releasetest.File(t, releasetest.Entries()...)
			if tt.comment == "" {
				tt.comment = "pxebox 1.3.0 pxebox-amd64"
			}
			r := Release{
				Host: u.Host, Password: u.Password, Known: u.Known, Certificate: u.Certificate, Instance: "pxebox-amd64",
				File: filepath.Join(t.TempDir(), "update.gaf"),
			}
			if err := errors.Join(os.WriteFile(r.File, file, 0o600),
				os.WriteFile(r.File+".minisig", key.Sign(t, bytes.NewReader(file), tt.comment), 0o600)); err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(t, &r)
			}
			var out bytes.Buffer
			shown := map[string]int64{}
			r.Out, r.Progress = &out, func(name string, done, total int64) { shown[name] = 100 * done / total }
			err := r.Send(t.Context())
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) ||
				errors.Is(err, ErrOlder) != tt.older {
				t.Errorf("got %v", err)
			}
			if got := gokrazy.all(); got != tt.done {
				t.Errorf("init did %q", got)
			}
			if !strings.Contains(out.String(), tt.out) {
				t.Errorf("it says %q", &out)
			}
			if tt.done != "" && shown["update.gaf"] != 100 && shown["root"] != 100 || tt.unsent && len(shown) > 0 {
				t.Errorf("progress: %v", shown)
			}
		})
	}
}

// answers replaces what a box answers at release.Path. Other paths are gokrazy's page.
type answers func(updates, page http.Handler) http.Handler

// fromBefore is a box from before there were releases.
func fromBefore(_, page http.Handler) http.Handler { return page }

// fromInit is a box from before, whose init answers directly.
func fromInit(_, _ http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<!DOCTYPE html>") })
}

func saying(code int, text string) answers {
	return func(_, _ http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, code) })
	}
}

func nonsense(_, _ http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{")
	})
}

func breaksOff(updates, _ http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			panic(http.ErrAbortHandler)
		}
		updates.ServeHTTP(w, r)
	})
}

// boxHandler serves what a box serves to those with the password.
func boxHandler(t *testing.T, gokrazy *initOfBox, running string, instead answers, key releasetest.Key) http.Handler {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "http.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: gokrazy}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	log := slog.New(slog.DiscardHandler)
	u := &releaseupdate.Updater{
		System: releaseupdate.System{Stamp: release.Stamp{Version: running, Instance: "pxebox-amd64"}},
		Dir:    t.TempDir(), Init: updatepage.Init{Socket: socket}, OnTrial: func() bool { return false }, Log: log,
	}
	if running != "" {
		u.System.Key = key.Release(t)
	}
	updates, page := u.Handler(), updatepage.Handler(socket, log)
	if instead != nil {
		updates = instead(updates, page)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, got, _ := r.BasicAuth(); user != "gokrazy" || got != password {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		if r.URL.Path == release.Path {
			updates.ServeHTTP(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func tamper(t *testing.T, r *Release) {
	t.Helper()
	b, err := os.ReadFile(r.File)
	if err == nil {
		b[len(b)/2] ^= 1
		err = os.WriteFile(r.File, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func withKey(key releasetest.Key) func(*testing.T, *Release) {
	return func(t *testing.T, r *Release) {
		t.Helper()
		r.Key = filepath.Join(filepath.Dir(r.File), "release.pub")
		if err := os.WriteFile(r.Key, key.Public(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func onPi(_ *testing.T, r *Release) { r.Instance = "pxebox-rpi" }

func both(a, b func(*testing.T, *Release)) func(*testing.T, *Release) {
	return func(t *testing.T, r *Release) {
		t.Helper()
		a(t, r)
		b(t, r)
	}
}
