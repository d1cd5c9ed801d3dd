package wdshandoff

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

var (
	pc    = ether.MustParseMAC("52:54:00:77:00:10")
	other = ether.MustParseMAC("02:00:00:00:00:01")
)

var (
	t0     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	anyXID = [4]byte{1}
)

// written waits until the file holds n entries.
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

// If the list of machines that have had their one boot is lost, no machine gets
// another boot by the rules of that time, until they are edited.
func TestLostListClosesItsRules(t *testing.T) {
	rule := func(mac ...string) clients.Rule {
		return clients.Rule{Machine: spec.Machine{MAC: mac, Boot: "debian", Once: true}, View: "m1"}
	}
	view := func(d *Service, r clients.Rule) string {
		d.Keep([]clients.Rule{r})
		return d.Reader(t0, d.Rules(spec.ModeProxy, []clients.Rule{r}, nil), first, ether.MAC{}).View
	}
	dir := t.TempDir()
	name := filepath.Join(dir, spentFile)
	if err := os.WriteFile(name, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	desk := func() *Service {
		d := newService(t, map[netip.Addr]ether.MAC{first: pc})
		d.DataDir, d.Log = dir, slog.New(slog.NewTextHandler(&said, nil))
		return d
	}
	d := desk()
	if got := view(d, rule(pc.String())); got != "" {
		t.Errorf("it reads %q", got)
	}
	if b, err := os.ReadFile(name + ".bad"); string(b) != "damaged" {
		t.Errorf("the copy: %q, %v", b, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- saveSpent(ctx, dir, d.once, d.Log) }()
	written(t, dir, 0)
	cancel()
	<-done

	said.Reset()
	d = desk()
	if got := view(d, rule(pc.String())); got != "" {
		t.Errorf("after a restart it reads %q", got)
	}
	if !strings.Contains(said.String(), "change the values of its mac, guid or firmware") {
		t.Errorf("the log:\n%s", &said)
	}
	said.Reset()
	if got := view(d, rule(pc.String(), other.String())); got != "m1" || said.Len() > 0 {
		t.Errorf("by the edited rule it reads %q; the log:\n%s", got, &said)
	}
}
