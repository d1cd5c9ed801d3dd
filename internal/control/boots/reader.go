package boots

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/internal/boot/tracestream"
)

const (
	// firstRetry and lastRetry bound the time between attempts to connect.
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
	// silence is how long pxed may send nothing before the connection counts as
	// dead: it sends a record every few seconds.
	silence = 30 * time.Second
	// tick is how often quiet machines are looked for.
	tick = time.Second
)

// Run reads pxed's stream from its socket in the run directory until ctx ends.
// While pxed is down it tries again and again.
func (s *Store) Run(ctx context.Context, runDir string, log *slog.Logger) {
	socket := filepath.Join(runDir, tracestream.Socket)
	s.Disconnected(time.Now())
	go s.tickUntil(ctx)
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := s.read(ctx, socket)
		if ctx.Err() != nil {
			return
		}
		if s.Disconnected(time.Now()) {
			log.Warn("the connection to pxed ended", "err", err)
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, lastRetry)
	}
}

// tickUntil finishes boots of quiet machines until ctx ends.
func (s *Store) tickUntil(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			s.Tick(now)
		}
	}
}

// read reads one connection to its end.
func (s *Store) read(ctx context.Context, socket string) error {
	conn, err := (&net.Dialer{Timeout: silence}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r := tracestream.NewReader(deadlineReader{conn})
	for {
		rec, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return err
		case err != nil:
			// One line that cannot be read. A new connection would bring it
			// again.
			rec = tracestream.Record{Lost: 1}
		}
		s.Record(rec, time.Now())
	}
}

// deadlineReader gives each read of a connection a deadline.
type deadlineReader struct{ net.Conn }

func (d deadlineReader) Read(b []byte) (int, error) {
	if err := d.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return d.Conn.Read(b)
}
