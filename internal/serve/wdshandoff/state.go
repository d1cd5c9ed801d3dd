package wdshandoff

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pxebox/pxebox/internal/base/durable"
)

const (
	// stateFormat is the version of the file format.
	stateFormat = 1
	// maxState is the most that is read from a state file, in bytes. This
	// program writes less, but the file may hold anything.
	maxState = 64 << 20
	// saveAgain is the pause after a failed write.
	saveAgain = time.Minute
)

// stateFile stores the state of a Service, as JSON.
type stateFile[T any] struct {
	dir, name string
	perm      fs.FileMode
	pause     time.Duration // before a write, so that many changes make one
	atOnce    bool          // keep saves the current state before the first change
}

// load reads what save has written. The error is fs.ErrNotExist if there is no
// file yet.
func (f stateFile[T]) load() (state T, err error) {
	file, err := os.Open(filepath.Join(f.dir, f.name))
	if err != nil {
		return state, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxState+1))
	if err != nil {
		return state, err
	}
	if len(b) > maxState {
		return state, fmt.Errorf("%s: more than %d bytes", f.name, maxState)
	}
	shape := struct {
		Format int `json:"format"`
	}{}
	if err := json.Unmarshal(b, &shape); err != nil {
		return state, fmt.Errorf("%s: %w", f.name, err)
	}
	if shape.Format != stateFormat {
		return state, fmt.Errorf("%s: format %d, this program reads %d", f.name, shape.Format, stateFormat)
	}
	var whole T
	if err := json.Unmarshal(b, &whole); err != nil {
		return state, fmt.Errorf("%s: %w", f.name, err)
	}
	return whole, nil
}

func (f stateFile[T]) save(state T) error {
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(f.dir, f.name), b, f.perm)
}

// keep saves the state after each change, until ctx ends. Changes that arrive
// during a write are saved together. lost is the message that it logs on
// failure.
func (f stateFile[T]) keep(
	ctx context.Context, changed <-chan struct{}, state func() T, log *slog.Logger, lost string,
) error {
	var again <-chan time.Time // after a failure
	if f.atOnce {
		again = time.After(0)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			if !f.wait(ctx) {
				return ctx.Err()
			}
		case <-again:
		}
		again = nil
		if err := f.save(state()); err != nil {
			log.Error(lost, "err", err)
			again = time.After(saveAgain)
		}
	}
}

// wait reports whether ctx has not ended during the pause.
func (f stateFile[T]) wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(f.pause):
		return true
	}
}
