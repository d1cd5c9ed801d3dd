package wdshandoff

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/pxebox/pxebox/internal/boot/handoff"
)

// armedFile lists, in the run directory, the machines that restart for a
// hand-over, with the key that tells their menus from forged ones. Like everything in
// that directory, it is in memory: a restart of the box takes longer than a
// boot.
const armedFile = "handoffs.json"

type armedState struct {
	Format int              `json:"format"`
	Key    handoff.Key      `json:"key"`
	Armed  []handoff.Ticket `json:"armed"`
	Visits []handoff.Visit  `json:"visits,omitempty"`
}

// armedIn is that file. No other user may read it, because it contains the key.
// It is written before any machine is armed: the menus that are sent need the
// key.
func armedIn(dir string) stateFile[armedState] {
	return stateFile[armedState]{dir: dir, name: armedFile, perm: 0o600, atOnce: true}
}

// restoreArmed restores the state from before the program was restarted. If the
// file is unusable, the box goes on with a new key and, if there was another
// key, logs that.
func restoreArmed(
	now time.Time, dir string, asked *handoff.Table, visits *handoff.Visits, log *slog.Logger,
) (key handoff.Key) {
	s, err := armedIn(dir).load()
	if err == nil && s.Key == (handoff.Key{}) {
		err = fmt.Errorf("%s: no key", armedFile)
	}
	switch {
	case err == nil:
		asked.Restore(now, s.Armed)
		visits.Restore(now, s.Visits)
		return s.Key
	case !errors.Is(err, fs.ErrNotExist):
		log.Error("the state of hand-overs is lost: menus on screens cannot hand a machine over, and machines that restart for a hand-over get the menu", "err", err)
	}
	rand.Read(key[:]) // never fails
	return key
}

// saveArmed writes the file, now and after each change, until ctx ends.
func saveArmed(
	ctx context.Context, dir string, key handoff.Key, asked *handoff.Table, visits *handoff.Visits, log *slog.Logger,
) error {
	os.MkdirAll(dir, 0o755) // if this fails, so does the write, which is logged
	return armedIn(dir).keep(ctx, asked.Changed(),
		func() armedState {
			now := time.Now()
			return armedState{stateFormat, key, asked.All(now), visits.All(now)}
		},
		log, "hand-overs cannot be saved: a restart of this program loses them")
}
