//go:build !windows

// No daemon runs on Windows, and renameio cannot replace a file there.

package generation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/pxebox/pxebox/internal/base/filewatch"
)

// poll is how often the file is read when no change is reported.
const poll = 2 * time.Second

// Publish writes g to dir, and creates dir if needed. It returns the generation's
// ID. Readers see the old file or the new one, never a partial one. A file with
// the same content is not rewritten; changed is then false. The error is a
// TooLargeError, or comes from the disk.
func Publish(dir string, g Generation) (id string, changed bool, err error) {
	b, err := Encode(g)
	if err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", false, fmt.Errorf("publish generation: %w", err)
	}
	name := filepath.Join(dir, FileName)
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b) {
		return identify(b), false, nil
	}
	if err := renameio.WriteFile(name, b, 0o644, renameio.WithTempDir(dir)); err != nil {
		return "", false, fmt.Errorf("publish generation: %w", err)
	}
	return identify(b), true, nil
}

// Read returns the generation in dir. The error is fs.ErrNotExist where there
// is none.
func Read(dir string) (Generation, error) {
	f, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return Generation{}, fmt.Errorf("read generation: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return Generation{}, fmt.Errorf("read generation: %w", err)
	}
	return Decode(b)
}

// Watch calls use with the generation in dir and with each one that replaces it,
// until ctx ends. If the file is invalid or missing, the last one stays in use.
// dir may not exist yet, because menuwatch may start second.
func Watch(ctx context.Context, dir string, log *slog.Logger, use func(Generation)) {
	os.MkdirAll(dir, 0o755) // changes are reported sooner if the directory exists; the poll finds them anyway
	follow(ctx, filewatch.Dir(ctx, dir, poll), dir, log, use)
}

// follow reads the file at each hint.
func follow(ctx context.Context, hints <-chan struct{}, dir string, log *slog.Logger, use func(Generation)) {
	var id, problem string
	for {
		select {
		case <-ctx.Done():
			return
		case <-hints:
		}
		g, err := Read(dir)
		if err != nil {
			if err.Error() != problem { // once, not at each poll
				problem = err.Error()
				if errors.Is(err, fs.ErrNotExist) && id == "" {
					log.Info("no generation yet", "dir", dir)
				} else {
					log.Error("generation cannot be used; the last good one stays in use", "err", err, "generation", id)
				}
			}
			continue
		}
		problem = ""
		if g.ID != id {
			id = g.ID
			use(g)
		}
	}
}
