package parser

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// some entries for machines to boot; 15 lines.
const some = `[[entry]]
name = "disk"
disk = true
[[entry]]
name = "debian"
kernel = "k"
listed = false
[[entry]]
name = "tools"
submenu = true
[[entry]]
name = "memtest"
file = "m"
in = "tools"

`

func TestParseOfMachines(t *testing.T) {
	file := some + `[[machine]]
mac = ["52-54-00-AB-CD-EF", "0050569", "00:50:56", "0"]
[[machine]]
`
	refuses(t, file, []string{
		`17: machine 1.mac: "0050569" is not a hardware address, nor the beginning of one; write whole bytes, as in "52:54:00:12:34:56" or "52:54:00"`,
		`17: machine 1.mac: "0" is not a hardware address`,
		`18: machine 2: matches every machine; write mac, guid or firmware; what all machines get is written below [menu]`,
	})

	c, err := Parse("f", []byte(some+`[[machine]]
mac = ["52-54-00-AB-CD-EF", "005056", "00:1B"]
guid = ["{70786562-6F78-4C61-8000-000000000010}"]
boot = "debian"
once = true
[[machine]]
firmware = ["uefi-arm64", "bios"]
entries = ["memtest", "debian"]
default = "debian"
[[machine]]
mac = ["52:54:00"]
boot = "disk"
[[machine]]
guid = ["70786562-6f78-4c61-8000-000000000011"]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Machine{
		{MAC: []string{"52:54:00:ab:cd:ef", "00:50:56", "00:1b"},
			GUID: []string{"70786562-6f78-4c61-8000-000000000010"}, Boot: "debian", Once: true},
		{Firmware: []firmware.Kind{"uefi-arm64", "bios"}, Boot: config.BootMenu, Entries: []string{"memtest", "debian"},
			Default: "debian"},
		{MAC: []string{"52:54:00"}, Boot: config.BootDisk},
		{GUID: []string{"70786562-6f78-4c61-8000-000000000011"}, Boot: config.BootMenu},
	}
	if !reflect.DeepEqual(c.Machines, want) {
		t.Errorf("got %+v\nwant %+v", c.Machines, want)
	}
}

func TestParseAcceptsOfMachines(t *testing.T) {
	for _, tt := range []struct{ name, file string }{
		{"the disk, where no entry has that name",
			"[[entry]]\nname = \"a\"\nkernel = \"k\"\n[[machine]]\nfirmware = [\"bios\"]\nboot = \"disk\""},
		{"the disk in a machine's menu, where the file has no entries",
			"[[machine]]\nfirmware = [\"bios\"]\nentries = [\"disk\"]"},
		{"the same machine again, after once",
			some +
				"[[machine]]\nmac = [\"525400000001\"]\nboot = \"debian\"\nonce = true\n[[machine]]\n" +
				"mac = [\"52:54:00:00:00:01\"]\nboot = \"disk\""},
		{"one machine of a maker before all of them",
			some + "[[machine]]\nmac = [\"52:54:00:00:00:01\"]\n[[machine]]\nmac = [\"52:54:00\"]"},
		{"a maker's machines with one firmware before all",
			some + "[[machine]]\nmac = [\"52:54\"]\nfirmware = [\"bios\"]\n[[machine]]\nmac = [\"52:54:00\"]"},
		{"a maker's machines, one of which has had its turn",
			some +
				"[[machine]]\nmac = [\"52:54:00\"]\n[[machine]]\nmac = [\"52:54:00:00:00:01\", \"52:55:00:00:00:01\"]"},
		{"a firmware by its number", some + "[[machine]]\nfirmware = [\"arch-0x0a\"]"},
		{"firmware of two machines",
			some +
				"[[machine]]\nfirmware = [\"bios\"]\nmac = [\"52\"]\n[[machine]]\nfirmware = [\"bios\"]\nmac = [\"54\"]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f", []byte(tt.file)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestParseRefusesOfMachines(t *testing.T) {
	const m = some + "[[machine]]\nmac = [\"52:54:00\"]\n" // 17 lines
	machine := func(lines string) string { return m + lines }
	later := func(first, second string) string {
		return some + "[[machine]]\n" + first + "\n[[machine]]\n" + second
	}
	many := strings.Builder{}
	for i := range 4097 {
		fmt.Fprintf(&many, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\n", i/256, i%256)
	}
	for _, tt := range []struct {
		name, file string
		want       []string // each begins a line of the error, behind the file's name
	}{
		{name: "the address of a group", file: some + "[[machine]]\nmac = [\"01:00:5e\"]",
			want: []string{`17: machine 1.mac: "01:00:5e" is a multicast address; write a machine's own`}},
		{name: "an address of seven bytes", file: some + "[[machine]]\nmac = [\"52:54:00:00:00:00:01\"]",
			want: []string{`17: machine 1.mac: "52:54:00:00:00:00:01" is not a hardware address`}},
		{name: "an address of none", file: some + "[[machine]]\nmac = [\"\"]",
			want: []string{`17: machine 1.mac: "" is not a hardware address`}},
		{name: "an address without a list", file: some + "[[machine]]\nmac = \"52:54:00\"",
			want: []string{`17: machine 1.mac: is a text, not a list in brackets; write mac = ["52:54:00"]`}},
		{name: "an empty list of machines", file: some + "[[machine]]\nmac = []",
			want: []string{`17: machine 1.mac: is an empty list; write at least one, or leave it out`}},
		{name: "a GUID without hyphens", file: some + "[[machine]]\nguid = [\"707865626f784c618000000000000010\"]",
			want: []string{`17: machine 1.guid: "707865626f784c618000000000000010" is not a GUID; write it as the firmware's setup shows it, with its hyphens`}},
		{name: "a GUID that was never set",
			file: some + "[[machine]]\nguid = [\"FFFFFFFF-ffff-ffff-ffff-ffffffffffff\"]",
			want: []string{`17: machine 1.guid: "FFFFFFFF-ffff-ffff-ffff-ffffffffffff" is a placeholder: this mainboard has no GUID; write mac`}},
		{name: "a firmware by a number that has a name",
			file: some + "[[machine]]\nfirmware = [\"arch-0x0b\", \"10\"]", want: []string{
				`17: machine 1.firmware: "arch-0x0b" is not a kind of firmware; write "uefi-arm64"`,
				`17: machine 1.firmware: "10" is not a kind of firmware; write "arch-0x0a"`}},
		{name: "an unknown firmware", file: some + "[[machine]]\nfirmware = [\"uefi_x64\", \"coreboot\"]",
			want: []string{`17: machine 1.firmware: "uefi_x64" is not a kind of firmware; write "uefi-x64"`,
				`17: machine 1.firmware: "coreboot" is not a kind of firmware; write one of bios, uefi-ia32`}},
		{name: "an entry that is not there", file: machine("boot = \"debain\""),
			want: []string{`18: machine 1.boot: there is no [[entry]] named "debain"; write "debian"`}},
		{name: "the menu with a slip", file: machine("boot = \"manu\""),
			want: []string{`18: machine 1.boot: there is no [[entry]] named "manu"; write "menu"`}},
		{name: "a submenu to boot", file: machine("boot = \"tools\""),
			want: []string{`18: machine 1.boot: "tools" is a submenu, which starts nothing; write the name of an entry in it, or boot = "menu"`}},
		{name: "once with a menu", file: machine("once = true"),
			want: []string{`18: machine 1.once: has no effect with a menu; write boot = with the name of an entry as well`}},
		{name: "a menu that is not shown",
			file: machine("boot = \"debian\"\nentries = [\"disk\"]\ndefault = \"disk\"\ntimeout = \"5s\""),
			want: []string{
				`19: machine 1.entries: has no effect: "debian" starts without a menu; write boot = "menu", or leave it out`, `20: machine 1.default: has no effect`,
				`21: machine 1.timeout: has no effect`}},
		{name: "a timeout that is too short", file: machine("timeout = \"10ms\""),
			want: []string{`18: machine 1.timeout: "10ms" is too short; write 1s or more`}},
		{name: "a menu of entries that are not there", file: machine("entries = [\"disk\", \"dibian\"]"),
			want: []string{`18: machine 1.entries: there is no [[entry]] named "dibian"; write "debian"`}},
		{name: "a menu of an entry twice", file: machine("entries = [\"disk\", \"disk\"]"),
			want: []string{`18: machine 1.entries: names "disk" twice; name each entry once`}},
		{name: "a menu of nothing", file: machine("entries = []"),
			want: []string{`18: machine 1.entries: is an empty list`}},
		{name: "a menu of something else", file: machine("entries = [\"Disk\"]"),
			want: []string{`18: machine 1.entries: there is no [[entry]] named "Disk"; write "disk"`}},
		{name: "a default that is no entry", file: machine("default = \"windows\""),
			want: []string{`18: machine 1.default: there is no [[entry]] named "windows"; write one of disk, debian, tools, memtest`}},
		{name: "a default outside of the machine's menu", file: machine("entries = [\"disk\"]\ndefault = \"debian\""),
			want: []string{`19: machine 1.default: "debian" is not among the machine's entries; write it in entries as well`}},
		{name: "a default that the menu does not list", file: machine("default = \"debian\""),
			want: []string{`18: machine 1.default: "debian" is not in the menu: it has listed = false`}},
		{name: "a default that is a submenu", file: machine("default = \"tools\""),
			want: []string{`18: machine 1.default: "tools" is a submenu`}},
		{name: "the same machine twice, written in two ways",
			file: later(`mac = ["52:54:00:00:00:01"]`, `mac = ["52-54-00-00-00-01"]`),
			want: []string{`18: machine 2: is never used: the [[machine]] on line 16 matches all of its machines; put it before that one, or leave it out`}},
		{name: "a machine after its maker's",
			file: later(`mac = ["00:50:56", "52:54:00"]`,
				"mac = [\"52:54:00:00:00:01\"]\nonce = true\nboot = \"disk\""),
			want: []string{`18: machine 2: is never used: the [[machine]] on line 16`}},
		{name: "fewer machines of a firmware after all of it",
			file: later(`firmware = ["bios", "uefi-x64"]`,
				"mac = [\"52\"]\nguid = [\"70786562-6f78-4c61-8000-000000000010\"]\nfirmware = [\"uefi-x64\"]"),
			want: []string{`18: machine 2: is never used`}},
		{name: "the same GUID twice", file: later(`guid = ["70786562-6f78-4c61-8000-000000000010"]`,
			`guid = ["70786562-6F78-4C61-8000-000000000010"]`), want: []string{`18: machine 2: is never used`}},
		{name: "more machines than are allowed", file: many.String(),
			want: []string{`8193: machine 4097: is one too many; keep it to 4096 machines`}},
		{name: "a machine that is no table", file: "machine = [1]",
			want: []string{"1: machine 1: is a number; write [[machine]]"}},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.file, tt.want) })
	}
}

// The fix names each word that can be written once.
func TestWordsForBoot(t *testing.T) {
	for situation, tt := range map[string]struct{ file, words string }{
		"an entry is called disk": {some, "disk, debian, tools, memtest, menu"},
		"none is":                 {"[[entry]]\nname = \"debian\"\nkernel = \"k\"\n", "debian, menu, disk"},
	} {
		_, err := Parse("f", []byte(tt.file+"[[machine]]\nmac = [\"52:54:00\"]\nboot = \"windows\"\n"))
		if err == nil || !strings.HasSuffix(err.Error(), "; write one of "+tt.words) {
			t.Errorf("%s: %v", situation, err)
		}
	}
}
