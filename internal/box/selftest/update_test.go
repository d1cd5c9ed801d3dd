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
		{situation: "all as before", before: &well, now: well},
		{situation: "all as before, by DHCP", before: &byDHCP, now: byDHCP},
		{situation: "the new program refuses the settings", before: &well, now: refused,
			why: "refuses the settings: menu.serial is not known"},
		{situation: "both refuse them", before: &refused, now: refused},
		{situation: "both refuse them, and there was no address", before: ptr(with(refused, absent)),
			now: with(refused, absent)},
		{situation: "the new program takes what the old one refused", before: &refused, now: well},
		{situation: "the old one refused others, which were corrected since",
			before: ptr(with(refused, another)), now: refused,
			why: "refuses the settings"},
		{situation: "an old root that noted nothing: well", now: well},
		{situation: "an old root that noted nothing: refused", now: refused, why: "refuses the settings"},
		{situation: "an old root that noted nothing: no address", now: with(well, absent), why: "does not have"},
		{situation: "the default is still in force", before: &well,
			now: with(well, func(s *State) { s.InForce = builtIn }),
			why: `but mode "auto" and an address by DHCP is in force`},
		{situation: "nothing is in force yet", before: &well,
			now: with(well, func(s *State) { s.InForce, s.Present = Use{}, false }),
			why: "no settings are in force yet"},
		{situation: "another mode is in force", before: &well,
			now: with(well, func(s *State) { s.InForce.Mode = spec.ModeProxy }),
			why: `but mode "proxy"`},
		{situation: "the new program takes them for another mode", before: &well, now: with(well, func(s *State) {
			s.Settings.Mode, s.InForce.Mode = spec.ModeProxy, spec.ModeProxy
		}), why: `reads the settings as mode "proxy"`},
		{situation: "the new program overlooks the address", before: &well, now: with(well, func(s *State) {
			s.Settings.Address, s.InForce.Address = netip.Prefix{}, netip.Prefix{}
		}), why: "and an address by DHCP, the old one"},
		{situation: "changed during the update", before: ptr(with(byDHCP, another)), now: well},
		{situation: "the address does not come", before: &well, now: with(well, absent),
			why: `the box does not have mode "server" and the address 192.168.77.1/24`},
		{situation: "there was no such address before", before: ptr(with(well, absent)), now: with(well, absent)},
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
