package wdshandoff

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/pxebox/pxebox/internal/boot/clients"
)

// spentFile lists, in the data directory, the machines that have had their boot
// of a rule with once, so that a box that was switched off does not install them
// again.
const spentFile = "once.json"

type spentState struct {
	Format int             `json:"format"`
	Spent  []clients.Spent `json:"spent"`
}

func spentIn(dir string) stateFile[spentState] {
	return stateFile[spentState]{dir: dir, name: spentFile, perm: 0o644}
}

// saveSpent writes the file after each boot that counts, until ctx ends.
//
// No answer waits for it. Whoever has read a menu needs more files of the box
// before a disk is erased. Whom DHCP sends to a WDS server is on its way with
// its own REQUEST: a proxy has no answer to that which it could hold back, and
// an ACK waits for its lease to be written meanwhile. What is left is a box that
// loses its power, and the machine not, in the moment that the disk takes.
func saveSpent(ctx context.Context, dir string, once *clients.Once, log *slog.Logger) error {
	return spentIn(dir).keep(ctx, once.Changed(), func() spentState { return spentState{stateFormat, once.All()} },
		log, "machines that have had their one boot are known in memory only, and a power cut forgets them")
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
		had, err := spentIn(d.DataDir).load()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.Log.Error("it is not known which machines have had their one boot: rules with once count anew", "err", err)
		}
		d.once.Restore(had.Spent)
	}
	if !d.once.Keep(rules) {
		d.Log.Error("too many machines have had their one boot: a rule with once counts for no other", "at_most", maxSpent)
	}
}
