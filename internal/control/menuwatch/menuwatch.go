// Package menuwatch keeps the published generation in step with the
// configuration file, with the addresses and the health of the WDS servers it
// names, and with the boot files that its entries need. What a configuration
// means and what a menu looks like is not decided here, and no packet of a
// booting machine comes near.
package menuwatch

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/base/jitter"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

const (
	// configPoll and bootPoll find what inotify does not report, such as a
	// file system that is mounted over the directory.
	configPoll = 2 * time.Second
	bootPoll   = 5 * time.Second

	// lookupTimeout bounds the question for one name, to all name servers;
	// probeTimeout that for all programs of a server, which gives up earlier
	// by itself.
	lookupTimeout = 5 * time.Second
	probeTimeout  = 15 * time.Second
)

// Lookup returns the IPv4 addresses of a host.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// Probe asks a WDS server for its programs, and returns what became of each by
// firmware. Its error is the box's own: nothing is known of the server then.
type Probe func(ctx context.Context, addr netip.Addr, w config.WDS) (map[firmware.Kind]bootmenu.Health, error)

// Watcher publishes generations for as long as it runs.
type Watcher struct {
	ConfigFile string // pxebox.toml; need not be there yet
	BootDir    string // the site's boot files; need not be there either
	StickDir   string // more of them, on a medium that comes and goes: found by the poll; empty for none
	RunDir     string // where the generation goes
	Lookup     Lookup
	Probe      Probe
	Own        func() []netip.Prefix // the box's addresses, which are no WDS server's
	Log        *slog.Logger
}

// Run publishes until ctx ends, and then returns nil. It returns an error when
// a generation cannot be published.
func (w *Watcher) Run(ctx context.Context) error {
	s := newState(w, jitter.Tenth)
	configHints := filewatch.Dir(ctx, filepath.Dir(w.ConfigFile), configPoll)
	bootHints := filewatch.Tree(ctx, w.BootDir, bootPoll)
	results := make(chan result)
	alive := pulse.New(w.RunDir, "menuwatch")
	for {
		alive.Beat(pulse.Progress{}) // configPoll brings each loop round
		var alarm <-chan time.Time
		if at := s.wake(); !at.IsZero() {
			alarm = time.After(time.Until(at))
		}
		var take result
		select {
		case <-ctx.Done():
			return nil
		case <-configHints:
			take = s.configChanged
		case <-bootHints:
			take = s.bootChanged
		case take = <-results:
		case <-alarm:
			take = func(time.Time) {} // tick knows what it was for
		}
		now := time.Now()
		take(now)
		if err := s.tick(now); err != nil {
			return err
		}
		for _, ask := range s.questions {
			go func() {
				r := ask(ctx)
				select {
				case results <- r:
				case <-ctx.Done():
				}
			}()
		}
		s.questions = nil
	}
}

// A question is asked beside the one goroutine that owns the state, because it
// may take its time. Its result is for that goroutine to take up.
type (
	question func(ctx context.Context) result
	result   func(now time.Time)
)
