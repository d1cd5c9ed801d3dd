// Package menuwatch keeps the published generation up to date with the
// configuration file, the addresses and health of its WDS servers, and the boot
// files that its entries need. Other packages decide what a configuration means
// and what a menu looks like, and no packet of a booting machine comes here.
package menuwatch

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/base/jitter"
	"github.com/pxebox/pxebox/internal/base/pulse"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/control/syslog"
)

const (
	// configPoll and bootPoll find changes that inotify does not report, such as
	// a file system that is mounted over the directory.
	configPoll = 2 * time.Second
	bootPoll   = 5 * time.Second

	// lookupTimeout limits the query for one name, over all name servers.
	// probeTimeout limits the probe of all programs of a server; the probe itself
	// gives up earlier.
	lookupTimeout = 5 * time.Second
	probeTimeout  = 15 * time.Second
)

// Lookup returns the IPv4 addresses of a host.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// Probe asks a WDS server for its programs, and returns the health of each. An error
// means that the box could not ask; nothing is then known of the server.
type Probe func(ctx context.Context, addr netip.Addr, w config.WDS) (bootmenu.Server, error)

// ReadProgram returns a program of a WDS server, of up to wdscerts.MaxSize bytes.
type ReadProgram func(ctx context.Context, addr netip.Addr, name string) ([]byte, error)

// Watcher publishes generations for as long as it runs.
type Watcher struct {
	ConfigFile string // pxebox.toml; may not exist yet
	BootDir    string // the site's boot files; may not exist yet either
	StickDir   string // more boot files, on a removable medium that only the poll detects; empty for none
	RunDir     string // the directory of the generation
	CacheDir   string // for files that are taken out of a boot.wim; empty: none are
	Lookup     Lookup
	Probe      Probe
	Read       ReadProgram           // nil leaves the servers' programs unread
	Own        func() []netip.Prefix // the box's addresses, which no WDS server can have
	Syslog     func(syslog.Target)   // gets the log server of each configuration; may be nil
	PagePort   func(spec.Port)       // gets the page's port of each configuration; may be nil
	// KeepPorts has all servers keep their usual ports, whatever the configuration
	// says: the box's updates and its check of itself need them.
	KeepPorts bool
	Page      func() string // the page's address, for the foot of menus; "" or nil: there is no page
	Log       *slog.Logger

	snapshot atomic.Pointer[Snapshot]
}

// Run publishes until ctx ends, and then returns nil. It returns an error when it
// cannot publish a generation.
func (w *Watcher) Run(ctx context.Context) error {
	s := newState(w, jitter.Tenth)
	configHints := filewatch.Dir(ctx, filepath.Dir(w.ConfigFile), configPoll)
	bootHints := filewatch.Tree(ctx, w.BootDir, bootPoll)
	results := make(chan result)
	alive := pulse.New(w.RunDir, "menuwatch")
	for {
		alive.Beat(pulse.Progress{}) // configPoll keeps each loop turning
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
			take = func(time.Time) {} // tick handles it
		}
		now := time.Now()
		take(now)
		if err := s.tick(now); err != nil {
			return err
		}
		s.capture()
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

// A question runs outside the goroutine that owns the state, because it may take
// long. That goroutine applies its result.
type (
	question func(ctx context.Context) result
	result   func(now time.Time)
)
