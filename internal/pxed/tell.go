package pxed

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/catalog"
	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/guard"
	"github.com/pxebox/pxebox/internal/httpd"
	"github.com/pxebox/pxebox/internal/loglimit"
	"github.com/pxebox/pxebox/internal/metrics"
	"github.com/pxebox/pxebox/internal/tftp"
)

// teller tells of what the servers did: in the log, in the metrics, and on
// the bus from which a machine's boot can be followed.
type teller struct {
	log     *slog.Logger
	bus     *event.Bus
	metrics *metrics.Metrics
	// Those of the present link.
	http atomic.Pointer[httpd.Server]
	tftp atomic.Pointer[tftp.Server]

	refused *loglimit.Once[refusal]    // machines that are not answered
	moved   *loglimit.Once[netip.Addr] // addresses that have another machine now
	rivals  *loglimit.Once[netip.Addr] // other PXE servers

	mu       sync.Mutex
	withheld map[string]bool // what the log has told of as not served
}

// refusal is a machine, as a packet names it, and why it is not answered.
type refusal struct{ mac, why string }

const (
	// unansweredAgain is how long the log says no more about a machine that was
	// refused for one reason, and maxUnanswered how many it names in that time.
	// Packets from other networks name machines as they like, and the box's log
	// is short.
	unansweredAgain = 10 * time.Minute
	maxUnanswered   = 32
	// movedAgain and maxMoved are the same for addresses that change hands.
	movedAgain = time.Minute
	maxMoved   = 64
	// rivalsAgain and maxRivals are the same for other PXE servers.
	rivalsAgain = time.Hour
	maxRivals   = 8
)

func newTeller(log *slog.Logger) *teller {
	t := &teller{
		log: log, bus: &event.Bus{}, metrics: metrics.New(),
		refused: &loglimit.Once[refusal]{Most: maxUnanswered, Again: unansweredAgain},
		moved:   &loglimit.Once[netip.Addr]{Most: maxMoved, Again: movedAgain},
		rivals:  &loglimit.Once[netip.Addr]{Most: maxRivals, Again: rivalsAgain},
	}
	t.metrics.Dropped(t.bus.Dropped)
	t.metrics.Running(event.HTTP, func() int {
		if s := t.http.Load(); s != nil {
			return s.Running()
		}
		return 0
	})
	t.metrics.Running(event.TFTP, func() int {
		if s := t.tftp.Load(); s != nil {
			return s.Active()
		}
		return 0
	})
	return t
}

// answered tells of a DHCP answer that is on its way.
func (t *teller) answered(x answer) {
	asked, reply := x.q.Msg, x.a.Msg
	if t.log.Enabled(context.Background(), slog.LevelInfo) {
		t.log.Info("dhcp: answered", "mac", asked.ClientHWAddr.String(), "asked", asked.MessageType(), "step", x.a.Why,
			"firmware", x.a.Firmware, "address", x.a.Addr, "file", reply.BootFileName)
	}
	e := event.Event{Time: time.Now(), Protocol: event.DHCP, Addr: x.a.Addr, Firmware: x.a.Firmware, What: x.a.Why, Outcome: event.Sent}
	copy(e.MAC[:], asked.ClientHWAddr)
	if !e.Addr.IsValid() { // on port 4011 the machine has one already
		if a, ok := netip.AddrFromSlice(asked.ClientIPAddr.To4()); ok && !a.IsUnspecified() {
			e.Addr = a
		}
	}
	if reply.MessageType() == dhcpv4.MessageTypeNak {
		e.Outcome = event.Refused
	}
	t.bus.Publish(e)
}

// silent tells of a DHCP packet that gets no answer.
func (t *teller) silent(now time.Time, x answer) {
	level, class := slog.LevelDebug, metrics.Ignored
	mac := x.q.Msg.ClientHWAddr.String()
	switch {
	case x.a.Trouble:
		level, class = slog.LevelWarn, metrics.Trouble
	case x.a.Refused && t.refused.First(now, refusal{mac, x.a.Why}):
		level = slog.LevelWarn
	}
	t.metrics.Silent(class)
	if !t.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []any{"mac", mac, "asked", x.q.Msg.MessageType(), "step", x.a.Why}
	if x.a.Refused {
		attrs = append(attrs, "from", x.q.From.Addr().Unmap(), "ciaddr", x.q.Msg.ClientIPAddr, "giaddr", x.q.Msg.GatewayIPAddr)
	}
	t.log.Log(context.Background(), level, "dhcp: silent", attrs...)
}

// learned logs that an address has another machine than before: a lease that
// went on to the next, or a packet in another machine's name.
func (t *teller) learned(now time.Time, a dhcp.Answer, was config.MAC) {
	if t.moved.First(now, a.Has) {
		t.log.Info("machine: an address has changed hands", "address", a.Has, "mac", a.Machine.MAC, "before", was, "relayed", a.Relayed)
	}
}

// rival logs another PXE server on the link.
func (t *teller) rival(now time.Time, r guard.Rival) {
	if t.rivals.First(now, r.Server) {
		t.log.Warn("another PXE server answers on this link: machines boot from either, and may miss the way to WDS; let one of them leave these machines alone",
			"server", r.Server, "server_mac", r.MAC)
	}
}

// handedOver tells of a machine that is on its way to a WDS server.
func (t *teller) handedOver(a dhcp.Answer) {
	t.log.Info("handoff: sent to WDS", "mac", a.Machine.MAC, "firmware", a.Firmware, "address", a.Has,
		"entry", a.Handoff.Entry, "server", a.Handoff.Server, "file", a.Handoff.Program)
}

// notServed tells of a file that is there and not given out: to its client it
// is only missing, and whoever put it there is to know why. Of each once, be it
// asked for as often as one likes.
func (t *teller) notServed(e catalog.RefusedError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.withheld[e.Path] {
		return
	}
	if t.withheld == nil || len(t.withheld) >= maxRefused {
		t.withheld = map[string]bool{}
	}
	t.withheld[e.Path] = true
	t.log.Warn("files: not served", "file", e.Path, "why", e.Why)
}

// limited tells of one that was not even looked at.
func (t *teller) limited() { t.metrics.Silent(metrics.Limited) }

// began tells of a TFTP transfer that begins.
func (t *teller) began(e tftp.Event) {
	t.bus.Publish(event.Event{
		Time: e.Start, Protocol: event.TFTP, Addr: e.Client.Addr().Unmap(), What: event.Name(e.File), Outcome: event.Begun,
	})
}

// transferred tells of a TFTP transfer that has ended, or was refused.
func (t *teller) transferred(e tftp.Event) {
	outcome := event.Sent
	switch {
	case e.Aborted:
		outcome = event.Aborted
	case errors.Is(e.Err, tftp.ErrRefused), errors.As(e.Err, new(catalog.RefusedError)):
		outcome = event.Refused
	case errors.Is(e.Err, fs.ErrNotExist):
		outcome = event.NotFound
	case errors.Is(e.Err, tftp.ErrGaveUp), errors.Is(e.Err, tftp.ErrNoAnswer):
		outcome = event.TimedOut
	case e.Err != nil:
		outcome = event.Failed
	}
	t.bus.Publish(event.Event{
		Time: e.Start.Add(e.Duration), Protocol: event.TFTP, Addr: e.Client.Addr().Unmap(), What: event.Name(e.File),
		Outcome: outcome, Bytes: e.Sent, Took: e.Duration, Retransmits: e.Retransmits,
	})
}
