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
	"github.com/pxebox/pxebox/internal/serve/ladder"
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
)

// reporter reports what the server did: in the log, in the metrics, and on the
// event bus, which shows the progress of a machine's boot.
type reporter struct {
	log     *slog.Logger
	changes *slog.Logger // for the answers that differ from the usual ones
	bus     *event.Bus
	tap     *event.Tap
	metrics *metrics.Metrics

	refused *loglimit.Once[refusal]    // machines of networks that are not served
	heard   *loglimit.Once[refusal]    // machines that are served, but get no answer or no boot file
	limits  *loglimit.Once[string]     // machines that ask too often, by MAC
	garbled *loglimit.Once[refusal]    // packets that cannot be read
	moved   *loglimit.Once[netip.Addr] // addresses that belong to another machine now
	differs *loglimit.Once[departure]  // machines that are answered differently
	shown   *loglimit.Once[shown]      // events about packets that get no answer
	offers  *loglimit.Once[shown]      // events about other servers' answers
	rivals  *loglimit.Once[netip.Addr] // other PXE servers
	sites   *loglimit.Once[netip.Addr] // DHCP servers that tell machines what to boot
}

// refusal is a machine, as a packet names it, and why it gets no answer.
type refusal struct{ mac, why string }

// departure is a machine, and how its answer differs from the usual one.
type departure struct {
	mac ether.MAC
	ladder.Departure
}

// shown is what an event says about a packet that is not an answer of the box.
type shown struct {
	mac       ether.MAC
	what, why string
	server    netip.Addr
}

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
	// shownAgain and maxShown are the same for the events about packets that
	// get no answer, and for those about other servers' answers. Firmware repeats
	// a packet after a second or more, and each repetition counts. All machines
	// of a large site may boot at once.
	shownAgain = time.Second
	maxShown   = 1000
	// differsAgain is the same for machines that are answered differently: longer
	// than the packets of one boot.
	differsAgain = 30 * time.Second
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
		log: o.Log, changes: loglimit.Separate(o.Log), bus: o.Events, tap: o.Tap, metrics: o.Metrics,
		refused: &loglimit.Once[refusal]{Most: maxUnanswered, Again: unansweredAgain},
		heard:   &loglimit.Once[refusal]{Most: maxHeard, Again: unansweredAgain},
		limits:  &loglimit.Once[string]{Most: maxLimited, Again: unansweredAgain},
		garbled: &loglimit.Once[refusal]{Most: maxGarbled, Again: unansweredAgain},
		moved:   &loglimit.Once[netip.Addr]{Most: maxMoved, Again: movedAgain},
		differs: &loglimit.Once[departure]{Most: maxHeard, Again: differsAgain},
		shown:   &loglimit.Once[shown]{Most: maxShown, Again: shownAgain},
		offers:  &loglimit.Once[shown]{Most: maxShown, Again: shownAgain},
		rivals:  &loglimit.Once[netip.Addr]{Most: maxRivals, Again: rivalsAgain},
		sites:   &loglimit.Once[netip.Addr]{Most: maxRivals, Again: sitesAgain},
	}
}

// received hands on the packet of a machine that boots, that is answered, or
// whose silence the log reports.
func (p *reporter) received(x answer) {
	interesting := x.a.Msg != nil || x.a.Firmware != "" || x.a.Trouble || x.a.Notable
	if x.q.Raw == nil || !interesting || x.q.From.Addr().Unmap() == x.self {
		return
	}
	to := x.self
	if x.q.From.Addr().IsUnspecified() { // it was broadcast (RFC 2131 §4.1)
		to = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	p.tap.Packet(x.q.From, netip.AddrPortFrom(to, uint16(x.q.Port)), ether.From(x.q.Msg.ClientHWAddr), x.q.Raw)
}

// sends hands on the packet of an answer.
func (p *reporter) sends(x answer, r dhcpconn.Reply) {
	p.tap.Packet(netip.AddrPortFrom(x.self, uint16(r.Port)), r.To, ether.From(x.q.Msg.ClientHWAddr), r.Data)
}

// answered reports a DHCP answer that is being sent.
func (p *reporter) answered(x answer) {
	asked, reply := x.q.Msg, x.a.Msg
	if p.log.Enabled(context.Background(), slog.LevelInfo) {
		p.log.Info("dhcp: answered", "mac", asked.ClientHWAddr.String(), "request", asked.MessageType(),
			"answer", x.a.Why,
			"firmware", x.a.Firmware, "address", x.a.Addr, "file", reply.BootFileName)
	}
	e := trace.Event{
		Time: time.Now(), Protocol: trace.DHCP, MAC: ether.From(asked.ClientHWAddr),
		GUID: x.a.Machine.GUID, Addr: x.a.Addr,
		Firmware: x.a.Firmware, IPXE: x.a.IPXE, What: x.a.Why, Outcome: trace.Sent, Why: x.a.Lacks,
		File: trace.Name(bootFile(reply)),
	}
	if !e.Addr.IsValid() { // on port 4011 the machine has one already
		e.Addr = x.q.Has()
	}
	if next, ok := netip.AddrFromSlice(reply.ServerIPAddr.To4()); ok && !next.IsUnspecified() && next != x.self {
		e.Server = next
	}
	if reply.MessageType() == dhcpv4.MessageTypeNak {
		e.Outcome = trace.Refused
	}
	p.bus.Publish(e)
	p.adapted(e.Time, x) // after the event that begins the boot
}

// adapted reports an answer that differs from the usual one.
func (p *reporter) adapted(now time.Time, x answer) {
	d := x.a.Adapted
	if d.Why == "" {
		return
	}
	mac := x.a.Machine.MAC
	if p.differs.First(now, departure{mac, d}) {
		p.changes.Info("answered differently", "mac", mac, "why", d.Why, "before", d.Before, "now", d.Now)
	}
	p.show(p.shown, trace.Event{
		Time: now, Protocol: trace.DHCP, MAC: mac, GUID: x.a.Machine.GUID, Addr: x.a.Has, Firmware: x.a.Firmware,
		What: trace.Adapted, Outcome: trace.Sent, Why: d.Why, File: trace.Name(d.Now), Entry: x.a.Handoff.Entry,
	})
}

// bootFile returns the name of the file that a reply tells a machine to load.
func bootFile(reply *dhcpv4.DHCPv4) string {
	if reply.BootFileName != "" {
		return reply.BootFileName
	}
	return string(reply.Options.Get(dhcpv4.OptionBootfileName))
}

// maxWhy is how much of a reason an event keeps, in bytes.
const maxWhy = 256

// showUnanswered publishes a packet that got no answer, of a machine that boots or
// whose silence an administrator must fix, or that takes another server's lease.
func (p *reporter) showUnanswered(now time.Time, x answer) {
	e := trace.Event{
		Time: now, Protocol: trace.DHCP, MAC: ether.From(x.q.Msg.ClientHWAddr), GUID: x.a.Machine.GUID, Addr: x.q.Has(),
		Firmware: x.a.Firmware, IPXE: x.a.IPXE,
	}
	switch {
	case x.a.Took.IsValid():
		e.What, e.Outcome, e.Server, e.Addr = trace.OtherRequest, trace.Seen, x.a.Took, x.a.Has
	case x.a.Trouble, x.a.Firmware != "" && x.a.Notable:
		e.What, e.Outcome, e.Why = asked(x.q), trace.Unanswered, x.a.Why[:min(len(x.a.Why), maxWhy)]
	default:
		return
	}
	p.show(p.shown, e)
}

// asked names what a packet asks.
func asked(q dhcp.Question) string {
	if q.Port == dhcp.BootServerPort {
		return trace.BootServer
	}
	return q.Msg.MessageType().String() // trace.Discover, trace.Request
}

// otherOffer publishes what another server tells a machine to boot.
func (p *reporter) otherOffer(now time.Time, o otherdhcp.Offer) {
	// The packet was broadcast on the link.
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcp.ClientPort)
	p.tap.Packet(netip.AddrPortFrom(o.From, dhcp.ServerPort), to, o.Machine, o.Raw)
	p.show(p.offers, trace.Event{
		Time: now, Protocol: trace.DHCP, MAC: o.Machine, Addr: o.Addr, What: trace.OtherOffer, Outcome: trace.Seen,
		Server: o.Server, File: trace.Name(o.File),
	})
}

// show publishes an event about a packet that is not an answer. Anyone on the
// link can cause such packets, so their number is limited.
func (p *reporter) show(limit *loglimit.Once[shown], e trace.Event) {
	if limit.First(e.Time, shown{e.MAC, e.What, e.Why, e.Server}) {
		p.bus.Publish(e)
	}
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
	p.showUnanswered(now, x)
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
		p.log.Info("machine: an address has changed hands", "address", a.Has, "mac", a.Machine.MAC, "before", was,
			"relayed", a.Relayed)
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

// handedOver reports a machine whose firmware starts the program of an entry.
func (p *reporter) handedOver(now time.Time, a dhcp.Answer) {
	p.log.Info("machine handed over", "mac", a.Machine.MAC, "firmware", a.Firmware, "address", a.Has,
		"entry", a.Handoff.Entry, "server", a.Handoff.Server, "file", a.Handoff.Program)
	p.bus.Publish(trace.Event{
		Time: now, Protocol: trace.DHCP, MAC: a.Machine.MAC, GUID: a.Machine.GUID, Addr: a.Has,
		Firmware: a.Firmware, IPXE: a.IPXE,
		What: trace.HandedOver, Outcome: trace.Sent, Server: a.Handoff.Server, File: trace.Name(a.Handoff.Program),
		Entry: a.Handoff.Entry,
	})
}

// lacks logs an answered machine that gets no boot file in the answer.
func (p *reporter) lacks(now time.Time, x answer) {
	mac, level := x.q.Msg.ClientHWAddr.String(), slog.LevelInfo
	if x.a.Trouble {
		level = slog.LevelWarn
	}
	if x.a.Lacks != "" && p.heard.First(now, refusal{mac, x.a.Lacks}) {
		p.log.Log(context.Background(), level, "dhcp: nothing to boot", "mac", mac, "request", x.q.Msg.MessageType(),
			"why", x.a.Lacks)
	}
}

// limited reports a packet of a flood that was dropped without a decision.
func (p *reporter) limited(now time.Time, q dhcp.Question) {
	p.metrics.Unanswered(metrics.Limited)
	if mac := q.Msg.ClientHWAddr.String(); p.limits.First(now, mac) {
		p.log.Warn("dhcp: no answer", "mac", mac, "request", q.Msg.MessageType(), "why", trace.WhyLimited)
	}
	if firmware := q.Firmware(); firmware != "" {
		p.show(p.shown, trace.Event{
			Time: now, Protocol: trace.DHCP, MAC: ether.From(q.Msg.ClientHWAddr), Firmware: firmware, IPXE: q.IPXE(),
			What: asked(q), Outcome: trace.Unanswered, Why: trace.WhyLimited,
		})
	}
}

// malformed reports a packet that cannot be read.
func (p *reporter) malformed(now time.Time, m dhcpconn.Malformed) {
	p.metrics.Unanswered(metrics.Ignored)
	if mac := m.MAC.String(); p.garbled.First(now, refusal{mac, m.Why}) {
		p.log.Warn("dhcp: no answer", "mac", mac, "why", "malformed: "+m.Why, "from", m.From)
	}
}
