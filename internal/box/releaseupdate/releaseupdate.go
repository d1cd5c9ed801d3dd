// Package releaseupdate accepts a release's update file from the owner. It
// verifies the file's signature before gokrazy's init gets any of it, and
// refuses another hardware's file, and an older version unless the owner asks
// for it. From there on it is an update like one of gok's: the new root is on
// trial. Who may send a file is decided elsewhere.
package releaseupdate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pxebox/pxebox/internal/base/release"
	"github.com/pxebox/pxebox/internal/box/updatepage"
)

const (
	versionFile = "pxebox-version"
	keyFile     = "pxebox-release.pub"
	// partFile is where a file is kept while it arrives, so that all of it is
	// verified before any of it is used.
	partFile = "update.gaf.part"
	// reserve is what must stay free on the file system, in bytes: leases,
	// settings and records need it.
	reserve = 16 << 20
	// writes is how long init may take to write one part.
	writes = 10 * time.Minute
)

// System is the running system. It has no Key if it was not built for a release.
type System struct {
	release.Stamp
	Key *release.Key
}

// Running reads what gokrazy/instance.sh puts into the root's /etc.
func Running(etc string) (System, error) {
	s := System{Stamp: release.Stamp{Instance: instance(runtime.GOARCH)}}
	version, err := os.ReadFile(filepath.Join(etc, versionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	s.Version = strings.TrimSpace(string(version))
	key, err := release.ReadKey(filepath.Join(etc, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	s.Key = &key
	return s, nil
}

// instance returns the name of the instance for a processor.
func instance(arch string) string {
	if arch == "arm64" {
		return "pxebox-rpi"
	}
	return "pxebox-" + arch
}

// Updater accepts update files.
type Updater struct {
	System System
	Dir    string // where a file is stored while it arrives
	Init   updatepage.Init
	// OnTrial reports that the running root is an update that is not kept yet.
	OnTrial func() bool
	Log     *slog.Logger

	mu sync.Mutex // held while an update arrives
	// free returns how many bytes files can still take in a folder; nil:
	// freeBytes. Tests replace it.
	free func(dir string) (int64, error)
}

// Clean removes the file that remains if the power is cut between its creation and
// its removal.
func (u *Updater) Clean() error {
	if err := os.Remove(filepath.Join(u.Dir, partFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Handler serves release.Path.
func (u *Updater) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+release.Path, u.show)
	mux.HandleFunc("PUT "+release.Path, func(w http.ResponseWriter, r *http.Request) {
		log := u.Log.With("client", r.RemoteAddr)
		err := u.update(w, r, log)
		var no refusal
		switch {
		case err == nil:
		case errors.As(err, &no):
			log.Warn("an update is refused", "why", err)
			if no.reason != "" {
				w.Header().Set(release.RefusedHeader, no.reason)
			}
			http.Error(w, err.Error(), no.code)
		default:
			log.Error("an update failed", "err", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// show says what runs here.
func (u *Updater) show(w http.ResponseWriter, _ *http.Request) {
	box := release.Box{Stamp: u.System.Stamp}
	if u.System.Key != nil {
		box.Key = u.System.Key.String()
	}
	b, err := json.Marshal(box)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

// refusal is an error that the client can do something about.
type refusal struct {
	error
	code   int
	reason string
}

func refuse(code int, err error) error { return refusal{error: err, code: code} }

// update receives an update, verifies it and hands it to init.
func (u *Updater) update(w http.ResponseWriter, r *http.Request, log *slog.Logger) error {
	if !u.mu.TryLock() {
		return refuse(http.StatusConflict, errors.New("another update is arriving: wait until it has ended"))
	}
	defer u.mu.Unlock()
	signature, err := u.admit(r)
	if err != nil {
		return err
	}
	log = log.With("version", signature.Stamp.Version)
	log.Info("an update arrives", "running", u.System.Version, "bytes", r.ContentLength)
	updatepage.BoundPauses(w, r)
	file, err := u.receive(r)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := signature.Verify(file); err != nil {
		return refuse(http.StatusForbidden, err)
	}
	parts, err := release.Parts(file, r.ContentLength)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, err)
	}
	log.Info("the update's signature is valid: the box writes it to the disk")
	// From here on it does not matter whether the client waits: half a boot
	// partition helps no one.
	if err := u.write(context.WithoutCancel(r.Context()), parts); err != nil {
		return err
	}
	if err := file.Close(); err != nil { // init unmounts its file system
		log.Warn("cannot close the update's file", "err", err)
	}
	log.Info("the update is on the disk: the box restarts to try it")
	return u.restart(w, r, log)
}

var errNoKey = errors.New("this box cannot verify an update: its image was not built for a release, and has no key. " +
	"Update it from a checkout of pxebox with make update, or with pxebox update --key, which verifies the file itself")

// admit decides by a request's header whether the file may be sent.
func (u *Updater) admit(r *http.Request) (release.Signature, error) {
	var none release.Signature
	if u.System.Key == nil {
		return none, refusal{errNoKey, http.StatusConflict, release.RefusedNoKey}
	}
	if u.OnTrial() {
		return none, refuse(http.StatusConflict, errors.New("the running system is itself an update on trial: "+
			"wait for two minutes, until the box has kept it or has gone back"))
	}
	text, err := base64.StdEncoding.DecodeString(r.Header.Get(release.SignatureHeader))
	if err != nil || len(text) == 0 {
		return none, refuse(http.StatusBadRequest, fmt.Errorf("the header %s must have the text of the file's signature "+
			"in base64: send NAME.gaf with pxebox update, which adds it", release.SignatureHeader))
	}
	signature, err := release.ParseSignature(*u.System.Key, text)
	if err != nil {
		return none, refuse(http.StatusForbidden, err)
	}
	older := r.URL.Query().Get(release.OlderParam) == release.OlderYes
	if err := release.Check(u.System.Stamp, signature.Stamp, older); errors.Is(err, release.ErrOlder) {
		return none, refusal{err, http.StatusConflict, release.RefusedOlder}
	} else if err != nil {
		return none, refuse(http.StatusUnprocessableEntity, err)
	}
	return signature, u.room(r.ContentLength)
}

// room checks that a file of a size may be stored.
func (u *Updater) room(size int64) error {
	if size < 0 {
		return refuse(http.StatusLengthRequired, errors.New("the length of the file is missing: send Content-Length"))
	}
	if size > release.MaxFile {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the file has %d MiB, and an update has at most %d: "+
			"send NAME.gaf, and not an image", size>>20, release.MaxFile>>20))
	}
	free := u.free
	if free == nil {
		free = freeBytes
	}
	left, err := free(u.Dir)
	if err != nil {
		return err
	}
	if left-reserve < size {
		return noRoom(size, left)
	}
	return nil
}

func noRoom(size, left int64) error {
	return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the file has %d MiB, the box's disk has %d MiB left, "+
		"and %d MiB must stay free: delete boot files first", size>>20, left>>20, int64(reserve>>20)))
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// receive stores a request's body in a file without a name: it is gone once it is
// closed, whatever happens.
func (u *Updater) receive(r *http.Request) (*os.File, error) {
	name := filepath.Join(u.Dir, partFile)
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the box cannot store the update: %w", err)
	}
	if err := errors.Join(os.Remove(name), u.copyBody(file, r)); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// copyBody copies a request's body to an empty file.
func (u *Updater) copyBody(file *os.File, r *http.Request) error {
	n, err := io.Copy(file, r.Body)
	if err == nil && n != r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	var write *fs.PathError // all others are of the connection
	switch {
	case errors.Is(err, unix.ENOSPC):
		return noRoom(r.ContentLength, 0)
	case errors.As(err, &write):
		return fmt.Errorf("the box cannot store the update: %w", err)
	case err != nil:
		return refuse(http.StatusBadRequest, fmt.Errorf("the update broke off after %d of %d bytes (%w): send it again",
			n, r.ContentLength, err))
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

// write has init write the parts, and name the new root. The appliance turns
// that into a trial.
func (u *Updater) write(ctx context.Context, parts []release.Part) error {
	for _, p := range parts {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, writes)
			defer cancel()
			return u.Init.Write(ctx, p.Name, p, p.Size(), p.CRC)
		}()
		if err != nil {
			again := "the running system is untouched: send the update again"
			if p.Name != "root" {
				again = "do not switch the box off, because it may not start again: send the update again first"
			}
			return fmt.Errorf("the box could not write the update's part %s (%w): %s", p.Name, err, again)
		}
	}
	if err := u.Init.Switch(ctx); err != nil {
		return fmt.Errorf("the update is on the disk, but the boot loader could not be changed (%w): send it again", err)
	}
	return nil
}

// restart restarts the box, and answers the client. Init stops this program
// before it answers, and r's context ends then.
func (u *Updater) restart(w http.ResponseWriter, r *http.Request, log *slog.Logger) error {
	done := make(chan error, 1)
	go func() { done <- u.Init.Restart(context.WithoutCancel(r.Context())) }()
	failed := func(err error) error {
		return fmt.Errorf("the update is on the disk, but the box could not be restarted (%w): "+
			"switch it off and on to try the update", err)
	}
	select {
	case err := <-done:
		if err != nil {
			return failed(err)
		}
	case <-r.Context().Done(): // or the client is gone: then only the log can say that it failed
		go func() {
			if err := <-done; err != nil {
				log.Error("an update failed", "err", failed(err))
			}
		}()
	}
	_, err := io.WriteString(w, "the update is on the disk: "+
		"the box restarts, and keeps it if it is healthy within two minutes\n")
	if err != nil && r.Context().Err() == nil {
		log.Warn("the client was not told that the box restarts", "err", err)
	}
	return nil
}
