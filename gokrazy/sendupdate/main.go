// Command sendupdate sends a build to a box by gok update, and waits until the
// box has kept the new root or has gone back to its old one. The box decides
// that by itself within two minutes, whether somebody waits or not.
//
// gok knows a box by a certificate, and so by the name in it. That name is in no
// DNS, and the box may have any address: gok is led there by a proxy of its own.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

const (
	// tells is how long a box that gok has done with may take to say what
	// became of the update.
	tells = 5 * time.Minute
	// looks is how often it is asked.
	looks = 2 * time.Second
	// reads is how long is listened each time: the log has no end.
	reads = 3 * time.Second
)

// What the appliance writes into its log.
const (
	isKept   = "this root is kept"
	fellBack = "was tried and was not healthy"
)

var (
	errFellBack = errors.New("the update was not healthy, and the box is back on its old root")
	// gokrazy writes the boot partition in place: half of another kernel may be
	// there, and the one that runs does not mind.
	errBrokeOff = errors.New("if this broke off while it was sending: do not switch the box off, which may not start again; send the update again first")
)

func main() {
	instances := flag.String("instances", "build/gokrazy", "`directory` of the instances, filled in for gok")
	certificate := flag.String("certificate", "build/update-certificate.pem", "`file` with the certificate that the box has")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: sendupdate INSTANCE HOST[:PORT]")
		os.Exit(2)
	}
	if err := send(*instances, flag.Arg(0), flag.Arg(1), *certificate); err != nil {
		fmt.Fprintln(os.Stderr, "sendupdate:", err)
		os.Exit(1)
	}
}

func send(instances, instance, host, certificate string) error {
	b, err := newBox(instances, instance, host, certificate)
	if err != nil {
		return err
	}
	// Ctrl-C gets to gok as well, and what to do then is told here.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.known(ctx); err != nil {
		return err
	}
	// A box tells at each start what became of the last update.
	before, err := b.log(ctx)
	if err != nil {
		return err
	}
	if err := leaveEEPROM(instances, instance); err != nil {
		return err
	}
	if err := b.gok(os.Stdout, "go", "tool", "-modfile=tools/go.mod", "gok", "--parent_dir", instances, "-i", instance, "update"); err != nil {
		// It waits for the new root, which may be gone by now.
		if verdict, e := b.verdict(ctx, before); e == nil && verdict == fellBack {
			return errors.Join(err, errFellBack)
		}
		return errors.Join(err, errBrokeOff)
	}
	fmt.Println("waiting for the box to find itself healthy")
	ctx, cancel := context.WithTimeoutCause(ctx, tells, fmt.Errorf("%s does not say what became of the update", host))
	defer cancel()
	if err := b.outcome(ctx, before); err != nil {
		return err
	}
	fmt.Println("the box keeps the update")
	return nil
}

// outcome waits until the box has kept the new root, or has not.
func (b *box) outcome(ctx context.Context, before string) error {
	for {
		verdict, err := b.verdict(ctx, before)
		switch verdict {
		case isKept:
			return nil
		case fellBack:
			return errFellBack
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(looks):
		}
	}
}

// verdict is isKept, fellBack, or nothing yet: what the log says, and did not
// say before. Each line of it has its time.
func (b *box) verdict(ctx context.Context, before string) (string, error) {
	log, err := b.log(ctx)
	for line := range strings.Lines(log) {
		if strings.Contains(before, line) {
			continue
		}
		for _, verdict := range []string{isKept, fellBack} {
			if strings.Contains(line, verdict) {
				return verdict, err
			}
		}
	}
	return "", err
}

// log is what the appliance has written since the box started. gokrazy sends
// what there is, and goes on with what comes.
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
