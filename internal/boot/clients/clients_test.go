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
		{"the low byte first, in the first three fields", "62657870786f614c8000000000000010", "70786562-6f78-4c61-8000-000000000010"},
		{"none was set", "00000000000000000000000000000000", ""},
		{"there is none", "ffffffffffffffffffffffffffffffff", ""},
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

var pc = Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10"), GUID: "70786562-6f78-4c61-8000-000000000010", Firmware: "uefi-x64"}

func TestFits(t *testing.T) {
	for _, tc := range []struct {
		situation string
		rule      spec.Machine
		m         Machine
		want      bool
	}{
		{"a rule for all", spec.Machine{}, pc, true},
		{"a rule for all, and nothing known", spec.Machine{}, Machine{}, true},
		{"its MAC", spec.Machine{MAC: []string{"52:54:00:77:00:10"}}, pc, true},
		{"another's", spec.Machine{MAC: []string{"52:54:00:77:00:11"}}, pc, false},
		{"one of several", spec.Machine{MAC: []string{"52:54:00:77:00:11", "52:54:00:77:00:10"}}, pc, true},
		{"its maker's prefix", spec.Machine{MAC: []string{"52:54:00"}}, pc, true},
		{"a prefix of half a byte", spec.Machine{MAC: []string{"52:54:0"}}, pc, false},
		{"an empty prefix is no one's", spec.Machine{MAC: []string{""}}, pc, false},
		{"a MAC, and nothing known", spec.Machine{MAC: []string{"52:54:00"}}, Machine{}, false},
		{"its GUID", spec.Machine{GUID: []string{pc.GUID}}, pc, true},
		{"a GUID, and the firmware does not say", spec.Machine{GUID: []string{pc.GUID}}, Machine{MAC: pc.MAC}, false},
		{"its firmware", spec.Machine{Firmware: []firmware.Kind{"bios", "uefi-x64"}}, pc, true},
		{"another firmware", spec.Machine{Firmware: []firmware.Kind{"bios"}}, pc, false},
		{"by HTTP it is another firmware", spec.Machine{Firmware: []firmware.Kind{"uefi-x64-http"}}, pc, false},
		{"all that is there has to fit", spec.Machine{MAC: []string{"52:54:00"}, Firmware: []firmware.Kind{"bios"}}, pc, false},
		{"and does", spec.Machine{MAC: []string{"52:54:00"}, GUID: []string{pc.GUID}, Firmware: []firmware.Kind{"uefi-x64"}}, pc, true},
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
		{"the first that fits", pc, false, "once"},
		{"which is spent: the next", pc, true, "all of them"},
		{"only a rule with once can be spent", Machine{MAC: ether.MustParseMAC("52:54:00:00:00:01")}, true, "all of them"},
		{"none", Machine{MAC: ether.MustParseMAC("02:00:00:00:00:01")}, false, ""},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			r, ok := Match(rules, tc.m, func(Rule) bool { return tc.spent })
			if r.View != tc.want || ok != (tc.want != "") {
				t.Errorf("got %q, %v", r.View, ok)
			}
		})
	}
}
