package pxed

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pxebox/pxebox/internal/base/loglimit"
	"github.com/pxebox/pxebox/internal/boot/bootfiles"
	"github.com/pxebox/pxebox/internal/boot/trace"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/httpd"
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/serve/tftp"
)

// teller reports what TFTP and HTTP did: in the log, in the metrics, and on the
// bus that lets users follow a machine's boot.
type teller struct {
	log     *slog.Logger
	bus     *event.Bus
	tap     *event.Tap
	metrics *metrics.Metrics
	// Set for the current link.
	http atomic.Pointer[httpd.Server]
	tftp atomic.Pointer[tftp.Server]

	withheld *loglimit.Once[string] // files that were logged as not served
}

func newTeller(log *slog.Logger) *teller {
	t := &teller{
		log: log, bus: &event.Bus{}, tap: &event.Tap{}, metrics: metrics.New(),
		withheld: &loglimit.Once[string]{Most: maxWithheld, Again: withheldAgain},
	}
	t.metrics.Dropped(t.bus.Dropped)
	t.metrics.Running(trace.HTTP, func() int {
		if s := t.http.Load(); s != nil {
			return s.Running()
		}
		return 0
	})
	t.metrics.Running(trace.TFTP, func() int {
		if s := t.tftp.Load(); s != nil {
			return s.Active()
		}
		return 0
	})
	return t
}

const (
	// withheldAgain is how long the log stays silent about a file that is
	// not served, and maxWithheld how many such files it names in that
	// time.
	withheldAgain = 24 * time.Hour
	maxWithheld   = 1024
)

// notServed logs a file that exists but is not served. To the client it is just
// missing; the administrator who put it there needs the reason. Each file is
// logged once a day, however often it is requested.
func (t *teller) notServed(e bootfiles.RefusedError) {
	if t.withheld.First(time.Now(), e.Path) {
		t.log.Warn("file not served", "file", e.Path, "why", e.Why)
	}
}

// begins returns the event of a TFTP transfer that starts.
func begins(e tftp.Event) trace.Event {
	return trace.Event{
		Time: e.Start, Protocol: trace.TFTP, Addr: e.Client.Addr().Unmap(), What: trace.Name(e.File),
		Outcome: trace.Begun,
	}
}

// ends returns the event of a TFTP transfer that has ended or was refused.
func ends(e tftp.Event) trace.Event {
	outcome := trace.Sent
	switch {
	case e.Aborted:
		outcome = trace.Aborted
	case errors.Is(e.Err, tftp.ErrRefused), errors.As(e.Err, new(bootfiles.RefusedError)):
		outcome = trace.Refused
	case errors.Is(e.Err, fs.ErrNotExist):
		outcome = trace.NotFound
	case errors.Is(e.Err, tftp.ErrGaveUp), errors.Is(e.Err, tftp.ErrNoAnswer):
		outcome = trace.TimedOut
	case e.Err != nil:
		outcome = trace.Failed
	}
	x := trace.Event{
		Time: e.Start.Add(e.Duration), Protocol: trace.TFTP, Addr: e.Client.Addr().Unmap(), What: trace.Name(e.File),
		Outcome: outcome, Bytes: e.Sent, Took: e.Duration, Retransmits: e.Retransmits,
	}
	if outcome == trace.Refused {
		x.Why = why(e.Err)
	}
	return x
}

// maxWhy is how much of a reason an event keeps, in bytes.
const maxWhy = 256

// why returns the reason of a refusal for an event.
func why(err error) string {
	var refused bootfiles.RefusedError
	if errors.As(err, &refused) {
		err = errors.New(refused.Why)
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), tftp.ErrRefused.Error()), ": ")
	return text[:min(len(text), maxWhy)]
}
