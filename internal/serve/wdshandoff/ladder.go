package wdshandoff

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/serve/ladder"
)

const (
	// ladderFile has, in the run directory, what machines did after earlier
	// answers. A restart of the box forgets it: then two boots show it again.
	ladderFile = "ladder.json"
	// maxLadder is how many machines are remembered, with 1 kB for each.
	maxLadder = 4096
	// ladderPause is how long a change may wait to be saved. While a classroom
	// boots, there are many changes.
	ladderPause = 5 * time.Second
)

type ladderState struct {
	Format   int             `json:"format"`
	Machines []ladder.Record `json:"machines"`
}

func ladderIn(dir string) stateFile[ladderState] {
	return stateFile[ladderState]{dir: dir, name: ladderFile, perm: 0o644, pause: ladderPause}
}

// restoreLadder reads what was saved before the program was restarted. If the
// file is unusable, machines get the usual answers.
func restoreLadder(now time.Time, dir string, log *slog.Logger) *ladder.Table {
	t := ladder.New(maxLadder)
	s, err := ladderIn(dir).load()
	if err == nil {
		t.Restore(now, s.Machines)
	} else if !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what machines did after earlier answers is lost: they get the usual answers", "err", err)
	}
	return t
}

// saveLadder writes the file after changes, until ctx ends.
func saveLadder(ctx context.Context, dir string, t *ladder.Table, log *slog.Logger) error {
	os.MkdirAll(dir, 0o755) // if this fails, so does the write, which is logged
	return ladderIn(dir).keep(ctx, t.Changed(),
		func() ladderState { return ladderState{stateFormat, t.All(time.Now())} },
		log, "what machines did after earlier answers cannot be saved: a restart of this program forgets it")
}

// Ladder returns the table of what machines did after earlier answers.
func (d *Service) Ladder() *ladder.Table { return d.ladder }

// Requested notes that a file is requested from an address. first says that it
// is one that DHCP names.
func (d *Service) Requested(now time.Time, client netip.Addr, first bool) {
	d.ladder.Requested(now, client.Unmap(), first)
}

// Loaded notes that the whole of shim was sent to an address. It counts only for
// a machine on the link that ARP names, or that a relay agent vouches for, and
// whose firmware DHCP knows.
func (d *Service) Loaded(now time.Time, client netip.Addr, c ladder.Copy) {
	if m, ok := d.certain(client.Unmap()); ok {
		d.ladder.Loaded(now, m, client.Unmap(), c)
	}
}

// LoadedProgram is the same for a program of the box that firmware starts.
func (d *Service) LoadedProgram(now time.Time, client netip.Addr) {
	if m, ok := d.certain(client.Unmap()); ok {
		d.ladder.LoadedProgram(now, m, client.Unmap())
	}
}

// certain returns the machine at an address, if more is known of it than DHCP
// packets say.
func (d *Service) certain(client netip.Addr) (clients.Machine, bool) {
	h, err := d.holder(client)
	return h.Machine, err == nil && (h.by == byLink || h.by == byRelay) && h.Firmware != ""
}
