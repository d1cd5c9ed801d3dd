package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/verdict"
	"github.com/pxebox/pxebox/internal/box/updatepage"
	"github.com/pxebox/pxebox/internal/box/updatetrial"
)

const (
	// updatePort is the port of gokrazy's page, over HTTPS.
	updatePort = "8080"
	// bundled is a file that every pxed serves.
	bundled = "pxelinux.0"
	// tryAgain is the pause after a failed self-test of a new root. It is long
	// enough for each daemon to show a sign of life.
	tryAgain = 3 * time.Second
	// pageStarts is how long after that menuwatch may take to serve the page. It
	// retries after failures for up to a minute.
	pageStarts = 90 * time.Second
)

// update makes sure that the next update is tried before it is kept, until ctx
// ends. First, if this root is such an update, it keeps this root once it is
// healthy.
func update(ctx context.Context, site *site, status *status, log *slog.Logger) error {
	disk, err := updatetrial.Find()
	if err != nil {
		return err
	}
	kind, err := disk.Kind()
	if err != nil {
		return err
	}
	root := int(disk.Running)
	status.setUpdate(boxstatus.Update{State: boxstatus.NoUpdate, Root: root})
	switch kind {
	case updatetrial.Failed:
		log.Error(verdict.FellBack, "root", root, "why", site.why())
		status.setUpdate(boxstatus.Update{State: boxstatus.FellBack, Root: root, Why: site.why()})
	case updatetrial.New:
		log.Info("this root is on trial", "root", root, "for", updatetrial.Lasts)
		trial := func(why string) {
			status.setUpdate(boxstatus.Update{State: boxstatus.Trial, Root: root, Why: why})
		}
		trial("")
		if err := waitHealthy(ctx, site, trial, log); err != nil {
			return err
		}
		if err := disk.Keep(); err != nil {
			return err
		}
		log.Info(verdict.Kept, "root", root)
		status.setUpdate(boxstatus.Update{State: boxstatus.Kept, Root: root})
		go lookForPage(ctx, pagePort, pageStarts, log)
		if err := site.forgetUpdate(); err != nil {
			log.Warn("cannot delete the notes of the update", "err", err)
		}
	}
	if err := disk.Protect(); err != nil {
		log.Error("cannot protect the running root: an update may overwrite it", "err", err)
	}
	return disk.Watch(ctx, site.noteState, log)
}

// waitHealthy waits until everything works that a new root must not break. It
// calls note with what does not work yet.
func waitHealthy(ctx context.Context, site *site, note func(why string), log *slog.Logger) error {
	said := ""
	menuwatch := pulse.NewChecker(runDir, "menuwatch")
	for {
		_, alive := menuwatch.Check()
		err := errors.Join(askPxed(ctx, runDir, bundled, pulse.Progress{}), alive, initOurs(), pageAnswers(ctx),
			site.asBefore())
		if err == nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
			note(said)
			log.Warn("not healthy yet", "err", err)
			if err := site.noteWhy(err); err != nil {
				log.Warn("cannot record why, so the old root's log will not say", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryAgain):
		}
	}
}

// initOurs checks that process 1 is this root's init. gokrazy's init continues
// if it cannot start another one.
func initOurs() error {
	runs, err := os.Stat("/proc/1/exe")
	if err != nil {
		return err
	}
	ours, err := os.Stat("/gokrazy/init")
	if err != nil {
		return err
	}
	if !os.SameFile(runs, ours) {
		return errors.New("process 1 is not this root's init")
	}
	return nil
}

// pageAnswers checks that the box accepts updates, both the way clients send
// them and from gokrazy's init: a root that accepts none could never be
// replaced.
func pageAnswers(ctx context.Context) error {
	if err := updatepage.Answers(ctx, updatepage.Socket); err != nil {
		return fmt.Errorf("gokrazy's init: %w", err)
	}
	resp, err := getLocal(ctx, updatePort, "/update/features")
	if err != nil {
		return fmt.Errorf("update page: %w", err)
	}
	// It asks for the password, which is enough.
	if resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("update page: %s", resp.Status)
	}
	return nil
}

// getLocal sends a request to a port of this machine over HTTPS, and returns the
// answer without its body.
func getLocal(ctx context.Context, port, path string) (*http.Response, error) {
	client := &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			// The loopback interface needs no authentication.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+port+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}

// lookForPage logs if menuwatch does not serve the owner's page soon after a new
// root was kept. That is no reason to take the root back: machines boot without
// the page, the next update comes through port 8080, and with the old root the
// page may have been off for the same reason, such as its password's file.
func lookForPage(ctx context.Context, port string, within time.Duration, log *slog.Logger) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errTooLate)
	defer cancel()
	for {
		resp, err := getLocal(ctx, port, "/login")
		if err == nil && resp.StatusCode == http.StatusOK {
			return
		}
		if err == nil {
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == errTooLate {
				log.Warn("menuwatch does not serve the page; its log says why", "port", port, "err", err)
			}
			return
		case <-time.After(tryAgain):
		}
	}
}

var errTooLate = errors.New("too late")
