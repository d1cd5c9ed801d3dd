// Package slowdisk measures how long machines wait for an address if the disk
// of the lease database is slow to flush, as SD cards are. strace holds each
// fsync and fdatasync of pxed back: not every kernel has a block device that
// can do it. The package does not judge.
package slowdisk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/peers/box"
	"github.com/pxebox/pxebox/peers/netns"
	"github.com/pxebox/pxebox/peers/pxeload"
)

const (
	link          = "eth0"
	serverAddr    = "10.77.0.1/16"
	configuration = `
[network]
address = "10.77.0.1/16"

[dhcp]
mode = "server"
probe = false
range = ["10.77.1.0-10.77.15.255"]
`
	// MaxMachines is how many the range has addresses for.
	MaxMachines = 3000
)

// Flushes are the times that a flush takes in addition to what the machine's
// own disk takes.
var Flushes = []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond}

// Room describes the machines.
type Room struct {
	Machines int
	Within   time.Duration // until the last one is switched on
}

// Result is the result with one duration of a flush.
type Result struct {
	Flush   time.Duration
	Leases  []pxeload.Lease
	Flushes int // of pxed, meanwhile
}

// Measure switches the machines on once for each duration.
func (r Room) Measure(ctx context.Context, bin string, flushes []time.Duration, log io.Writer) ([]Result, error) {
	var results []Result
	for _, flush := range flushes {
		result, err := r.measure(ctx, bin, flush)
		if err != nil {
			return nil, fmt.Errorf("a flush of %v: %w", flush, err)
		}
		fmt.Fprintf(log, "a flush of %v: the last of %d machines after %v, %d flushes\n",
			flush, r.Machines, pxeload.Percentile(result.Leases, 1).Round(time.Millisecond), result.Flushes)
		results = append(results, result)
	}
	return results, nil
}

func (r Room) measure(ctx context.Context, bin string, flush time.Duration) (result Result, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Within+3*time.Minute,
		errors.New("the machines neither boot nor give up"))
	defer cancel()
	result.Flush = flush
	host, err := netns.New()
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	client, err := netns.New()
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	dir, err := os.MkdirTemp("", "bench-slowdisk-")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	calls := filepath.Join(dir, "flushes")
	slow, work := filepath.Join(dir, "bin"), filepath.Join(dir, "box")
	if err := errors.Join(
		netns.Connect(host, client, link),
		host.Run("ip", "addr", "add", serverAddr, "dev", link),
		client.Run("ip", "route", "add", "default", "dev", link),
		os.Mkdir(work, 0o755), slowed(bin, slow, calls, flush)); err != nil {
		return result, err
	}
	b, err := box.Start(ctx, host, link, slow, work, configuration)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	// One machine first: the server is ready then.
	if _, err := (pxeload.Load{Link: link, Machines: 1, Kinds: pxeload.Kinds, Seed: 1}).Run(ctx, client); err != nil {
		return result, err
	}
	before, err := lines(calls)
	if err != nil {
		return result, err
	}
	result.Leases, err = pxeload.Load{
		Link: link, Machines: r.Machines, Kinds: pxeload.Kinds, Within: r.Within, Seed: 2,
	}.Run(ctx, client)
	if err != nil {
		return result, err
	}
	after, err := lines(calls)
	result.Flushes = after - before
	return result, err
}

// slowed makes a folder like bin, in which pxed is a script that runs it with
// slow flushes, and reports each to a file. pxed keeps the script's process id
// (-D), and no other system call costs more (--seccomp-bpf).
func slowed(bin, folder, calls string, flush time.Duration) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	script := fmt.Sprintf(`#!/bin/sh
exec strace -D -f --seccomp-bpf -qq -o '%s' -e trace=fsync,fdatasync \
	-e inject=fsync,fdatasync:delay_exit=%d '%s/pxed' "$@"
`, calls, flush.Microseconds(), bin)
	return errors.Join(
		os.Mkdir(folder, 0o755),
		os.Symlink(filepath.Join(bin, "menuwatch"), filepath.Join(folder, "menuwatch")),
		os.WriteFile(filepath.Join(folder, "pxed"), []byte(script), 0o755))
}

// lines returns the number of lines of a file.
func lines(path string) (int, error) {
	b, err := os.ReadFile(path)
	return bytes.Count(b, []byte{'\n'}), err
}
