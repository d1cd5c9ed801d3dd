package menu

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/bootmenu"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/grub"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/winpe"
	"github.com/pxebox/pxebox/internal/serve/pxe"
)

var sights = map[Sight]string{
	Hidden: "hidden", Unusable: "unusable", Refused: "refused", Marked: "marked", Visible: "visible",
}

// describe writes a row: a line for each menu, which is left out if it says the
// same as the one before.
func (r Row) describe() []string {
	var out []string
	last := ""
	for i, c := range r.Cells {
		var why []string
		for _, reason := range c.Reasons {
			why = append(why, reason.String())
		}
		text := strings.TrimSpace(sights[c.Sight] + " " + strings.Join(why, "; "))
		if text != last {
			out = append(out, []string{"bios", "uefi", "secure boot"}[i]+" "+text)
		}
		last = text
	}
	return out
}

const oneWDS = `
[[wds]]
name = "w"
server = "192.168.77.2"
`

// wdsEntry is an entry for it.
const wdsEntry = oneWDS + "[[entry]]\nname = \"x\"\nwds = \"w\"\n"

// wds returns what is known of the server w, the same for each firmware.
func wds(server bootmenu.Server, h bootmenu.Health) Status {
	up := bootmenu.Health{State: bootmenu.Up}
	server.Programs = map[firmware.Kind]bootmenu.Health{bios: h, uefi: h}
	second := bootmenu.Server{Programs: map[firmware.Kind]bootmenu.Health{bios: up, uefi: up}}
	return Status{WDS: map[string]bootmenu.Server{"w": server, "w2": second}}
}

func entryX(lines ...string) string {
	return "[[entry]]\nname = \"x\"\n" + strings.Join(lines, "\n") + "\n"
}

// overviews are what the menus show of the entry x.
// noImage is the state of a folder without any file of Windows PE.
var noImage = winpe.Evaluate(winpe.Files{
	Has: func(string) bool { return false }, Cached: func(string) bool { return false },
	Machine: func(string) firmware.Kind { return "" },
})

func overviews() map[string]struct {
	file   string
	status Status
	want   []string
} {
	const (
		trust    = "secure boot visible starts only if the machine trusts a signature of "
		lines    = "secure boot visible its lines start only what the machine trusts by its signature"
		unsigned = "secure boot hidden it has signed = false: the menu leaves it out while Secure Boot is on"
		lacks    = "unusable the box does not have: "
	)
	up := bootmenu.Health{State: bootmenu.Up}
	return map[string]struct {
		file   string
		status Status
		want   []string
	}{
		"the disk": {file: entryX(`disk = true`), want: []string{"bios visible"}},
		"Windows PE": {
			file: entryX(`winpe = "win11"`),
			want: []string{
				"bios visible",
				"uefi visible the machine restarts, and its firmware loads win11/efi/boot/bootx64.efi",
				"secure boot visible the machine restarts, and its firmware loads win11/efi/boot/bootx64.efi; " +
					"starts only if the machine trusts a signature of win11/efi/boot/bootx64.efi",
			},
		},
		"Windows PE, without what a BIOS needs": {
			file: entryX(`winpe = "win11"`),
			status: Status{WinPE: map[string]WinPE{"x": {State: winpe.State{
				Programs: map[firmware.Kind]string{uefi: "bootmgfw.efi"},
				Missing:  map[firmware.Kind][]string{bios: {"pxeboot.n12", "bootmgr.exe"}},
			}, Problem: "it is compressed with XPRESS"}}},
			want: []string{
				"bios unusable the box does not have: win11/pxeboot.n12, win11/bootmgr.exe; " +
					"and cannot take that out of boot.wim: it is compressed with XPRESS",
				"uefi visible the machine restarts, and its firmware loads win11/bootmgfw.efi",
				"secure boot visible the machine restarts, and its firmware loads win11/bootmgfw.efi; " +
					"starts only if the machine trusts a signature of win11/bootmgfw.efi",
			},
		},
		"Windows PE, an empty folder": {
			file:   entryX(`winpe = "win11"`),
			status: Status{WinPE: map[string]WinPE{"x": {State: noImage}}},
			want: []string{
				"bios " + lacks + "win11/pxeboot.n12, win11/bootmgr.exe, win11/boot/bcd, and 2 more",
				"uefi " + lacks + "win11/efi/boot/bootx64.efi, win11/efi/microsoft/boot/bcd, " +
					"win11/boot/boot.sdi, and 1 more",
			},
		},
		"Windows PE, boot.wim is being read": {
			file:   entryX(`winpe = "win11"`),
			status: Status{WinPE: map[string]WinPE{"x": {State: noImage, Reading: true}}},
			want: []string{
				"bios unusable the box is still reading win11/sources/boot.wim, and takes out of it: " +
					"win11/pxeboot.n12, win11/bootmgr.exe, win11/boot/bcd, and 2 more",
				"uefi unusable the box is still reading win11/sources/boot.wim, and takes out of it: " +
					"win11/efi/boot/bootx64.efi, win11/efi/microsoft/boot/bcd, win11/boot/boot.sdi, and 1 more",
			},
		},
		"Windows PE without DHCP": {
			file: "[dhcp]\nmode = \"off\"\n" + entryX(`winpe = "win11"`),
			want: []string{
				"bios visible",
				"uefi hidden the machine restarts for it, and the box does not answer that boot, because dhcp.mode " +
					"is \"off\"",
			},
		},
		"a kernel": {file: entryX(`kernel = "k"`), want: []string{"bios visible", trust + "k"}},
		"a kernel, not signed": {
			file: entryX(`kernel = "k"`, `signed = false`),
			want: []string{"bios visible", unsigned},
		},
		"a kernel without a signature": {
			file:   entryX(`kernel = "k"`, `initrd = ["i"]`),
			status: Status{Unsigned: map[string][]string{"x": {"i", "k"}}},
			want: []string{
				"bios visible",
				"secure boot refused k has no signature, so Secure Boot refuses it; " +
					"with signed = false the menu leaves the entry out there",
			},
		},
		"an initrd without a signature, as all are": {
			file:   entryX(`kernel = "k"`, `initrd = ["i"]`),
			status: Status{Unsigned: map[string][]string{"x": {"i"}}},
			want:   []string{"bios visible", trust + "k"},
		},
		"a kernel, missing": {
			file:   entryX(`kernel = "k"`, `initrd = ["i", "j"]`),
			status: Status{Missing: map[string][]string{"x": {"k", "j"}}},
			want: []string{
				"bios unusable the box does not have: k, j",
			},
		},
		"a program for each": {
			file: entryX(`file = "m.bin"`, `efi = "m.efi"`),
			want: []string{"bios visible", trust + "m.efi"},
		},
		"the UEFI one is gone": {
			file:   entryX(`file = "m.bin"`, `efi = "m.efi"`),
			status: Status{Missing: map[string][]string{"x": {"m.efi"}}},
			want: []string{
				"bios visible",
				"uefi unusable the box does not have: m.efi",
			},
		},
		"an EFI program": {
			file: entryX(`efi = "m.efi"`),
			want: []string{"bios hidden an EFI program runs on UEFI only", "uefi visible", trust + "m.efi"},
		},
		"a module": {
			file: entryX(`file = "t/hdt.c32"`),
			want: []string{
				"bios visible",
				"uefi hidden hdt.c32 is a module of PXELINUX, which runs on a BIOS only",
			},
		},
		"a CD image": {
			file: entryX(`file = "r.iso"`),
			want: []string{"bios visible", "uefi hidden memdisk starts r.iso, and runs on a BIOS only"},
		},
		"a program for a BIOS": {
			file: entryX(`file = "u.kpxe"`),
			want: []string{"bios visible", "uefi hidden u.kpxe is a program for a BIOS"},
		},
		"lines for GRUB": {
			file: entryX(`grub = "fwsetup"`),
			want: []string{"bios hidden it has no lines for PXELINUX", "uefi visible", lines},
		},
		"lines for PXELINUX": {
			file: entryX(`pxelinux = "LOCALBOOT 0"`),
			want: []string{"bios visible", "uefi hidden it has no lines for GRUB"},
		},
		"lines with a URL": {
			file: entryX(`pxelinux = "KERNEL http://h/k"`),
			want: []string{"bios visible " + string(urlNeedsLPXE), "uefi hidden it has no lines for GRUB"},
		},
		"not listed": {
			file: entryX(`disk = true`, `listed = false`),
			want: []string{
				"bios hidden it has listed = false: only the menus of machines that name it show it",
			},
		},
		"in one that is not": {
			file: "[[entry]]\nname = \"s\"\nlabel = \"Tools\"\nsubmenu = true\nlisted = false\n" +
				entryX(`disk = true`, `in = "s"`),
			want: []string{"bios hidden Tools, which it is in, is not shown"},
		},
		"a submenu": {
			file: entryX(`submenu = true`) + "[[entry]]\nname = \"d\"\ndisk = true\nin = \"x\"\n",
			want: []string{"bios visible"},
		},
		"a submenu of nothing": {
			file: entryX(`submenu = true`) + "[[entry]]\nname = \"i\"\nfile = \"r.iso\"\nin = \"x\"\n",
			want: []string{"bios visible", "uefi hidden it has no entries for this firmware"},
		},
		"a submenu, unsigned": {
			file: entryX(`submenu = true`) + "[[entry]]\nname = \"k\"\nkernel = \"k\"\nsigned = false\nin = \"x\"\n",
			want: []string{"bios visible", unsigned},
		},
		"WDS, not asked yet": {file: wdsEntry, want: []string{"bios visible"}},
		"WDS, up":            {file: wdsEntry, status: wds(bootmenu.Server{}, up), want: []string{"bios visible"}},
		"WDS, no program": {
			file: oneWDS + "uefi-x64 = \"\"\n" + entryX(`wds = "w"`),
			want: []string{"bios visible", "uefi hidden w has no program for it"},
		},
		"WDS, no DHCP": {
			file: "[dhcp]\nmode = \"off\"\n" + wdsEntry,
			want: []string{
				"bios visible",
				"uefi hidden the machine restarts for it, and the box does not answer that boot, because dhcp.mode " +
					"is \"off\"",
			},
		},
		"WDS, down": {
			file:   wdsEntry,
			status: wds(bootmenu.Server{}, bootmenu.Health{State: bootmenu.Down}),
			want:   []string{"bios marked w does not answer the box; a machine may still try it"},
		},
		"WDS, down and hidden": {
			file:   oneWDS + "on_down = \"hide\"\n" + entryX(`wds = "w"`),
			status: wds(bootmenu.Server{}, bootmenu.Health{State: bootmenu.Down}),
			want:   []string{"bios hidden w does not answer, and its on_down is \"hide\""},
		},
		"WDS, down and the next": {
			file: oneWDS + "on_down = \"next\"\n[[wds]]\nname = \"w2\"\nserver = \"192.168.77.3\"\n" +
				entryX(`wds = "w"`),
			status: wds(bootmenu.Server{}, bootmenu.Health{State: bootmenu.Down}),
			want:   []string{"bios marked w does not answer, and the entry leads to w2"},
		},
		"WDS, refuses": {
			file:   wdsEntry,
			status: wds(bootmenu.Server{}, bootmenu.Health{State: bootmenu.Refused, Note: "access\n violation"}),
			want:   []string{"bios unusable w refuses its boot program: access violation"},
		},
		"started by the firmware": {
			file: entryX("efi = \"a/b.efi\"\nfile = \"a/b.0\"\nstart = \"firmware\""),
			want: []string{
				"bios visible",
				"uefi visible the machine restarts, and its firmware loads a/b.efi",
				"secure boot visible the machine restarts, and its firmware loads a/b.efi; " +
					"starts only if the machine trusts a signature of a/b.efi",
			},
		},
		"started by the firmware, no DHCP": {
			file: "[dhcp]\nmode = \"off\"\n" + entryX("efi = \"b.efi\"\nfile = \"b.0\"\nstart = \"firmware\""),
			want: []string{
				"bios visible",
				"uefi hidden the machine restarts for it, and the box does not answer that boot, because dhcp.mode " +
					`is "off"`,
			},
		},
		"WDS, not found": {
			file: "[[wds]]\nname = \"w\"\nserver = \"wds.example.org\"\n" + entryX(`wds = "w"`),
			want: []string{"bios unusable no address is known for wds.example.org"},
		},
		"WDS, wrong address": {
			file:   wdsEntry,
			status: wds(bootmenu.Server{Wrong: "192.168.77.2 is this box"}, bootmenu.Health{}),
			want:   []string{"bios unusable w: 192.168.77.2 is this box"},
		},
		"a name like a place": {
			file:   "[[wds]]\nname = \"w\"\nserver = \"wds.example.org\"\n" + entryX(`wds = "w"`),
			status: wds(bootmenu.Server{Wrong: "{server} {why}"}, bootmenu.Health{}),
			want:   []string{"bios unusable w: {server} {why}"},
		},
	}
}

func TestOverviewOfAnEntry(t *testing.T) {
	for situation, tt := range overviews() {
		t.Run(situation, func(t *testing.T) {
			var got []string
			for _, r := range NewOverview(parse(t, tt.file), tt.status).Rows {
				if r.Entry.Name == "x" {
					got = append(got, r.describe()...)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// What the overview says of an entry is what the rendered menus do.
func TestOverviewAgreesWithTheMenus(t *testing.T) {
	all := situations(t)
	for name, tt := range overviews() {
		all = append(all, situation{name, tt.file, tt.status})
	}
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.file)
			r := Render(c, tt.status)
			onBIOS, _ := readPXELINUX(t, r.Files[pxelinux.ConfigFile])
			onUEFI, _ := readGRUB(t, r.Files[grub.ConfigFile])
			o := NewOverview(c, tt.status)
			if len(o.Rows) != len(c.Entries) {
				t.Errorf("%d rows for %d entries", len(o.Rows), len(c.Entries))
			}
			for i, lines := range [][]line{onBIOS, onUEFI} {
				for _, row := range o.Rows {
					at := slices.IndexFunc(lines, func(l line) bool { return l.name == row.Entry.Name })
					cell := row.Cells[i]
					if shown := cell.Sight > Hidden; shown != (at >= 0) {
						t.Errorf("%s in menu %d: the overview says %s", row.Entry.Name, i, sights[cell.Sight])
					} else if shown && i == 1 && lines[at].cannot != (cell.Sight == Unusable) {
						t.Errorf("%s on UEFI cannot be chosen: %v; the overview says %s",
							row.Entry.Name, lines[at].cannot, sights[cell.Sight])
					}
					if cell.Default != (at >= 0 && lines[at].isDefault) && cell.Default {
						t.Errorf("%s in menu %d is not its default", row.Entry.Name, i)
					}
				}
			}
		})
	}
}

func TestOverviewOfFirmware(t *testing.T) {
	for situation, tt := range map[string]struct {
		file   string
		kind   firmware.Kind
		want   string
		isMenu bool
	}{
		"a BIOS": {kind: bios, want: "loads pxelinux.0, and shows the menu", isMenu: true},
		"UEFI":   {kind: uefi, want: "loads shimx64.efi, and shows the menu", isMenu: true},
		"HTTP in PXELINUX": {
			file:   "[boot]\nbios = \"lpxelinux.0\"\n",
			kind:   bios,
			want:   "loads lpxelinux.0, and shows the menu",
			isMenu: true,
		},
		"another program": {
			file: "[boot]\nbios = \"undionly.kpxe\"\n",
			kind: bios,
			want: "loads undionly.kpxe, as [boot] says; whether it shows the menu depends on that program",
		},
		"none, as it was set": {
			file: "[boot]\nbios = \"\"\n",
			kind: bios,
			want: "gets no boot file, as [boot] says",
		},
		"no program": {kind: firmware.UEFIARM64, want: string(onlyWDSRules)},
		"no program, no DHCP": {
			file: "[dhcp]\nmode = \"off\"\n",
			kind: firmware.UEFIARM64,
			want: string(noFileKnown),
		},
		"a Raspberry Pi": {kind: firmware.RaspberryPi, want: string(noFileKnown)},
		"HTTP boot":      {kind: firmware.UEFIX64HTTP, want: string(noFileForHTTP)},
		"HTTP boot with a URL": {
			file: "[boot]\nuefi-x64-http = \"http://192.168.77.9/b.efi\"\n",
			kind: firmware.UEFIX64HTTP,
			want: "loads http://192.168.77.9/b.efi, as [boot] says",
		},
		"a program for ARM": {
			file: "[boot]\nuefi-arm64 = \"grubaa64.efi\"\n",
			kind: firmware.UEFIARM64,
			want: "loads grubaa64.efi, as [boot] says; whether it shows the menu depends on that program",
		},
		"the site's DHCP names": {
			file:   "[dhcp]\nmode = \"off\"\n",
			kind:   uefi,
			want:   "loads what the site's DHCP server names, because dhcp.mode is \"off\"; shimx64.efi shows the menu",
			isMenu: true,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			o := NewOverview(parse(t, tt.file), Status{})
			i := slices.IndexFunc(o.Firmware, func(p Program) bool { return p.Firmware == tt.kind })
			if got := o.Firmware[i]; got.Reason.String() != tt.want || got.Menu != tt.isMenu {
				t.Errorf("got %q, menu %v", got.Reason, got.Menu)
			}
		})
	}
}

// The overview cannot import the data plane, so it has its own list.
func TestBuiltInPrograms(t *testing.T) {
	for _, kind := range firmware.Kinds {
		if got := pxe.BootFile(nil, kind); got != builtIn[kind] {
			t.Errorf("%s loads %q, and the overview says %q", kind, got, builtIn[kind])
		}
	}
}

// ruleProblems returns the problems of the last rule.
func ruleProblems(o Overview) (out []string) {
	for _, p := range o.Rules[len(o.Rules)-1].Problems {
		text := string(p.Firmware) + " " + p.Reason.String()
		if p.Cause.Text != "" {
			text += ": " + p.Cause.String()
		}
		out = append(out, strings.TrimSpace(text))
	}
	return out
}

func TestOverviewOfARule(t *testing.T) {
	const boots = "[[machine]]\nmac = [\"52:54:00\"]\nboot = \"x\"\n"
	const off = "[dhcp]\nmode = \"off\"\n"
	const menuInstead = "the entry cannot start there, so the machine gets the menu: "
	down := wds(bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")}, bootmenu.Health{State: bootmenu.Down})
	up := wds(bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")}, bootmenu.Health{State: bootmenu.Up})
	for situation, tt := range map[string]struct {
		file   string
		status Status
		want   []string
	}{
		"starts the disk": {file: entryX(`disk = true`) + boots},
		"a menu":          {file: entryX(`disk = true`) + "[[machine]]\nmac = [\"52:54:00\"]\n"},
		"a file is missing": {
			file:   entryX(`kernel = "k"`) + boots,
			status: Status{Missing: map[string][]string{"x": {"k"}}},
			want: []string{
				"the entry cannot start there, so the machine gets the menu: the box does not have: k",
			},
		},
		"runs on a BIOS only": {
			file: entryX(`file = "r.iso"`) + boots,
			want: []string{
				"uefi-x64 the entry cannot start there, so the machine gets the menu: " +
					"memdisk starts r.iso, and runs on a BIOS only",
			},
		},
		"and is for a BIOS only": {file: entryX(`file = "r.iso"`) + boots + "firmware = [\"bios\"]\n"},
		"started by the firmware": {
			file: entryX("efi = \"b.efi\"\nstart = \"firmware\"") + boots + "firmware = [\"uefi-x64\"]\n",
		},
		"started by the firmware, which cannot": {
			file: entryX("efi = \"b.efi\"\nstart = \"firmware\"") + boots +
				"firmware = [\"bios\", \"uefi-arm64\", \"uefi-x64-http\"]\n",
			want: []string{
				"bios " + menuInstead + "an EFI program runs on UEFI only",
				"uefi-arm64 " + menuInstead +
					"the firmware starts the file only on a BIOS, and the efi program only on " +
					"uefi-x64",
				"uefi-x64-http the entry is started by PXE only: a machine that boots by HTTP gets the file that " +
					"[boot] " +
					"names for it",
			},
		},
		"WDS is up": {
			file: wdsEntry + boots,
			status: wds(bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")},
				bootmenu.Health{State: bootmenu.Up}),
		},
		"WDS is down": {
			file:   wdsEntry + boots,
			status: down,
			want:   []string{"w does not answer: these machines get the menu until it does"},
		},
		"WDS is not found": {
			file: "[[wds]]\nname = \"w\"\nserver = \"wds.example.org\"\n" + entryX(`wds = "w"`) + boots,
			want: []string{"no address is known for w: these machines get the menu"},
		},
		"no DHCP": {
			file: off + entryX(`disk = true`) + boots,
			want: []string{"uefi-x64 " + string(ruleNotKnown)},
		},
		"no DHCP to lead to WDS": {
			file:   off + wdsEntry + boots,
			status: wds(bootmenu.Server{}, bootmenu.Health{State: bootmenu.Up}),
			want:   []string{"uefi-x64 " + string(ruleNotKnown), "bios " + string(ruleOnlyByName)},
		},
		"no DHCP to tell the guid": {
			file: off + "[[machine]]\nguid = [\"70786562-6f78-4c61-8000-000000000010\"]\n",
			want: []string{"uefi-x64 " + string(ruleNotKnown), "bios " + string(ruleOnlyByName)},
		},
		"WDS refuses": {
			file: wdsEntry + boots,
			status: wds(bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")},
				bootmenu.Health{State: bootmenu.Refused, Note: "access\nviolation"}),
			want: []string{
				"bios " + menuInstead + "w refuses its boot program: access violation",
				"uefi-x64 " + menuInstead + "w refuses its boot program: access violation",
			},
		},
		"WDS has no program for ARM": {
			file:   oneWDS + "uefi-arm64 = \"\"\n" + entryX(`wds = "w"`) + boots,
			status: up,
			want: []string{
				"uefi-arm64 " + menuInstead + "w has no program for it",
			},
		},
		"WDS has none for ARM, and the rule is not for it": {
			file:   oneWDS + "uefi-arm64 = \"\"\n" + entryX(`wds = "w"`) + boots + "firmware = [\"uefi-x64\"]\n",
			status: up,
		},
		"WDS by HTTP boot": {
			file:   wdsEntry + boots + "firmware = [\"uefi-x64\", \"uefi-x64-http\"]\n",
			status: up,
			want:   []string{"uefi-x64-http " + string(ruleNoHTTP)},
		},
		"no DHCP to tell the guid, and an entry": {
			file: off + entryX(`disk = true`) +
				"[[machine]]\nguid = [\"70786562-6f78-4c61-8000-000000000010\"]\nboot = \"x\"\n",
			want: []string{"uefi-x64 " + string(ruleNotKnown), "bios " + string(ruleOnlyByName)},
		},
		"no DHCP, and a rule for it": {file: off + entryX(`disk = true`) + boots + "firmware = [\"bios\"]\n"},
	} {
		t.Run(situation, func(t *testing.T) {
			if got := ruleProblems(NewOverview(parse(t, tt.file), tt.status)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A catalog translates Texts: no sentence may be missing there.
func TestTextsAreAllThatOverviewsSay(t *testing.T) {
	said := map[Text]bool{}
	note := func(c *config.Config, st Status) {
		o := NewOverview(c, st)
		for _, p := range o.Firmware {
			said[p.Reason.Text] = true
		}
		for _, r := range o.Rows {
			for _, cell := range r.Cells {
				for _, reason := range cell.Reasons {
					said[reason.Text] = true
				}
			}
		}
		for _, r := range o.Rules {
			for _, p := range r.Problems {
				said[p.Reason.Text] = true
				if p.Cause.Text != "" {
					said[p.Cause.Text] = true
				}
			}
		}
	}
	const boots = "[[machine]]\nmac = [\"52:54:00\"]\nboot = \"x\"\n"
	for _, tt := range overviews() {
		file := tt.file
		if !strings.Contains(file, "submenu") { // which a rule cannot start
			file += boots
		}
		note(parse(t, file), tt.status)
		note(parse(t, file), Status{})
	}
	down := wds(bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")}, bootmenu.Health{State: bootmenu.Down})
	note(parse(t, wdsEntry+boots), down)
	down.WDS["w"] = bootmenu.Server{Addr: netip.MustParseAddr("192.168.77.2")}
	note(parse(t, wdsEntry+boots+"firmware = [\"uefi-x64-http\"]\n"), down)
	note(parse(t, entryX("winpe = \"win11\"")+boots+"firmware = [\"uefi-arm64\"]\n"), Status{})
	note(parse(t, entryX("efi = \"b.efi\"\nstart = \"firmware\"")+boots+
		"firmware = [\"uefi-arm64\", \"uefi-x64-http\"]\n"), Status{})
	note(parse(t, "[boot]\nbios = \"\"\nuefi-x64 = \"x.efi\"\nuefi-x64-http = \"http://192.168.77.9/b.efi\"\n"),
		Status{})
	for _, text := range slices.Sorted(maps.Keys(said)) {
		if !slices.Contains(Texts, text) {
			t.Errorf("%q is not in Texts", text)
		}
	}
	for _, text := range Texts {
		if !said[text] {
			t.Errorf("no overview says %q", text)
		}
	}
}

// A large site: the page asks for an overview at each view.
func BenchmarkOverview(b *testing.B) {
	var file strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&file, "[[entry]]\nname = \"e%d\"\nkernel = \"k/linux-%d\"\n", i, i)
	}
	c := parse(b, file.String())
	for b.Loop() {
		NewOverview(c, Status{})
	}
}
