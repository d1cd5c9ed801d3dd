package parser

import (
	"strings"
	"testing"
)

// The entry that a machine boots by itself is one that every machine may start.
func TestFallback(t *testing.T) {
	const password = "[menu]\npassword = " + examplePassword + "\n"
	const server = "[[wds]]\nname = \"w\"\nserver = \"192.168.77.2\"\n" +
		"[[bootserver]]\nname = \"b\"\naddress = \"192.168.77.3\"\nuefi-x64 = \"ipxe.efi\"\n[[entry]]\nname = \"tools\"\nsubmenu = true\n" +
		"[[entry]]\nname = \"disk\"\nin = \"tools\"\ndisk = true\n"
	for _, tc := range []struct {
		situation, boot, entry, want string
	}{
		{situation: "an entry of the menu", entry: `wds = "w"`},
		{situation: "in a submenu", entry: "wds = \"w\"\nin = \"tools\""},
		{situation: "no entry of that name", boot: `fallback = "wd"`, entry: `wds = "w"`,
			want: `boot.fallback: there is no [[entry]] named "wd"`},
		{situation: "another boot server", entry: `bootserver = "b"`},
		{situation: "a program of the box that the firmware starts",
			entry: "efi = \"ubuntu/shimx64.efi\"\nstart = \"firmware\""},
		{situation: "the same in the key file", entry: "file = \"win/bootmgfw.EFI\"\nstart = \"firmware\""},
		{situation: "the disk", entry: `disk = true`, want: "is not an entry that the firmware itself starts"},
		{situation: "Linux", entry: `kernel = "linux"`, want: "is not an entry that the firmware itself starts"},
		{situation: "a program that the menu starts", entry: `efi = "memtest.efi"`,
			want: "is not an entry that the firmware itself starts"},
		{situation: "a program for a BIOS", entry: "file = \"win/pxeboot.n12\"\nstart = \"firmware\"",
			want: "has no program for UEFI"},
		{situation: "a locked program", entry: "efi = \"a.efi\"\nstart = \"firmware\"\nlocked = true",
			want: "locked = true"},
		{situation: "another boot server, and it erases", entry: "bootserver = \"b\"\nerases = true",
			want: "erases = true"},
		{situation: "locked", entry: "wds = \"w\"\nlocked = true", want: "locked = true"},
		{situation: "erases", entry: "wds = \"w\"\nerases = true", want: "erases = true"},
		{situation: "not listed", entry: "wds = \"w\"\nlisted = false", want: "listed = false"},
		{situation: "in a locked submenu", entry: "wds = \"w\"\nin = \"safe\"\n[[entry]]\nname = \"safe\"\n" +
			"submenu = true\nlocked = true", want: "a submenu that is locked"},
		{situation: "answers that do not adapt", boot: "fallback = \"wds\"\nadapt = false", entry: `wds = "w"`,
			want: "has no effect with adapt = false"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if tc.boot == "" {
				tc.boot = `fallback = "wds"`
			}
			text := "[boot]\n" + tc.boot + "\n" + password + server + "[[entry]]\nname = \"wds\"\n" + tc.entry + "\n"
			c, err := Parse("pxebox.toml", []byte(text))
			if tc.want == "" {
				if err != nil || c.DHCP.Fallback != "wds" {
					t.Errorf("got %v, %v", c, err)
				}
			} else if err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
