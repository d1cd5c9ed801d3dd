package menuwatch

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/control/resolve"
)

const (
	// lookupAgain is the interval between queries after an answer. It limits how
	// long a server that moves goes unnoticed, whatever TTL its old address has
	// in name server caches.
	lookupAgain = time.Minute
	// lookupRetry is the interval after a failed query.
	lookupRetry = 5 * time.Second
)

// name is what is known of one host.
type name struct {
	addr    netip.Addr // the last known one
	asked   bool       // there was an answer of any kind
	askAt   time.Time  // zero while a question is in progress
	problem string     // the last problem, so that it is logged once
	wrong   string     // why the menu has no address for it, where the answer was wrong
}

// names are the hosts that the configuration gives by name.
type names map[string]*name

// follow switches to the names of a new configuration. It keeps what is known of
// a name that stays, and looks up a name that was not found at once.
func (n names) follow(c *config.Config, now time.Time) {
	wanted := hosts(c)
	for host := range n {
		if !slices.Contains(wanted, host) {
			delete(n, host)
		}
	}
	for _, host := range wanted {
		if n[host] == nil {
			n[host] = &name{askAt: now}
		} else if n[host].problem != "" && !n[host].askAt.IsZero() {
			n[host].askAt = now
		}
	}
}

// hosts returns the names to look up, each once.
func hosts(c *config.Config) (out []string) {
	for _, w := range c.WDS {
		if _, ok := w.Addr(); !ok && !slices.Contains(out, w.Server) {
			out = append(out, w.Server)
		}
	}
	return out
}

// ready reports whether each name has had its first answer.
func (n names) ready() bool {
	for _, name := range n {
		if !name.asked {
			return false
		}
	}
	return true
}

// addr returns a server's address, or the zero Addr while there is none, and why
// where the address is wrong. own are the box's addresses.
func (n names) addr(w config.WDS, own []netip.Prefix) (a netip.Addr, wrong string) {
	if a, ok := w.Addr(); ok {
		return resolve.Configured(a, own)
	}
	if name := n[w.Server]; name != nil {
		return name.addr, name.wrong
	}
	return netip.Addr{}, ""
}

// askNames starts the queries that are due.
func (s *state) askNames(now time.Time) {
	for host, n := range s.names {
		if !due(n.askAt, now) {
			continue
		}
		n.askAt = time.Time{}
		s.questions = append(s.questions, func(ctx context.Context) result {
			a := s.lookup(ctx, host)
			return func(now time.Time) { s.named(now, n, a) }
		})
	}
}

// answer is a name server's answer about a host.
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

// named applies an answer. After a failure the last known address stays: a name
// server that is down does not take the WDS server down.
func (s *state) named(now time.Time, n *name, a answer) {
	if s.names[a.host] != n {
		return // no longer in the configuration
	}
	n.asked = true
	old := n.addr
	addr, err := old, a.err
	if err == nil {
		addr, err = resolve.Choose(old, a.host, a.addrs, s.own())
	}
	wrong := ""
	if errors.As(err, new(*resolve.UnusableError)) && !old.IsValid() {
		wrong = err.Error()
	}
	if n.wrong != wrong {
		n.wrong = wrong
		s.news(now)
	}
	if err != nil {
		n.askAt = now.Add(lookupRetry)
		if n.problem != err.Error() {
			n.problem = err.Error()
			s.log.lookup.Error("boot server not found", "host", a.host, "err", err, "last", old)
		}
		return
	}
	n.problem = ""
	n.askAt = now.Add(lookupAgain)
	if addr == old {
		return
	}
	n.addr = addr
	s.log.lookup.Info("boot server found", "host", a.host, "address", addr)
	s.servers.follow(s.cfg, s.names, s.own(), now)
	s.news(now)
}
