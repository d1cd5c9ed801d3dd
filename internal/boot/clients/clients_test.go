package clients

import (
	"encoding/hex"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestGUID(t *testing.T) {
	for _, tc := range []struct{ situation, wire, want string }{
		// QEMU's -uuid 70786562-6f78-4c61-8000-000000000010, as in its
		// SMBIOS.
		{situation: "the low byte first, in the first three fields", wire: "62657870786f614c8000000000000010",
			want: "70786562-6f78-4c61-8000-000000000010"},
		{situation: "none was set", wire: "00000000000000000000000000000000"},
		{situation: "there is none", wire: "ffffffffffffffffffffffffffffffff"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			b, err := hex.DecodeString(tc.wire)
			if err != nil {
				t.Fatal(err)
			}
			if got := GUID([16]byte(b)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

var pc = Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10"), GUID: "70786562-6f78-4c61-8000-000000000010",
	Firmware: "uefi-x64"}

func TestFits(t *testing.T) {
	for _, tc := range []struct {
		situation string
		rule      spec.Machine
		m         Machine
		want      bool
	}{
		{situation: "a rule for all", m: pc, want: true},
		{situation: "a rule for all, and nothing known", want: true},
		{situation: "its MAC", rule: spec.Machine{MAC: []string{"52:54:00:77:00:10"}}, m: pc, want: true},
		{situation: "another's", rule: spec.Machine{MAC: []string{"52:54:00:77:00:11"}}, m: pc},
		{situation: "one of several", rule: spec.Machine{MAC: []string{"52:54:00:77:00:11", "52:54:00:77:00:10"}},
			m: pc, want: true},
		{situation: "its maker's prefix", rule: spec.Machine{MAC: []string{"52:54:00"}}, m: pc, want: true},
		{situation: "a prefix of half a byte", rule: spec.Machine{MAC: []string{"52:54:0"}}, m: pc},
		{situation: "an empty prefix is no one's", rule: spec.Machine{MAC: []string{""}}, m: pc},
		{situation: "a MAC, and nothing known", rule: spec.Machine{MAC: []string{"52:54:00"}}},
		{situation: "its GUID", rule: spec.Machine{GUID: []string{pc.GUID}}, m: pc, want: true},
		{situation: "a GUID, and the firmware does not say", rule: spec.Machine{GUID: []string{pc.GUID}},
			m: Machine{MAC: pc.MAC}},
		{situation: "its firmware", rule: spec.Machine{Firmware: []firmware.Kind{"bios", "uefi-x64"}},
			m: pc, want: true},
		{situation: "another firmware", rule: spec.Machine{Firmware: []firmware.Kind{"bios"}}, m: pc},
		{situation: "by HTTP it is another firmware",
			rule: spec.Machine{Firmware: []firmware.Kind{"uefi-x64-http"}}, m: pc},
		{situation: "all that is there has to fit",
			rule: spec.Machine{MAC: []string{"52:54:00"}, Firmware: []firmware.Kind{"bios"}}, m: pc},
		{situation: "and does", rule: spec.Machine{MAC: []string{"52:54:00"}, GUID: []string{pc.GUID},
			Firmware: []firmware.Kind{"uefi-x64"}}, m: pc, want: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := (Rule{Machine: tc.rule}).Fits(tc.m); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	rules := []Rule{
		{Machine: spec.Machine{Firmware: []firmware.Kind{"bios"}}, View: "bios"},
		{Machine: spec.Machine{MAC: []string{"52:54:00:77:00:10"}, Once: true}, View: "once"},
		{Machine: spec.Machine{MAC: []string{"52:54:00"}}, View: "all of them"},
		{Machine: spec.Machine{MAC: []string{"52:54:00:77:00:10"}}, View: "too late"},
	}
	for _, tc := range []struct {
		situation string
		m         Machine
		spent     bool
		want      string
	}{
		{situation: "the first that fits", m: pc, want: "once"},
		{situation: "which is spent: the next", m: pc, spent: true, want: "all of them"},
		{situation: "only a rule with once can be spent", m: Machine{MAC: ether.MustParseMAC("52:54:00:00:00:01")},
			spent: true, want: "all of them"},
		{situation: "none", m: Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			r, ok := Match(rules, tc.m, func(Rule) bool { return tc.spent })
			if r.View != tc.want || ok != (tc.want != "") {
				t.Errorf("got %q, %v", r.View, ok)
			}
		})
	}
}
