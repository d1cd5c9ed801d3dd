package dhcpd

import (
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
)

const (
	// probeWait is how long an offer of a new address waits for a machine to
	// answer that the address is in use. A machine that is awake answers ARP
	// within milliseconds; RFC 5227's seconds are longer than some firmware
	// waits.
	probeWait = 250 * time.Millisecond
	// maxProbes is how many offers may wait for a probe. Further offers are
	// sent at once.
	maxProbes = 1024
	// maxLate is how many offers may wait for their client to listen. Further
	// offers are sent at once.
	maxLate = 1024
)

// The server's interfaces to the network.
type (
	// Sender sends answers: *dhcpconn.Conn.
	Sender interface {
		Send(self netip.Addr, replies []dhcpconn.Reply) error
	}
	// Prober asks whether an address is in use: *arp.Prober.
	Prober interface {
		Probe(netip.Addr) error
	}
)

// Packets are questions, and the means to answer them.
type Packets struct {
	Questions []dhcp.Question
	Malformed []dhcpconn.Malformed
	Sender    Sender
	Prober    Prober
}

// answer is a decision whose packet has not been sent yet.
type answer struct {
	conn Sender
	self netip.Addr
	q    dhcp.Question
	a    dhcp.Answer
}

// probes are the offers that wait until their address is known to be free.
type probes struct {
	by      Prober
	waiting map[netip.Addr]*probe
	order   []*probe // the same, soonest first
	timer   *time.Timer
}

func newProbes() probes {
	p := probes{waiting: map[netip.Addr]*probe{}, timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

// delays are the offers that wait for their client to listen, by its MAC.
type delays struct {
	waiting map[string]*probe
	order   []*probe // the same, soonest first
	timer   *time.Timer
}

func newDelays() delays {
	d := delays{waiting: map[string]*probe{}, timer: time.NewTimer(time.Hour)}
	d.timer.Stop()
	return d
}

// probe is an offer that waits.
type probe struct {
	answer
	due  time.Time
	done bool
}

// Handle decides packets, and sends the answers that can go at once.
func (s *Server) Handle(now time.Time, p Packets) {
	settings := s.settings.Load()
	s.probes.by = p.Prober
	for _, m := range p.Malformed {
		s.report.malformed(now, m)
	}
	var ready []answer
	for _, q := range p.Questions {
		a := dhcp.Decide(now, settings, q)
		if a.Limited {
			s.report.limited(now, q)
			continue
		}
		if a.Other.IsValid() {
			s.others.guard.Suspect(a.Other)
		}
		if a.Machine.MAC.IsValid() && a.Has.IsValid() {
			if was, changed := s.Clients.Learn(a.Has, a.Machine, a.Relayed); changed {
				s.report.learned(now, a, was)
			}
		}
		x := answer{p.Sender, settings.Self.Addr(), q, a}
		s.report.received(x)
		if a.Handoff.Entry != "" {
			s.report.handedOver(now, a)
		}
		if a.Msg == nil {
			s.report.adapted(now, x)
		}
		s.report.lacks(now, x)
		ready = s.sort(now, x, ready)
	}
	s.send(ready)
}

// sort puts an answer in the queue where it must wait, or appends it to ready.
func (s *Server) sort(now time.Time, x answer, ready []answer) []answer {
	switch {
	case x.a.Msg == nil:
		s.report.unanswered(now, x)
	case x.a.Commit:
		s.disk.pending = append(s.disk.pending, x)
	case s.wait(now, x), s.late(now, x):
	default:
		ready = append(ready, x)
	}
	return ready
}

// wait holds an offer of a new address back until the address is known to be
// free, and reports whether it does. A client that asks again meanwhile keeps
// waiting.
func (s *Server) wait(now time.Time, x answer) bool {
	if p, ok := s.probes.waiting[x.a.Addr]; ok {
		p.answer = x
		return true
	}
	if !x.a.Probe || len(s.probes.waiting) >= maxProbes {
		return false
	}
	if err := s.probes.by.Probe(x.a.Addr); err != nil {
		s.Log.Warn("dhcp: offering addresses without an ARP probe", "err", err)
		return false
	}
	p := &probe{answer: x, due: now.Add(probeWait)}
	s.probes.waiting[x.a.Addr] = p
	s.probes.order = append(s.probes.order, p)
	if len(s.probes.order) == 1 {
		s.probes.timer.Reset(probeWait)
	}
	return true
}

// late holds back an offer that its client would miss, and reports whether it
// does. A client that asks again meanwhile keeps waiting, for the answer to its
// last question.
func (s *Server) late(now time.Time, x answer) bool {
	if x.a.Delay == 0 {
		return false
	}
	mac := string(x.q.Msg.ClientHWAddr)
	if l, ok := s.delays.waiting[mac]; ok {
		l.answer = x
		return true
	}
	if len(s.delays.waiting) >= maxLate {
		return false
	}
	wait := x.a.Delay
	if x.a.Probe { // it has waited already
		wait = max(wait-probeWait, 0)
	}
	l := &probe{answer: x, due: now.Add(wait)}
	s.delays.waiting[mac] = l
	s.delays.order = append(s.delays.order, l)
	if len(s.delays.order) == 1 {
		s.delays.timer.Reset(wait)
	}
	return true
}

// delaysDone sends the offers whose delay is over.
func (s *Server) delaysDone(now time.Time) {
	var ready []answer
	for len(s.delays.order) > 0 && !s.delays.order[0].due.After(now) {
		l := s.delays.order[0]
		s.delays.order = s.delays.order[1:]
		delete(s.delays.waiting, string(l.q.Msg.ClientHWAddr))
		ready = append(ready, l.answer)
	}
	if len(s.delays.order) > 0 {
		s.delays.timer.Reset(s.delays.order[0].due.Sub(now))
	}
	s.send(ready)
}

// addressInUse is called when a machine uses an address that was about to be
// offered. The client gets an offer of another one.
func (s *Server) addressInUse(now time.Time, a netip.Addr) {
	p, ok := s.probes.waiting[a]
	if !ok {
		return
	}
	s.Log.Warn("dhcp: address not offered, another machine uses it", "address", a)
	delete(s.probes.waiting, a)
	p.done = true
	dhcp.InUse(now, s.settings.Load(), a)
	p.q.Again = true
	p.answer.a = dhcp.Decide(now, s.settings.Load(), p.q)
	s.send(s.sort(now, p.answer, nil))
}

// probesDone sends the offers whose probe was not answered in time.
func (s *Server) probesDone(now time.Time) {
	var ready []answer
	for len(s.probes.order) > 0 && (s.probes.order[0].done || !s.probes.order[0].due.After(now)) {
		p := s.probes.order[0]
		s.probes.order = s.probes.order[1:]
		if !p.done {
			delete(s.probes.waiting, p.a.Addr)
			if !s.late(now, p.answer) {
				ready = append(ready, p.answer)
			}
		}
	}
	if len(s.probes.order) > 0 {
		s.probes.timer.Reset(s.probes.order[0].due.Sub(now))
	}
	s.send(ready)
}

func (s *Server) send(ready []answer) {
	for len(ready) > 0 {
		// Answers of one socket go together; a second socket occurs only after
		// a change of link.
		conn, self := ready[0].conn, ready[0].self
		var out []dhcpconn.Reply
		for len(ready) > 0 && ready[0].conn == conn && ready[0].self == self {
			x := ready[0]
			ready = ready[1:]
			r := dhcpconn.Reply{Port: x.q.Port, To: x.a.To, Link: x.a.Link, Data: x.q.Encode(x.a.Msg)}
			out = append(out, r)
			if x.q.From.Addr().Unmap() != self { // do not report self-tests
				s.report.sends(x, r)
				s.report.answered(x)
			}
		}
		if err := conn.Send(self, out); err != nil {
			s.Log.Error("dhcp: cannot answer", "err", err)
			continue
		}
		s.progress.sent.Add(uint64(len(out)))
	}
}
