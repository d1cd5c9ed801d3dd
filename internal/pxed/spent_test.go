package pxed

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/watch"
)

// written waits until the file holds as many.
func written(t *testing.T, dir string, n int) []machine.Spent {
	t.Helper()
	for range watch.Dir(t.Context(), dir, time.Second) {
		if all, err := loadSpent(dir); err == nil && len(all) == n {
			return all
		}
	}
	t.Fatal("never written")
	return nil
}

func TestSpentIsWritten(t *testing.T) {
	dir, once := t.TempDir(), machine.NewOnce(8)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- saveSpent(ctx, dir, once, slog.New(slog.DiscardHandler)) }()
	defer func() { cancel(); <-done }()
	if _, err := loadSpent(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	a, b := machine.Spent{Rule: "install", MAC: pc}, machine.Spent{Rule: "install", MAC: other}
	once.Read(t0, a)
	written(t, dir, 1)
	once.Boots(t0, b, anyXID)
	if got := written(t, dir, 2); !slices.Equal(got, []machine.Spent{a, b}) {
		t.Errorf("written: %v", got)
	}
}

func TestSpentComesBack(t *testing.T) {
	spent := func(d *desk) bool {
		d.handed(biosPC)
		s, err := d.fetch(pcPort, "pxelinux.cfg/01-52-54-00-77-00-10")
		if err != nil {
			t.Fatal(err)
		}
		return s == "for all"
	}
	again := func(t *testing.T, file string) *desk {
		d := newDesk(t, config.ModeProxy)
		if file != "" {
			if err := os.WriteFile(filepath.Join(d.DataDir, spentFile), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		g := d.gen
		g.Machines = []machine.Rule{its(true)}
		d.takes(g)
		return d
	}
	print := machine.Fingerprint(its(true))
	for _, tc := range []struct {
		situation, file string
		want            bool
		says            string
	}{
		{"nothing was written", "", false, ""},
		{"the machine had its boot", `{"format":1,"spent":[{"rule":"` + print + `","mac":"52:54:00:77:00:10"}]}`, true, ""},
		{"another had", `{"format":1,"spent":[{"rule":"` + print + `","mac":"02:00:00:00:00:01"}]}`, false, ""},
		{"by a rule that was edited", `{"format":1,"spent":[{"rule":"0123456789abcdef","mac":"52:54:00:77:00:10"}]}`, false, ""},
		{"the file is damaged", `{"format":1,"spent":[{"ru`, false, "count anew"},
		{"the file is of another shape", `{"format":9}`, false, "count anew"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := again(t, tc.file)
			if got := spent(d); got != tc.want {
				t.Errorf("spent: %v", got)
			}
			if said := d.said.String(); strings.Contains(said, "level=ERROR") != (tc.says != "") || !strings.Contains(said, tc.says) {
				t.Errorf("the log:\n%s", said)
			}
		})
	}
}
