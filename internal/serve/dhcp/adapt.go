package dhcp

import (
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

// climbs reports whether a packet is from a machine's firmware, whose answers
// adapt. iPXE boots by each of the usual answers, and a WDS program wants none.
func climbs(q Question) bool { return q.boots && !q.client.IPXE && !q.client.WDS }

// rungs returns the rungs that a machine is on. A DISCOVER shows how its last
// boot ended.
func (s *Settings) rungs(now time.Time, q Question) ladder.Rungs {
	if s.Ladder == nil || !climbs(q) {
		return ladder.Rungs{}
	}
	if q.Msg.MessageType() == dhcpv4.MessageTypeDiscover && !q.Again {
		return s.Ladder.Discover(now, q.machine)
	}
	return s.Ladder.Rungs(now, q.machine)
}

// mustAsk reports whether a proxy's offer leaves the file to the answer on port
// 4011. Next to another PXE server a machine may have another reason not to ask.
func (s *Settings) mustAsk(q Question, b pxe.Boot) bool {
	return !q.client.HTTP && q.client.Firmware != firmware.RaspberryPi && b.NextServer == s.Self.Addr() && !s.Rival
}

// tookLease notes that a machine accepts the address of the site's DHCP server.
// It asks on port 4011 next, if the server that it chose has given it one.
func (s *Settings) tookLease(now time.Time, q Question, a netip.Addr) {
	if climbs(q) && q.state == stateSelecting && s.mustAsk(q, pxe.Boot{NextServer: s.Self.Addr()}) &&
		s.Stages.offered(now, q) {
		s.Ladder.Took(now, q.machine, a)
	}
}

// firmOffer is a proxy's offer with everything in it, for a machine that does not
// ask on port 4011. Both EDK2 and iPXE boot by it.
func (s *Settings) firmOffer(q Question, r *dhcpv4.DHCPv4, b pxe.Boot) Answer {
	pxe.Describe(r, q.client, b)
	a := deliver(q, r, "proxy offer, complete")
	a.Adapted = ladder.Departure{Why: ladder.WhyFirm, Before: "an offer without a file", Now: b.File}
	return a
}

// fallback returns what a machine boots from that does not start shim. Any other
// first stage may be a program that needs nothing more from the box.
func (s *Settings) fallback(now time.Time, q Question) (handoff.Boot, bool) {
	file := s.file(q)
	if !q.rungs.Fallback || !pxe.IsShim(file) {
		return handoff.Boot{}, false
	}
	to, ok := s.Plan.Fallback(now, q.machine)
	to.Before, to.Why = file, ladder.WhyShim
	return to, ok
}

// copyOf returns the copy of shim with one signature that a machine gets instead
// of a file; the file itself for none.
func (s *Settings) copyOf(q Question, file string) string {
	same := strings.EqualFold(strings.TrimLeft(file, `/\`), pxe.Shim)
	if n := q.rungs.Copy; same && n > 0 && n <= len(s.Copies) {
		return s.Copies[n-1]
	}
	return file
}

// copied notes that an answer names such a copy.
func (s *Settings) copied(q Question, a *Answer) {
	if a.Msg == nil || a.Adapted.Why != "" || a.Handoff.Entry != "" {
		return
	}
	if file := s.copyOf(q, pxe.Shim); file != pxe.Shim && a.Msg.BootFileName == file {
		a.Adapted = ladder.Departure{Why: ladder.WhyShim, Before: pxe.Shim, Now: file}
	}
}

// namesProgram reports whether a proxy's offer has to name the program of the
// server that a machine is handed over to. EDK2 asks that server otherwise, which
// names the usual one.
func (s *Settings) namesProgram(b pxe.Boot, to handoff.Boot) bool {
	return b.NextServer != s.Self.Addr() && (s.Rival || to.Why == ladder.WhyProgram)
}

// handed notes that a machine goes to another server, and whether it does so
// because the answers have adapted.
func (s *Settings) handed(now time.Time, q Question, a *Answer) {
	to := a.Handoff
	if to.Entry == "" || !climbs(q) {
		return
	}
	if !q.Again {
		programs := s.Plan.Programs(to.Entry, q.machine.Firmware)
		s.Ladder.HandedOver(now, q.machine, ladder.Server{Entry: to.Entry, Programs: len(programs), Own: to.Self})
	}
	if to.Why != "" {
		a.Adapted = ladder.Departure{Why: to.Why, Before: to.Before, Now: to.Program}
	}
}
