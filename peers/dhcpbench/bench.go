// Package dhcpbench measures and compares DHCP servers: how many four-way
// exchanges they complete per second, how long each takes, and what each costs.
// The servers run one at a time, as packaged by Debian or built here, each in
// new network namespaces and on a disk that only it uses. perfdhcp measures the
// times. Our own generator, which is faster, finds the rate. The package does
// not judge.
package dhcpbench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/peers/dhcpload"
	"github.com/pxebox/pxebox/peers/netns"
	"github.com/pxebox/pxebox/peers/perfdhcp"
	"github.com/pxebox/pxebox/peers/proc"
)

const link = "eth0"

var (
	serverAddr = netip.MustParsePrefix("192.168.77.1/24")
	routerAddr = netip.MustParsePrefix("192.168.77.2/24")
	// giaddrs are the relay agents that the load's processes act as. Each
	// process has its own receive buffer, because a buffer of the system's
	// default size soon fills up if a server sends many answers at a time.
	giaddrs = []netip.Prefix{
		netip.MustParsePrefix("10.1.0.1/16"),
		netip.MustParsePrefix("10.1.0.2/16"),
		netip.MustParsePrefix("10.1.0.3/16"),
		netip.MustParsePrefix("10.1.0.4/16"),
		netip.MustParsePrefix("10.1.0.5/16"),
		netip.MustParsePrefix("10.1.0.6/16"),
	}
	first, last = netip.MustParseAddr("10.1.1.0"), netip.MustParseAddr("10.1.255.254")
)

const (
	// ownPeriod is the length of a trial with our load.
	ownPeriod = 2 * time.Second
	// timed is the length of a load whose answer times count.
	timed = 3 * time.Second
	// idle is how long a server's processor time is watched while no client
	// asks.
	idle = 2 * time.Second
	// late is how long the last answers of a load may take, as in our own load.
	late = time.Second
)

// Paces are the rates at which answers are timed, in exchanges per second.
var Paces = [...]int{100, 300, 1000}

// Rate is the highest rate with a loss below 1%, in exchanges per second.
type Rate struct {
	PerSecond float64
	// Generator is set if the load generator limits the rate, not the server.
	Generator bool
}

// Times are the answer times at one of the paces.
type Times struct {
	P50, P99 time.Duration // of both answers of an exchange
	Loss     float64       // fraction of the exchanges that got no ACK
}

// Result is one server's row. Each figure is the median of the runs.
type Result struct {
	Name       string
	Durability string
	Clients    int // number of clients in the load
	Rate       Rate
	CPU        time.Duration // of the server, per exchange at Rate
	Idle       time.Duration // of the server per second, while no client asks
	Times      [len(Paces)]Times
	Err        error // if set, replaces the figures
}

// lab is the server's host and the load's host.
type lab struct {
	lan          *netns.LAN
	server, load *netns.Namespace
}

func newLab() (*lab, error) {
	l := &lab{}
	var err error
	if l.lan, err = netns.NewLAN(); err != nil {
		return nil, err
	}
	if l.server, err = netns.New(); err != nil {
		return nil, err
	}
	if l.load, err = netns.New(); err != nil {
		return nil, err
	}
	run := func(n *netns.Namespace, args ...string) { err = errors.Join(err, n.Run("ip", args...)) }
	err = errors.Join(l.lan.Plug(l.server, link, ""), l.lan.Plug(l.load, link, ""))
	run(l.server, "addr", "add", serverAddr.String(), "dev", link)
	run(l.server, "route", "add", "default", "via", routerAddr.Addr().String())
	run(l.load, "addr", "add", routerAddr.String(), "dev", link)
	for _, g := range giaddrs {
		run(l.load, "addr", "add", g.String(), "dev", link)
	}
	return l, err
}

func (l *lab) close() error { return errors.Join(l.load.Close(), l.server.Close(), l.lan.Close()) }

// Measure runs and loads the servers in turn, runs times, so that other work on
// the machine slows all of them equally. Each is held to so many cores; 0 means
// all.
func Measure(ctx context.Context, servers []Server, cores, runs int, log io.Writer) ([]Result, error) {
	results := make([][]Result, len(servers))
	rows := make([]Result, len(servers))
	for run := range runs {
		for i, s := range servers {
			if rows[i].Err != nil {
				continue
			}
			began := time.Now()
			from, step := s.begin, 2.0
			if run > 0 {
				from, step = results[i][run-1].Rate.PerSecond, near
			}
			r, err := measure(ctx, s, cores, max(from, lowest), step, log)
			var missing missingDisk
			switch {
			case errors.As(err, &missing):
				rows[i] = Result{Name: s.Name, Durability: s.Durability, Clients: s.Clients, Err: err}
				continue
			case err != nil:
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			results[i] = append(results[i], r)
			fmt.Fprintf(log, "%s: run %d of %d took %v\n", s.Name, run+1, runs, time.Since(began).Round(time.Second))
		}
	}
	for i := range rows {
		if rows[i].Err == nil {
			rows[i] = median(results[i])
		}
	}
	return rows, nil
}

// median returns the median of each figure over one server's runs.
func median(runs []Result) Result {
	r := runs[0]
	r.Rate = middle(runs, func(r Result) Rate { return r.Rate }, byRate)
	r.CPU = middle(runs, func(r Result) time.Duration { return r.CPU }, cmp.Compare)
	r.Idle = middle(runs, func(r Result) time.Duration { return r.Idle }, cmp.Compare)
	for i := range r.Times {
		r.Times[i] = Times{
			P50:  middle(runs, func(r Result) time.Duration { return r.Times[i].P50 }, cmp.Compare),
			P99:  middle(runs, func(r Result) time.Duration { return r.Times[i].P99 }, cmp.Compare),
			Loss: middle(runs, func(r Result) float64 { return r.Times[i].Loss }, cmp.Compare),
		}
	}
	return r
}

func byRate(a, b Rate) int { return cmp.Compare(a.PerSecond, b.PerSecond) }

func middle[T any](runs []Result, figure func(Result) T, compare func(a, b T) int) T {
	var all []T
	for _, r := range runs {
		all = append(all, figure(r))
	}
	slices.SortFunc(all, compare)
	return all[len(all)/2]
}

// missingDisk is why a server's disk cannot be mounted.
type missingDisk struct{ error }

// measure runs one server and loads it. The search for its rate begins with
// from, and with this step.
func measure(ctx context.Context, s Server, cores int, from, step float64, log io.Writer) (r Result, err error) {
	r = Result{Name: s.Name, Durability: s.Durability, Clients: s.Clients}
	l, err := newLab()
	if err != nil {
		return r, err
	}
	defer l.close()
	if err := l.server.Limit(cores); err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp("", "bench-dhcp-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	folder, unmount, err := mountDisk(dir, s.mount...)
	if err != nil {
		return r, missingDisk{err}
	}
	// After stop: the server has files there.
	defer func() { err = errors.Join(err, unmount()) }()
	pid, stop, err := s.start(ctx, l.server, folder)
	if err != nil {
		return r, err
	}
	defer stop()

	// The first round fills the server's lease database, as on a server that
	// has run for a while, and lets the kernels learn each other's addresses.
	if err := l.warm(ctx, s.Clients); err != nil {
		return r, err
	}
	if r.Idle, err = idleCPU(ctx, pid); err != nil {
		return r, err
	}
	for i, pace := range Paces {
		one, err := l.run(ctx, 1, pace, timed, s.Clients, true)
		if err != nil {
			return r, err
		}
		r.Times[i].P50, r.Times[i].P99 = percentiles(one)
		r.Times[i].Loss = one.Loss()
		fmt.Fprintf(log, "%s: %d a second: %+v\n", s.Name, pace, r.Times[i])
	}

	best, generator, err := highest(from, step, twice(func(rate int) (trial, error) {
		before, err := proc.CPU(pid)
		if err != nil {
			return trial{}, err
		}
		report, err := dhcpload.Load{
			Rate: rate, Period: ownPeriod, Clients: s.Clients, MAC: mac(s.Clients), From: giaddrs[0].Addr(),
			Server: serverAddr.Addr(),
		}.Run(ctx, l.load)
		if err != nil {
			return trial{}, err
		}
		after, err := proc.CPU(pid)
		if err != nil {
			return trial{}, err
		}
		t := trial{begun: float64(report.Discovers) / ownPeriod.Seconds(), loss: 1}
		if report.Acks > 0 {
			t.loss = 1 - float64(report.Acks)/float64(report.Discovers)
			t.cost = (after - before) / time.Duration(report.Acks)
		}
		fmt.Fprintf(log, "%s: asked for %d a second: %.0f begun, loss %.2f%%, CPU %v\n",
			s.Name, rate, t.begun, 100*t.loss, t.cost)
		return t, nil
	}))
	r.Rate, r.CPU = Rate{best.begun * (1 - best.loss), generator}, best.cost
	return r, err
}

// idleCPU returns a server's processor time per second while no client asks.
func idleCPU(ctx context.Context, pid int) (time.Duration, error) {
	before, err := proc.CPU(pid)
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	after, err := proc.CPU(pid)
	return time.Duration(float64(after-before) / idle.Seconds()), err
}

// mac returns the addresses of a number of machines. Each process of perfdhcp
// counts up from its own start address, and both loads must use the same
// machines: a range has no room for twice as many.
func mac(machines int) func(int) [6]byte {
	each := machines / len(giaddrs)
	return func(n int) [6]byte {
		process, n := n/each, n%each
		return [6]byte{0x02, 0x0c, byte(process), 0, byte(n >> 8), byte(n)}
	}
}

// warm waits until the server grants leases, then sends until most clients have
// had an address.
func (l *lab) warm(ctx context.Context, clients int) error {
	if err := l.awaitLease(ctx); err != nil {
		return err
	}
	_, err := l.run(ctx, len(giaddrs), min(clients/3, 3000), 3*time.Second, clients, false)
	return err
}

// awaitLease returns when the server grants a lease.
func (l *lab) awaitLease(ctx context.Context) error {
	ready, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("it leases nothing"))
	defer cancel()
	for {
		r, err := l.run(ready, 1, 10, time.Second, 10, false)
		if err != nil {
			return errors.Join(err, context.Cause(ready))
		}
		if r.Acks > 0 {
			return nil
		}
	}
}

// run sends a load from several processes at once.
func (l *lab) run(
	ctx context.Context, processes, rate int, period time.Duration, clients int, times bool,
) (perfdhcp.Report, error) {
	reports := make([]perfdhcp.Report, processes)
	var g errgroup.Group
	for i := range processes {
		base := mac(clients)(i * (clients / len(giaddrs)))
		cmd := perfdhcp.Load{
			Rate: rate / processes, Period: period,
			Clients: clients / len(giaddrs), Base: net.HardwareAddr(base[:]).String(),
			From: giaddrs[i].Addr(), Server: serverAddr.Addr(), Times: times, Wait: late,
		}.Command()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := l.load.Start(cmd); err != nil {
			return perfdhcp.Report{}, err
		}
		g.Go(func() error {
			// perfdhcp exits with a special status if packets were dropped; the
			// report counts.
			var exit *exec.ExitError
			stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
			defer stop()
			if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
				return err
			}
			var err error
			reports[i], err = perfdhcp.Parse(out.Bytes())
			return err
		})
	}
	err := g.Wait()
	var sum perfdhcp.Report
	for _, r := range reports {
		sum = sum.Add(r)
	}
	return sum, errors.Join(err, ctx.Err())
}
