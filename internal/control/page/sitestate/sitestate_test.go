package sitestate

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/assets/manifest"
	"github.com/pxebox/pxebox/internal/base/boxstatus"
	"github.com/pxebox/pxebox/internal/control/boots"
	"github.com/pxebox/pxebox/internal/control/menuwatch"
)

// appliance serves answers by path on a socket.
func appliance(t *testing.T, answers map[string]any) boxstatus.Client {
	socket := filepath.Join(t.TempDir(), boxstatus.Socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(answer)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return boxstatus.Client{Socket: socket}
}

func TestState(t *testing.T) {
	snap := &menuwatch.Snapshot{}
	file := filepath.Join(t.TempDir(), manifest.Name)
	m := manifest.Manifest{Packages: []manifest.Package{{Name: "shim-signed"}}}
	if err := os.WriteFile(file, m.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &Source{
		Snapshot: func() *menuwatch.Snapshot { return snap },
		Others:   func() []boots.Other { return make([]boots.Other, 2) },
		Manifest: file,
		Box: appliance(t, map[string]any{
			boxstatus.PathDisk:     boxstatus.Disk{Dir: "/perm", Bytes: 10, Free: 5},
			boxstatus.PathSettings: boxstatus.Settings{Volume: &boxstatus.Result{Text: "OK"}},
			boxstatus.PathUpdate:   boxstatus.Update{State: boxstatus.Kept},
		}),
	}
	state := s.State()
	if state.Snapshot != snap || len(state.Others) != 2 {
		t.Errorf("%+v", state)
	}
	if p := state.Programs; p == nil || p.Packages[0].Name != "shim-signed" {
		t.Errorf("programs %+v", p)
	}
	box := state.Box()
	if box.Disk.Answer.Free != 5 || box.Settings.Answer.Volume.Text != "OK" ||
		box.Update.Answer.State != boxstatus.Kept {
		t.Errorf("%+v", box)
	}
	if !strings.Contains(box.Version.Problem, "404") || box.Disk.Problem != "" {
		t.Errorf("problems %q and %q", box.Version.Problem, box.Disk.Problem)
	}
}

// On a plain Linux host there is no appliance, and perhaps no record.
func TestStateWithoutAppliance(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for situation, name := range map[string]string{
		"no file": filepath.Join(dir, "missing"), "no name": "", "a broken one": broken, "a folder": dir,
	} {
		t.Run(situation, func(t *testing.T) {
			s := &Source{Snapshot: func() *menuwatch.Snapshot { return nil }, Manifest: name}
			if state := s.State(); state.Programs != nil || state.Box != nil || state.Others != nil {
				t.Errorf("%+v", state)
			}
		})
	}
}

func TestApplianceIsDown(t *testing.T) {
	s := &Source{
		Snapshot: func() *menuwatch.Snapshot { return nil },
		Box:      boxstatus.Client{Socket: filepath.Join(t.TempDir(), "gone.sock")},
	}
	box := s.State().Box()
	for _, problem := range []string{box.Disk.Problem, box.Settings.Problem, box.Version.Problem, box.Update.Problem} {
		if !strings.Contains(problem, "the appliance does not answer") {
			t.Errorf("problem %q", problem)
		}
	}
}
