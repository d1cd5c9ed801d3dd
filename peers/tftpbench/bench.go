// Package tftpbench measures TFTP servers next to each other. Each server has
// two hosts and a cable, so all servers run throughout and take turns: other
// work on the machine affects all of them equally. tftpload generates the load.
// The package does not judge.
package tftpbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/tftpload"
)

const (
	port = 69

	// The huge file is for one client and the rate that its window allows: with
	// this file, the two round trips at the start of a transfer do not matter.
	huge, large, small             = "huge", "large", "small"
	hugeSize, largeSize, smallSize = 64 << 20, 4 << 20, 4 << 10
)

// Case is a row of the table.
type Case struct {
	Name              string
	Clients           int
	BlockSize, Window int
	Delay             time.Duration
	Loss              float64
	File              string // which of our files; for small ones, files per second count
}

// Cases are the requests that machines make: PXELINUX's blocks with a window of
// 1, EDK2's with a window of 4; larger windows are those of fast loaders.
var Cases = []Case{
	{Name: "50 clients, window 1", Clients: 50, BlockSize: 1408, Window: 1, File: large},
	{Name: "200 clients, window 1", Clients: 200, BlockSize: 1408, Window: 1, File: large},
	{Name: "200 clients, window 4", Clients: 200, BlockSize: 1468, Window: 4, File: large},
	{Name: "50 clients, window 16", Clients: 50, BlockSize: 1468, Window: 16, File: large},
	{Name: "one client, window 64", Clients: 1, BlockSize: 1468, Window: 64, File: large},
	{Name: "one client, window 1", Clients: 1, BlockSize: 1408, Window: 1, File: large},
	{Name: "one client, window 1, blksize 65464", Clients: 1, BlockSize: 65464, Window: 1, File: large},
	{Name: DelayedCase, Clients: 1, BlockSize: 1468, Window: 16, Delay: delayed, File: huge},
	{Name: "8 clients, window 16, 0.1% loss", Clients: 8, BlockSize: 1468, Window: 16, Loss: 0.001, File: large},
	{Name: "files of 4 KiB, 100 clients", Clients: 100, BlockSize: 1468, Window: 1, File: small},
}

// delayed is the round-trip time of a delayed case.
const delayed = 500 * time.Microsecond

// Result is the result of one server in one case.
type Result struct {
	Rate              float64       // median; bytes or files per second
	CPU               time.Duration // of the server per 10⁹ bytes
	BlockSize, Window int           // granted
	Err               error         // if set, replaces the other fields
}

// Measure runs each case runs times for the given length. The results are by
// case, then by server. rtt is the minimum duration of a delayed exchange,
// measured on the last server's cable.
func Measure(
	ctx context.Context, servers []fileserver.Server, cases []Case, runs int, length time.Duration, log io.Writer,
) (results [][]Result, rtt time.Duration, err error) {
	contents := map[string]tftpload.Bytes{huge: tftpload.Random(3, hugeSize), large: tftpload.Random(1, largeSize),
		small: tftpload.Random(2, smallSize)}
	files := map[string][]byte{}
	for name, b := range contents {
		files[name] = b
	}

	running := make([]*fileserver.Running, len(servers))
	for i, s := range servers {
		running[i], err = s.Start(ctx, 0, files)
		if err != nil {
			return nil, 0, err
		}
		defer func() { err = errors.Join(err, running[i].Close()) }()
		if err := ready(ctx, running[i], contents[small]); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if rtt, err = roundTrip(running[len(running)-1], delayed); err != nil {
		return nil, 0, err
	}

	for _, c := range cases {
		tallies := make([]tally, len(servers))
		for run := range runs {
			for i, server := range running {
				if tallies[i].err != nil {
					continue
				}
				r, cpu, err := load(ctx, server, tftpload.Load{
					Name: c.File, Content: contents[c.File], Clients: c.Clients, BlockSize: c.BlockSize,
					Window: c.Window,
					Delay:  c.Delay, Loss: c.Loss, Seed: uint64(run), Duration: length, Loops: 2, Spin: c.Clients == 1,
				})
				tallies[i].add(c, r, cpu, err)
				if ctx.Err() != nil {
					return nil, 0, ctx.Err()
				}
			}
		}
		row := make([]Result, len(servers))
		for i, t := range tallies {
			row[i] = t.result()
			fmt.Fprintf(log, "%s: %s: %.4g a second, CPU %v a GB, %d repeats, %v\n",
				c.Name, servers[i].Name, row[i].Rate, row[i].CPU.Round(time.Millisecond), t.repeats, row[i].Err)
		}
		results = append(results, row)
	}
	return results, rtt, nil
}

// ready returns when the server has served a file.
func ready(ctx context.Context, r *fileserver.Running, content tftpload.Content) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("it serves nothing"))
	defer cancel()
	for {
		_, _, err := load(ctx, r, tftpload.Load{Name: small, Content: content, Clients: 1, BlockSize: 1408, Window: 1})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond): // refused: the port is not open yet
		}
	}
}

// load sends one load, and measures the server's processor time meanwhile.
func load(ctx context.Context, server *fileserver.Running, l tftpload.Load) (tftpload.Report, time.Duration, error) {
	l.Server, l.In, l.From = netip.AddrPortFrom(fileserver.Address, port), server.Client.Do, fileserver.Clients
	before, err := server.CPU()
	if err != nil {
		return tftpload.Report{}, 0, err
	}
	var after time.Duration
	var cpuErr error
	// Before the transfers are given up: if a parent does not wait for its
	// child, the child's time is lost when it ends.
	l.Over = func() { after, cpuErr = server.CPU() }
	r, err := l.Run(ctx)
	return r, after - before, errors.Join(err, cpuErr)
}

// tally collects the runs of one server in one case.
type tally struct {
	rates             []float64
	cpu               time.Duration
	bytes             int64
	repeats           int
	blockSize, window int
	err               error
}

func (t *tally) add(c Case, r tftpload.Report, cpu time.Duration, err error) {
	t.err = err
	rate := r.Rate()
	if c.File == small {
		rate = float64(r.Files) / r.Elapsed.Seconds()
	}
	t.rates = append(t.rates, rate)
	t.cpu += cpu
	t.bytes += r.Bytes
	t.repeats += r.Repeats
	t.blockSize, t.window = r.BlockSize, r.Window
}

func (t *tally) result() Result {
	if t.err != nil {
		return Result{Err: t.err}
	}
	slices.Sort(t.rates)
	r := Result{Rate: t.rates[len(t.rates)/2], BlockSize: t.blockSize, Window: t.window}
	if t.bytes > 0 {
		r.CPU = time.Duration(float64(t.cpu) / float64(t.bytes) * 1e9)
	}
	return r
}
