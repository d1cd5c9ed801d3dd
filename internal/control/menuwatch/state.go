package menuwatch

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/config/parser"
	"github.com/pxebox/pxebox/internal/base/configfile"
	"github.com/pxebox/pxebox/internal/base/sitenote"
	"github.com/pxebox/pxebox/internal/control/compile"
	"github.com/pxebox/pxebox/internal/control/menu"
	"github.com/pxebox/pxebox/internal/control/syslog"
	"github.com/pxebox/pxebox/internal/generation"
)

const (
	// settle is how long to wait after a file changed: editors and copy programs
	// write in several steps.
	settle = 100 * time.Millisecond
	// grace is how long a new configuration waits for the first answers about
	// names and boot files, so that the menu does not flash "not found".
	grace = 500 * time.Millisecond
	// gather is how long a change waits for others. apart is the minimum time
	// between two generations that such changes cause: pxed reads each of them
	// whole.
	gather = 200 * time.Millisecond
	apart  = time.Second
)

// state is what the single goroutine of Run owns. Its methods take the time and
// never block: slow work is left to Run as questions. A zero time is not set.
type state struct {
	*Watcher
	jitter func(time.Duration) time.Duration // a duration near the given one
	log    logs

	cfg       *config.Config // the last valid one; nil before the first
	seen      string         // the file's content, or why it could not be read
	published bool           // a generation exists, from this run or an earlier one
	fresh     bool           // cfg has not been published yet
	file      File           // for the snapshot, as is inForce
	inForce   InForce
	shownPage string         // the page's address in the published menus
	mistakes  int            // in the file as it was last read
	lastNote  *sitenote.Note // what the console was last told; nil before the first time

	readAt      time.Time // when to read the configuration
	publishAt   time.Time
	publishedAt time.Time

	names   names
	servers servers
	boot    bootFiles
	images  images
	signers signers

	questions []question
}

// logs are the loggers of the components.
type logs struct{ config, lookup, probe, files, signers, publish *slog.Logger }

func newState(w *Watcher, jitter func(time.Duration) time.Duration) *state {
	part := func(name string) *slog.Logger { return w.Log.With("part", name) }
	return &state{
		Watcher: w, jitter: jitter, names: names{}, servers: servers{known: map[string]*server{}},
		log: logs{part("config"), part("lookup"), part("probe"), part("files"), part("signers"), part("publish")},
	}
}

// wake returns when tick next has something to do.
func (s *state) wake() time.Time {
	looked := s.cfg != nil && s.boot.ready()
	at := earliest(s.readAt, s.publishAt, s.boot.wake(), s.servers.wake(), s.images.wake(looked), s.signers.wake())
	for _, n := range s.names {
		at = earliest(at, n.askAt)
	}
	return at
}

// earliest returns the first of the times that are set.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// due reports whether a time is set and has come.
func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// tick does what is due. It returns an error when publishing fails.
func (s *state) tick(now time.Time) error {
	defer s.note()
	if due(s.readAt, now) {
		s.readAt = time.Time{}
		if err := s.read(now); err != nil {
			return err
		}
	}
	s.askNames(now)
	s.askServers(now)
	s.look(now)
	s.readImages(now)
	s.readPrograms(now)
	if s.published && s.cfg != nil && s.shownPage != s.page() {
		s.news(now)
	}
	if s.fresh && s.ready() {
		s.publishAt = now
	}
	if due(s.publishAt, now) {
		return s.publish(now)
	}
	return nil
}

func (s *state) configChanged(now time.Time) {
	if s.readAt.IsZero() {
		s.readAt = now.Add(settle)
	}
}

// read reads the configuration file, and adopts it if it changed and is valid.
// Otherwise the last good generation stays.
func (s *state) read(now time.Time) error {
	data, err := configfile.Read(s.ConfigFile)
	seen := string(data)
	if err != nil {
		seen = "\x00" + err.Error() // no file content begins with NUL
	}
	if seen == s.seen {
		return nil
	}
	s.seen = seen
	s.noted(now, data, err)
	s.mistakes = 0
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && s.cfg == nil {
			s.log.config.Info("no configuration file yet", "file", s.ConfigFile)
		} else {
			s.mistakes = mistakes(err)
			s.log.config.Error("configuration file cannot be read", "err", err)
		}
		return s.fallBack(now)
	}
	cfg, err := parser.Parse(s.ConfigFile, data)
	if s.mistakes = mistakes(err); err != nil {
		var each config.Errors
		errors.As(err, &each)
		s.file.Errors = each
		for _, e := range each {
			s.log.config.Error("configuration is invalid", "err", e)
		}
		return s.fallBack(now)
	}
	s.file.Warnings = cfg.Warnings
	for _, w := range cfg.Warnings {
		s.log.config.Warn("configuration is in use, but part of it will probably not work", "why", w)
	}
	if s.KeepPorts && (cfg.TFTP.Port != 0 || cfg.HTTP.Port != 0 || cfg.Page.Port != 0) {
		s.log.config.Warn("the box keeps the usual ports of TFTP, HTTP and the page; port has no effect here",
			"file", s.ConfigFile)
		cfg.TFTP.Port, cfg.HTTP.Port, cfg.Page.Port = 0, 0, 0
	}
	s.cfg, s.fresh, s.publishAt = cfg, true, now.Add(grace)
	s.names.follow(cfg, now)
	s.servers.follow(cfg, s.names, s.own(), now)
	s.boot.follow(cfg, now)
	s.images.follow(cfg, now)
	s.signers.forget(s)
	if s.Syslog != nil {
		s.Syslog(logServer(cfg.Syslog))
	}
	if s.PagePort != nil {
		s.PagePort(cfg.Page.Port)
	}
	return nil
}

// logServer returns the target of a configuration's log server.
func logServer(c config.Syslog) syslog.Target {
	t := syslog.Target{Server: c.Server, Port: c.Port, TCP: c.Protocol == config.SyslogTCP}
	if t.Port == 0 {
		t.Port = config.SyslogPort
	}
	return t
}

// ready reports whether everything is known that a new configuration waits for.
func (s *state) ready() bool { return s.names.ready() && s.boot.ready() && s.imagesReady() }

// news schedules publishing, together with other changes.
func (s *state) news(now time.Time) {
	if s.publishAt.IsZero() {
		s.publishAt = now.Add(gather)
		if next := s.publishedAt.Add(apart); next.After(s.publishAt) {
			s.publishAt = next
		}
	}
}

// fallBack makes sure that a generation exists: the one already published, by
// this run or an earlier one, or else the built-in default.
func (s *state) fallBack(now time.Time) error {
	if s.published {
		s.log.config.Warn("the last good configuration stays in use")
		return nil
	}
	s.published = true
	if g, err := generation.Read(s.RunDir); err == nil {
		s.log.config.Warn("the last good configuration stays in use", "generation", g.ID)
		s.inForce = InForce{Source: Earlier, ID: g.ID}
		return nil
	}
	s.log.config.Warn("the built-in default is in use")
	s.inForce = InForce{Source: BuiltIn, Since: now}
	_, _, err := generation.Publish(s.RunDir, generation.Default())
	return err
}

// publish renders the configuration with what is known now.
func (s *state) publish(now time.Time) error {
	s.fresh, s.publishAt, s.publishedAt = false, time.Time{}, now
	s.shownPage = s.page()
	g := compile.Generation(s.cfg, s.status())
	id, changed, err := generation.Publish(s.RunDir, g)
	tooLarge := false
	if errors.As(err, new(generation.TooLargeError)) {
		s.log.publish.Error("the menus are too large to publish: all machines get one menu, which waits for a key",
			"err", err, "entries", len(s.cfg.Entries), "views", len(g.Views))
		tooLarge = true
		id, changed, err = generation.Publish(s.RunDir, oneMenu(s.cfg, s.status()))
	}
	if err != nil {
		return err
	}
	s.published = true
	since := s.inForce.Since
	if changed {
		since = now
	}
	s.inForce = InForce{Source: FromFile, ID: id, Since: since, TooLarge: tooLarge}
	if changed {
		s.log.publish.Info("configuration published", "entries", len(s.cfg.Entries), "mode", s.cfg.DHCP.Mode)
	}
	return nil
}

// oneMenu returns the generation of a configuration without the menus for certain
// machines. Nothing starts without a key press then, because the default of the
// general menu may not be meant for these machines. A configuration has at most 1
// MiB, so it fits.
func oneMenu(c *config.Config, st menu.Status) generation.Generation {
	waiting := *c
	waiting.Menu.Timeout = 0
	g := compile.Generation(&waiting, st)
	g.Views, g.TooLarge = nil, false
	for i := range g.Machines {
		g.Machines[i].View = ""
	}
	return g
}

// own returns the box's addresses, as far as they are known.
func (s *state) own() []netip.Prefix {
	if s.Own == nil {
		return nil
	}
	return s.Own()
}

// page returns the page's address; empty if there is no page, or no address yet.
func (s *state) page() string {
	if s.Page == nil {
		return ""
	}
	return s.Page()
}

// status returns what menus need to know of the site.
func (s *state) status() menu.Status {
	return menu.Status{
		WDS: s.servers.status(s.cfg, s.names, s.own()), Page: s.page(),
		Missing: s.boot.missing(s.cfg), Unsigned: s.boot.unsigned(s.cfg), WinPE: s.winpe(),
	}
}
