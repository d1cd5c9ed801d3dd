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
