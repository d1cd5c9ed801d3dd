package menu

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/winpe"
)

const byFirmware = `
[[bootserver]]
name = "fog"
address = "192.168.77.3"
bios = "undionly.kpxe"
uefi-x64 = "ipxe.efi"
[[entry]]
name = "fog"
bootserver = "fog"
[[entry]]
name = "ubuntu"
efi = "ubuntu/shimx64.efi"
file = "ubuntu/pxelinux.0"
start = "firmware"
erases = true
[[machine]]
mac = ["52:54:00"]
boot = "ubuntu"
`

// Entries that the firmware starts: on UEFI by a restart, on a BIOS at once.
func TestRenderOfTheFirmwaresStart(t *testing.T) {
	r := Render(parse(t, byFirmware), Status{})
	want := map[string]handoff.Target{
		"fog": {
			Server:   r.Handoffs["fog"].Server,
			Programs: map[firmware.Kind]string{bios: "undionly.kpxe", uefi: "ipxe.efi"},
		},
		"ubuntu": {
			Self:     true,
			Programs: map[firmware.Kind]string{bios: "ubuntu/pxelinux.0", uefi: "ubuntu/shimx64.efi"},
		},
	}
	if !reflect.DeepEqual(r.Handoffs, want) || r.Handoffs["fog"].Server.String() != "192.168.77.3" {
		t.Errorf("hand-overs: %+v", r.Handoffs)
	}
	if got := r.Machines[0]; got.Handoff != "ubuntu" || got.View != "" {
		t.Errorf("the rule is %+v", got)
	}
	checkGRUB(t, r)
	for name, parts := range map[string][]string{
		grub.ConfigFile: {"cat \"/handoff/fog/", "cat \"/handoff/ubuntu/", answerYes, "reboot"},
		pxelinux.ConfigFile: {
			"APPEND 192.168.77.3::undionly.kpxe -W ", "APPEND ::ubuntu/pxelinux.0 -W ", answerYes,
		},
		"handoff/ubuntu": {"Its firmware starts ubuntu/shimx64.efi", "This computer restarts now."},
		"handoff/fog":    {"Boot server fog, 192.168.77.3"},
	} {
		for _, part := range parts {
			if !strings.Contains(string(r.Files[name]), part) {
				t.Errorf("%s has no %q:\n%s", name, part, r.Files[name])
			}
		}
	}
	if file := string(r.Files[grub.ConfigFile]); strings.Contains(file, "chainloader '/ubuntu") {
		t.Errorf("GRUB starts the program itself:\n%s", file)
	}
}

// A machine whose program is missing gets the menu, which says so.
func TestRenderOfTheFirmwaresStartWithoutItsFile(t *testing.T) {
	c := parse(t, byFirmware)
	r := Render(c, Status{Missing: map[string][]string{"ubuntu": {"ubuntu/shimx64.efi"}}})
	if got := r.Handoffs["ubuntu"].Programs; !maps.Equal(got,
		map[firmware.Kind]string{bios: "ubuntu/pxelinux.0"}) {
		t.Errorf("one is missing: %v", got)
	}
	r = Render(c, Status{Missing: map[string][]string{"ubuntu": {"ubuntu/shimx64.efi", "ubuntu/pxelinux.0"}}})
	if _, ok := r.Handoffs["ubuntu"]; ok || r.Machines[0].Handoff != "" {
		t.Errorf("both are missing: %+v, %+v", r.Handoffs, r.Machines)
	}
}

// Windows PE from a folder of the boot folder.
func TestRenderOfWinPE(t *testing.T) {
	const file = `
[[entry]]
name = "win11"
winpe = "Windows/11"
[[machine]]
firmware = ["uefi-arm64"]
boot = "win11"
`
	whole := map[firmware.Kind]string{bios: "pxeboot.n12", uefi: "efi/boot/bootx64.efi"}
	folder := &handoff.WinPE{Folder: "Windows/11"}
	for _, tt := range []struct {
		situation string
		status    map[string]WinPE
		want      handoff.Target
		menus     map[string]string // parts of the menus
	}{
		{
			situation: "nothing is known",
			want: handoff.Target{Self: true, WinPE: folder, Programs: map[firmware.Kind]string{
				bios: "Windows/11/pxeboot.n12", uefi: "Windows/11/efi/boot/bootx64.efi",
			}},
			menus: map[string]string{
				grub.ConfigFile:     `cat "/handoff/win11/`,
				pxelinux.ConfigFile: "APPEND ::Windows/11/pxeboot.n12 -W ",
				"handoff/win11":     "Its firmware starts Windows/11/efi/boot/bootx64.efi",
			},
		},
		{
			situation: "all is there, with the program of 2023",
			status: map[string]WinPE{"win11": {Cache: "c1", State: winpe.State{
				Programs: whole, Programs2023: map[firmware.Kind]string{uefi: "bootmgfw_ex.efi"},
			}}},
			want: handoff.Target{
				Self: true, WinPE: &handoff.WinPE{Folder: "Windows/11", Cache: "c1"},
				Programs: map[firmware.Kind]string{
					bios: "Windows/11/pxeboot.n12", uefi: "Windows/11/efi/boot/bootx64.efi",
				},
				Alternatives: map[firmware.Kind][]string{uefi: {"Windows/11/bootmgfw_ex.efi"}},
			},
		},
		{
			situation: "only a BIOS can start it, and an ARM",
			status: map[string]WinPE{"win11": {State: winpe.State{
				Programs: map[firmware.Kind]string{bios: "pxeboot.n12", firmware.UEFIARM64: "efi/boot/bootaa64.efi"},
				Missing:  map[firmware.Kind][]string{uefi: {"efi/boot/bootx64.efi"}},
			}}},
			want: handoff.Target{Self: true, WinPE: folder, Programs: map[firmware.Kind]string{
				bios: "Windows/11/pxeboot.n12", firmware.UEFIARM64: "Windows/11/efi/boot/bootaa64.efi",
			}},
			menus: map[string]string{grub.ConfigFile: "win11 (file missing)"},
		},
		{
			situation: "the program is there, and not the image",
			status: map[string]WinPE{"win11": {State: winpe.State{
				Programs: whole, Missing: map[firmware.Kind][]string{bios: {winpe.WIM}, uefi: {winpe.WIM}},
			}}},
			menus: map[string]string{
				grub.ConfigFile:     "The box does not have: Windows/11/sources/boot.wim",
				pxelinux.ConfigFile: "win11 (file missing)",
			},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			r := Render(parse(t, file), Status{WinPE: tt.status})
			if got := r.Handoffs["win11"]; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("it leads to %+v, want %+v", got, tt.want)
			}
			if rule := r.Machines[0]; (rule.Handoff != "") != tt.want.Self {
				t.Errorf("the rule is %+v", rule)
			}
			checkGRUB(t, r)
			for name, part := range tt.menus {
				if !strings.Contains(string(r.Files[name]), part) {
					t.Errorf("%s has no %q:\n%s", name, part, r.Files[name])
				}
			}
		})
	}
}
