package pxed

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/event"
	"github.com/pxebox/pxebox/internal/httpd"
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
}

func newTeller(log *slog.Logger) *teller {
	t := &teller{log: log, bus: &event.Bus{}, metrics: metrics.New()}
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
func (t *teller) silent(x answer) {
	level, class := slog.LevelDebug, metrics.Ignored
	if x.a.Trouble {
		level, class = slog.LevelWarn, metrics.Trouble
	}
	t.metrics.Silent(class)
	if t.log.Enabled(context.Background(), level) {
		t.log.Log(context.Background(), level, "dhcp: silent", "mac", x.q.Msg.ClientHWAddr.String(), "asked", x.q.Msg.MessageType(), "step", x.a.Why)
	}
}

// handedOver tells of a machine that is on its way to a WDS server.
func (t *teller) handedOver(a dhcp.Answer) {
	t.log.Info("handoff: sent to WDS", "mac", a.Machine.MAC, "firmware", a.Firmware, "address", a.Has,
		"entry", a.Handoff.Entry, "server", a.Handoff.Server, "file", a.Handoff.Program)
}

// limited tells of one that was not even looked at.
func (t *teller) limited() { t.metrics.Silent(metrics.Limited) }

// transferred tells of a TFTP transfer that has ended, or was refused.
func (t *teller) transferred(e tftp.Event) {
	outcome := event.Sent
	switch {
	case e.Aborted:
		outcome = event.Aborted
	case errors.Is(e.Err, fs.ErrNotExist):
		outcome = event.NotFound
	case errors.Is(e.Err, tftp.ErrRefused):
		outcome = event.Refused
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
