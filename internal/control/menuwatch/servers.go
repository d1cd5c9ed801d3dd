package menuwatch

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

const (
	// confirm is the interval after a first unanswered question, so that the menu
	// soon shows what is down.
	confirm = 5 * time.Second
	// failuresToDown is how many questions in a row go unanswered before a server
	// counts as down. Each question is retransmitted, but a server that restarts,
	// or a switch that learns, takes longer.
	failuresToDown = 2
	// maxRounds limits how many servers are asked at the same time.
	maxRounds = 16
	// clockSet is the first year that means the clock was set. Boxes without a
	// battery start in 1970, and some in the year that their system was built.
	clockSet = 2025
)

// server is what is known of one WDS server at one address.
type server struct {
	config   config.WDS
	addr     netip.Addr
	askAt    time.Time // zero while a question is in progress
	programs map[firmware.Kind]program
	newer    map[firmware.Kind]program // of config.Programs2023
	problem  string                    // why the box could not ask, so that it is logged once
}

// program is what is known of one of the server's programs.
type program struct {
	bootmenu.Health
	failures int // unanswered questions in a row
}

// after returns what is known after an answer at now, by the box's clock.
func (p program) after(h bootmenu.Health, now time.Time) program {
	if h.State == bootmenu.Down {
		p.failures++
		if p.failures < failuresToDown && p.State != bootmenu.Down {
			return p
		}
	} else {
		p.failures = 0
	}
	since := p.Since
	if h.State != p.State {
		since = time.Time{}
		if now.Year() >= clockSet {
			// At the precision that people see, and without the monotonic clock,
			// because it is compared.
			since = now.Truncate(time.Second)
		}
	}
	p.Health = bootmenu.Health{State: h.State, Note: h.Note, Since: since, Size: h.Size}
	return p
}

// alike reports whether two answers mean the same to menus and people. The size of
// a program does not matter to them.
func alike(a, b bootmenu.Health) bool {
	a.Size, b.Size = 0, 0
	return a == b
}

// servers are the WDS servers of the configuration.
type servers struct {
	known  map[string]*server // by name
	rounds int                // in progress
}

// follow switches to the servers of a new configuration, or to new addresses. It
// keeps what is known of a server that stays the same.
func (v *servers) follow(c *config.Config, n names, own []netip.Prefix, now time.Time) {
	known := map[string]*server{}
	for _, w := range c.WDS {
		addr, _ := n.addr(w, own)
		if old := v.known[w.Name]; old != nil && old.addr == addr && same(old.config, w) {
			known[w.Name] = old
			continue
		}
		fresh := &server{config: w, addr: addr, programs: map[firmware.Kind]program{},
			newer: map[firmware.Kind]program{}}
		if addr.IsValid() && w.Probe > 0 {
			fresh.askAt = now
		}
		known[w.Name] = fresh
	}
	v.known = known
}

// same reports whether two servers are asked the same questions.
func same(a, b config.WDS) bool {
	return a.Server == b.Server && a.Probe == b.Probe && a.Probe4011 == b.Probe4011 &&
		maps.Equal(a.Programs, b.Programs) && maps.Equal(a.Programs2023, b.Programs2023)
}

func (v *servers) wake() (at time.Time) {
	if v.rounds == maxRounds {
		return time.Time{} // we wake when one ends
	}
	for _, sv := range v.known {
		at = earliest(at, sv.askAt)
	}
	return at
}

// status returns what menus need to know of the servers.
func (v *servers) status(c *config.Config, n names, own []netip.Prefix) map[string]bootmenu.Server {
	out := map[string]bootmenu.Server{}
	for _, w := range c.WDS {
		var st bootmenu.Server
		st.Addr, st.Wrong = n.addr(w, own)
		if sv := v.known[w.Name]; sv != nil {
			st.Programs, st.Programs2023 = healths(sv.programs), healths(sv.newer)
		}
		out[w.Name] = st
	}
	return out
}

func healths(programs map[firmware.Kind]program) map[firmware.Kind]bootmenu.Health {
	if len(programs) == 0 {
		return nil
	}
	out := map[firmware.Kind]bootmenu.Health{}
	for kind, p := range programs {
		out[kind] = p.Health
	}
	return out
}

// askServers starts the questions that are due, the oldest first.
func (s *state) askServers(now time.Time) {
	for s.servers.rounds < maxRounds {
		var sv *server
		for _, other := range s.servers.known {
			if due(other.askAt, now) && (sv == nil || other.askAt.Before(sv.askAt)) {
				sv = other
			}
		}
		if sv == nil {
			return
		}
		sv.askAt = time.Time{}
		s.servers.rounds++
		s.questions = append(s.questions, func(ctx context.Context) result {
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			answers, err := s.Probe(ctx, sv.addr, sv.config)
			return func(now time.Time) { s.probed(now, sv, answers, err) }
		})
	}
}

// probed applies the result of a probe of a server's programs.
func (s *state) probed(now time.Time, sv *server, answers bootmenu.Server, err error) {
	s.servers.rounds--
	if s.servers.known[sv.config.Name] != sv {
		return // changed or removed in the meantime
	}
	// With jitter, so that a box with many servers does not ask them all at once.
	next := s.jitter(time.Duration(sv.config.Probe))
	if err != nil {
		// This says nothing of the server: its last known state stays.
		sv.askAt = now.Add(min(next, confirm))
		if sv.problem != err.Error() {
			sv.problem = err.Error()
			s.log.probe.Error("boot server cannot be queried", "server", sv.config.Name, "err", err)
		}
		return
	}
	sv.problem = ""
	old := maps.Clone(sv.programs)
	for firmware, h := range answers.Programs {
		p := old[firmware].after(h, now)
		sv.programs[firmware] = p
		if p.State != bootmenu.Down && p.failures > 0 {
			next = min(next, confirm)
		}
	}
	sv.askAt = now.Add(next)
	told, toldNewer := s.tell(sv, old), s.take2023(now, sv, answers.Programs2023)
	if told || toldNewer {
		s.news(now)
	}
}

// take2023 applies the answers for the programs of 2023, and reports whether the
// server has got or lost one. Many servers have none, so that they lack one is
// logged only when they had it. What is new is logged when it was read.
func (s *state) take2023(now time.Time, sv *server, answers map[firmware.Kind]bootmenu.Health) (changed bool) {
	for _, kind := range slices.Sorted(maps.Keys(answers)) {
		was := sv.newer[kind]
		is := was.after(answers[kind], now)
		sv.newer[kind] = is
		has, had := is.State == bootmenu.Up, was.State == bootmenu.Up
		changed = changed || has != had
		if had && is.State == bootmenu.Refused {
			s.log.probe.Warn("WDS server no longer serves its boot program of 2023", "server", sv.config.Name,
				"address", sv.addr, "firmware", kind, "note", is.Note)
		}
	}
	return changed
}

// tell logs what changed about a server, in one line for all programs with the
// same change, and reports whether anything did.
func (s *state) tell(sv *server, old map[firmware.Kind]program) bool {
	type finding struct {
		state bootmenu.State
		note  string
	}
	found := map[finding][]firmware.Kind{}
	var order []finding
	for _, firmware := range slices.Sorted(maps.Keys(sv.programs)) {
		was, is := old[firmware], sv.programs[firmware]
		if alike(was.Health, is.Health) {
			continue
		}
		f := finding{is.State, is.Note}
		if found[f] == nil {
			order = append(order, f)
		}
		found[f] = append(found[f], firmware)
	}
	for _, f := range order {
		level, text := slog.LevelWarn, "boot server does not answer"
		switch f.state {
		case bootmenu.Up:
			level, text = slog.LevelInfo, "boot server serves its boot program"
		case bootmenu.Refused:
			text = "boot server refuses to serve its boot program"
		}
		attrs := []any{"server", sv.config.Name, "address", sv.addr, "firmware", found[f]}
		if f.note != "" {
			attrs = append(attrs, "note", f.note)
		}
		s.log.probe.Log(context.Background(), level, text, attrs...)
	}
	return len(order) > 0
}
