package pxed

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// winpeBox is a box with two images of Windows PE: one of whole media, and one of
// which the folder has only boot.wim.
func winpeBox(t *testing.T) *box {
	d := newBox(t, spec.ModeProxy)
	d.files.cache = filepath.Join(t.TempDir(), "cache")
	for file, text := range map[string]string{
		"boot/Win11/EFI/Boot/bootx64.efi":           "11: program",
		"boot/Win11/EFI/Microsoft/Boot/BCD":         "11: store for UEFI",
		"boot/Win11/Boot/BCD":                       "11: store for a BIOS",
		"boot/Win11/Boot/boot.sdi":                  "11: RAM disk",
		"boot/Win11/Sources/Boot.wim":               "11: image",
		"boot/pe/boot.wim":                          "pe: image",
		"boot/sources/boot.wim":                     "not of an entry",
		"cache/11/pxeboot.n12":                      "11: program for a BIOS",
		"cache/11/bootmgr.exe":                      "11: second program for a BIOS",
		"cache/11/bootmgfw_ex.efi":                  "11: program of 2023",
		"cache/pe/bootmgfw.efi":                     "pe: program",
		"cache/pe/efi/microsoft/boot/bcd":           "pe: store for UEFI",
		"cache/pe/boot/boot.sdi":                    "pe: RAM disk",
		"cache/pe/boot/fonts/wgl4_boot.ttf":         "pe: font",
		"cache/pe/efi/microsoft/boot/boot.stl":      "pe: list",
		"cache/other/efi/microsoft/boot/secret.stl": "another image's",
	} {
		dir := d.BootDir
		if rel, ok := cutDir(file, "boot"); ok {
			file = filepath.Join(dir, rel)
		} else {
			rel, _ := cutDir(file, "cache")
			file = filepath.Join(d.files.cache, rel)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := d.now.Generation
	g.Names.AnyCase = false // Windows' names have any case whatever the settings say
	g.Handoffs = map[string]handoff.Target{
		"win11": {
			Self: true, WinPE: &handoff.WinPE{Folder: "Win11", Cache: "11"},
			Programs: map[firmware.Kind]string{
				firmware.UEFIX64: "Win11/efi/boot/bootx64.efi", firmware.BIOS: "Win11/pxeboot.n12",
			},
			Alternatives: map[firmware.Kind][]string{firmware.UEFIX64: {"Win11/bootmgfw_ex.efi"}},
		},
		"pe": {
			Self: true, WinPE: &handoff.WinPE{Folder: "pe", Cache: "pe"},
			Programs: map[firmware.Kind]string{firmware.UEFIX64: "pe/bootmgfw.efi"},
		},
	}
	d.takes(g)
	return d
}

func cutDir(file, dir string) (string, bool) {
	rel, err := filepath.Rel(dir, file)
	return rel, err == nil && filepath.IsLocal(rel)
}

// Machines that boot different images at the same time ask for the same names, and
// each gets its image's files.
func TestEachMachineFindsItsWindows(t *testing.T) {
	d := winpeBox(t)
	third := first.Next().Next()
	d.neighbours[first], d.neighbours[first.Next()] = pc, other
	on := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 2000) }
	uefi1, uefi2, stranger := on(first), on(first.Next()), on(third)
	d.desk.Clients.Learn(first, clients.Machine{MAC: pc, Firmware: "uefi-x64"}, false)
	missing := "" // "not found"
	for _, step := range []struct {
		client     netip.AddrPort
		name, want string
	}{
		{uefi1, "Win11/efi/boot/bootx64.efi", "11: program"},
		{uefi2, "pe/bootmgfw.efi", "pe: program"},
		{uefi1, `\Boot\BCD`, "11: store for UEFI"},
		{uefi2, `\Boot\BCD`, "pe: store for UEFI"},
		{uefi1, `\BCD`, "11: store for UEFI"},
		{uefi1, `Win11\Boot\BCD`, "11: store for UEFI"},
		{uefi2, "/boot/bcd", "pe: store for UEFI"},
		{uefi1, `\boot\BOOT.SDI`, "11: RAM disk"},
		{uefi2, `boot\boot.sdi`, "pe: RAM disk"},
		{uefi1, `\sources\boot.wim`, "11: image"},
		{uefi2, `\SOURCES\BOOT.WIM`, "pe: image"},
		{uefi2, `\EFI\Microsoft\Boot\Fonts\wgl4_boot.ttf`, "pe: font"},
		{uefi2, `\Boot\Fonts\wgl4_boot.ttf`, "pe: font"},
		{uefi1, `\Boot\Fonts\wgl4_boot.ttf`, missing},
		{uefi2, `\EFI\Microsoft\Boot\boot.stl`, "pe: list"},
		{uefi1, `\EFI\Microsoft\Boot\boot.stl`, missing},
		{uefi1, `\EFI\Microsoft\Boot\SiPolicy.p7b`, missing},
		{uefi2, `..\other\efi\microsoft\boot\secret.stl`, missing},
		{stranger, `\Boot\BCD`, missing},
		{stranger, `\sources\boot.wim`, "not of an entry"},
		{stranger, "pe/efi/microsoft/boot/bcd", missing},
		// The same machine on its other firmware, and with the program of 2023.
		{uefi1, "Win11/pxeboot.n12", "11: program for a BIOS"},
		{uefi1, `\Win11\bootmgr.exe`, "11: second program for a BIOS"},
		{uefi1, "bootmgr.exe", "11: second program for a BIOS"},
		{uefi1, `\Boot\BCD`, "11: store for a BIOS"},
		{uefi2, `Win11\bootmgfw_EX.efi`, "11: program of 2023"},
		{uefi2, `\Boot\BCD`, "11: store for UEFI"},
	} {
		f, err := d.files.openTFTP(step.client, step.name)
		if err != nil {
			if step.want != missing || errors.Is(err, fs.ErrPermission) {
				t.Errorf("%v reads %s: %v", step.client, step.name, err)
			}
			continue
		}
		if got := content(t, f); got != step.want {
			t.Errorf("%v reads %s: %q, want %q", step.client, step.name, got, step.want)
		}
	}
	d.now.rules.Leave(other)
	if f, err := d.files.openTFTP(uefi2, `\Boot\BCD`); err == nil {
		t.Errorf("after its next boot it reads %q", content(t, f))
	}
}

// The events of such a boot say what its files are. What Windows asks for and does
// not need has no role: that it is missing is no failure.
func TestEventsOfWinPE(t *testing.T) {
	d := winpeBox(t)
	d.neighbours[first] = pc
	d.files.openTFTP(pcPort, "Win11/efi/boot/bootx64.efi")
	for name, want := range map[string]trace.Event{
		"Win11/efi/boot/bootx64.efi":       {Role: trace.Kernel, Entry: "win11"},
		"win11/bootmgfw_ex.efi":            {Role: trace.Kernel, Entry: "win11"},
		`\Boot\BCD`:                        {Role: trace.Initrd, Entry: "win11"},
		`\sources\boot.wim`:                {Role: trace.Initrd, Entry: "win11"},
		`\EFI\Microsoft\Boot\boot.stl`:     {},
		`\EFI\Microsoft\Boot\SiPolicy.p7b`: {},
		"pe/bootmgfw.efi":                  {Role: trace.Kernel, Entry: "pe"},
	} {
		got := d.files.about(trace.Event{What: name, Addr: first, Protocol: trace.TFTP, Outcome: trace.Begun})
		if got.Role != want.Role || got.Entry != want.Entry {
			t.Errorf("%s: role %q, entry %q", name, got.Role, got.Entry)
		}
	}
	if got := d.files.about(trace.Event{What: `\Boot\BCD`, Addr: first.Next(), Outcome: trace.Begun}); got.Role != "" {
		t.Errorf("another machine's: role %q", got.Role)
	}
}
