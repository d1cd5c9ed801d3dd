package menuwatch

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/menu"
)

// Check reads a configuration file. The error holds a line for each mistake.
func Check(file string) (*config.Config, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return config.Parse(file, data)
}

// Render writes what machines would get into dir, for a person to read.
func Render(ctx context.Context, file, dir string, lookup Lookup) error {
	c, err := Check(file)
	if err != nil {
		return err
	}
	w := &Watcher{Lookup: lookup}
	addresses := map[string]netip.Addr{}
	for _, h := range hosts(c) {
		if a, err := choose(netip.Addr{}, w.lookup(ctx, h)); err == nil {
			addresses[h] = a
		}
	}
	for name, data := range menu.Render(c, status(c, addresses)).Files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("render: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	return nil
}
