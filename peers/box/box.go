// Package box runs the two daemons as built, on a host that the caller made:
// one folder, one configuration, their logs. It knows the daemons' flags and
// nothing else.
package box

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pxebox/pxebox/internal/test/journal"
	"github.com/pxebox/pxebox/peers/netns"
)

// Box is a running pair of menuwatch and pxed.
type Box struct {
	Log journal.Journal[string] // both programs' output, line by line

	host *netns.Namespace
	bin  string // folder of the programs
	dir  string // folder of all files
	link string // interface

	menuwatch, pxed *exec.Cmd
}

// Start starts both daemons on an interface of a host, and returns when pxed
// has its address. The programs are in bin; dir is an empty folder for the
// configuration, the boot files, the generation and the leases. more are further
// arguments of menuwatch. If Start returns an error, the Box does not run; its Log
// says why.
func Start(
	ctx context.Context, host *netns.Namespace, link, bin, dir, configuration string, more ...string,
) (*Box, error) {
	b := &Box{host: host, bin: bin, dir: dir, link: link}
	for _, name := range []string{"menuwatch", "pxed"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return nil, fmt.Errorf("%s is missing: run make build", name)
		}
	}
	for _, name := range []string{"run", "boot", "data"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	if err := b.Configure(configuration); err != nil {
		return nil, err
	}
	var err error
	args := append([]string{"-config", b.file("pxebox.toml"), "-boot", b.file("boot"), "-run", b.file("run")}, more...)
	b.menuwatch, err = b.start("menuwatch", args...)
	if err != nil {
		return nil, err
	}
	if err := b.Power(ctx); err != nil {
		return b, errors.Join(err, b.Stop())
	}
	return b, nil
}

// Configure writes the configuration or replaces it.
func (b *Box) Configure(configuration string) error {
	// By rename, so that menuwatch never reads half a file.
	if err := os.WriteFile(b.file("new.toml"), []byte(configuration), 0o644); err != nil {
		return err
	}
	return os.Rename(b.file("new.toml"), b.file("pxebox.toml"))
}

// Power starts pxed, and returns when it serves on its address.
func (b *Box) Power(ctx context.Context) error {
	before := b.Log.Len()
	var err error
	b.pxed, err = b.start("pxed", "-run", b.file("run"), "-boot", b.file("boot"), "-data", b.file("data"),
		"-interface", b.link)
	if err != nil {
		return err
	}
	line, _, err := b.Log.Await(ctx, before,
		func(line string) bool { return hasAddress.MatchString(line) || fails(line) })
	switch {
	case err != nil:
		return fmt.Errorf("pxed got no address: %w", err)
	case fails(line):
		return fmt.Errorf("the box: %s", line)
	}
	return nil
}

// hasAddress matches what pxed logs when its interface has an address.
var hasAddress = regexp.MustCompile(`msg=network .*address="?[0-9]`)

// fails reports whether a line says that the box will not start to serve.
func fails(line string) bool {
	return strings.Contains(line, `msg="pxed exits"`) || strings.Contains(line, `msg="configuration is invalid"`)
}

// Cut ends pxed as a power cut does: at once, without writing anything.
func (b *Box) Cut() error {
	err := end(b.pxed)
	b.pxed = nil
	return err
}

// Stop ends both daemons.
func (b *Box) Stop() error {
	err := errors.Join(end(b.pxed), end(b.menuwatch))
	b.pxed, b.menuwatch = nil, nil
	return err
}

// Data is the folder of the leases.
func (b *Box) Data() string { return b.file("data") }

// Run is the folder that the daemons share.
func (b *Box) Run() string { return b.file("run") }

// PID is pxed's process id.
func (b *Box) PID() int { return b.pxed.Process.Pid }

// MenuwatchPID is menuwatch's process id.
func (b *Box) MenuwatchPID() int { return b.menuwatch.Process.Pid }

func (b *Box) file(name string) string { return filepath.Join(b.dir, name) }

func (b *Box) start(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(b.bin, name), args...)
	cmd.Stderr = journal.Lines(&b.Log)
	if err := b.host.Start(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cmd, nil
}

// end kills a program. That the program then ends by the signal is not an
// error.
func end(cmd *exec.Cmd) error {
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}
