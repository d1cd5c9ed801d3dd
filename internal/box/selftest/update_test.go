package selftest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestAsBefore(t *testing.T) {
	server := Use{spec.ModeServer, netip.MustParsePrefix("192.168.77.1/24")}
	builtIn := Use{Mode: spec.ModeAuto}
	well := State{Sum: "1", Settings: server, InForce: server, Present: true}
	refused := State{Sum: "1", Refused: "menu.serial is not known", InForce: builtIn, Present: true}
	with := func(s State, change func(*State)) State { change(&s); return s }
	another := func(s *State) { s.Sum = "2" }
	absent := func(s *State) { s.Present = false }
	byDHCP := State{Sum: "1", Settings: builtIn, InForce: builtIn, Present: true}
	for _, tt := range []struct {
		situation string
		before    *State // nil: an old root that recorded nothing
		now       State
		why       string // part of the error; empty: the update is kept
	}{
		{"all as before", &well, well, ""},
		{"all as before, by DHCP", &byDHCP, byDHCP, ""},
		{"the new program refuses the settings", &well, refused, "refuses the settings: menu.serial is not known"},
		{"both refuse them", &refused, refused, ""},
		{"both refuse them, and there was no address", ptr(with(refused, absent)), with(refused, absent), ""},
		{"the new program takes what the old one refused", &refused, well, ""},
		{"the old one refused others, which were corrected since", ptr(with(refused, another)), refused,
			"refuses the settings"},
		{"an old root that noted nothing: well", nil, well, ""},
		{"an old root that noted nothing: refused", nil, refused, "refuses the settings"},
		{"an old root that noted nothing: no address", nil, with(well, absent), "does not have"},
		{"the default is still in force", &well, with(well, func(s *State) { s.InForce = builtIn }),
			`but mode "auto" and an address by DHCP is in force`},
		{"nothing is in force yet", &well, with(well, func(s *State) { s.InForce, s.Present = Use{}, false }),
			"no settings are in force yet"},
		{"another mode is in force", &well, with(well, func(s *State) { s.InForce.Mode = spec.ModeProxy }),
			`but mode "proxy"`},
		{"the new program takes them for another mode", &well, with(well, func(s *State) {
			s.Settings.Mode, s.InForce.Mode = spec.ModeProxy, spec.ModeProxy
		}), `reads the settings as mode "proxy"`},
		{"the new program overlooks the address", &well, with(well, func(s *State) {
			s.Settings.Address, s.InForce.Address = netip.Prefix{}, netip.Prefix{}
		}), "and an address by DHCP, the old one"},
		{"changed during the update", ptr(with(byDHCP, another)), well, ""},
		{"the address does not come", &well, with(well, absent),
			`the box does not have mode "server" and the address 192.168.77.1/24`},
		{"there was no such address before", ptr(with(well, absent)), with(well, absent), ""},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			err := AsBefore(tt.before, tt.now)
			if (err == nil) != (tt.why == "") || err != nil && !strings.Contains(err.Error(), tt.why) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func ptr(s State) *State { return &s }
