// Package tftpload simulates many TFTP clients (RFC 1350, 2347, 2348, 7440)
// that fetch one file repeatedly, to measure how fast a server is. Each
// transfer has its own port, as with firmware. Every received byte is compared
// with the file's. A delay and a loss work on any kernel, because the package
// applies them at the clients' end. It does not know any particular server.
package tftpload

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pxebox/pxebox/internal/test/tftpclient"
)

// Load describes what the clients do.
type Load struct {
	Server    netip.AddrPort
	Name      string // of the file, as the clients request it
	Content   Content
	Clients   int
	From      []netip.Addr // the clients' addresses, in turn; if empty, the kernel chooses
	BlockSize int          // bytes
	Window    int          // blocks; 1: not requested

	// Start, if set, holds each client back until its address comes. Then From
	// is not used, and Loops is one.
	Start <-chan netip.Addr
	// Complete, if set, is called when a client has the whole file, with the
	// client's address. It must not block.
	Complete func(netip.Addr)

	// Duration is how long to run. Transfers that are then under way are
	// aborted with an ERROR, so that the server is free. 0: each client fetches
	// the file once.
	Duration time.Duration
	// Over, if set, is called when the time is over and before any transfer is
	// aborted.
	Over func()
	// Spin makes the clients poll for datagrams without a pause, so that the
	// result measures the server, and not how soon a thread wakes.
	Spin bool
	// Delay is how long each datagram to the server is held back: without other
	// delays, it is the round-trip time.
	Delay time.Duration
	// Loss is the probability that a datagram in either direction is lost. With
	// the same Seed, the same datagrams are lost.
	Loss float64
	Seed uint64
	// Retry is how long a client waits before it retransmits its last packet;
	// 0: 250 ms, which is iPXE's shortest.
	Retry time.Duration
	// Tries is how often a client retransmits before it gives up; 0: ten times.
	Tries int
	// Loops is the number of threads; 0: one.
	Loops int
	// In calls a function in the namespace to send from; nil: the current one.
	In func(func() error) error
}

func (l Load) options() tftpclient.Options {
	return tftpclient.Options{BlockSize: l.BlockSize, Window: l.Window}
}

// Report is the result of a load.
type Report struct {
	Bytes   int64 // received for the first time, all of them correct
	Files   int   // complete
	Elapsed time.Duration
	Repeats int // packets that clients retransmitted after a timeout
	// BlockSize and Window are what the server granted.
	BlockSize, Window int
}

// Rate returns bytes per second.
func (r Report) Rate() float64 { return float64(r.Bytes) / r.Elapsed.Seconds() }

// Run sends the load. A wrong byte, an ERROR packet, or a server that stops
// answering is an error and ends the run.
func (l Load) Run(ctx context.Context) (Report, error) {
	in := l.In
	if in == nil {
		in = func(f func() error) error { return f() }
	}
	loops := min(max(l.Loops, 1), l.Clients)
	reports := make([]Report, loops)
	var arrived sync.WaitGroup
	arrived.Add(loops)
	var once sync.Once
	g, ctx := errgroup.WithContext(ctx)
	for i := range loops {
		share := l
		share.Clients = (l.Clients + i) / loops
		share.Seed = l.Seed + uint64(i)
		if n := len(l.From); n > 0 {
			share.From = l.From[n*i/loops : n*(i+1)/loops]
		}
		share.Retry = cmp.Or(l.Retry, 250*time.Millisecond)
		share.Tries = cmp.Or(l.Tries, 10)
		g.Go(func() error {
			entered := false
			err := in(func() (err error) {
				entered = true
				w, err := newLoop(share)
				if err == nil {
					defer func() { err = errors.Join(err, w.close()) }()
					reports[i], err = w.run(ctx)
				}
				arrived.Done()
				arrived.Wait()
				if l.Over != nil {
					once.Do(l.Over)
				}
				return err
			})
			if !entered {
				arrived.Done() // the others wait
			}
			return err
		})
	}
	err := g.Wait()
	sum := reports[0]
	for _, r := range reports[1:] {
		sum.Bytes += r.Bytes
		sum.Files += r.Files
		sum.Repeats += r.Repeats
		sum.Elapsed = max(sum.Elapsed, r.Elapsed)
	}
	return sum, err
}
