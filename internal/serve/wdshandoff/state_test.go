package wdshandoff

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/handoff"
)

// FuzzState: whatever the state files hold, the program starts, and the state
// that it restores is bounded.
func FuzzState(f *testing.F) {
	for _, s := range []string{
		"", "{", "null", "[]", `{"format":1}`, `{"format":1,"spent":null,"armed":null}`,
		`{"format":1,"spent":[{},null,{"rule":"x","mac":"no address"},{"rule":"x","guid":"y"}],"closed":["x",null]}`,
		`{"format":1,"key":null,"armed":[{}]}`,
		`{"format":1,"armed":[{"MAC":"x","Entry":"y","Ends":"9999-12-31T23:59:59Z","Used":true},null]}`,
		`{"format":1,"key":[1],"visits":[{"MAC":"52:54:00:77:00:10","Addr":"10.0.0.1","Program":"../../x"},null,{}]}`,
		`{"format":1,"armed":[{"Ends":"0000-01-01T00:00:00Z","Use":{"At":"0001-01-01T00:00:00Z"}}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		for _, name := range []string{spentFile, armedFile} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now()
		once := clients.NewOnce(2)
		if had, err := spentIn(dir).load(); err == nil {
			once.Restore(had.Spent, had.Closed)
			for _, s := range had.Spent {
				if !once.Asks(now, s, anyXID) {
					t.Errorf("%+v counts again", s)
				}
			}
		}
		asked := handoff.NewTable(2)
		visits := handoff.NewVisits(2, asked)
		restoreArmed(now, dir, asked, visits, slog.New(slog.DiscardHandler))
		if n := len(visits.All(now)); n > 2 {
			t.Errorf("%d visits", n)
		}
		all := asked.All(now)
		if len(all) > 2 {
			t.Errorf("%d tickets", len(all))
		}
		for _, x := range all {
			asked.Answer(now, clients.Machine{MAC: x.MAC, GUID: x.GUID}, anyXID)
			asked.Used(now, clients.Machine{MAC: x.MAC, GUID: x.GUID}, anyXID)
			if x.Ends.After(now.Add(handoff.Lifetime)) {
				t.Errorf("%+v lasts for too long", x)
			}
		}
	})
}

func TestStateIsTooLarge(t *testing.T) {
	name := filepath.Join(t.TempDir(), spentFile)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, maxState+1); err != nil { // a sparse file: it takes no room
		t.Fatal(err)
	}
	if _, err := spentIn(filepath.Dir(name)).load(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestSaveIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "not there yet")
		f := stateFile[spentState]{dir: dir, name: spentFile, perm: 0o600, atOnce: true}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var said bytes.Buffer
		go f.keep(ctx, nil, func() spentState { return spentState{Format: stateFormat} },
			slog.New(slog.NewTextHandler(&said, nil)), "one-time boots cannot be saved")
		synctest.Wait()
		if !strings.Contains(said.String(), "one-time boots cannot be saved") {
			t.Errorf("the log: %s", &said)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(saveAgain)
		synctest.Wait()
		if _, err := f.load(); err != nil {
			t.Error(err)
		}
	})
}
