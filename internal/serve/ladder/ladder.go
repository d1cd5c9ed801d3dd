// Package ladder remembers what machines did after the box's answers, and says
// which next answer may help one that the last ones did not. Each step away from
// the usual answer is a rung. The package is pure: what machines did goes in, the
// rungs that they are on come out. Package dhcp turns a rung into an answer, and
// package wdshandoff knows who is at an address and stores the table.
//
// A lost packet is not a refusal. So a rung takes two boots in a row that failed
// in the same way, and one boot that goes through leads back to the usual answer,
// or keeps the rung that helped.
package ladder

import (
	"time"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

const (
	// tries is how many boots in a row have to fail before the answer changes. A
	// packet is lost more easily than two times in a row. After that each copy of
	// shim has one boot, until it helps: a person restarts the machine each time.
	tries = 2
	// lasts is how long a rung applies, and what is known about a machine is
	// kept. After a day its firmware's settings may have been changed.
	lasts = 24 * time.Hour
	// soon is how soon a machine comes back if it did not boot (trace.CameBack).
	soon = 90 * time.Second
	// settles is how long the packets of one boot go on after its REQUEST. The
	// request on port 4011 follows the lease within a second.
	settles = 5 * time.Second
	// together is how long after each other two boots count as in a row, if only
	// packets that anyone can send show them.
	together = 5 * time.Minute
	// copies is how far apart the copies of one packet arrive that several relay
	// agents have passed on.
	copies = time.Second
	// silent is how long a machine must ask for nothing after its first stage. One
	// that runs asks for its second part at once.
	silent = 2 * time.Second
	// again is how long after a first stage another one counts as the same boot.
	again = 10 * time.Second
)

// The reasons for an answer, in the log and on the page.
const (
	WhyFirm    = trace.WhyNotAsked
	WhyShim    = trace.WhyNotStarted
	WhyProgram = trace.WhyCameBack
)

// Departure is an answer that differs from the usual one. The zero Departure is
// the usual answer.
type Departure struct {
	Why    string
	Before string // what the usual answer says
	Now    string
}

// Rungs are the rungs that a machine is on.
type Rungs struct {
	// Firm: a proxy's offer names the file, because the machine does not ask for
	// it on port 4011.
	Firm bool
	// Copy is which copy of shim with one signature the machine gets, because it
	// does not start the one with all of them; 0 is the latter.
	Copy int
	// Fallback: the machine starts none of them, and boots the fallback entry.
	Fallback bool

	entry    string
	firmware firmware.Kind
	program  int
}

// Program returns which of the programs of an entry's server the machine loads:
// 0 is the usual one.
func (r Rungs) Program(entry string, by firmware.Kind) int {
	if entry != r.entry || by != r.firmware {
		return 0
	}
	return r.program
}

// since reports whether something that began at that time still applies.
func since(now, at time.Time) bool { return !at.IsZero() && now.Sub(at) < lasts }

// Asks is whether firmware asks on port 4011 for its boot file (PXE 2.1 §2.2.4).
// Anyone on the link can send the packets that say so. So there is one rung,
// which most firmware boots with as well, and firmware that is known to ask
// does not get onto it.
type Asks struct {
	Firmware firmware.Kind `json:",omitempty"`
	// Took is when the machine took an address after the box's offer; zero if it
	// has asked or loaded something since.
	Took time.Time `json:"-"`
	// retried: it asked for the address once more, so that it may have none.
	retried bool
	Missed  int       `json:",omitempty"` // boots in a row without a question
	Last    time.Time `json:",omitzero"`  // of those
	Asked   time.Time `json:",omitzero"`  // it asked on port 4011
	On      time.Time `json:",omitzero"`  // when the rung was climbed, or helped last
	Helped  bool      `json:",omitempty"` // it has loaded files on the rung
	Failed  time.Time `json:",omitzero"`  // when it turned out not to help
}

func (a *Asks) took(now time.Time, by firmware.Kind) {
	if !a.Took.IsZero() && a.Firmware == by && now.Sub(a.Took) <= soon {
		a.retried = a.retried || now.Sub(a.Took) > copies
		return
	}
	if a.Firmware != by {
		a.Missed = 0
	}
	a.Firmware, a.Took, a.retried = by, now, false
}

// discover counts the boot that ended with this DISCOVER. Other firmware of the
// same machine, such as HTTP boot, says nothing about it.
func (a *Asks) discover(now time.Time, by firmware.Kind) {
	gap := now.Sub(a.Took)
	if a.Took.IsZero() || a.Firmware != by || gap < settles {
		return
	}
	a.Took = time.Time{}
	switch {
	case gap > soon:
		a.Missed = 0 // it may have booted from elsewhere meanwhile
	case a.retried: // it had no lease, which is another fault
	case now.Sub(a.Last) > together:
		a.Missed, a.Last = 1, now
	default:
		a.Missed, a.Last = a.Missed+1, now
	}
	if a.Missed < tries {
		return
	}
	a.Missed = 0
	switch {
	case since(now, a.On) && a.Helped: // DHCP packets alone do not lead off it
	case since(now, a.On):
		a.On, a.Failed = time.Time{}, now
	case !since(now, a.Asked) && !since(now, a.Failed):
		a.On, a.Helped = now, false
	}
}

// kept returns what stays when nothing is counted anymore: a rung that has helped.
func (a Asks) kept() Asks {
	k := Asks{Firmware: a.Firmware, Asked: a.Asked, Failed: a.Failed}
	if a.Helped {
		k.On, k.Helped = a.On, true
	}
	return k
}

// asked: the machine asks on port 4011.
func (a *Asks) asked(now time.Time, by firmware.Kind) {
	k := Asks{Firmware: by}
	if a.Firmware == by {
		k = a.kept()
	}
	k.Asked, k.Failed = now, time.Time{}
	*a = k
}

// requested: the machine loads a file from the box.
func (a *Asks) requested(now time.Time) {
	a.Took, a.Missed = time.Time{}, 0
	if since(now, a.On) {
		a.On, a.Helped = now, true
	}
}

// Copy is a file of shim: 0 is the one with all signatures, and the others, of
// which there are Of, have one signature each.
type Copy struct{ Number, Of int }

// maxCopies limits what a saved table can say.
const maxCopies = 8

// Shim is whether the machine starts shim. What counts are transfers to the
// machine's own address.
type Shim struct {
	Loads  int       `json:",omitempty"` // boots in a row that loaded it and nothing more
	At     time.Time `json:",omitzero"`  // of the last one of these
	Last   time.Time `json:",omitzero"`  // when it was last loaded
	Copy   int       `json:",omitempty"` // the copy that the machine gets
	Of     int       `json:",omitempty"` // how many there are
	On     time.Time `json:",omitzero"`  // when the rung was climbed, or helped last
	Failed time.Time `json:",omitzero"`
}

// loaded counts a boot that has loaded what it was told to.
func (s *Shim) loaded(now time.Time, c Copy) {
	if !s.On.IsZero() && !since(now, s.On) {
		*s = Shim{Failed: s.Failed}
	}
	if c.Number != s.Copy {
		return
	}
	s.Of = c.Of
	switch s.Last = now; {
	case s.Loads > 0 && !since(now, s.At):
		s.Loads = 0
	case s.Loads > 0 && now.Sub(s.At) < again:
		return
	}
	s.Loads, s.At = min(s.Loads+1, tries), now
}

// discover climbs a rung: to the next copy, and after the last one to the fallback
// entry.
func (s *Shim) discover(now time.Time) {
	switch {
	case s.Loads < tries || !since(now, s.At) || now.Sub(s.Last) < silent || since(now, s.Failed):
	case s.Copy == 0 && since(now, s.On): // it is at the top
	case s.Copy < s.Of:
		s.Copy, s.Loads, s.On = s.Copy+1, tries-1, now
	default:
		s.Copy, s.On = 0, now
	}
}

// runs: the machine asks for what comes after its first stage. handedOver says
// that it has been sent elsewhere since it loaded shim.
func (s *Shim) runs(now time.Time, handedOver bool) {
	switch {
	case !since(now, s.On), s.Copy == 0 && !handedOver:
		*s = Shim{}
	case s.Copy > 0: // this copy helps
		s.Loads, s.On = 0, now
	}
}

// Server is where a machine is handed over to: how many programs there are for its
// firmware, which do the same, and whether the box itself serves them.
type Server struct {
	Entry    string
	Programs int
	Own      bool
}

// Programs is which of the programs of a boot server starts on the machine. A
// hand-over to another server shows in DHCP only, so that anyone on the link can
// forge what counts. It leads to another program of the same server that does the
// same. If the box serves the programs, what counts are transfers to the
// machine's own address, as for shim.
type Programs struct {
	Entry    string        `json:",omitempty"`
	Firmware firmware.Kind `json:",omitempty"`
	Handed   time.Time     `json:"-"` // when the machine was handed over; zero if it has come back
	Sent     time.Time     `json:"-"` // when the box last sent the whole of a program; zero if that one runs
	own      bool          // the box serves them
	Backs    int           `json:",omitempty"`
	Program  int           `json:",omitempty"`
	of       int           // how many programs there are
	Last     time.Time     `json:",omitzero"`
}

func (p *Programs) handedOver(now time.Time, to Server, by firmware.Kind) {
	if p.Entry != to.Entry || p.Firmware != by || !since(now, p.Last) {
		*p = Programs{Entry: to.Entry, Firmware: by}
	}
	p.of, p.own, p.Last = to.Programs, to.Own, now
	if p.Handed.IsZero() || now.Sub(p.Handed) > soon {
		p.Handed, p.Sent = now, time.Time{}
	}
}

// runs: the machine asks for what its program needs.
func (p *Programs) runs() {
	if p.own {
		p.Sent, p.Backs = time.Time{}, 0
	}
}

// discover reports whether the machine has refused all programs.
func (p *Programs) discover(now time.Time, by firmware.Kind) (all bool) {
	gap := now.Sub(p.Handed)
	if p.Handed.IsZero() || p.Firmware != by || gap < settles {
		return false
	}
	sent := p.Sent
	p.Handed, p.Sent = time.Time{}, time.Time{}
	switch {
	case p.own && (sent.IsZero() || now.Sub(sent) < silent):
		return false
	case gap > soon:
		p.Backs = 0
		return false
	}
	if p.Backs++; p.Backs < tries {
		return false
	}
	p.Backs = 0
	if p.Program++; p.Program < p.of {
		return false
	}
	p.Program = 0
	return true
}
