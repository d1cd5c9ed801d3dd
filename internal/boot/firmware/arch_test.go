package firmware

import "testing"

func TestArch(t *testing.T) {
	for situation, tc := range map[string]struct {
		arch           Arch
		kind           Kind
		byTFTP, byHTTP Arch
	}{
		"a BIOS":                            {0x00, BIOS, 0x00, 0x14},
		"x64 UEFI":                          {0x07, UEFIX64, 0x07, 0x10},
		"EFI byte code, which means x64":    {0x09, UEFIX64, 0x09, 0x11},
		"ARM UEFI by HTTP":                  {0x13, UEFIARM64HTTP, 0x0b, 0x13},
		"ARM 32-bit UEFI has no name here":  {0x0a, "arch-0x0a", 0x0a, 0x12},
		"U-Boot by HTTP":                    {0x18, "arch-0x18", 0x16, 0x18},
		"OPAL, which has no HTTP":           {0x0e, "arch-0x0e", 0x0e, 0x0e},
		"LoongArch":                         {0x27, "arch-0x27", 0x27, 0x28},
		"a Raspberry Pi that says so":       {0x29, RaspberryPi, 0x29, 0x29},
		"a number that is not assigned yet": {0x1234, "arch-0x1234", 0x1234, 0x1234},
	} {
		t.Run(situation, func(t *testing.T) {
			if k, tftp, http := tc.arch.Kind(), tc.arch.By(false), tc.arch.By(true); k != tc.kind || tftp != tc.byTFTP || http != tc.byHTTP {
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
		"arch-0x0a": 0x0a, "arch-0x0A": 0x0a, "0xa": 0x0a, "arch-10": 10, "arch-00010": 10, "10": 10, "arch-0xffff": 0xffff,
		"": -1, "arch-": -1, "arch-0x": -1, "0x10000": -1, "arch-65536": -1, "arch-x": -1, "-1": -1, "+1": -1, "0b1": -1, "arch-arch-1": -1,
	} {
		got, ok := ParseArch(text)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q is read as %d, %v; want %d", text, got, ok, want)
		}
	}
}
