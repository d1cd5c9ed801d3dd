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

	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/base/verdict"
	"github.com/pxebox/pxebox/internal/box/selftest"
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
)

// update makes sure that the next update is tried before it is kept, until ctx
// ends. First, if this root is such an update, it keeps this root once it is
// healthy.
func update(ctx context.Context, site *site, log *slog.Logger) error {
	disk, err := updatetrial.Find()
	if err != nil {
		return err
	}
	kind, err := disk.Kind()
	if err != nil {
		return err
	}
	switch kind {
	case updatetrial.Failed:
		log.Error(verdict.FellBack, "root", int(disk.Running), "why", site.why())
	case updatetrial.New:
		log.Info("this root is on trial", "root", int(disk.Running), "for", updatetrial.Lasts)
		if err := waitHealthy(ctx, site, log); err != nil {
			return err
		}
		if err := disk.Keep(); err != nil {
			return err
		}
		log.Info(verdict.Kept, "root", int(disk.Running))
		if err := site.forgetUpdate(); err != nil {
			log.Warn("cannot delete the notes of the update", "err", err)
		}
	}
	if err := disk.Protect(); err != nil {
		log.Error("cannot protect the running root: an update may overwrite it", "err", err)
	}
	return disk.Watch(ctx, site.noteState, log)
}

// waitHealthy waits until everything that an update can break works.
func waitHealthy(ctx context.Context, site *site, log *slog.Logger) error {
	said := ""
	menuwatch := pulse.NewChecker(runDir, "menuwatch")
	for {
		_, alive := menuwatch.Check()
		err := errors.Join(selftest.Pxed(ctx, bundled, pulse.Progress{}), alive, initOurs(), pageAnswers(ctx), site.asBefore())
		if err == nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
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
	client := &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			// The loopback interface needs no authentication.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+updatePort+"/update/features", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("update page: %w", err)
	}
	defer resp.Body.Close()
	// It asks for the password, which is enough.
	if resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("update page: %s", resp.Status)
	}
	return nil
}
