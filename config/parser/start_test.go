package parser

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

const fog = "[[bootserver]]\nname = \"fog\"\naddress = \"192.168.77.3\"\n"

func TestParseOfABootServer(t *testing.T) {
	c, err := Parse("f.toml", []byte(`
[[bootserver]]
name = "sccm"
address = "sccm.example.org"
bios = 'SMSBoot\P0100001\x64\wdsnbp.com'
uefi-x64 = 'SMSBoot\P0100001\x64\wdsmgfw.efi'
probe = "0s"
bios_route = "reboot"
[[wds]]
name = "wds"
server = "192.168.77.2"
[[entry]]
name = "a"
bootserver = "sccm"
[[entry]]
name = "b"
wds = "wds"
[[entry]]
name = "c"
efi = "ubuntu/shimx64.efi"
file = "ubuntu/pxelinux.0"
start = "firmware"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := config.WDS{
		Name: "sccm", Server: "sccm.example.org", OnDown: config.OnDownMark, BIOSRoute: config.RouteReboot, Other: true,
		Programs: map[firmware.Kind]string{
			"bios": `SMSBoot\P0100001\x64\wdsnbp.com`, "uefi-x64": `SMSBoot\P0100001\x64\wdsmgfw.efi`,
		},
	}
	if len(c.WDS) != 2 || c.WDS[0].Name != "wds" || c.WDS[0].Other || !reflect.DeepEqual(c.WDS[1], want) {
		t.Errorf("the servers are %+v", c.WDS)
	}
	for i, kind := range []config.Kind{config.KindWDS, config.KindWDS, config.KindProgram} {
		if e := c.Entries[i]; e.Kind() != kind || !e.HandsOver() {
			t.Errorf("%s is of kind %d", e.Name, e.Kind())
		}
	}
}

func TestParseRefusesOfTheFirmwaresStart(t *testing.T) {
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	const firmwares = "start = \"firmware\""
	const ipxe = "uefi-x64 = \"ipxe.efi\"\n"
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{name: "a kernel", file: entry("kernel = \"k\"\n" + firmwares),
			want: []string{`4: entry "a".start: is not valid with a kernel, which GRUB and PXELINUX start; leave it out`}},
		{name: "the disk", file: entry("disk = true\n" + firmwares),
			want: []string{`4: entry "a".start: is only valid with efi or file; leave it out`}},
		{name: "lines for GRUB", file: entry("grub = \"fwsetup\"\n" + firmwares),
			want: []string{`4: entry "a".start: is only valid with efi or file; leave it out`}},
		{name: "another server's program", file: fog + ipxe + entry("bootserver = \"fog\"\n"+firmwares),
			want: []string{`8: entry "a".start: has no effect: the firmware always starts what another server has`}},
		{name: "arguments", file: entry("efi = \"a.efi\"\nappend = \"x\"\n" + firmwares),
			want: []string{`4: entry "a".append: is not valid with start = "firmware"`}},
		{name: "an image for memdisk", file: entry("file = \"a.iso\"\n" + firmwares),
			want: []string{`3: entry "a".file: "a.iso" is not a network boot program`}},
		{name: "a module of PXELINUX", file: entry("file = \"hdt.c32\"\n" + firmwares),
			want: []string{`3: entry "a".file: "hdt.c32" is not a network boot program`}},
		{name: "a name too long for DHCP", file: entry("efi = \"" + strings.Repeat("x", 128) + "\"\n" + firmwares),
			want: []string{`3: entry "a".efi: has 128 characters; keep it to 127`}},
		{name: "another word", file: entry("efi = \"a.efi\"\nstart = \"grub\""),
			want: []string{`4: entry "a".start: "grub" is not a valid start; write "firmware"`}},
		{name: "Windows PE", file: entry("winpe = \"win11\"\n" + firmwares),
			want: []string{`4: entry "a".start: has no effect: the firmware always starts Windows PE; leave it out`}},
		{name: "Windows PE with arguments", file: entry("winpe = \"win11\"\nappend = \"x\""),
			want: []string{`4: entry "a".append: is only valid with a kernel or a file; leave it out`}},
		{name: "Windows PE with an initrd", file: entry("winpe = \"win11\"\ninitrd = [\"x\"]"),
			want: []string{`4: entry "a".initrd: is only valid with a kernel; leave it out`}},
		{name: "Windows PE that is not signed", file: entry("winpe = \"win11\"\nsigned = false"),
			want: []string{`4: entry "a".signed: is only valid with a kernel or an efi program; leave it out`}},
		{name: "Windows PE and WDS",
			file: "[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\n" + entry("winpe = \"win11\"\nwds = \"w\""),
			want: []string{`6: entry "a".winpe: is in conflict: the entry has wds and winpe; keep one`}},
		{name: "Windows PE and another server", file: fog + ipxe + entry("winpe = \"win11\"\nbootserver = \"fog\""),
			want: []string{`7: entry "a".winpe: is in conflict: the entry has bootserver and winpe; keep one`}},
		{name: "Windows PE and a kernel", file: entry("winpe = \"win11\"\nkernel = \"k\""),
			want: []string{`4: entry "a".kernel: is in conflict: the entry has winpe and kernel; keep one`}},
		{name: "Windows PE and a program", file: entry("winpe = \"win11\"\nefi = \"a.efi\""),
			want: []string{`4: entry "a".efi: is in conflict: the entry has winpe and efi; keep one`}},
		{name: "Windows PE and lines", file: entry("winpe = \"win11\"\ngrub = \"fwsetup\""),
			want: []string{`4: entry "a".grub: is in conflict: the entry has winpe and grub; keep one`}},
		{name: "Windows PE and the disk", file: entry("winpe = \"win11\"\ndisk = true"),
			want: []string{`4: entry "a".disk: is in conflict: the entry has winpe and disk; keep one`}},
		{name: "the WIM instead of its folder", file: entry("winpe = \"win11/sources/boot.wim\""),
			want: []string{`3: entry "a".winpe: "win11/sources/boot.wim" is a file, and not a folder of the boot folder; ` +
				`write the name of the folder that it is in`}},
		{name: "an image of the media", file: entry("winpe = \"Win11.iso\""),
			want: []string{`3: entry "a".winpe: "Win11.iso" is a file, and not a folder of the boot folder; copy the files`}},
		{name: "a path of Windows", file: entry("winpe = 'D:\\win11'"),
			want: []string{`3: entry "a".winpe: "D:\\win11" is not a valid name of a boot file; `}},
		{name: "a folder name too long for DHCP", file: entry("winpe = \"" + strings.Repeat("x", 93) + "\""),
			want: []string{`3: entry "a".winpe: has 93 characters; keep it to 92: a DHCP packet has room for no more`}},
		{name: "a server without programs", file: fog,
			want: []string{`1: bootserver "fog": names no program that machines load from the server; write one`}},
		{name: "a server without an address", file: "[[bootserver]]\nname = \"fog\"\n" + ipxe,
			want: []string{`1: bootserver "fog".address: is missing; write address = "192.168.77.2"`}},
		{name: "a [[wds]] of that name", file: fog + ipxe + "[[wds]]\nname = \"fog\"\nserver = \"192.168.77.2\"",
			want: []string{`2: bootserver "fog".name: "fog" is taken by the [[wds]] on line 5; give each one`}},
		{name: "the box's own address",
			file: "[network]\naddress = \"192.168.77.3/24\"\n" + fog + ipxe,
			want: []string{`5: bootserver "fog".address: 192.168.77.3 is the box's own address; write the address of the ` +
				`other server; for a program of this box, leave the server out, and write start = "firmware"`}},
		{name: "the key of the other kind", file: fog + ipxe + entry("wds = \"fog\""),
			want: []string{`7: entry "a".wds: "fog" is a [[bootserver]]; write bootserver = "fog"`}},
		{name: "no such server", file: fog + ipxe + entry("bootserver = \"fogg\""),
			want: []string{`7: entry "a".bootserver: there is no [[bootserver]] named "fogg"; write "fog"`}},
		{name: "both kinds", file: fog + ipxe + entry("bootserver = \"fog\"\nwds = \"fog\""),
			want: []string{`7: entry "a".bootserver: is in conflict: the entry has wds and bootserver`}},
		{name: "a program with a space", file: fog + "bios = \"a b.0\"",
			want: []string{`4: bootserver "fog".bios: 'a b.0' is not a name of a program on a boot server`}},
		{name: "no probe, and what happens without an answer",
			file: fog + ipxe + "probe = \"0s\"\non_down = \"hide\"",
			want: []string{`6: bootserver "fog".on_down: has no effect`}},
		{name: "the key of [[wds]]", file: "[[bootserver]]\nname = \"fog\"\nserver = \"192.168.77.3\"\n" + ipxe,
			want: []string{`3: bootserver "fog".server: is not known; write address`}},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.file, tt.want) })
	}
}
