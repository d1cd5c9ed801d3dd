// Package slowdisk measures how long machines wait for an address if the disk
// of the lease database is slow to flush, as SD cards are. The package does not
// judge.
package slowdisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

// Flushes are the times that a flush takes.
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
	Flushes int // of the disk, meanwhile
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
	medium, folder, unmount, err := mount(ctx, dir)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, unmount()) }()
	if err := errors.Join(
		netns.Connect(host, client, link),
		host.Run("ip", "addr", "add", serverAddr, "dev", link),
		client.Run("ip", "route", "add", "default", "dev", link)); err != nil {
		return result, err
	}
	b, err := box.Start(ctx, host, link, bin, folder, configuration)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	// One machine first: the server is ready then.
	if _, err := (pxeload.Load{Link: link, Machines: 1, Kinds: pxeload.Kinds, Seed: 1}).Run(ctx, client); err != nil {
		return result, err
	}
	medium.SlowFlush(flush)
	defer medium.SlowFlush(0)
	before := medium.Flushes()
	result.Leases, err = pxeload.Load{
		Link: link, Machines: r.Machines, Kinds: pxeload.Kinds, Within: r.Within, Seed: 2,
	}.Run(ctx, client)
	result.Flushes = medium.Flushes() - before
	return result, err
}
