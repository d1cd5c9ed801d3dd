package handoff

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// A machine that does not start shim boots an entry that its firmware can start,
// if no rule keeps the entry from it. Which entries the settings accept is a matter
// of package parser.
func TestFallback(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := clients.Machine{MAC: ether.MustParseMAC("52:54:00:77:00:10"), Firmware: "uefi-x64"}
	server := netip.MustParseAddr("192.168.77.2")
	targets := map[string]Target{
		"wds":   {Server: server, Programs: map[firmware.Kind]string{"uefi-x64": `boot\x64\wdsmgfw.efi`}},
		"gone":  {Programs: map[firmware.Kind]string{"uefi-x64": `boot\x64\wdsmgfw.efi`}},
		"shim":  {Self: true, Programs: map[firmware.Kind]string{"uefi-x64": "ubuntu/shimx64.efi"}},
		"bios":  {Self: true, Programs: map[firmware.Kind]string{"bios": "win/pxeboot.n12"}},
		"other": {Server: server, Programs: map[firmware.Kind]string{"uefi-arm64": "arm.efi"}},
	}
	menu := func(entries ...string) clients.Rule {
		return clients.Rule{Machine: spec.Machine{Boot: spec.BootMenu, Entries: entries}}
	}
	once := clients.Rule{Machine: spec.Machine{Boot: "wds", Once: true}, Handoff: "wds"}
	for _, tc := range []struct {
		situation string
		entry     string
		rules     []clients.Rule
		spent     bool // of the first rule
		want      string
	}{
		{situation: "a WDS server", entry: "wds", want: `boot\x64\wdsmgfw.efi`},
		{situation: "a program of the box", entry: "shim", want: "ubuntu/shimx64.efi"},
		{situation: "the machine's menu has it", entry: "shim", rules: []clients.Rule{menu("debian", "shim")},
			want: "ubuntu/shimx64.efi"},
		{situation: "the machine gets the whole menu", entry: "shim", rules: []clients.Rule{menu()},
			want: "ubuntu/shimx64.efi"},
		{situation: "its one boot of another entry is spent", entry: "shim", rules: []clients.Rule{once}, spent: true,
			want: "ubuntu/shimx64.efi"},

		{situation: "none", entry: ""},
		{situation: "an entry without a target", entry: "debian"},
		{situation: "a server without an address", entry: "gone"},
		{situation: "a program for a BIOS only", entry: "bios"},
		{situation: "a program for other firmware", entry: "other"},
		{situation: "the machine's menu lacks it", entry: "shim", rules: []clients.Rule{menu("debian")}},
		{situation: "a rule starts something else",
			entry: "shim", rules: []clients.Rule{{Machine: spec.Machine{Boot: "disk"}, View: "start-disk"}}},
		{situation: "its one boot of the entry is spent", entry: "wds", rules: []clients.Rule{once}, spent: true},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			used := clients.NewOnce(4)
			if tc.spent {
				used.Boots(now.Add(-time.Hour), tc.rules[0].Spends(m), [4]byte{1})
			}
			got, ok := NewPlan(tc.rules, targets, NewTable(4), used).WithFallback(tc.entry).Fallback(now, m)
			if got.Program != tc.want || ok != (tc.want != "") || ok && got.Self != (tc.entry == "shim") {
				t.Errorf("got %+v, %v; want %q", got, ok, tc.want)
			}
		})
	}
}
