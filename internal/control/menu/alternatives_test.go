package menu

import (
	"slices"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// A machine may try the program of 2023 only if its server has it. A server
// without it is as well as ever.
func TestAlternatives(t *testing.T) {
	up, refused := bootmenu.Health{State: bootmenu.Up}, bootmenu.Health{State: bootmenu.Refused, Note: "file not found"}
	for _, tt := range []struct {
		situation    string
		more         string
		known, newer bootmenu.Health
		want         []string
	}{
		{situation: "it has both", known: up, newer: up, want: []string{`boot_EX\x64\wdsmgfw_EX.efi`}},
		{situation: "it has only the one of 2011", known: up, newer: refused},
		{situation: "it was not asked yet"},
		{situation: "it went down", known: bootmenu.Health{State: bootmenu.Down},
			newer: bootmenu.Health{State: bootmenu.Down}},
		{situation: "it refuses the first", known: refused, newer: up},
		{situation: "the site wants none", more: `uefi-x64-2023 = ""`, known: up, newer: up},
		{situation: "the same file", more: `uefi-x64-2023 = 'boot\x64\wdsmgfw.efi'`, known: up, newer: up},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			const wds, entry = "[[wds]]\nname = \"w\"\nserver = \"10.0.0.9\"\n",
				"\n[[entry]]\nname = \"e\"\nwds = \"w\"\n"
			c := parse(t, wds+tt.more+entry)
			st := Status{WDS: map[string]bootmenu.Server{"w": {
				Programs:     map[firmware.Kind]bootmenu.Health{uefi: tt.known},
				Programs2023: map[firmware.Kind]bootmenu.Health{uefi: tt.newer},
			}}}
			r := Render(c, st)
			if got := r.Handoffs["e"].Alternatives[uefi]; !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			without := st
			without.WDS = map[string]bootmenu.Server{"w": {Programs: st.WDS["w"].Programs}}
			for name, file := range Render(c, without).Files {
				if string(r.Files[name]) != string(file) {
					t.Errorf("the program of 2023 changes %s", name)
				}
			}
		})
	}
}
