package parser

import (
	"maps"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

func TestProgramsOf2023(t *testing.T) {
	const x64, arm64 = `boot_EX\x64\wdsmgfw_EX.efi`, `boot_EX\arm64\wdsmgfw_EX.efi`
	for _, tt := range []struct {
		situation string
		lines     string
		want      map[firmware.Kind]string
	}{
		{situation: "a server as Windows sets it up",
			want: map[firmware.Kind]string{"uefi-x64": x64, "uefi-arm64": arm64}},
		{
			situation: "Windows' own program, in other words",
			lines:     `uefi-x64 = '\Boot\x64\WDSMGFW.efi'`,
			want:      map[firmware.Kind]string{"uefi-x64": x64, "uefi-arm64": arm64},
		},
		{
			situation: "Configuration Manager",
			lines:     `uefi-x64 = 'SMSBoot\P0100005\x64\wdsmgfw.efi'`,
			want:      map[firmware.Kind]string{"uefi-arm64": arm64},
		},
		{
			situation: "no program of 2011",
			lines:     `uefi-arm64 = ""`,
			want:      map[firmware.Kind]string{"uefi-x64": x64},
		},
		{
			situation: "the site has no use for it",
			lines:     `uefi-x64-2023 = ""`,
			want:      map[firmware.Kind]string{"uefi-arm64": arm64},
		},
		{
			situation: "a copy under another name",
			lines:     "uefi-x64 = 'SMSBoot\\x64\\wdsmgfw.efi'\nuefi-x64-2023 = 'SMSBoot\\x64\\new.efi'",
			want:      map[firmware.Kind]string{"uefi-x64": `SMSBoot\x64\new.efi`, "uefi-arm64": arm64},
		},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			c, err := Parse("f", []byte("[[wds]]\nname = \"w\"\nserver = \"w\"\n"+tt.lines+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.WDS[0].Programs2023; !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestProgramsOf2023AreNamesOnAWDSServer(t *testing.T) {
	const file = "[[wds]]\nname = \"w\"\nserver = \"w\"\nuefi-x64-2023 = 'boot_EX/x64/wdsmgfw_EX.efi'\n"
	_, err := Parse("f", []byte(file))
	const want = `f:4: wds "w".uefi-x64-2023: contains a forward slash, which the ReadFilter of a WDS server ` +
		`refuses; write 'boot_EX\x64\wdsmgfw_EX.efi'`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
