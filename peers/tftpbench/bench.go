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
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

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
	// Goal is what pxed's rate should be at least, as a multiple of the best
	// other server's; 0: there is no goal.
	Goal float64
}

// Cases are the requests that machines make: PXELINUX's blocks with a window of
// 1, EDK2's with a window of 4; larger windows are those of fast loaders.
var Cases = []Case{
	{Name: "50 clients, window 1", Clients: 50, BlockSize: 1408, Window: 1, File: large, Goal: 1.3},
	{Name: "200 clients, window 1", Clients: 200, BlockSize: 1408, Window: 1, File: large, Goal: 1.4},
	{Name: "200 clients, window 4", Clients: 200, BlockSize: 1468, Window: 4, File: large, Goal: 2.4},
	{Name: "50 clients, window 16", Clients: 50, BlockSize: 1468, Window: 16, File: large, Goal: 4.2},
	{Name: "one client, window 64", Clients: 1, BlockSize: 1468, Window: 64, File: large, Goal: 8.5},
	{Name: SingleCase, Clients: 1, BlockSize: 1408, Window: 1, File: large, Goal: 1},
	{Name: "one client, window 1, blksize 65464", Clients: 1, BlockSize: 65464, Window: 1, File: large, Goal: 1.1},
	{Name: DelayedCase, Clients: 1, BlockSize: 1468, Window: 16, Delay: delayed, File: huge},
	{Name: "8 clients, window 16, 0.1% loss", Clients: 8, BlockSize: 1468, Window: 16, Loss: 0.001, File: large,
		Goal: 5.5},
	{Name: "files of 4 KiB, 100 clients", Clients: 100, BlockSize: 1468, Window: 1, File: small, Goal: 1.3},
}

// SingleCase is the case whose round trip has a row: what a block and its ACK
// take for the loaders that machines have most.
const SingleCase = "one client, window 1"

// delayed is the round-trip time of a delayed case.
const delayed = 500 * time.Microsecond

// Result is the result of one server in one case.
type Result struct {
	Rate              float64       // median; bytes or files per second
	CPU               time.Duration // of the server per 10⁹ bytes
	Load              time.Duration // of the load per 10⁹ bytes; if it spins, that says nothing
	BlockSize, Window int           // granted
	Err               error         // if set, replaces the other fields
}

// Measured are the results on one number of cores.
type Measured struct {
	Results [][]Result // by case, then by server
	// Idle is the processor time per second of each server while no client
	// asks.
	Idle []time.Duration
	// RoundTrip is the minimum duration of a delayed exchange, on the last
	// server's cable.
	RoundTrip time.Duration
	// Processors is how many processors the servers and the load share.
	Processors int
}

// idle is how long the servers' processor time is watched while no client asks.
const idle = 3 * time.Second

// Measure runs each case runs times for the given length. The servers are held
// to so many cores; 0 means all.
func Measure(
	ctx context.Context, servers []fileserver.Server, cases []Case, cores, runs int, length time.Duration,
	log io.Writer,
) (m Measured, err error) {
	m.Processors = runtime.NumCPU()
	contents := map[string]tftpload.Bytes{huge: tftpload.Random(3, hugeSize), large: tftpload.Random(1, largeSize),
		small: tftpload.Random(2, smallSize)}
	files := map[string][]byte{}
	for name, b := range contents {
		files[name] = b
	}

	running := make([]*fileserver.Running, len(servers))
	start := func(i int) (err error) {
		if running[i], err = servers[i].Start(ctx, cores, files); err != nil {
			return err
		}
		if err := ready(ctx, running[i], contents[small]); err != nil {
			return fmt.Errorf("%s: %w", servers[i].Name, err)
		}
		return nil
	}
	for i := range servers {
		defer func() {
			if running[i] != nil {
				err = errors.Join(err, running[i].Close())
			}
		}()
		if err := start(i); err != nil {
			return m, err
		}
	}
	if m.Idle, err = idleCPU(ctx, running); err != nil {
		return m, err
	}
	if m.RoundTrip, err = roundTrip(running[len(running)-1], delayed); err != nil {
		return m, err
	}

	for _, c := range cases {
		tallies := make([]tally, len(servers))
		for run := range runs {
			for i, server := range running {
				if tallies[i].err != nil {
					continue
				}
				r, spent, err := load(ctx, server, tftpload.Load{
					Name: c.File, Content: contents[c.File], Clients: c.Clients, BlockSize: c.BlockSize,
					Window: c.Window,
					Delay:  c.Delay, Loss: c.Loss, Seed: uint64(run), Duration: length, Loops: 2, Spin: c.Clients == 1,
				})
				tallies[i].add(c, r, spent, err)
				if ctx.Err() != nil {
					return m, ctx.Err()
				}
			}
		}
		row := make([]Result, len(servers))
		for i, t := range tallies {
			row[i] = t.result()
			fmt.Fprintf(log, "%s: %s: %.4g a second, CPU %v a GB, %d repeats, %v\n",
				c.Name, servers[i].Name, row[i].Rate, row[i].CPU.Round(time.Millisecond), t.repeats, row[i].Err)
			if row[i].Err == nil {
				continue
			}
			// It may have crashed: atftpd does, with many clients.
			_ = running[i].Close()
			if err := start(i); err != nil {
				return m, err
			}
		}
		m.Results = append(m.Results, row)
	}
	return m, nil
}

// idleCPU returns the processor time per second of each server, while no client
// asks.
func idleCPU(ctx context.Context, servers []*fileserver.Running) ([]time.Duration, error) {
	spent := make([]time.Duration, len(servers))
	for i, s := range servers {
		before, err := s.CPU()
		if err != nil {
			return nil, err
		}
		spent[i] = -before
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for i, s := range servers {
		after, err := s.CPU()
		if err != nil {
			return nil, err
		}
		spent[i] = time.Duration(float64(spent[i]+after) / idle.Seconds())
	}
	return spent, nil
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

// spent is processor time.
type spent struct{ server, load time.Duration }

// load sends one load, and measures the processor time meanwhile.
func load(ctx context.Context, server *fileserver.Running, l tftpload.Load) (r tftpload.Report, s spent, err error) {
	l.Server, l.In, l.From = netip.AddrPortFrom(fileserver.Address, port), server.Client.Do, fileserver.Clients
	s.load = -own()
	before, err := server.CPU()
	if err != nil {
		return r, s, err
	}
	var cpuErr error
	l.Over = func() { // before the transfers are given up
		var after time.Duration
		after, cpuErr = server.CPU()
		s.server = after - before
		s.load += own()
	}
	r, err = l.Run(ctx)
	return r, s, errors.Join(err, cpuErr)
}

// own returns the processor time that this process has used.
func own() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // it has no other reason than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tally collects the runs of one server in one case.
type tally struct {
	rates             []float64
	spent             spent
	bytes             int64
	repeats           int
	blockSize, window int
	err               error
}

func (t *tally) add(c Case, r tftpload.Report, s spent, err error) {
	t.err = err
	rate := r.Rate()
	if c.File == small {
		rate = float64(r.Files) / r.Elapsed.Seconds()
	}
	t.rates = append(t.rates, rate)
	t.spent.server += s.server
	t.spent.load += s.load
	t.bytes += r.Bytes
	t.repeats += r.Repeats
	if r.Bytes > 0 { // a server that fails now and then grants nothing
		t.blockSize, t.window = r.BlockSize, r.Window
	}
}

func (t *tally) result() Result {
	if t.err != nil {
		return Result{Err: t.err}
	}
	slices.Sort(t.rates)
	if t.bytes == 0 {
		return Result{Err: errors.New("no byte has arrived")}
	}
	r := Result{Rate: t.rates[len(t.rates)/2], BlockSize: t.blockSize, Window: t.window}
	each := func(d time.Duration) time.Duration { return time.Duration(float64(d) / float64(t.bytes) * 1e9) }
	r.CPU, r.Load = each(t.spent.server), each(t.spent.load)
	return r
}
