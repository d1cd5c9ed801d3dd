package wdshandoff

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/base/filewatch"
	"github.com/pxebox/pxebox/internal/boot/handoff"
)

// armed waits until those tickets are written.
func armed(t *testing.T, dir string, want []handoff.Ticket) {
	t.Helper()
	text := func(all []handoff.Ticket) string {
		b, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for range filewatch.Dir(t.Context(), dir, time.Second) {
		if s, err := armedIn(dir).load(); err == nil && text(s.Armed) == text(want) {
			return
		}
	}
	t.Fatal("never written")
}

func TestArmedIsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there yet")
	asked, key := handoff.NewTable(4), handoff.Key{7}
	visits := handoff.NewVisits(4, asked)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- saveArmed(ctx, dir, key, asked, visits, slog.New(slog.DiscardHandler)) }()
	defer func() { cancel(); <-done }()
	armed(t, dir, nil)
	now := time.Now()
	asked.Arm(now, biosPC, "wds")
	armed(t, dir, asked.All(now))
	asked.Used(now, biosPC, anyXID)
	armed(t, dir, asked.All(now))
	visits.Enter(now, pc, first, "ubuntu/shimx64.efi")
	asked.Used(now, biosPC, anyXID)
	for range filewatch.Dir(t.Context(), dir, time.Second) {
		if s, err := armedIn(dir).load(); err == nil && len(s.Visits) == 1 {
			break
		}
	}
	again := handoff.NewTable(4)
	seen := handoff.NewVisits(4, again)
	if got := restoreArmed(now, dir, again, seen, slog.New(slog.DiscardHandler)); got != key {
		t.Errorf("the key was %v and is %v", key, got)
	}
	if entry, ok := again.Answer(now, biosPC, anyXID); entry != "wds" || !ok {
		t.Errorf("on its way to %q, %v", entry, ok)
	}
	if got := seen.At(now, first, pc); path.Dir(got) != "ubuntu" {
		t.Errorf("it runs %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, armedFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v: others can read the key", info.Mode(), err)
	}
}

func TestArmedIsLost(t *testing.T) {
	for situation, tc := range map[string]struct {
		file string
		says bool
	}{
		"the box has been started":         {"", false},
		"the file is damaged":              {`{"format":1,"ke`, true},
		"the file is of another shape":     {`{"format":9}`, true},
		"the file has no key":              {`{"format":1,"armed":[]}`, true},
		"the file has half a key, or less": {`{"format":1,"key":"AAAA"}`, true},
	} {
		t.Run(situation, func(t *testing.T) {
			dir, said := t.TempDir(), &bytes.Buffer{}
			if tc.file != "" {
				if err := os.WriteFile(filepath.Join(dir, armedFile), []byte(tc.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			restore := func() handoff.Key {
				return restoreArmed(t0, dir, handoff.NewTable(4), handoff.NewVisits(4, handoff.NewTable(4)),
					slog.New(slog.NewTextHandler(said, nil)))
			}
			if a, b := restore(), restore(); a == b || a == (handoff.Key{}) {
				t.Errorf("the keys are %v and %v", a, b)
			}
			if got := strings.Contains(said.String(), "level=ERROR"); got != tc.says {
				t.Errorf("the log:\n%s", said)
			}
		})
	}
}
