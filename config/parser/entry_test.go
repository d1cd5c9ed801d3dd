package parser

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// pool is a file with all that a menu can have.
const pool = `[tftp]
max_block = 1024
max_window = 4

[files]
any_case = false
own_menus = true

[[wds]]
name = "old"
server = "192.168.77.2"
bios = 'BOOT\x86\wdsnbp.com'
uefi-arm64 = ""
probe = "0s"
bios_route = "reboot"

[[wds]]
name = "new"
server = "wds2.example.org"
uefi-x64 = '\boot\x64\wdsmgfw.efi'
probe = "5s"
probe_4011 = true
on_down = "next"

[menu]
default = "memtest"
password = "` + crypt + ` ` + pbkdf2 + `"

[[entry]]
name = "tools"
submenu = true
locked = true

[[entry]]
name = "memtest"
in = "tools"
help = '''
Tests the memory.

Takes a night, ^C ends it.

'''
file = "tools/memtest.bin"
efi = "tools/memtest.efi"
signed = false

[[entry]]
name = "wipe"
kernel = "debian/linux"
erases = true
locked = true
listed = false

[[entry]]
name = "restart"
in = "tools"
pxelinux = """
# as on the old server
  com32	reboot.c32  
Menu Indent 2
"""
grub = """
if [ "$grub_platform" = "efi" ]; then
    echo '}'
    reboot
fi
"""
`

const (
	crypt  = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
	pbkdf2 = "grub.pbkdf2.sha512.10000.0123456789ABCDEF." +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func TestParseOfAMenu(t *testing.T) {
	want := config.Config{
		TFTP:  config.TFTP{MaxBlock: 1024, MaxWindow: 4},
		Files: config.Files{AnyCase: false, OwnMenus: true},
		WDS: []config.WDS{{
			Name: "old", Server: "192.168.77.2",
			Programs: map[firmware.Kind]string{"bios": `BOOT\x86\wdsnbp.com`, "uefi-ia32": `boot\x86\wdsmgfw.efi`,
				"uefi-x64": `boot\x64\wdsmgfw.efi`, "uefi-arm64": ""},
			Programs2023: map[firmware.Kind]string{"uefi-x64": `boot_EX\x64\wdsmgfw_EX.efi`},
			OnDown:       config.OnDownMark,
			BIOSRoute:    config.RouteReboot,
		}, {
			Name: "new", Server: "wds2.example.org",
			Programs: map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`, "uefi-ia32": `boot\x86\wdsmgfw.efi`,
				"uefi-x64": `\boot\x64\wdsmgfw.efi`, "uefi-arm64": `boot\arm64\wdsmgfw.efi`},
			Programs2023: map[firmware.Kind]string{"uefi-x64": `boot_EX\x64\wdsmgfw_EX.efi`,
				"uefi-arm64": `boot_EX\arm64\wdsmgfw_EX.efi`},
			Probe:     spec.Duration(5 * time.Second),
			Probe4011: true,
			OnDown:    config.OnDownNext,
			BIOSRoute: config.RouteChain,
		}},
		Menu: config.Menu{Title: "Network boot", Timeout: spec.Duration(10 * time.Second), Default: "memtest",
			Password: config.Password{Crypt: crypt, PBKDF2: pbkdf2}},
		Entries: []config.Entry{
			{Name: "tools", Label: "tools", Submenu: true, Locked: true},
			{Name: "memtest", Label: "memtest", In: "tools", Help: "Tests the memory.\n\nTakes a night, ^C ends it.",
				File: "tools/memtest.bin", EFI: "tools/memtest.efi", Unsigned: true},
			{Name: "wipe", Label: "wipe", Kernel: "debian/linux", Erases: true, Locked: true, Unlisted: true},
			{Name: "restart", Label: "restart", In: "tools",
				PXELINUX: "# as on the old server\n  com32\treboot.c32\nMenu Indent 2",
				GRUB:     "if [ \"$grub_platform\" = \"efi\" ]; then\n    echo '}'\n    reboot\nfi"},
		},
	}
	// Notepad ends lines in two characters.
	for name, file := range map[string]string{"line feeds": pool,
		"a file from Windows": strings.ReplaceAll(pool, "\n", "\r\n")} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("pxebox.toml", []byte(file))
			if err != nil {
				t.Fatal(err)
			}
			got := config.Config{TFTP: c.TFTP, Files: c.Files, WDS: c.WDS, Menu: c.Menu, Entries: c.Entries}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			for i, k := range []config.Kind{config.KindSubmenu, config.KindProgram, config.KindLinux, config.KindRaw} {
				if got.Entries[i].Kind() != k {
					t.Errorf("entry %s is of kind %v, want %v", got.Entries[i].Name, got.Entries[i].Kind(), k)
				}
			}
		})
	}
}

func TestParseAcceptsOfAMenu(t *testing.T) {
	const locked = "[menu]\npassword = \"" + crypt + " " + pbkdf2 + "\"\n"
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	for _, tt := range []struct{ name, file string }{
		{"hashes in the other order", "[menu]\npassword = \" " + pbkdf2 + "  " + crypt + "\""},
		{"a hash with its own rounds", "[menu]\npassword = \"$6$rounds=656000$" + strings.TrimPrefix(crypt,
			"$6$") + " " + pbkdf2 + "\""},
		{"a password that no one asks for", locked},
		{"an EFI program without a signature", entry("efi = \"a.efi\"\nappend = \"-v\"\nsigned = false")},
		{"a signature where nothing else could be", entry("disk = true\nsigned = true")},
		{"a WDS handover that asks before it erases",
			"[[wds]]\nname = \"w\"\nserver = \"w\"\n" + locked + entry("wds = \"w\"\nerases = true\nlocked = true")},
		{"lines that ask before they erase", entry("grub = \"reboot\"\nerases = true")},
		{"submenus as deep as they may be",
			"entry = [{name=\"a\",submenu=true},{name=\"b\",in=\"a\",submenu=true},{name=\"c\",in=\"b\",submenu=true},{name=\"d\",in=\"c\",submenu=true},{name=\"e\",in=\"d\",disk=true}]"},
		{"a submenu behind its entries", "entry = [{name=\"e\",in=\"a\",disk=true},{name=\"a\",submenu=true}]"},
		{"a default inside a submenu",
			"[menu]\ndefault = \"e\"\n[[entry]]\nname=\"a\"\nsubmenu=true\n[[entry]]\nname=\"e\"\nin=\"a\"\ndisk=true"},
		{"help of ten lines as wide as the screen",
			entry("disk = true\nhelp = \"" + strings.Repeat(strings.Repeat("ü", 70)+"\\n", 10) + "\"")},
		{"help that speaks of ENDTEXT", entry("disk = true\nhelp = \"The word ENDTEXT\\nENDTEXTS\"")},
		{"every directive of one LABEL",
			entry("pxelinux = '''\nKERNEL k\nLinux l\nboot b\nBSS s\nPXE p\nFDIMAGE f\nCOMBOOT c\nCOM32 m.c32\n" +
				"CONFIG c\nLOCALBOOT -1\nINITRD i\nAPPEND -\nIPAPPEND 2\nSYSAPPEND 3\n\tmenu\tindent 1\n" +
				"MENU DISABLE\nMENU DISABLED\nMENU GOTO .top\nMENU EXIT'''")},
		{"PXELINUX's longest line", entry("pxelinux = \"APPEND " + strings.Repeat("x", 2040) + "\"")},
		{"no program but one", "[[wds]]\nname = \"w\"\nserver = \"w\"\nbios = \"\"\nuefi-ia32 = ''\nuefi-arm64 = ''"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f", []byte(tt.file)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestParseRefusesOfAMenu(t *testing.T) {
	const (
		wds     = "[[wds]]\nname = \"w\"\nserver = \"w\"\n" // 3 lines
		hashing = "; make it with: pxebox hash-password"
	)
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	submenu := func(name, in string) string {
		return "[[entry]]\nname = \"" + name + "\"\nsubmenu = true\nin = \"" + in + "\"\n"
	}
	many := strings.Builder{}
	for i := range 2001 {
		fmt.Fprintf(&many, "[[entry]]\nname = \"e%d\"\ndisk = true\n", i)
	}
	for _, tt := range []struct {
		name, file string
		want       []string // each begins a line of the error, behind the file's name
	}{
		{name: "a block smaller than TFTP's own", file: "[tftp]\nmax_block = 511",
			want: []string{"2: tftp.max_block: 511 is out of range; write a number from 512 to 65464"}},
		{name: "a block larger than a datagram", file: "[tftp]\nmax_block = 65465",
			want: []string{"2: tftp.max_block: 65465 is out of range"}},
		{name: "a window of none", file: "[tftp]\nmax_window = 0",
			want: []string{"2: tftp.max_window: 0 is out of range; write a number from 1 to 256"}},
		{name: "a window without an end", file: "[tftp]\nmax_window = 257",
			want: []string{"2: tftp.max_window: 257 is out of range"}},
		{name: "a text for a switch of names", file: "[files]\nany_case = \"no\"",
			want: []string{"2: files.any_case: is a text, not true or false without quotes; write any_case = false"}},

		{name: "metrics for an address in a network", file: "[metrics]\nallow = [\"10.9.0.5/24\"]",
			want: []string{`2: metrics.allow: 10.9.0.5 is an address inside the network; write "10.9.0.0/24", or "10.9.0.5" for that host alone`}},
		{name: "metrics for a name", file: "[metrics]\nallow = [\"monitor\"]",
			want: []string{`2: metrics.allow: "monitor" is not an IPv4 network with its prefix length; write one such as "10.9.0.0/24"`}},
		{name: "metrics for too many networks",
			file: "[metrics]\nallow = [" + strings.Repeat("\"10.9.0.0/24\", ", 65) + "]",
			want: []string{`2: metrics.allow: has 65 networks; keep it to 64`}},

		{name: "a program with forward slashes", file: wds + "bios = \"boot/x64/wdsnbp.com\"",
			want: []string{`4: wds "w".bios: contains a forward slash, which the ReadFilter of a WDS server refuses; write 'boot\x64\wdsnbp.com'`}},
		{name: "a program with both slashes and a space", file: wds + `bios = 'boot/x 64\wdsnbp.com'`,
			want: []string{`4: wds "w".bios: contains a forward slash, which the ReadFilter of a WDS server refuses; write backslashes`}},
		{name: "a program between double quotes", file: wds + `uefi-x64 = "boot\x64\wdsmgfw.efi"`,
			want: []string{`4: wds "w".uefi-x64: has a backslash between double quotes, where it begins an escape such as \n; write it between single quotes: uefi-x64 = 'boot\x64\wdsmgfw.efi'`}},
		{name: "a program between double quotes that make a control character",
			file: wds + `uefi-x64 = "boot\bootmgfw.efi"`,
			want: []string{`4: wds "w".uefi-x64: contains a control character; write a name with backslashes between single quotes, as in 'boot\x64\wdsmgfw.efi'`}},
		{name: "a program with a space", file: wds + `bios = 'boot\x64\wds nbp.com'`,
			want: []string{`4: wds "w".bios: 'boot\x64\wds nbp.com' is not a name of a program on a WDS server; write its folders`}},
		{name: "a program out of the folder", file: wds + `bios = 'boot\..\wdsnbp.com'`,
			want: []string{`4: wds "w".bios: 'boot\..\wdsnbp.com' is not a name`}},
		{name: "a program on another server", file: wds + `bios = 'a::boot\x64\wdsnbp.com'`,
			want: []string{`4: wds "w".bios: 'a::boot`}},
		{name: "a program that is a folder", file: wds + `bios = 'boot\'`,
			want: []string{`4: wds "w".bios: 'boot\' is not a name`}},
		{name: "a program that no packet holds", file: wds + "bios = '" + strings.Repeat("x", 128) + "'",
			want: []string{`4: wds "w".bios: has 128 characters; keep it to 127`}},
		{name: "a probe too often", file: wds + "probe = \"10ms\"",
			want: []string{`4: wds "w".probe: "10ms" is too short; write 1s or more`}},
		{name: "a probe that never comes", file: wds + "probe = \"48h\"",
			want: []string{`4: wds "w".probe: "48h" is too long; write 24h0m0s or less`}},
		{name: "an unknown choice", file: wds + "on_down = \"skip\"",
			want: []string{`4: wds "w".on_down: "skip" is not a valid on_down; write "mark", "hide" or "next"`}},
		{name: "an unknown route", file: wds + "bios_route = \"pxechn\"",
			want: []string{`4: wds "w".bios_route: "pxechn" is not a valid bios_route; write "chain" or "reboot"`}},
		{name: "what a server is to be asked, and when is never",
			file: wds + "probe = \"0s\"\nprobe_4011 = true\non_down = \"hide\"", want: []string{
				`5: wds "w".probe_4011: has no effect: with probe = "0s" the server is never asked; leave`,
				`6: wds "w".on_down: has no effect: with probe = "0s" the box does not know`}},

		{name: "a log server with an address instead of a port", file: "[syslog]\nserver = \"10.0.0.9:x\"",
			want: []string{`2: syslog.server: "x" is not a port number; write a number from 1 to 65535 after the colon`}},
		{name: "a log server with a port that is too large", file: "[syslog]\nserver = \"10.0.0.9:65536\"",
			want: []string{`2: syslog.server: "65536" is not a port number`}},
		{name: "a log server by its URL", file: "[syslog]\nserver = \"udp://10.0.0.9:514\"",
			want: []string{`2: syslog.server: "udp://10.0.0.9:514" is neither an IPv4 address nor a host name; write "10.0.0.9"`}},
		{name: "a log server with an IPv6 address", file: "[syslog]\nserver = \"2001:db8::1\"",
			want: []string{`2: syslog.server: "2001:db8::1" is an IPv6 address; write`}},
		{name: "a log server by another protocol", file: "[syslog]\nserver = \"10.0.0.9\"\nprotocol = \"tls\"",
			want: []string{`3: syslog.protocol: "tls" is not a valid protocol; write "udp" or "tcp"`}},
		{name: "a protocol without a log server", file: "[syslog]\nprotocol = \"tcp\"",
			want: []string{`2: syslog.protocol: has no effect without a server; write server = "192.168.77.9" as well, or leave it out`}},

		{name: "a password as it is typed", file: "[menu]\npassword = \"secret\"",
			want: []string{"2: menu.password: is not the hashes of a password" + hashing}},
		{name: "a password without its hash for GRUB", file: "[menu]\npassword = \"" + crypt + "\"",
			want: []string{"2: menu.password: has no hash for GRUB, grub.pbkdf2.sha512.ROUNDS.SALT.HASH" + hashing}},
		{name: "a password without its hash for PXELINUX", file: "[menu]\npassword = \"" + pbkdf2 + "\"",
			want: []string{"2: menu.password: has no hash for PXELINUX, $6$SALT$HASH" + hashing}},
		{name: "a password with a hash cut off",
			file: "[menu]\npassword = \"" + crypt + " " + pbkdf2[:len(pbkdf2)-1] + "\"",
			want: []string{"2: menu.password: has no hash for GRUB"}},
		{name: "a password of an old form", file: "[menu]\npassword = \"$1$" + strings.TrimPrefix(crypt,
			"$6$") + " " + pbkdf2 + "\"", want: []string{"2: menu.password: has no hash for PXELINUX"}},
		{name: "three hashes", file: "[menu]\npassword = \"" + crypt + " " + pbkdf2 + " " + crypt + "\"",
			want: []string{"2: menu.password: has more than two hashes" + hashing}},
		{name: "menu injection by a password", file: "[menu]\npassword = \"" + crypt + "\\nLABEL " + pbkdf2 + "\"",
			want: []string{"2: menu.password: has more than two hashes"}},
		{name: "a password that is a number", file: "[menu]\npassword = 1234",
			want: []string{"2: menu.password: is a number, not a text in quotes" + hashing}},
		{name: "a lock without a password", file: entry("disk = true\nlocked = true"),
			want: []string{`4: entry "a".locked: needs a password, but there is none; run pxebox hash-password`}},

		{name: "an entry that is called as the menu", file: "[[entry]]\nname = \"menu\"\ndisk = true",
			want: []string{`2: entry "menu".name: "menu" is reserved: below [[machine]] it means the menu; write another name`}},
		{name: "a signature of nothing", file: entry("file = \"a.c32\"\nsigned = false"),
			want: []string{`4: entry "a".signed: is only valid with a kernel or an efi program; leave it out`}},
		{name: "a disk that erases itself", file: entry("disk = true\nerases = true"),
			want: []string{`4: entry "a".erases: has no effect: this entry changes nothing on the machine; leave it out`}},
		{name: "a submenu that erases",
			file: "[[entry]]\nname = \"s\"\nsubmenu = true\nerases = true\n" + entry("disk = true\nin = \"s\""),
			want: []string{`4: entry "s".erases: has no effect`}},
		{name: "an EFI program next to a kernel", file: entry("kernel = \"k\"\nefi = \"e\""),
			want: []string{`4: entry "a".efi: is in conflict: the entry has kernel and efi; keep one`}},
		{name: "lines next to a file", file: entry("grub = \"reboot\"\nfile = \"f\""),
			want: []string{`3: entry "a".grub: is in conflict: the entry has file and grub; keep one`}},
		{name: "a submenu next to a file", file: entry("file = \"f\"\nsubmenu = true"),
			want: []string{`4: entry "a".submenu: is in conflict: the entry has file and submenu; keep one`}},
		{name: "arguments for lines", file: entry("grub = \"reboot\"\nappend = \"x\""),
			want: []string{`4: entry "a".append: is only valid with a kernel or a file`}},
		{name: "more entries than are allowed", file: many.String(),
			want: []string{`6001: entry "e2000": is one too many; keep it to 2000 entries`}},

		{name: "an entry in no submenu", file: entry("disk = true\nin = \"\""),
			want: []string{`4: entry "a".in: "" is not a valid name`}},
		{name: "an entry in a misspelt submenu",
			file: "[[entry]]\nname = \"tools\"\nsubmenu = true\n" + entry("disk = true\nin = \"tool\""),
			want: []string{`7: entry "a".in: there is no submenu named "tool"; write "tools"`}},
		{name: "an entry in another that is no submenu",
			file: entry("disk = true") + "\n[[entry]]\nname = \"b\"\ndisk = true\nin = \"a\"",
			want: []string{`7: entry "b".in: "a" is not a submenu; write submenu = true there instead of what it starts`}},
		{name: "a submenu without entries", file: "[[entry]]\nname = \"s\"\nsubmenu = true",
			want: []string{`3: entry "s".submenu: has no entries; write in = "s" in the entries that belong to it`}},
		{name: "submenus in a ring, and one below",
			file: submenu("x", "z") + submenu("y", "x") + submenu("z", "y") + submenu("below", "z") +
				entry("disk = true\nin = \"below\""),
			want: []string{`4: entry "x".in: puts "x" inside itself; leave it out for a submenu at the top`}},
		{name: "a submenu in itself", file: submenu("s", "s"),
			want: []string{`4: entry "s".in: puts "s" inside itself`}},
		{name: "submenus too deep", file: "[[entry]]\nname=\"a\"\nsubmenu=true\n" + submenu("b", "a") + submenu("c",
			"b") + submenu("d", "c") + submenu("e", "d") + submenu("f", "e") +
			"[[entry]]\nname=\"g\"\ndisk=true\nin=\"f\"",
			want: []string{`19: entry "e".in: nests submenus 5 deep; keep it to 4`}},
		{name: "a default that is a submenu",
			file: "[menu]\ndefault = \"s\"\n[[entry]]\nname=\"s\"\nsubmenu=true\n" + entry("disk=true\nin=\"s\""),
			want: []string{`2: menu.default: "s" is a submenu, which starts nothing; write the name of another entry`}},
		{name: "a default that is not in the menu",
			file: "[menu]\ndefault = \"a\"\n" + entry("disk=true\nlisted=false"),
			want: []string{`2: menu.default: "a" is not in the menu: it has listed = false`}},

		{name: "help that PXELINUX takes for lines of the menu",
			file: entry("disk = true\nhelp = \"Help\\n  EndText now\\nLABEL x\""),
			want: []string{`4: entry "a".help: line 2 begins with EndText, which PXELINUX takes for the end of the text; begin it with another word`}},
		{name: "help with its own carriage return", file: entry("disk = true\nhelp = \"a\\rENDTEXT\""),
			want: []string{`4: entry "a".help: line 1 contains the control character U+000D; leave it out`}},
		{name: "help with a tab", file: entry("disk = true\nhelp = \"a\\tb\""),
			want: []string{"4: entry \"a\".help: contains \\t, which means a tab in double quotes; write it between " +
				"single"}},
		{name: "help too wide", file: entry("disk = true\nhelp = \"\\n" + strings.Repeat("x", 71) + "\""),
			want: []string{`4: entry "a".help: line 2 has 71 characters; keep it to 70`}},
		{name: "help too long", file: entry("disk = true\nhelp = \"" + strings.Repeat("x\\n", 11) + "\""),
			want: []string{`4: entry "a".help: has 11 lines; keep it to 10`}},
		{name: "help that a BIOS cannot show", file: entry("disk = true\nhelp = \"ok\\nПомощь\""),
			want: []string{`4: entry "a".help: the character 'П' cannot be shown by a BIOS menu`}},
		{name: "help without any", file: entry("disk = true\nhelp = \" \\n \""),
			want: []string{`4: entry "a".help: is empty; write help = "Asks nothing.", or leave it out`}},

		{name: "lines with their own LABEL", file: entry("pxelinux = \"\"\"\nKERNEL k\nlabel b\"\"\""),
			want: []string{`3: entry "a".pxelinux: line 2, "label b", is not a directive of one LABEL; write another [[entry]] for it`}},
		{name: "lines that open a submenu", file: entry("pxelinux = \"MENU BEGIN b\""),
			want: []string{`3: entry "a".pxelinux: line 1, "MENU BEGIN b", is not a directive of one LABEL; write an [[entry]] with submenu = true`}},
		{name: "lines that close the submenu", file: entry("pxelinux = \"KERNEL k\\nmenu \\t end\""),
			want: []string{`3: entry "a".pxelinux: line 2, "menu \t end", is not a directive`}},
		{name: "lines that read another file", file: entry("pxelinux = \"include x.cfg\""),
			want: []string{`3: entry "a".pxelinux: line 1, "include x.cfg", is not a directive of one LABEL; write the lines of that file`}},
		{name: "lines with a text that does not end", file: entry("pxelinux = \"TEXT HELP\\nx\""),
			want: []string{`3: entry "a".pxelinux: line 1, "TEXT HELP", is not a directive of one LABEL; write help`}},
		{name: "lines that lead to the prompt", file: entry("pxelinux = \"MENU QUIT\""),
			want: []string{`3: entry "a".pxelinux: line 1, "MENU QUIT", is not a directive of one LABEL; leave it out`}},
		{name: "lines for the whole menu", file: entry("pxelinux = \"TIMEOUT 1\""),
			want: []string{`3: entry "a".pxelinux: line 1, "TIMEOUT 1", is not a directive of one LABEL; write timeout below [menu]`}},
		{name: "lines with half a directive", file: entry("pxelinux = \"MENU\""),
			want: []string{`3: entry "a".pxelinux: line 1, "MENU", is not a directive`}},
		{name: "lines with an unknown directive",
			file: entry("pxelinux = \"DRINK " + strings.Repeat("tea ", 20) + "\""),
			want: []string{`3: entry "a".pxelinux: line 1, "DRINK tea tea tea tea tea tea tea tea te...", is not a directive of one LABEL; leave it out`}},
		{name: "lines with a control character", file: entry("pxelinux = \"KERNEL k\\fLABEL b\""),
			want: []string{`3: entry "a".pxelinux: line 1 contains the control character U+000C`}},
		{name: "lines with letters that PXELINUX does not know", file: entry("pxelinux = \"APPEND büro\""),
			want: []string{`3: entry "a".pxelinux: line 1, "APPEND büro", contains a character that is not ASCII`}},
		{name: "lines that PXELINUX would cut in two",
			file: entry("pxelinux = \"APPEND " + strings.Repeat("x", 2041) + "\""),
			want: []string{`3: entry "a".pxelinux: line 1 has 2048 characters; keep it to 2047`}},
		{name: "lines that say nothing", file: entry("pxelinux = \"# later\""),
			want: []string{`3: entry "a".pxelinux: has comments only; write pxelinux = "COM32 hdt.c32"`}},
		{name: "no lines", file: entry("pxelinux = \"\""), want: []string{`3: entry "a".pxelinux: is empty; write`}},
		{name: "GRUB lines that leave their entry", file: entry("grub = \"\"\"\nreboot\n}\nmenuentry x {\"\"\""),
			want: []string{`3: entry "a".grub: line 2 has }, and nothing before that it belongs to; leave it out`}},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.file, tt.want) })
	}
}

// A menu of a thousand entries, each with all that an entry can have, and as
// many machines. A small computer takes some ten times as long as a PC.
func BenchmarkParse(b *testing.B) {
	var f bytes.Buffer
	f.WriteString("[menu]\npassword = \"" + crypt + " " + pbkdf2 + "\"\n[[entry]]\nname = \"s\"\nsubmenu = true\n")
	for i := range 1000 {
		fmt.Fprintf(&f,
			"[[entry]]\nname = \"e%d\"\nlabel = \"Entry %d\"\nin = \"s\"\nhelp = \"\"\"\nFirst line.\n"+
				"Second line.\"\"\"\nlocked = true\n", i, i)
		switch i % 3 {
		case 0:
			fmt.Fprintf(&f, "kernel = \"k%d/linux\"\ninitrd = [\"k%d/initrd.gz\"]\nappend = \"console=ttyS0,115200\"\n",
				i, i)
		case 1:
			fmt.Fprintf(&f, "file = \"t%d.bin\"\nefi = \"t%d.efi\"\nsigned = false\n", i, i)
		case 2:
			fmt.Fprintf(&f,
				"pxelinux = \"\"\"\nKERNEL k%d\nAPPEND a b c\"\"\"\ngrub = \"\"\"\nif true; then\n  linux k%d a b c\n"+
					"fi\"\"\"\n", i, i)
		}
		fmt.Fprintf(&f, "[[machine]]\nmac = [\"52:54:00:00:%02x:%02x\"]\nboot = \"e%d\"\n", i/256, i%256, i)
	}
	b.SetBytes(int64(f.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("f.toml", f.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
