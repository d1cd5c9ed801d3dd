package mdns

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The times of RFC 6762.
const (
	probeEvery    = 250 * time.Millisecond // §8.1, as is the wait before the first probe
	probes        = 3                      // §8.1
	announceEvery = time.Second            // §8.3
	announcements = 2                      // §8.3
	yieldFor      = time.Second            // §8.2
	// After manyConflicts, each within conflictsIn of the one before, each new
	// attempt waits for slowDown (§8.1).
	manyConflicts = 15
	conflictsIn   = 10 * time.Second
	slowDown      = 5 * time.Second
	// Answers with records that several hosts may have are delayed, so that the
	// hosts do not all answer at once (§6).
	minDelay, maxDelay = 20 * time.Millisecond, 120 * time.Millisecond
	// More known answers may follow a truncated question (§7.2).
	minTruncated, maxTruncated = 400 * time.Millisecond, 500 * time.Millisecond
	// No record is multicast more often than this, and than defendEvery in the
	// answer to a probe (§6).
	multicastEvery, defendEvery = time.Second, 250 * time.Millisecond
)

const (
	// maxNumber is the last number that is appended to the name.
	maxNumber = 99
	// unicasts is how many unicast answers a second are sent at most. The address
	// of a question can be forged, and the answers are larger.
	unicasts = 20
	port     = 5353
)

var group = netip.AddrFrom4([4]byte{224, 0, 0, 251})

// phase is how far a name is.
type phase int

const (
	off        phase = iota // no network
	probing                 // asks whether another host has the name
	announcing              // has the name, and repeats the announcement
	settled
)

// state decides what is sent. It knows no socket and no clock: its methods get
// the time.
type state struct {
	service Service
	number  int                               // 1: the name without a number
	random  func(time.Duration) time.Duration // from 0 up to the given duration

	link       netip.Prefix // the box's address
	records    records
	phase      phase
	sent       int       // probes or announcements of this phase
	at         time.Time // of the next probe or announcement
	conflicts  int       // lately
	conflicted time.Time // the last one

	multicast [recCount]time.Time // when each record was last sent
	pending   set                 // to be multicast at pendingAt
	pendingAt time.Time
	// truncated is who asked a question whose known answers are not complete.
	truncated netip.AddrPort

	budget   int // of unicast answers, in the second that began at budgetAt
	budgetAt time.Time
}

// packet is a message to send.
type packet struct {
	to   netip.AddrPort
	data []byte
}

func toGroup(data []byte) packet { return packet{netip.AddrPortFrom(group, port), data} }

// label returns the first part of the name: the service's, or that one with a
// number.
func (s *state) label() string {
	if s.number <= 1 {
		return s.service.Label
	}
	return s.service.Label + "-" + strconv.Itoa(s.number)
}

// name returns the host's name, or "" while the box does not have one.
func (s *state) name() string {
	if s.phase < announcing {
		return ""
	}
	return strings.TrimSuffix(s.records.host, ".")
}

// use begins with an address, or again after the network may have been another
// one for a while (RFC 6762 §8). The zero Prefix is none.
func (s *state) use(now time.Time, link netip.Prefix) {
	s.link, s.multicast, s.pending, s.phase = link, [recCount]time.Time{}, 0, off
	if link.IsValid() {
		s.probe(now, s.random(probeEvery))
	}
}

// probe begins to probe after a while.
func (s *state) probe(now time.Time, after time.Duration) {
	s.records = newRecords(s.label(), s.link.Addr(), s.service.Port, s.service.Text)
	s.phase, s.sent, s.at, s.pending = probing, 0, now.Add(after), 0
}

// wake returns when tick has something to do, or zero.
func (s *state) wake() time.Time {
	var at time.Time
	if s.phase == probing || s.phase == announcing {
		at = s.at
	}
	if s.pending != 0 && (at.IsZero() || s.pendingAt.Before(at)) {
		at = s.pendingAt
	}
	return at
}

// tick returns what is due.
func (s *state) tick(now time.Time) (out []packet) {
	if s.pending != 0 && !s.pendingAt.After(now) {
		out = append(out, toGroup(s.records.message(s.pending, false)))
		s.stamp(now, s.pending|s.pending.more())
		s.pending = 0
	}
	if s.at.After(now) {
		return out
	}
	switch s.phase {
	case probing:
		if s.sent < probes {
			s.sent, s.at = s.sent+1, now.Add(probeEvery)
			return append(out, toGroup(s.records.probe()))
		}
		s.phase, s.sent = announcing, 0
		fallthrough
	case announcing:
		const all = unique | 1<<recPTR
		if s.sent, s.at = s.sent+1, now.Add(announceEvery); s.sent == announcements {
			s.phase = settled
		}
		s.stamp(now, all)
		return append(out, toGroup(s.records.message(all, false)))
	}
	return out
}

func (s *state) stamp(now time.Time, sent set) {
	for i := range recCount {
		if sent&(1<<i) != 0 {
			s.multicast[i] = now
		}
	}
}

// goodbye returns the packet that takes back what was announced, if anything
// was.
func (s *state) goodbye() []packet {
	if s.phase < announcing {
		return nil
	}
	return []packet{toGroup(s.records.message(unique|1<<recPTR, true))}
}

// receive handles a packet that was sent to the group.
func (s *state) receive(now time.Time, from netip.AddrPort, b []byte) []packet {
	if s.phase == off {
		return nil
	}
	m, ok := parse(b)
	switch {
	case !ok:
		return nil
	case !m.header.Response:
		return s.query(now, from, m)
	case from.Port() == port: // §6: a response from another port is ignored
		s.response(now, m)
	}
	return nil
}

// response looks for a host that has the box's name.
func (s *state) response(now time.Time, m message) {
	for _, r := range append(m.answers, m.more...) {
		if s.records.claims(r, s.phase != probing) {
			s.conflict(now)
			return
		}
	}
}

// conflict yields the name to another host that has it, or asks whether that
// host still has it. A host that has the name answers (RFC 6762 §9).
func (s *state) conflict(now time.Time) {
	if s.phase == probing {
		if s.number++; s.number > maxNumber {
			s.number = 1
		}
	}
	if now.Sub(s.conflicted) >= conflictsIn {
		s.conflicts = 0
	}
	s.conflicts, s.conflicted = s.conflicts+1, now
	var after time.Duration
	if s.conflicts >= manyConflicts {
		after = slowDown
	}
	s.probe(now, after)
}

// query answers a question.
func (s *state) query(now time.Time, from netip.AddrPort, m message) []packet {
	if s.phase == probing {
		if s.records.loses(m.authority) {
			s.probe(now, yieldFor)
		}
		return nil // it has no name yet
	}
	var answers set
	wantsUnicast := len(m.questions) > 0
	for _, q := range m.questions {
		one := s.records.asked(q)
		answers |= one
		wantsUnicast = wantsUnicast && (one == 0 || q.Class&topBit != 0)
	}
	if from.Port() != port { // an ordinary resolver, which knows no multicast
		return s.legacy(now, from, m, answers)
	}
	var known set
	for _, a := range m.answers {
		known |= s.records.known(a)
	}
	if len(m.questions) == 0 {
		if from == s.truncated {
			s.pending &^= known
		}
		return nil
	}
	answers &^= known
	defends := len(m.authority) > 0
	switch {
	case answers == 0:
	case wantsUnicast && s.lately(now, answers) && s.link.Contains(from.Addr()):
		return s.unicast(now, from, s.records.message(answers, false))
	case defends:
		return s.defend(now, answers)
	default:
		s.schedule(now, from, answers, m.header.Truncated)
		return s.tick(now)
	}
	return nil
}

// lately reports whether records were multicast within a quarter of their
// lifetime, so that all other hosts know them (RFC 6762 §5.4).
func (s *state) lately(now time.Time, answers set) bool {
	for i, r := range s.records.all {
		ttl := time.Duration(r.Header.TTL) * time.Second
		if answers&(1<<i) != 0 && (s.multicast[i].IsZero() || now.Sub(s.multicast[i]) > ttl/4) {
			return false
		}
	}
	return true
}

// schedule adds records to the next multicast answer.
func (s *state) schedule(now time.Time, from netip.AddrPort, answers set, truncated bool) {
	var after time.Duration
	switch {
	case truncated:
		after = minTruncated + s.random(maxTruncated-minTruncated)
		s.truncated = from
	case answers&^unique != 0:
		after = minDelay + s.random(maxDelay-minDelay)
	}
	// An answer that waits already is not postponed, unless a record would be
	// sent too often.
	if s.pending == 0 {
		s.pendingAt = now.Add(after)
	}
	for i, last := range s.multicast {
		if next := last.Add(multicastEvery); answers&(1<<i) != 0 && !last.IsZero() && next.After(s.pendingAt) {
			s.pendingAt = next
		}
	}
	s.pending |= answers
}

// defend answers a probe at once.
func (s *state) defend(now time.Time, answers set) []packet {
	for i, last := range s.multicast {
		if answers&(1<<i) != 0 && !last.IsZero() && now.Sub(last) < defendEvery {
			return nil // that answer reaches the host that probes, too
		}
	}
	s.stamp(now, answers|answers.more())
	return []packet{toGroup(s.records.message(answers, false))}
}

// legacy answers an ordinary resolver. Its port is not the group's, so the
// answer goes to it alone: only to the link.
func (s *state) legacy(now time.Time, from netip.AddrPort, m message, answers set) []packet {
	if answers == 0 || len(m.questions) != 1 || !s.link.Contains(from.Addr()) {
		return nil
	}
	return s.unicast(now, from, s.records.legacy(m.header.ID, []dnsmessage.Question{m.questions[0]}, answers))
}

func (s *state) unicast(now time.Time, to netip.AddrPort, data []byte) []packet {
	if s.budgetAt.IsZero() || now.Sub(s.budgetAt) >= time.Second {
		s.budget, s.budgetAt = unicasts, now
	}
	if s.budget == 0 {
		return nil
	}
	s.budget--
	return []packet{{to, data}}
}
