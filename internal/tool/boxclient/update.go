package boxclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pxebox/pxebox/internal/base/verdict"
)

const (
	// tells is how long a box may take to report the result of an update, after
	// gok is done.
	tells = 5 * time.Minute
	// looks is the polling interval for that.
	looks = 2 * time.Second
	// reads is how long to read the log each time, because the log stream does
	// not end.
	reads = 3 * time.Second
)

var (
	errFellBack = errors.New("the update was not healthy, and the box is back on its old root")
	// gokrazy writes the boot partition in place: it may contain half of another
	// kernel, while the running kernel is not affected.
	errBrokeOff = errors.New("if the transfer was interrupted: " +
		"do not switch the box off, because it may not start again; send the update again first")
)

// Update is a build of the checkout, and its destination.
type Update struct {
	Host      string // or HOST:PORT
	Password  string
	Instances string // the folder of the instances, prepared for gok
	Instance  string // pxebox-amd64, or pxebox-rpi
	Known     string // the file of known boxes
	// Certificate is the file with the certificate that earlier builds put into
	// their images. It may be missing.
	Certificate string
	Out         io.Writer
}

// InCheckout returns an error if a folder is not the source tree, from which an
// update is built.
func InCheckout(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "tools", "go.mod")); err != nil {
		return errors.New("an update is built from the source: run this in the root of a checkout of pxebox, " +
			"with Go installed and after make image; or run make update HOST=... there")
	}
	return nil
}

// Send sends the build with gok update, and waits until the box has kept the new
// root or has gone back to its old one. The box decides that within two minutes,
// whether a client waits or not. Send runs in the root of the checkout. gok knows
// no box by its key, and would need the password in a file: it reaches the box by
// a proxy in this process.
func (u Update) Send(ctx context.Context) error {
	b, err := newBox(u)
	if err != nil {
		return err
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	// At each start, a box logs how the last update ended.
	before, err := b.log(ctx)
	if err != nil {
		return err
	}
	b.expect(before)
	config := func(url string) error { return prepare(u.Instances, u.Instance, url) }
	// gok gets Ctrl-C too, so what to do then is said here.
	err = b.gok(u.Out, config, "go", "tool", "-modfile=tools/go.mod", "gok",
		"--parent_dir", u.Instances, "-i", u.Instance, "update")
	if err != nil {
		// gok waits for the new root, which may be gone by now.
		if found, e := b.verdict(ctx, before); e == nil && found == verdict.FellBack {
			return errors.Join(err, errFellBack)
		}
		return errors.Join(err, errBrokeOff)
	}
	return b.awaitOutcome(ctx, before, u.Out)
}

// awaitOutcome waits for the end of an update, and reports it.
func (b *box) awaitOutcome(ctx context.Context, before string, out io.Writer) error {
	fmt.Fprintln(out, "waiting for the box to report that it is healthy")
	ctx, cancel := context.WithTimeoutCause(ctx, tells, fmt.Errorf("%s did not report how the update ended", b.addr))
	defer cancel()
	if err := b.outcome(ctx, before); err != nil {
		return err
	}
	fmt.Fprintln(out, "the box has kept the update")
	return nil
}

// outcome waits until the box has kept or rejected the new root.
func (b *box) outcome(ctx context.Context, before string) error {
	for {
		found, err := b.verdict(ctx, before)
		switch found {
		case verdict.Kept:
			return nil
		case verdict.FellBack:
			return errFellBack
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(looks):
		}
	}
}

// verdict returns verdict.Kept, verdict.FellBack, or "" if neither is in a new
// line of the log. Lines have timestamps, so a new line differs from all earlier
// ones.
func (b *box) verdict(ctx context.Context, before string) (string, error) {
	log, err := b.log(ctx)
	for line := range strings.Lines(log) {
		if strings.Contains(before, line) {
			continue
		}
		for _, message := range []string{verdict.Kept, verdict.FellBack} {
			if strings.Contains(line, message) {
				return message, err
			}
		}
	}
	return "", err
}

// log returns what the appliance has logged since the box started. gokrazy sends
// the existing lines, and then continues with new ones.
func (b *box) log(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reads)
	defer cancel()
	resp, err := b.get(ctx, "log?path=/user/appliance&stream=stderr")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, resp.Body); err != nil && ctx.Err() == nil {
		return "", err
	}
	return text.String(), nil
}
