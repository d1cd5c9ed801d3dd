package firmware

import "testing"

func TestArch(t *testing.T) {
	for situation, tc := range map[string]struct {
		arch           Arch
		kind           Kind
		byTFTP, byHTTP Arch
	}{
		"a BIOS":                            {arch: 0x00, kind: BIOS, byTFTP: 0x00, byHTTP: 0x14},
		"x64 UEFI":                          {arch: 0x07, kind: UEFIX64, byTFTP: 0x07, byHTTP: 0x10},
		"EFI byte code, which means x64":    {arch: 0x09, kind: UEFIX64, byTFTP: 0x09, byHTTP: 0x11},
		"ARM UEFI by HTTP":                  {arch: 0x13, kind: UEFIARM64HTTP, byTFTP: 0x0b, byHTTP: 0x13},
		"ARM 32-bit UEFI has no name here":  {arch: 0x0a, kind: "arch-0x0a", byTFTP: 0x0a, byHTTP: 0x12},
		"U-Boot by HTTP":                    {arch: 0x18, kind: "arch-0x18", byTFTP: 0x16, byHTTP: 0x18},
		"OPAL, which has no HTTP":           {arch: 0x0e, kind: "arch-0x0e", byTFTP: 0x0e, byHTTP: 0x0e},
		"LoongArch":                         {arch: 0x27, kind: "arch-0x27", byTFTP: 0x27, byHTTP: 0x28},
		"a Raspberry Pi that says so":       {arch: 0x29, kind: RaspberryPi, byTFTP: 0x29, byHTTP: 0x29},
		"a number that is not assigned yet": {arch: 0x1234, kind: "arch-0x1234", byTFTP: 0x1234, byHTTP: 0x1234},
	} {
		t.Run(situation, func(t *testing.T) {
			if k, tftp, http := tc.arch.Kind(), tc.arch.By(false), tc.arch.By(true); k != tc.kind ||
				tftp != tc.byTFTP || http != tc.byHTTP {
				t.Errorf("got %s, %#x and %#x; want %s, %#x and %#x", k, tftp, http, tc.kind, tc.byTFTP, tc.byHTTP)
			}
			if _, isNamed := named[tc.arch]; isNamed {
				return
			}
			if a, ok := ParseArch(string(tc.kind)); !ok || a != tc.arch {
				t.Errorf("%s is read as %#x, %v", tc.kind, a, ok)
			}
		})
	}
}

func TestParseArch(t *testing.T) {
	for text, want := range map[string]int{
		"arch-0x0a": 0x0a, "arch-0x0A": 0x0a, "0xa": 0x0a, "arch-10": 10, "arch-00010": 10, "10": 10,
		"arch-0xffff": 0xffff,
		"":            -1, "arch-": -1, "arch-0x": -1, "0x10000": -1, "arch-65536": -1, "arch-x": -1,
		"-1": -1, "+1": -1,
		"0b1": -1, "arch-arch-1": -1,
	} {
		got, ok := ParseArch(text)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q is read as %d, %v; want %d", text, got, ok, want)
		}
	}
}
