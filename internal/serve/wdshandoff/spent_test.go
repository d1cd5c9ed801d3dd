package wdshandoff

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
)

var (
	pc    = ether.MustParseMAC("52:54:00:77:00:10")
	other = ether.MustParseMAC("02:00:00:00:00:01")
)

var (
	t0     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	anyXID = [4]byte{1}
)

// written waits until the file holds as many.
func written(t *testing.T, dir string, n int) []clients.Spent {
	t.Helper()
	for range filewatch.Dir(t.Context(), dir, time.Second) {
		if s, err := spentIn(dir).load(); err == nil && len(s.Spent) == n {
			return s.Spent
		}
	}
	t.Fatal("never written")
	return nil
}

func TestSpentIsWritten(t *testing.T) {
	dir, once := t.TempDir(), clients.NewOnce(8)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- saveSpent(ctx, dir, once, slog.New(slog.DiscardHandler)) }()
	defer func() { cancel(); <-done }()
	if _, err := spentIn(dir).load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	a, b := clients.Spent{Rule: "install", MAC: pc}, clients.Spent{Rule: "install", MAC: other}
	once.Read(t0, a)
	written(t, dir, 1)
	once.Boots(t0, b, anyXID)
	if got := written(t, dir, 2); !slices.Equal(got, []clients.Spent{a, b}) {
		t.Errorf("written: %v", got)
	}
}
