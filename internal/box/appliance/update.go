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
	// updatePort is where the box has gokrazy's page, by HTTPS.
	updatePort = "8080"
	// bundled is a file that every pxed serves.
	bundled = "pxelinux.0"
	// tryAgain is the pause after a self-test of a new root that has failed.
	// Within it each daemon shows a sign of life.
	tryAgain = 3 * time.Second
)

// update has the next update tried before it is kept, until ctx ends; and
// first, where this root is such an update, keeps it once it is healthy.
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
			log.Warn("notes of the update are left behind", "err", err)
		}
	}
	if err := disk.Protect(); err != nil {
		log.Error("an update might write over what runs", "err", err)
	}
	return disk.Watch(ctx, site.noteState, log)
}

// waitHealthy waits until all that an update can break does its work.
func waitHealthy(ctx context.Context, site *site, log *slog.Logger) error {
	said := ""
	menuwatch := pulse.NewFeeler(runDir, "menuwatch")
	for {
		_, alive := menuwatch.Feel()
		err := errors.Join(selftest.Pxed(ctx, bundled, pulse.Progress{}), alive, initOurs(), pageAnswers(ctx), site.asBefore())
		if err == nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
			log.Warn("not healthy yet", "err", err)
			if err := site.noteWhy(err); err != nil {
				log.Warn("the old root will not know why", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryAgain):
		}
	}
}

// initOurs checks that the first program is that of this root. gokrazy's init
// goes on where another cannot be started.
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
		return errors.New("the machine's first program is not this root's")
	}
	return nil
}

// pageAnswers checks that the box takes updates, by the way of those who send
// them and from gokrazy's init: a root that takes none could never be replaced.
func pageAnswers(ctx context.Context) error {
	if err := updatepage.Answers(ctx, updatepage.Socket); err != nil {
		return fmt.Errorf("gokrazy's init: %w", err)
	}
	client := &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			// There is no doubt who is on the loopback interface.
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
	// It asks for the password; that will do.
	if resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("update page: %s", resp.Status)
	}
	return nil
}
