package wdshandoff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/internal/base/durable"
	"github.com/pxebox/pxebox/internal/boot/clients"
)

// spentFile lists, in the data directory, the machines that have had their boot
// of a rule with once, so that a box that was switched off does not install them
// again.
const spentFile = "once.json"

// saveAgain is how long a disk that refused is left alone.
const saveAgain = time.Minute

// spentFormat is the shape of the file.
const spentFormat = 1

type spentState struct {
	Format int             `json:"format"`
	Spent  []clients.Spent `json:"spent"`
}

// maxState is more than this program writes into a file that it reads again, in
// bytes. What is there may be anything.
const maxState = 64 << 20

func readState(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err == nil && len(b) > maxState {
		err = fmt.Errorf("%s: more than %d bytes", name, maxState)
	}
	return b, err
}

// loadSpent reads what saveSpent has written. The error is fs.ErrNotExist
// where there is nothing yet.
func loadSpent(dir string) ([]clients.Spent, error) {
	b, err := readState(filepath.Join(dir, spentFile))
	if err != nil {
		return nil, err
	}
	var s spentState
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", spentFile, err)
	}
	if s.Format != spentFormat {
		return nil, fmt.Errorf("%s: format %d, this program reads %d", spentFile, s.Format, spentFormat)
	}
	return s.Spent, nil
}

// saveSpent writes the file after each boot that counts, until ctx ends: those
// that come while it writes go together.
//
// No answer waits for it. Whoever has read a menu needs more files of the box
// before a disk is erased. Whom DHCP sends to a WDS server is on its way with
// its own REQUEST: a proxy has no answer to that which it could hold back, and
// an ACK waits for its lease to be written meanwhile. What is left is a box that
// loses its power, and the machine not, in the moment that the disk takes.
func saveSpent(ctx context.Context, dir string, once *clients.Once, log *slog.Logger) error {
	var again <-chan time.Time // after a failure
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-once.Changed():
		case <-again:
		}
		again = nil
		b, err := json.Marshal(spentState{spentFormat, once.All()})
		if err == nil {
			err = durable.WriteFile(filepath.Join(dir, spentFile), b, 0o644)
		}
		if err != nil {
			log.Error("machines that have had their one boot are known in memory only, and a power cut forgets them", "err", err)
			again = time.After(saveAgain)
		}
	}
}

// Keep has the desk remember the machines that have had their one boot by these
// rules, and no others. Before the first such rule counts it reads what is on
// disk: the disk that has the rules has this too, and may not have been there at
// the start.
func (d *Desk) Keep(machines []clients.Rule) {
	rules := map[string]bool{}
	for _, r := range machines {
		if r.Once {
			rules[clients.Fingerprint(r)] = true
		}
	}
	if len(rules) > 0 && !d.restored {
		d.restored = true
		spent, err := loadSpent(d.DataDir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.Log.Error("it is not known which machines have had their one boot: rules with once count anew", "err", err)
		}
		d.once.Restore(spent)
	}
	if !d.once.Keep(rules) {
		d.Log.Error("too many machines have had their one boot: a rule with once counts for no other", "at_most", maxSpent)
	}
}
