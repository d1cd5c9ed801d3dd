package wdshandoff

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/pxebox/pxebox/internal/boot/clients"
)

// spentFile lists, in the data directory, the machines that have had their boot
// by a rule with once, so that a box that was switched off does not install
// them again.
const spentFile = "once.json"

type spentState struct {
	Format int             `json:"format"`
	Spent  []clients.Spent `json:"spent"`
	Closed []string        `json:"closed,omitempty"` // rules that apply to no machine
}

func spentIn(dir string) stateFile[spentState] {
	return stateFile[spentState]{dir: dir, name: spentFile, perm: 0o644}
}

// saveSpent writes the file after each boot that counts, until ctx ends.
//
// No answer waits for the write. A machine that has read a menu needs more
// files from the box before it erases a disk. A machine that DHCP sends to a
// WDS server starts there with its own REQUEST: a proxy has no answer to that
// REQUEST that it could hold back, and an ACK waits for its lease to be written
// meanwhile. One gap remains: the box, but not the machine, loses power in the
// moment of the disk write.
func saveSpent(ctx context.Context, dir string, once *clients.Once, log *slog.Logger) error {
	return spentIn(dir).keep(ctx, once.Changed(),
		func() spentState { return spentState{stateFormat, once.All(), once.Closed()} },
		log, "used one-time boots cannot be saved: a power cut loses them")
}

// logWithheld logs, until ctx ends, each machine that a rule with once no
// longer applies to because another MAC with its GUID has used it.
func (d *Service) logWithheld(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case w := <-d.once.Withheld():
			d.Log.Warn("machine: its one-time boot was used by another MAC with the same GUID; write a rule by mac for each machine that shares a GUID",
				"mac", w.MAC, "by", w.By, "guid", w.GUID, "rule", w.Rule)
		}
	}
}

// Keep makes the Service remember the machines that have had their one boot by
// these rules, and no others. Before the first such rule takes effect, Keep
// reads what is on disk. That disk also holds the rules, and may not have been
// mounted at startup.
func (d *Service) Keep(machines []clients.Rule) {
	rules := map[string]bool{}
	for _, r := range machines {
		if r.Once {
			rules[clients.Fingerprint(r)] = true
		}
	}
	if len(rules) > 0 && !d.restored {
		d.restored = true
		d.restoreSpent(rules)
	}
	if !d.once.Keep(rules) {
		d.Log.Error("too many machines have used their one-time boot: a rule with once applies to no further machine",
			"at_most", maxSpent)
	}
	closed := slices.DeleteFunc(d.once.Closed(), func(rule string) bool { return !rules[rule] })
	if len(closed) > 0 {
		d.Log.Warn("rules with once apply to no machine, because the list of used one-time boots was lost; "+
			"to enable such a rule again, change the values of its mac, guid or firmware", "rules", len(closed))
	}
}

// restoreSpent reads what is on disk. If the file cannot be read, any machine
// may have had its boot by any of the rules, and another boot may erase its
// disk. So the rules apply to no machine until an administrator edits them,
// which makes them new rules. The next write replaces the file; a copy is kept
// under another name.
func (d *Service) restoreSpent(rules map[string]bool) {
	s, err := spentIn(d.DataDir).load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err == nil:
		d.once.Restore(s.Spent, s.Closed)
		return
	}
	name := filepath.Join(d.DataDir, spentFile)
	kept := name + ".bad"
	os.Remove(kept) // from an earlier failure
	err = errors.Join(err, os.Link(name, kept))
	for rule := range rules {
		d.once.Close(rule)
	}
	d.Log.Error("the list of used one-time boots cannot be read", "path", name, "kept", kept, "err", err)
}
