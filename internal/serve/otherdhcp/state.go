// Package otherdhcp looks for other DHCP servers on the box's link. A second
// server that leases addresses can take an office network down, so a server
// probes before it leases, and keeps probing: it sends a DISCOVER like any
// client and listens for offers from other servers. The state that judges these
// offers is pure; Detector does the I/O. The caller decides what to do about
// another server. proxyDHCP needs no guard: it leases nothing.
package otherdhcp

import (
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/trace"
)

// A probe is a few DISCOVERs and the time to listen for an answer.
const (
	discovers = 3
	spacing   = time.Second
	// patience is how long a probe listens, from its first DISCOVER on. It
	// leaves enough time for an answer to the last DISCOVER: dnsmasq pings
	// an address for 3 s before it offers it, ISC's server for 1 s.
	patience = 5500 * time.Millisecond
)

// The time between probes.
const (
	every = 3 * time.Minute
	// recheck is how long another server must have been silent between the
	// clean probes that clear it.
	recheck = 30 * time.Second
	// clears is how many clean probes clear another server, since one may
	// be lost.
	clears = 2
	// retry is the pause after a DISCOVER that could not be sent.
	retry = time.Second
	// suspicions limits the probes that other hosts' packets can trigger:
	// option 54 of a REQUEST is easily forged.
	suspicions = 10 * time.Second
)

// afterLinkUp are additional probes at the start. A switch that runs the
// spanning tree protocol blocks a port for 30 s after the link came up (twice
// the forward delay of 15 s, IEEE 802.1D). A probe in that time is clean,
// whatever is behind the port.
var afterLinkUp = []time.Duration{15 * time.Second, 35 * time.Second, time.Minute}

// Verdict says whether the box may lease addresses on this link.
type Verdict struct {
	Allowed bool
	Foreign netip.Addr // the other server's identifier, if there is one
	MAC     string     // where its packet came from: the server, or a relay agent
	Why     string
}

// The reasons for a Verdict.
const (
	whyLooking = trace.WhyLooking
	whyAlone   = "no other DHCP server answers"
	whyForeign = "another DHCP server answers on this link"
	whyTwin    = "another machine with this box's own address answers DHCP on this link"
)

// state decides when to probe, and evaluates the answers. It belongs to one
// goroutine and gets the time as an argument; the zero value is not usable.
type state struct {
	jitter func(time.Duration) time.Duration // a duration near the given one
	start  time.Time
	due    time.Time // when to call step next

	probe   time.Time // when the last probe began
	sent    int       // DISCOVERs of the current probe; 0 if there is none
	tainted bool      // an answer has spoiled it

	looked    bool // a probe was clean
	found     finding
	heardAt   time.Time // when the server of found last answered
	clean     int       // clean probes since the other server last answered
	lastClean time.Time // when the last of these began
}

func newState(now time.Time, jitter func(time.Duration) time.Duration) *state {
	return &state{jitter: jitter, start: now, due: now}
}

// verdict returns the current verdict.
func (s *state) verdict() Verdict {
	switch {
	case s.found.kind == foreign && s.found.twin:
		return Verdict{Foreign: s.found.server, MAC: s.found.sender, Why: whyTwin}
	case s.found.kind == foreign:
		return Verdict{Foreign: s.found.server, MAC: s.found.sender, Why: whyForeign}
	case !s.looked:
		return Verdict{Why: whyLooking}
	}
	return Verdict{Allowed: true, Why: whyAlone}
}

// step does what is due, and reports whether a DISCOVER must be sent now.
func (s *state) step(now time.Time) (send bool) {
	switch {
	case now.Before(s.due):
		return false
	case s.sent == discovers:
		s.end(now)
		return false
	case s.sent == 0:
		s.probe, s.tainted = now, false
	}
	s.sent++
	s.due = now.Add(spacing)
	if s.sent == discovers {
		s.due = later(s.due, s.probe.Add(patience))
	}
	return true
}

// end finishes a probe.
func (s *state) end(now time.Time) {
	if !s.tainted {
		s.looked = true
		if s.clean == 0 || s.probe.Sub(s.lastClean) >= recheck {
			s.clean++
			s.lastClean = s.probe
		}
		if s.clean >= clears {
			s.found = finding{}
		}
	}
	s.sent = 0
	s.due = s.next(now)
}

// next returns when the next probe begins.
func (s *state) next(now time.Time) time.Time {
	if s.found.kind == foreign {
		// Never sooner than recheck after the last one began.
		return now.Add(recheck + s.jitter(recheck)/10)
	}
	next := now.Add(s.jitter(every))
	for _, d := range afterLinkUp {
		if t := s.start.Add(d); t.After(now) {
			return earlier(next, t)
		}
	}
	return next
}

// unsent takes back a DISCOVER that could not be sent: a probe that was never
// sent proves nothing.
func (s *state) unsent(now time.Time) {
	s.sent = 0
	s.due = now.Add(retry)
}

// heard updates the state with the finding of a packet.
func (s *state) heard(now time.Time, f finding) {
	switch f.kind {
	case foreign:
		s.clean, s.tainted = 0, true
		// If there are several servers, the first is named for as long
		// as it answers: forged offers from many addresses change the
		// verdict only once.
		switch {
		case s.found.kind != foreign || now.Sub(s.heardAt) > 2*recheck:
			s.found, s.heardAt = f, now
		case f.server == s.found.server:
			s.heardAt = now
		}
		if s.sent == 0 {
			s.due = earlier(s.due, s.next(now))
		}
	case suspect:
		if s.sent == 0 {
			s.due = earlier(s.due, later(now, s.probe.Add(suspicions)))
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
