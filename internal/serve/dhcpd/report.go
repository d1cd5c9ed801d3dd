package dhcpd

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
)

// reporter reports what the server did: in the log, in the metrics, and on the
// event bus, which shows the progress of a machine's boot.
type reporter struct {
	log     *slog.Logger
	bus     *event.Bus
	metrics *metrics.Metrics

	refused *loglimit.Once[refusal]    // machines of networks that are not served
	heard   *loglimit.Once[refusal]    // machines that are served, but get no answer or no boot file
	limits  *loglimit.Once[string]     // machines that ask too often, by MAC
	garbled *loglimit.Once[refusal]    // packets that cannot be read
	moved   *loglimit.Once[netip.Addr] // addresses that belong to another machine now
	rivals  *loglimit.Once[netip.Addr] // other PXE servers
	sites   *loglimit.Once[netip.Addr] // DHCP servers that tell machines what to boot
}

// refusal is a machine, as a packet names it, and why it gets no answer.
type refusal struct{ mac, why string }

const (
	// unansweredAgain is how long the log does not repeat that a machine was
	// refused for one reason, and maxUnanswered is how many machines it names
	// in that time. Packets from other networks can name any machine, and the
	// box's log is short.
	unansweredAgain = 10 * time.Minute
	maxUnanswered   = 32
	// maxHeard is the same for machines of served networks. The log must be
	// able to name a whole classroom, and has its own limit for floods.
	maxHeard = 512
	// maxLimited and maxGarbled are the same for floods and malformed packets.
	maxLimited = 8
	maxGarbled = 16
	// movedAgain and maxMoved are the same for addresses that change hands.
	movedAgain = time.Minute
	maxMoved   = 64
	// rivalsAgain and maxRivals are the same for other PXE servers.
	rivalsAgain = time.Hour
	maxRivals   = 8
	// sitesAgain is the same for the site's DHCP servers: changing them may
	// take days.
	sitesAgain = 24 * time.Hour
)

func newReporter(o Options) *reporter {
	return &reporter{
		log: o.Log, bus: o.Events, metrics: o.Metrics,
		refused: &loglimit.Once[refusal]{Most: maxUnanswered, Again: unansweredAgain},
		heard:   &loglimit.Once[refusal]{Most: maxHeard, Again: unansweredAgain},
		limits:  &loglimit.Once[string]{Most: maxLimited, Again: unansweredAgain},
		garbled: &loglimit.Once[refusal]{Most: maxGarbled, Again: unansweredAgain},
		moved:   &loglimit.Once[netip.Addr]{Most: maxMoved, Again: movedAgain},
		rivals:  &loglimit.Once[netip.Addr]{Most: maxRivals, Again: rivalsAgain},
		sites:   &loglimit.Once[netip.Addr]{Most: maxRivals, Again: sitesAgain},
	}
}

// answered reports a DHCP answer that is being sent.
func (p *reporter) answered(x answer) {
	asked, reply := x.q.Msg, x.a.Msg
	if p.log.Enabled(context.Background(), slog.LevelInfo) {
		p.log.Info("dhcp: answered", "mac", asked.ClientHWAddr.String(), "request", asked.MessageType(), "answer", x.a.Why,
			"firmware", x.a.Firmware, "address", x.a.Addr, "file", reply.BootFileName)
	}
	e := trace.Event{
		Time: time.Now(), Protocol: trace.DHCP, Addr: x.a.Addr, Firmware: x.a.Firmware, What: x.a.Why, Outcome: trace.Sent,
	}
	e.MAC = ether.From(asked.ClientHWAddr)
	if !e.Addr.IsValid() { // on port 4011 the machine has one already
		e.Addr = x.q.Has()
	}
	if reply.MessageType() == dhcpv4.MessageTypeNak {
		e.Outcome = trace.Refused
	}
	p.bus.Publish(e)
}

// unanswered reports a DHCP packet that gets no answer.
func (p *reporter) unanswered(now time.Time, x answer) {
	level, class := slog.LevelDebug, metrics.Ignored
	mac := x.q.Msg.ClientHWAddr.String()
	r := refusal{mac, x.a.Why}
	if x.a.Trouble {
		class = metrics.Trouble
	}
	switch {
	case x.a.Trouble && p.heard.First(now, r), x.a.Refused && p.refused.First(now, r):
		level = slog.LevelWarn
	case x.a.Notable && p.heard.First(now, r):
		level = slog.LevelInfo
	}
	p.metrics.Unanswered(class)
	if !p.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []any{"mac", mac, "request", x.q.Msg.MessageType(), "why", x.a.Why}
	if x.a.Refused {
		attrs = append(attrs,
			"from", x.q.From.Addr().Unmap(), "ciaddr", x.q.Msg.ClientIPAddr, "giaddr", x.q.Msg.GatewayIPAddr)
	}
	p.log.Log(context.Background(), level, "dhcp: no answer", attrs...)
}

// learned logs that an address belongs to another machine than before: its
// lease passed to the next machine, or a packet came in another machine's name.
func (p *reporter) learned(now time.Time, a dhcp.Answer, was ether.MAC) {
	if p.moved.First(now, a.Has) {
		p.log.Info("machine: an address has changed hands", "address", a.Has, "mac", a.Machine.MAC, "before", was, "relayed", a.Relayed)
	}
}

// rival logs another PXE server on the link.
func (p *reporter) rival(now time.Time, r otherdhcp.Rival) {
	if p.rivals.First(now, r.Server) {
		p.log.Warn("another PXE server answers on this link: a machine boots from either one, and may not reach WDS; configure one of them not to answer these machines",
			"server", r.Server, "server_mac", r.MAC)
	}
}

// site logs a DHCP server of the site that tells machines what to boot.
func (p *reporter) site(now time.Time, s otherdhcp.Site) {
	if p.sites.First(now, s.Server) {
		p.log.Warn("the site's DHCP server sends boot options, which many machines follow instead of this box's; remove them on that server",
			"server", s.Server, "server_mac", s.MAC, "options", s.Options, "remove", s.Remove)
	}
}

// handedOver logs a machine that is sent to a WDS server.
func (p *reporter) handedOver(a dhcp.Answer) {
	p.log.Info("machine sent to WDS", "mac", a.Machine.MAC, "firmware", a.Firmware, "address", a.Has,
		"entry", a.Handoff.Entry, "server", a.Handoff.Server, "file", a.Handoff.Program)
}

// lacks logs an answered machine that gets no boot file in the answer.
func (p *reporter) lacks(now time.Time, x answer) {
	mac, level := x.q.Msg.ClientHWAddr.String(), slog.LevelInfo
	if x.a.Trouble {
		level = slog.LevelWarn
	}
	if x.a.Lacks != "" && p.heard.First(now, refusal{mac, x.a.Lacks}) {
		p.log.Log(context.Background(), level, "dhcp: nothing to boot", "mac", mac, "request", x.q.Msg.MessageType(), "why", x.a.Lacks)
	}
}

// limited reports a packet of a flood that was dropped without a decision.
func (p *reporter) limited(now time.Time, q dhcp.Question) {
	p.metrics.Unanswered(metrics.Limited)
	if mac := q.Msg.ClientHWAddr.String(); p.limits.First(now, mac) {
		p.log.Warn("dhcp: no answer", "mac", mac, "request", q.Msg.MessageType(), "why", "more requests than the box answers for one machine")
	}
}

// malformed reports a packet that cannot be read.
func (p *reporter) malformed(now time.Time, m dhcpconn.Malformed) {
	p.metrics.Unanswered(metrics.Ignored)
	if mac := m.MAC.String(); p.garbled.First(now, refusal{mac, m.Why}) {
		p.log.Warn("dhcp: no answer", "mac", mac, "why", "malformed: "+m.Why, "from", m.From)
	}
}
