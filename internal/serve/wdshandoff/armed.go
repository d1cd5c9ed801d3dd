package wdshandoff

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/pxebox/pxebox/internal/boot/handoff"
)

// armedFile lists, in the run directory, the machines that are on their way to
// WDS, with the key that tells their menus from forged ones. It is in memory, as
// everything there: a restart of the box takes longer than a boot.
const armedFile = "handoffs.json"

// armedFormat is the shape of the file.
const armedFormat = 1

type armedState struct {
	Format int              `json:"format"`
	Key    handoff.Key      `json:"key"`
	Armed  []handoff.Ticket `json:"armed"`
}

// loadArmed reads what saveArmed has written.
func loadArmed(dir string) (s armedState, err error) {
	b, err := readState(filepath.Join(dir, armedFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("%s: %w", armedFile, err)
	}
	if s.Format != armedFormat || s.Key == (handoff.Key{}) {
		return s, fmt.Errorf("%s: format %d, this program reads %d", armedFile, s.Format, armedFormat)
	}
	return s, nil
}

// restoreArmed restores what the program knew before it was restarted. Whatever
// is wrong with the file, the box goes on with a new key, and logs that where
// there was another.
func restoreArmed(now time.Time, dir string, asked *handoff.Table, log *slog.Logger) (key handoff.Key) {
	switch s, err := loadArmed(dir); {
	case err == nil:
		asked.Restore(now, s.Armed)
		return s.Key
	case !errors.Is(err, fs.ErrNotExist):
		log.Error("handoff: menus that are shown now cannot lead to WDS, and who is on the way there gets the menu", "err", err)
	}
	rand.Read(key[:]) // never fails
	return key
}

// saveArmed writes the file, and again after each change, until ctx ends.
func saveArmed(ctx context.Context, dir string, key handoff.Key, asked *handoff.Table, log *slog.Logger) error {
	for {
		b, err := json.Marshal(armedState{armedFormat, key, asked.All(time.Now())})
		if err == nil {
			// No other user may read the key.
			err = errors.Join(os.MkdirAll(dir, 0o755), renameio.WriteFile(filepath.Join(dir, armedFile), b, 0o600, renameio.WithTempDir(dir)))
		}
		if err != nil {
			log.Error("handoff: a restart of this program would forget who is on the way to WDS", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-asked.Changed():
		}
	}
}
