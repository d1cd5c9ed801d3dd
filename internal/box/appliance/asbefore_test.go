package appliance

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/box/selftest"
)

// The new root compares itself with what the old root recorded.
func TestNoteState(t *testing.T) {
	const fixed = "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\nrange = [\"192.168.77.100\"]\n"
	for _, tt := range []struct {
		situation, settings, refused string
		use                          selftest.Use
	}{
		{situation: "right", settings: fixed,
			use: selftest.Use{Mode: spec.ModeServer, Address: netip.MustParsePrefix("192.168.77.1/24")}},
		{situation: "a mistake", settings: "[menu]\ntitel = \"x\"\n",
			refused: "pxebox.toml:2: menu.titel: is not known"},
		{situation: "none: the built-in ones", use: selftest.Use{Mode: spec.ModeAuto}},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			s := &site{perm: dir, dir: dir}
			if tt.settings != "" {
				if err := os.WriteFile(filepath.Join(dir, "pxebox.toml"), []byte(tt.settings), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.noteState(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(dir, beforeFile))
			if err != nil {
				t.Fatal(err)
			}
			var noted selftest.State
			if err := json.Unmarshal(b, &noted); err != nil {
				t.Fatal(err)
			}
			addresses, err := ownAddresses()
			if err != nil {
				t.Fatal(err)
			}
			if want := s.state(addresses); !reflect.DeepEqual(noted, want) {
				t.Errorf("noted %+v, want %+v", noted, want)
			}
			if noted.Settings != tt.use || !strings.HasPrefix(noted.Refused, tt.refused) ||
				(noted.Refused == "") != (tt.refused == "") {
				t.Errorf("noted %+v", noted)
			}
			if err := s.forgetUpdate(); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
