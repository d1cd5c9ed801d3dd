// Package menuwatch keeps the published generation in step with the
// configuration file and with the addresses of the WDS servers it names. What
// a configuration means and what a menu looks like is not decided here, and no
// packet of a booting machine comes near.
package menuwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/generation"
	"github.com/pxebox/pxebox/internal/menu"
	"github.com/pxebox/pxebox/internal/watch"
)

const (
	// settle is how long a changed file is left alone: editors and copy
	// programs write in several steps.
	settle = 100 * time.Millisecond
	// grace is how long a new configuration waits for the first answer about
	// a WDS server's name, so that the menu does not flash "not found".
	grace = 500 * time.Millisecond
	// poll finds what inotify does not report, such as a file system that is
	// mounted over the directory.
	poll = 2 * time.Second

	lookupTimeout = 3 * time.Second
	lookupAgain   = 60 * time.Second // after an answer
	lookupRetry   = 5 * time.Second  // after a failure
)

// Lookup returns the IPv4 addresses of a host.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// Watcher publishes generations for as long as it runs.
type Watcher struct {
	ConfigFile string // pxebox.toml; need not be there yet
	BootDir    string // the site's boot files; only looked at for missing ones
	RunDir     string // where the generation goes
	Lookup     Lookup
	Log        *slog.Logger
}

// Run publishes until ctx ends, and then returns nil. It returns an error when
// a generation cannot be published.
func (w *Watcher) Run(ctx context.Context) error {
	s := &state{Watcher: w, addresses: map[string]netip.Addr{}, asked: map[string]bool{}, problems: map[string]string{}}
	changes := watch.Dir(ctx, filepath.Dir(w.ConfigFile), poll)
	answers := make(chan answer)
	var settled, due, again <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
			if settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			settled = nil
			err = s.read()
		case a := <-answers:
			err = s.answered(a)
		case <-due:
			due = nil
			err = s.publish()
		case <-again:
			again = nil
			s.ask()
		}
		if err != nil {
			return err
		}
		for _, host := range s.toAsk {
			go func() {
				a := w.lookup(ctx, host)
				select {
				case answers <- a:
				case <-ctx.Done():
				}
			}()
		}
		s.toAsk = nil
		if s.again > 0 {
			again, s.again = time.After(s.again), 0
		}
		if !s.waiting {
			due = nil
		} else if due == nil {
			due = time.After(grace)
		}
	}
}

// answer is what a name server said of a host.
type answer struct {
	host  string
	addrs []netip.Addr
	err   error
}

func (w *Watcher) lookup(ctx context.Context, host string) answer {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addrs, err := w.Lookup(ctx, host)
	return answer{host, addrs, err}
}

// state is what Run's one goroutine owns. Its methods take no time and wait for
// nothing: they leave to Run what is to be asked, and when.
type state struct {
	*Watcher
	cfg       *config.Config // the last good one; nil before the first
	seen      string         // the file's content, or why it could not be read
	published bool           // there is a generation, ours or a former run's

	addresses map[string]netip.Addr // by host; the last known ones
	asked     map[string]bool       // hosts with a question under way
	problems  map[string]string     // what was last wrong with a host, so that it is said once

	toAsk   []string      // hosts to ask about now
	again   time.Duration // when to ask again; 0 leaves it as it is
	waiting bool          // a new configuration waits for its first answers
}

// read looks at the configuration file and takes it up where it has changed
// and is right. Otherwise the last good generation stays.
func (s *state) read() error {
	data, err := readFile(s.ConfigFile)
	seen := string(data)
	if err != nil {
		seen = "\x00" + err.Error() // no file that is read begins with NUL
	}
	if seen == s.seen {
		return nil
	}
	s.seen = seen
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && s.cfg == nil {
			s.Log.Info("no configuration file yet", "step", "config", "file", s.ConfigFile)
		} else {
			s.Log.Error("configuration file cannot be used", "step", "config", "err", err)
		}
		return s.fallBack()
	}
	cfg, err := config.Parse(s.ConfigFile, data)
	if err != nil {
		var each config.Errors
		errors.As(err, &each)
		for _, e := range each {
			s.Log.Error("configuration is wrong", "step", "config", "err", e)
		}
		return s.fallBack()
	}
	s.cfg = cfg
	maps.DeleteFunc(s.problems, func(host, _ string) bool { return !slices.Contains(s.hosts(), host) })
	for _, name := range missing(s.BootDir, cfg) {
		s.Log.Warn("no such file in the boot folder", "step", "config", "file", name)
	}
	s.ask()
	s.waiting = slices.ContainsFunc(s.hosts(), func(h string) bool { return !s.addresses[h].IsValid() })
	if s.waiting {
		return nil
	}
	return s.publish()
}

// fallBack makes sure that there is some generation: the one that is published
// already, by this run or by one before, or else the built-in default.
func (s *state) fallBack() error {
	if s.published {
		s.Log.Warn("the last good configuration stays in use", "step", "config")
		return nil
	}
	s.published = true
	if g, err := generation.Read(s.RunDir); err == nil {
		s.Log.Warn("the last good configuration stays in use", "step", "config", "generation", g.ID)
		return nil
	}
	s.Log.Warn("the built-in default is in use", "step", "config")
	return generation.Publish(s.RunDir, generation.Default())
}

// publish renders the configuration with what is known now.
func (s *state) publish() error {
	s.waiting = false
	if err := generation.Publish(s.RunDir, generation.Build(s.cfg, status(s.cfg, s.addresses))); err != nil {
		return err
	}
	s.published = true
	s.Log.Info("published", "step", "publish", "entries", len(s.cfg.Entries), "mode", s.cfg.DHCP.Mode)
	return nil
}

// hosts returns the names to look up, each once.
func (s *state) hosts() []string { return hosts(s.cfg) }

func hosts(c *config.Config) []string {
	var out []string
	for _, w := range c.WDS {
		if _, ok := w.Addr(); !ok && !slices.Contains(out, w.Server) {
			out = append(out, w.Server)
		}
	}
	return out
}

// ask puts questions about all hosts that have none under way.
func (s *state) ask() {
	for _, h := range s.hosts() {
		if !s.asked[h] {
			s.asked[h] = true
			s.toAsk = append(s.toAsk, h)
		}
	}
}

// answered takes up an address. A failure leaves the last known one: a name
// server that is down does not take the WDS server down.
func (s *state) answered(a answer) error {
	delete(s.asked, a.host)
	if !slices.Contains(s.hosts(), a.host) {
		return nil // no longer in the configuration
	}
	old := s.addresses[a.host]
	now, err := choose(old, a)
	if err != nil {
		if s.problems[a.host] != err.Error() {
			s.problems[a.host] = err.Error()
			s.Log.Error("WDS server not found", "step", "lookup", "host", a.host, "err", err, "last", old)
		}
	} else {
		delete(s.problems, a.host)
		s.addresses[a.host] = now
	}
	if now != old {
		s.Log.Info("WDS server found", "step", "lookup", "host", a.host, "addr", now)
	}
	if len(s.asked) == 0 {
		s.again = lookupAgain
		if len(s.problems) > 0 {
			s.again = lookupRetry
		}
	}
	if s.waiting && len(s.asked) == 0 || !s.waiting && now != old {
		return s.publish()
	}
	return nil
}

// choose picks one address of an answer: the one in use as long as it is there,
// because name servers turn the order with each answer.
func choose(old netip.Addr, a answer) (netip.Addr, error) {
	if a.err != nil {
		return old, a.err
	}
	var v4 []netip.Addr
	for _, addr := range a.addrs {
		if addr = addr.Unmap(); addr.Is4() {
			v4 = append(v4, addr)
		}
	}
	switch {
	case len(v4) == 0:
		return old, fmt.Errorf("%s has no IPv4 address", a.host)
	case slices.Contains(v4, old):
		return old, nil
	}
	return slices.MinFunc(v4, netip.Addr.Compare), nil
}

// status is what menus need to know of the site.
func status(c *config.Config, addresses map[string]netip.Addr) menu.Status {
	st := menu.Status{WDS: map[string]menu.Server{}}
	for _, w := range c.WDS {
		if a, ok := addresses[w.Server]; ok {
			st.WDS[w.Name] = menu.Server{Addr: a}
		}
	}
	return st
}

// readFile reads a configuration. An empty file is one that is being written,
// or whose writing was cut off; it does not stand for the default.
func readFile(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("read configuration: %s is empty", name)
	}
	return data, nil
}

// missing returns the kernels and initrds that are not in the boot folder.
// Other boot files may be among those that the box brings along.
func missing(dir string, c *config.Config) []string {
	var out []string
	for _, e := range c.Entries {
		if e.Kind() != config.KindLinux {
			continue
		}
		for _, name := range append([]string{e.Kernel}, e.Initrd...) {
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}
