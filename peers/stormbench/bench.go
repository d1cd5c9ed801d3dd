// Package stormbench lets a room of machines boot at once through one cable of
// 1 Gbit/s, from the first DISCOVER to the last byte of a large file, with one
// server after the other. The package does not judge.
package stormbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/peers/fileserver"
	"github.com/pxebox/pxebox/peers/netns"
	"github.com/pxebox/pxebox/peers/proc"
	"github.com/pxebox/pxebox/peers/pxeload"
	"github.com/pxebox/pxebox/peers/tftpload"
)

const (
	file       = "initrd"
	serverAddr = "10.77.0.1"
	network    = "10.77.0.0/16"
	first      = "10.77.1.0"
	last       = "10.77.15.255"
	pool       = "10.77.0.0/20" // has all of them

	// MaxMachines is how many the pool has addresses for.
	MaxMachines = 3000

	wire = 1e9 / 8 // bytes per second
	// headers is what Ethernet, IPv4, UDP and TFTP add to each block, in bytes.
	// tbf counts the same.
	headers = 14 + 20 + 8 + 4
)

// Servers returns the servers to compare; the first is ours, from the folder
// bin. Each gives addresses and files.
func Servers(bin string) []fileserver.Server {
	return []fileserver.Server{
		fileserver.Box(bin, fmt.Sprintf(`
[network]
address = "%s/16"

[dhcp]
mode = "server"
probe = false
range = ["%s-%s"]
`, serverAddr, first, last)),
		fileserver.Command(fileserver.Named("dnsmasq", "dnsmasq", "--version"), "", "dnsmasq",
			"--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=/dev/null", "--pid-file=",
			"--user=root", "--port=0", "--interface="+fileserver.Link, "--quiet-dhcp", "--quiet-tftp",
			"--no-ping", "--dhcp-lease-max=5000", "--dhcp-leasefile=leases", "--dhcp-boot="+file,
			fmt.Sprintf("--dhcp-range=%s,%s,255.255.0.0,1h", first, last),
			"--enable-tftp", "--tftp-max=1000", "--tftp-root=$DIR/boot"),
	}
}

// Storm describes the room.
type Storm struct {
	Machines int
	Size     int           // of the file, in bytes
	Within   time.Duration // until the last machine is switched on
	Cores    int           // that the server is held to; 0: all
	Patience time.Duration // with each server
}

// Boot is one machine's boot. Times are since the first machine was switched on.
type Boot struct {
	Kind   int // index into pxeload.Kinds
	Leased time.Duration
	Done   time.Duration
}

// Result is the result of one server.
type Result struct {
	Name    string
	Boots   []Boot
	CPU     time.Duration // of the server
	Peak    int64         // most memory of the server, in bytes
	Repeats int           // packets that machines sent again
	Err     error         // if set, replaces the figures
}

// Measure runs the storm with one server after the other.
func (s Storm) Measure(ctx context.Context, servers []fileserver.Server, log io.Writer) ([]Result, error) {
	content := tftpload.Random(1, s.Size)
	results := make([]Result, len(servers))
	for i, server := range servers {
		fmt.Fprintf(log, "%s: %d machines, %d MB each\n", server.Name, s.Machines, s.Size/1e6)
		results[i] = Result{Name: server.Name}
		if err := s.run(ctx, server, content, &results[i], log); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			results[i].Err = err
			fmt.Fprintf(log, "%s: %v\n", server.Name, err)
		}
	}
	return results, nil
}

// run runs the storm with one server.
func (s Storm) run(
	ctx context.Context, server fileserver.Server, content tftpload.Bytes, result *Result, log io.Writer,
) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience,
		fmt.Errorf("not all machines have booted after %v", s.Patience))
	defer cancel()
	host, client, err := connect(s.Cores)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close(), client.Close()) }()
	dir, err := os.MkdirTemp("", "bench-storm-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	pid, stop, err := server.On(ctx, host, dir, map[string][]byte{file: content})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	// One machine first, which boots: the server is ready then, and has read
	// the file.
	one := Storm{Machines: 1, Size: s.Size}
	if _, _, err := one.boot(ctx, client, content, log); err != nil {
		return fmt.Errorf("the first machine: %w", err)
	}
	before, err := proc.CPU(pid)
	if err != nil {
		return err
	}
	if result.Boots, result.Repeats, err = s.boot(ctx, client, content, log); err != nil {
		return err
	}
	after, err := proc.CPU(pid)
	if err != nil {
		return err
	}
	result.CPU = after - before
	result.Peak, err = proc.Peak(pid)
	return err
}

// connect makes the server's host and the machines' host. The server's end of
// the cable sends 1 Gbit/s at most.
func connect(cores int) (host, client *netns.Namespace, err error) {
	if host, err = netns.New(); err != nil {
		return nil, nil, err
	}
	if client, err = netns.New(); err != nil {
		return nil, nil, errors.Join(err, host.Close())
	}
	err = errors.Join(
		netns.Connect(host, client, fileserver.Link),
		host.Run("ip", "addr", "add", serverAddr+"/16", "dev", fileserver.Link),
		// A queue that holds what all machines may have in flight: a server's
		// own card drops nothing, it makes the server wait.
		host.Run("tc", "qdisc", "add", "dev", fileserver.Link, "root", "tbf", "rate", "1gbit", "burst", "64kb",
			"limit", "16mb"),
		// Without an address, the machines' packets have none before they have
		// a lease. The kernel answers ARP for all that they may get.
		client.Run("ip", "route", "add", network, "dev", fileserver.Link),
		client.Run("ip", "route", "add", "local", pool, "dev", "lo"),
		client.Run("ip", "route", "add", serverAddr, "dev", fileserver.Link),
		host.Limit(cores))
	if err != nil {
		return nil, nil, errors.Join(err, host.Close(), client.Close())
	}
	return host, client, nil
}

// boot switches the machines on, and returns when all have the file.
func (s Storm) boot(
	ctx context.Context, client *netns.Namespace, content tftpload.Bytes, log io.Writer,
) (boots []Boot, repeats int, err error) {
	var mu sync.Mutex // for what follows
	boots = make([]Boot, s.Machines)
	machines := map[netip.Addr]int{}
	begun, done := time.Now(), 0

	g, ctx := errgroup.WithContext(ctx)
	kinds := pxeload.Kinds[:min(len(pxeload.Kinds), s.Machines)]
	start := make([]chan netip.Addr, len(kinds))
	for k, kind := range kinds {
		start[k] = make(chan netip.Addr, s.Machines)
		g.Go(func() error {
			r, err := tftpload.Load{
				Server: netip.MustParseAddrPort(serverAddr + ":69"), Name: file, Content: content,
				Clients: (s.Machines + len(kinds) - 1 - k) / len(kinds), BlockSize: kind.BlockSize, Window: kind.Window,
				In: client.Do, Start: start[k],
				Complete: func(a netip.Addr) {
					mu.Lock()
					defer mu.Unlock()
					boots[machines[a]].Done = time.Since(begun)
					if done++; done%max(s.Machines/10, 1) == 0 {
						fmt.Fprintf(log, "%d of %d machines have booted after %.1f s\n", done, s.Machines,
							time.Since(begun).Seconds())
					}
				},
			}.Run(ctx)
			mu.Lock()
			defer mu.Unlock()
			repeats += r.Repeats
			if err != nil {
				return fmt.Errorf("%s: %w", kind.Name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		leases, err := pxeload.Load{
			Link: fileserver.Link, Machines: s.Machines, Kinds: kinds, Within: s.Within, Seed: byte(min(s.Machines, 2)),
			Leased: func(machine int, a netip.Addr) {
				mu.Lock()
				machines[a] = machine
				boots[machine] = Boot{Kind: machine % len(kinds), Leased: time.Since(begun)}
				mu.Unlock()
				start[machine%len(kinds)] <- a
			},
		}.Run(ctx, client)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if n := s.Machines - len(machines); n > 0 {
			return fmt.Errorf("%d of %d machines got no address, or one that another has", n, s.Machines)
		}
		for _, l := range leases {
			repeats += l.Repeats
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, 0, errors.Join(err, context.Cause(ctx))
	}
	return boots, repeats, nil
}

// took returns how long each machine with this window took, from its address to
// the last byte, in order.
func took(boots []Boot, window int) []time.Duration {
	var all []time.Duration
	for _, b := range boots {
		if pxeload.Kinds[b.Kind].Window == window {
			all = append(all, b.Done-b.Leased)
		}
	}
	slices.Sort(all)
	return all
}

// windows returns the windows of the machines that booted, in order.
func windows(boots []Boot) []int {
	var all []int
	for _, b := range boots {
		if w := pxeload.Kinds[b.Kind].Window; !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	slices.Sort(all)
	return all
}

// end returns when the last machine had booted.
func end(boots []Boot) time.Duration {
	var last time.Duration
	for _, b := range boots {
		last = max(last, b.Done)
	}
	return last
}

// share returns the fraction of the cable that the files took until the last
// machine had booted. Packets that were sent again do not count.
func share(boots []Boot, size int) float64 {
	bytes := 0
	for _, b := range boots {
		bytes += size + headers*(size/pxeload.Kinds[b.Kind].BlockSize+1)
	}
	return float64(bytes) / wire / end(boots).Seconds()
}

// jain returns the fairness index of the machines' rates: 1 if all are alike,
// 1/n if one of n has all (Jain, Chiu and Hawe 1984).
func jain(times []time.Duration) float64 {
	var sum, squares float64
	for _, t := range times {
		rate := 1 / t.Seconds()
		sum += rate
		squares += rate * rate
	}
	return sum * sum / (float64(len(times)) * squares)
}
