package winpe

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// The names by which Windows' boot manager asks, and where the box looks.
func TestFind(t *testing.T) {
	onUEFI := View{Folder: "Win/11", Cache: "c"}
	onBIOS := View{Folder: "Win/11", Cache: "c", BIOS: true}
	for _, tt := range []struct {
		situation, name string
		view            View
		site, cache     string
		part            Part
	}{
		{situation: "the store on UEFI, which media have elsewhere", view: onUEFI, name: "Boot/BCD", part: Data,
			site: "efi/microsoft/boot/bcd boot/bcd bcd", cache: "efi/microsoft/boot/bcd"},
		{situation: "its first try", view: onUEFI, name: "BCD", part: Data,
			site: "efi/microsoft/boot/bcd boot/bcd bcd", cache: "efi/microsoft/boot/bcd"},
		{situation: "the store on a BIOS", view: onBIOS, name: "Boot/BCD", part: Data,
			site: "boot/bcd bcd", cache: "boot/bcd"},
		{situation: "below its folder", view: onUEFI, name: "WIN/11/Boot/BCD", part: Data,
			site: "efi/microsoft/boot/bcd boot/bcd bcd", cache: "efi/microsoft/boot/bcd"},
		{situation: "a store with a path", view: onUEFI, name: "lab/BCD", part: Data,
			site: "lab/bcd efi/microsoft/boot/bcd boot/bcd bcd", cache: "efi/microsoft/boot/bcd"},
		{situation: "the RAM disk", view: onUEFI, name: "boot/boot.sdi", part: Data,
			site: "boot/boot.sdi boot.sdi", cache: "boot/boot.sdi"},
		{situation: "24H2's list", view: onUEFI, name: "EFI/Microsoft/Boot/boot.stl",
			site: "efi/microsoft/boot/boot.stl boot/boot.stl boot.stl", cache: "efi/microsoft/boot/boot.stl"},
		{situation: "a font", view: onUEFI, name: "EFI/Microsoft/Boot/Fonts/wgl4_boot.ttf",
			site:  "efi/microsoft/boot/fonts/wgl4_boot.ttf boot/fonts/wgl4_boot.ttf",
			cache: "boot/fonts/wgl4_boot.ttf"},
		{situation: "the image", view: onUEFI, name: "sources/boot.wim", part: Image,
			site: "sources/boot.wim boot.wim", cache: "sources/boot.wim"},
		{situation: "another image", view: onUEFI, name: "images/lab.wim", part: Image, site: "images/lab.wim"},
		{situation: "the next program of a BIOS", view: onBIOS, name: "bootmgr.exe", part: Data,
			site: "bootmgr.exe boot/bootmgr.exe", cache: "bootmgr.exe"},
		{situation: "what is normally missing", view: onUEFI, name: "SiPolicy.p7b", site: "sipolicy.p7b"},
		{situation: "the program", view: onUEFI, name: "Win/11/efi/boot/bootx64.efi", site: "efi/boot/bootx64.efi",
			part: Program},
		{situation: "the program from boot.wim", view: onUEFI, name: "Win/11/bootmgfw.efi", part: Program,
			site: "bootmgfw.efi efi/microsoft/boot/bootmgfw.efi", cache: "bootmgfw.efi"},
		{situation: "the program of 2023", view: onUEFI, name: "win/11/bootmgfw_EX.efi", part: Program,
			site: "bootmgfw_ex.efi efi/microsoft/boot/bootmgfw_ex.efi", cache: "bootmgfw_ex.efi"},
		{situation: "nothing was taken out of boot.wim", view: View{Folder: "Win/11"}, name: "boot/boot.sdi", part: Data,
			site: "boot/boot.sdi boot.sdi"},
	} {
		site, cache := tt.view.Find(tt.name)
		want := strings.Fields(tt.site)
		for i := range want {
			want[i] = "Win/11/" + want[i]
		}
		var wantCache []string
		if tt.cache != "" {
			wantCache = []string{"c/" + tt.cache}
		}
		if !slices.Equal(site, want) || !slices.Equal(cache, wantCache) {
			t.Errorf("%s: %q and %q, want %q and %q", tt.situation, site, cache, want, wantCache)
		}
		if got := tt.view.PartOf(tt.name); got != tt.part {
			t.Errorf("%s: part %d, want %d", tt.situation, got, tt.part)
		}
	}
}

func TestEvaluate(t *testing.T) {
	x64 := func(string) firmware.Kind { return firmware.UEFIX64 }
	media := []string{WIM, bcdUEFI, bcdBIOS, sdi, "efi/boot/bootx64.efi"}
	all := []string{program, program2023, bcdUEFI, bcdBIOS, sdi, stl, programBIOS, bootmgrBIOS}
	for _, tt := range []struct {
		situation   string
		has, cached []string
		machine     func(string) firmware.Kind
		programs    map[firmware.Kind]string
		newer       map[firmware.Kind]string
		missing     map[firmware.Kind]string // of a BIOS and of x64
		lacks       string
	}{
		{
			situation: "an empty folder",
			missing: map[firmware.Kind]string{
				firmware.BIOS:    "pxeboot.n12 bootmgr.exe boot/bcd boot/boot.sdi sources/boot.wim",
				firmware.UEFIX64: "efi/boot/bootx64.efi efi/microsoft/boot/bcd boot/boot.sdi sources/boot.wim",
			},
			lacks: "bootmgfw.efi efi/microsoft/boot/bcd boot/boot.sdi bootmgfw_ex.efi efi/microsoft/boot/boot.stl " +
				"pxeboot.n12 bootmgr.exe boot/bcd boot/fonts/",
		},
		{
			situation: "media", has: media,
			programs: map[firmware.Kind]string{firmware.UEFIX64: "efi/boot/bootx64.efi"},
			missing:  map[firmware.Kind]string{firmware.BIOS: "pxeboot.n12 bootmgr.exe"},
			lacks:    "bootmgfw_ex.efi efi/microsoft/boot/boot.stl pxeboot.n12 bootmgr.exe boot/fonts/",
		},
		{
			situation: "media, and what they lack", has: media, cached: all, machine: x64,
			programs: map[firmware.Kind]string{
				firmware.UEFIX64: "efi/boot/bootx64.efi", firmware.BIOS: "pxeboot.n12",
			},
			newer: map[firmware.Kind]string{firmware.UEFIX64: "bootmgfw_ex.efi"},
			lacks: "bootmgfw_ex.efi efi/microsoft/boot/boot.stl pxeboot.n12 bootmgr.exe boot/fonts/",
		},
		{
			situation: "media for ARM",
			has:       []string{WIM, bcdUEFI, sdi, "efi/boot/bootaa64.efi"},
			programs:  map[firmware.Kind]string{firmware.UEFIARM64: "efi/boot/bootaa64.efi"},
			missing: map[firmware.Kind]string{
				firmware.BIOS: "pxeboot.n12 bootmgr.exe boot/bcd", firmware.UEFIX64: "efi/boot/bootx64.efi",
			},
			lacks: "bootmgfw_ex.efi efi/microsoft/boot/boot.stl pxeboot.n12 bootmgr.exe boot/bcd boot/fonts/",
		},
		{
			situation: "only boot.wim", has: []string{"boot.wim"}, cached: all, machine: x64,
			programs: map[firmware.Kind]string{
				firmware.UEFIX64: "bootmgfw.efi", firmware.BIOS: "pxeboot.n12",
			},
			newer: map[firmware.Kind]string{firmware.UEFIX64: "bootmgfw_ex.efi"},
			lacks: "bootmgfw.efi efi/microsoft/boot/bcd boot/boot.sdi bootmgfw_ex.efi efi/microsoft/boot/boot.stl " +
				"pxeboot.n12 bootmgr.exe boot/bcd boot/fonts/",
		},
		{
			situation: "only the program of 2023", has: media[:4], cached: []string{program2023}, machine: x64,
			programs: map[firmware.Kind]string{firmware.UEFIX64: "bootmgfw_ex.efi"},
			missing:  map[firmware.Kind]string{firmware.BIOS: "pxeboot.n12 bootmgr.exe"},
			lacks: "bootmgfw.efi bootmgfw_ex.efi efi/microsoft/boot/boot.stl pxeboot.n12 bootmgr.exe " +
				"boot/fonts/",
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			has := func(name string) bool { return slices.Contains(tt.has, name) }
			machine := tt.machine
			if machine == nil {
				machine = func(string) firmware.Kind { return "" }
			}
			s := Evaluate(Files{
				Has: has, Cached: func(name string) bool { return slices.Contains(tt.cached, name) }, Machine: machine,
			})
			if !maps.Equal(s.Programs, tt.programs) || !maps.Equal(s.Programs2023, tt.newer) {
				t.Errorf("programs %v and %v", s.Programs, s.Programs2023)
			}
			for _, kind := range []firmware.Kind{firmware.BIOS, firmware.UEFIX64} {
				if got := strings.Join(s.Missing[kind], " "); got != tt.missing[kind] {
					t.Errorf("%s lacks %q, want %q", kind, got, tt.missing[kind])
				}
			}
			var lacks []string
			for _, l := range Lacks(has) {
				lacks = append(lacks, l.Name)
			}
			if got := strings.Join(lacks, " "); got != tt.lacks {
				t.Errorf("boot.wim must have %q, want %q", got, tt.lacks)
			}
			for _, name := range tt.has {
				if !slices.Contains(Names(), name) {
					t.Errorf("no look for %s", name)
				}
			}
		})
	}
	if got := Lacks(func(string) bool { return true }); got != nil {
		t.Errorf("a complete folder lacks %v", got)
	}
}
