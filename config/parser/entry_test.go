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
			Programs:  map[firmware.Kind]string{"bios": `BOOT\x86\wdsnbp.com`, "uefi-ia32": `boot\x86\wdsmgfw.efi`, "uefi-x64": `boot\x64\wdsmgfw.efi`, "uefi-arm64": ""},
			OnDown:    config.OnDownMark,
			BIOSRoute: config.RouteReboot,
		}, {
			Name: "new", Server: "wds2.example.org",
			Programs:  map[firmware.Kind]string{"bios": `boot\x64\wdsnbp.com`, "uefi-ia32": `boot\x86\wdsmgfw.efi`, "uefi-x64": `\boot\x64\wdsmgfw.efi`, "uefi-arm64": `boot\arm64\wdsmgfw.efi`},
			Probe:     spec.Duration(5 * time.Second),
			Probe4011: true,
			OnDown:    config.OnDownNext,
			BIOSRoute: config.RouteChain,
		}},
		Menu: config.Menu{Title: "Network boot", Timeout: spec.Duration(10 * time.Second), Default: "memtest", Password: config.Password{Crypt: crypt, PBKDF2: pbkdf2}},
		Entries: []config.Entry{
			{Name: "tools", Label: "tools", Submenu: true, Locked: true},
			{Name: "memtest", Label: "memtest", In: "tools", Help: "Tests the memory.\n\nTakes a night, ^C ends it.", File: "tools/memtest.bin", EFI: "tools/memtest.efi", Unsigned: true},
			{Name: "wipe", Label: "wipe", Kernel: "debian/linux", Erases: true, Locked: true, Unlisted: true},
			{Name: "restart", Label: "restart", In: "tools", PXELINUX: "# as on the old server\n  com32\treboot.c32\nMenu Indent 2", GRUB: "if [ \"$grub_platform\" = \"efi\" ]; then\n    echo '}'\n    reboot\nfi"},
		},
	}
	// Notepad ends lines in two characters.
	for name, file := range map[string]string{"line feeds": pool, "a file from Windows": strings.ReplaceAll(pool, "\n", "\r\n")} {
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
		{"a hash with its own rounds", "[menu]\npassword = \"$6$rounds=656000$" + strings.TrimPrefix(crypt, "$6$") + " " + pbkdf2 + "\""},
		{"a password that no one asks for", locked},
		{"an EFI program without a signature", entry("efi = \"a.efi\"\nappend = \"-v\"\nsigned = false")},
		{"a signature where nothing else could be", entry("disk = true\nsigned = true")},
		{"a WDS handover that asks before it erases", "[[wds]]\nname = \"w\"\nserver = \"w\"\n" + locked + entry("wds = \"w\"\nerases = true\nlocked = true")},
		{"lines that ask before they erase", entry("grub = \"reboot\"\nerases = true")},
		{"submenus as deep as they may be", "entry = [{name=\"a\",submenu=true},{name=\"b\",in=\"a\",submenu=true},{name=\"c\",in=\"b\",submenu=true},{name=\"d\",in=\"c\",submenu=true},{name=\"e\",in=\"d\",disk=true}]"},
		{"a submenu behind its entries", "entry = [{name=\"e\",in=\"a\",disk=true},{name=\"a\",submenu=true}]"},
		{"a default inside a submenu", "[menu]\ndefault = \"e\"\n[[entry]]\nname=\"a\"\nsubmenu=true\n[[entry]]\nname=\"e\"\nin=\"a\"\ndisk=true"},
		{"help of ten lines as wide as the screen", entry("disk = true\nhelp = \"" + strings.Repeat(strings.Repeat("ü", 70)+"\\n", 10) + "\"")},
		{"help that speaks of ENDTEXT", entry("disk = true\nhelp = \"The word ENDTEXT\\nENDTEXTS\"")},
		{"every directive of one LABEL", entry("pxelinux = '''\nKERNEL k\nLinux l\nboot b\nBSS s\nPXE p\nFDIMAGE f\nCOMBOOT c\nCOM32 m.c32\nCONFIG c\nLOCALBOOT -1\nINITRD i\nAPPEND -\nIPAPPEND 2\nSYSAPPEND 3\n\tmenu\tindent 1\nMENU DISABLE\nMENU DISABLED\nMENU GOTO .top\nMENU EXIT'''")},
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
		{"a block smaller than TFTP's own", "[tftp]\nmax_block = 511", []string{"2: tftp.max_block: 511 is out of range; write a number from 512 to 65464"}},
		{"a block larger than a datagram", "[tftp]\nmax_block = 65465", []string{"2: tftp.max_block: 65465 is out of range"}},
		{"a window of none", "[tftp]\nmax_window = 0", []string{"2: tftp.max_window: 0 is out of range; write a number from 1 to 256"}},
		{"a window without an end", "[tftp]\nmax_window = 257", []string{"2: tftp.max_window: 257 is out of range"}},
		{"a text for a switch of names", "[files]\nany_case = \"no\"", []string{"2: files.any_case: is a text, not true or false without quotes; write any_case = false"}},

		{"metrics for an address in a network", "[metrics]\nallow = [\"10.9.0.5/24\"]", []string{`2: metrics.allow: 10.9.0.5 is an address inside the network; write "10.9.0.0/24", or "10.9.0.5" for that host alone`}},
		{"metrics for a name", "[metrics]\nallow = [\"monitor\"]", []string{`2: metrics.allow: "monitor" is not an IPv4 network with its prefix length; write one such as "10.9.0.0/24"`}},
		{"metrics for too many networks", "[metrics]\nallow = [" + strings.Repeat("\"10.9.0.0/24\", ", 65) + "]", []string{`2: metrics.allow: has 65 networks; keep it to 64`}},

		{"a program with forward slashes", wds + "bios = \"boot/x64/wdsnbp.com\"", []string{`4: wds "w".bios: contains a forward slash, which the ReadFilter of a WDS server refuses; write 'boot\x64\wdsnbp.com'`}},
		{"a program with both slashes and a space", wds + `bios = 'boot/x 64\wdsnbp.com'`, []string{`4: wds "w".bios: contains a forward slash, which the ReadFilter of a WDS server refuses; write backslashes`}},
		{"a program between double quotes", wds + `uefi-x64 = "boot\x64\wdsmgfw.efi"`, []string{`4: wds "w".uefi-x64: has a backslash between double quotes, where it begins an escape such as \n; write it between single quotes: uefi-x64 = 'boot\x64\wdsmgfw.efi'`}},
		{"a program between double quotes that make a control character", wds + `uefi-x64 = "boot\bootmgfw.efi"`, []string{`4: wds "w".uefi-x64: contains a control character; write a name with backslashes between single quotes, as in 'boot\x64\wdsmgfw.efi'`}},
		{"a program with a space", wds + `bios = 'boot\x64\wds nbp.com'`, []string{`4: wds "w".bios: 'boot\x64\wds nbp.com' is not a name of a program on a WDS server; write its folders`}},
		{"a program out of the folder", wds + `bios = 'boot\..\wdsnbp.com'`, []string{`4: wds "w".bios: 'boot\..\wdsnbp.com' is not a name`}},
		{"a program on another server", wds + `bios = 'a::boot\x64\wdsnbp.com'`, []string{`4: wds "w".bios: 'a::boot`}},
		{"a program that is a folder", wds + `bios = 'boot\'`, []string{`4: wds "w".bios: 'boot\' is not a name`}},
		{"a program that no packet holds", wds + "bios = '" + strings.Repeat("x", 128) + "'", []string{`4: wds "w".bios: has 128 characters; keep it to 127`}},
		{"a probe too often", wds + "probe = \"10ms\"", []string{`4: wds "w".probe: "10ms" is too short; write 1s or more`}},
		{"a probe that never comes", wds + "probe = \"48h\"", []string{`4: wds "w".probe: "48h" is too long; write 24h0m0s or less`}},
		{"an unknown choice", wds + "on_down = \"skip\"", []string{`4: wds "w".on_down: "skip" is not a valid on_down; write "mark", "hide" or "next"`}},
		{"an unknown route", wds + "bios_route = \"pxechn\"", []string{`4: wds "w".bios_route: "pxechn" is not a valid bios_route; write "chain" or "reboot"`}},
		{"what a server is to be asked, and when is never", wds + "probe = \"0s\"\nprobe_4011 = true\non_down = \"hide\"", []string{
			`5: wds "w".probe_4011: has no effect: with probe = "0s" the server is never asked; leave`, `6: wds "w".on_down: has no effect: with probe = "0s" the box does not know`}},

		{"a log server with an address instead of a port", "[syslog]\nserver = \"10.0.0.9:x\"", []string{`2: syslog.server: "x" is not a port number; write a number from 1 to 65535 after the colon`}},
		{"a log server with a port that is too large", "[syslog]\nserver = \"10.0.0.9:65536\"", []string{`2: syslog.server: "65536" is not a port number`}},
		{"a log server by its URL", "[syslog]\nserver = \"udp://10.0.0.9:514\"", []string{`2: syslog.server: "udp://10.0.0.9:514" is neither an IPv4 address nor a host name; write "10.0.0.9"`}},
		{"a log server with an IPv6 address", "[syslog]\nserver = \"2001:db8::1\"", []string{`2: syslog.server: "2001:db8::1" is an IPv6 address; write`}},
		{"a log server by another protocol", "[syslog]\nserver = \"10.0.0.9\"\nprotocol = \"tls\"", []string{`3: syslog.protocol: "tls" is not a valid protocol; write "udp" or "tcp"`}},
		{"a protocol without a log server", "[syslog]\nprotocol = \"tcp\"", []string{`2: syslog.protocol: has no effect without a server; write server = "192.168.77.9" as well, or leave it out`}},

		{"a password as it is typed", "[menu]\npassword = \"secret\"", []string{"2: menu.password: is not the hashes of a password" + hashing}},
		{"a password without its hash for GRUB", "[menu]\npassword = \"" + crypt + "\"", []string{"2: menu.password: has no hash for GRUB, grub.pbkdf2.sha512.ROUNDS.SALT.HASH" + hashing}},
		{"a password without its hash for PXELINUX", "[menu]\npassword = \"" + pbkdf2 + "\"", []string{"2: menu.password: has no hash for PXELINUX, $6$SALT$HASH" + hashing}},
		{"a password with a hash cut off", "[menu]\npassword = \"" + crypt + " " + pbkdf2[:len(pbkdf2)-1] + "\"", []string{"2: menu.password: has no hash for GRUB"}},
		{"a password of an old form", "[menu]\npassword = \"$1$" + strings.TrimPrefix(crypt, "$6$") + " " + pbkdf2 + "\"", []string{"2: menu.password: has no hash for PXELINUX"}},
		{"three hashes", "[menu]\npassword = \"" + crypt + " " + pbkdf2 + " " + crypt + "\"", []string{"2: menu.password: has more than two hashes" + hashing}},
		{"menu injection by a password", "[menu]\npassword = \"" + crypt + "\\nLABEL " + pbkdf2 + "\"", []string{"2: menu.password: has more than two hashes"}},
		{"a password that is a number", "[menu]\npassword = 1234", []string{"2: menu.password: is a number, not a text in quotes" + hashing}},
		{"a lock without a password", entry("disk = true\nlocked = true"), []string{`4: entry "a".locked: needs a password, but there is none; run pxebox hash-password`}},

		{"an entry that is called as the menu", "[[entry]]\nname = \"menu\"\ndisk = true", []string{`2: entry "menu".name: "menu" is reserved: below [[machine]] it means the menu; write another name`}},
		{"a signature of nothing", entry("file = \"a.c32\"\nsigned = false"), []string{`4: entry "a".signed: is only valid with a kernel or an efi program; leave it out`}},
		{"a disk that erases itself", entry("disk = true\nerases = true"), []string{`4: entry "a".erases: has no effect: this entry changes nothing on the machine; leave it out`}},
		{"a submenu that erases", "[[entry]]\nname = \"s\"\nsubmenu = true\nerases = true\n" + entry("disk = true\nin = \"s\""), []string{`4: entry "s".erases: has no effect`}},
		{"an EFI program next to a kernel", entry("kernel = \"k\"\nefi = \"e\""), []string{`4: entry "a".efi: is in conflict: the entry has kernel and efi; keep one`}},
		{"lines next to a file", entry("grub = \"reboot\"\nfile = \"f\""), []string{`3: entry "a".grub: is in conflict: the entry has file and grub; keep one`}},
		{"a submenu next to a file", entry("file = \"f\"\nsubmenu = true"), []string{`4: entry "a".submenu: is in conflict: the entry has file and submenu; keep one`}},
		{"arguments for lines", entry("grub = \"reboot\"\nappend = \"x\""), []string{`4: entry "a".append: is only valid with a kernel or a file`}},
		{"more entries than are allowed", many.String(), []string{`6001: entry "e2000": is one too many; keep it to 2000 entries`}},

		{"an entry in no submenu", entry("disk = true\nin = \"\""), []string{`4: entry "a".in: "" is not a valid name`}},
		{"an entry in a misspelt submenu", "[[entry]]\nname = \"tools\"\nsubmenu = true\n" + entry("disk = true\nin = \"tool\""), []string{`7: entry "a".in: there is no submenu named "tool"; write "tools"`}},
		{"an entry in another that is no submenu", entry("disk = true") + "\n[[entry]]\nname = \"b\"\ndisk = true\nin = \"a\"", []string{`7: entry "b".in: "a" is not a submenu; write submenu = true there instead of what it starts`}},
		{"a submenu without entries", "[[entry]]\nname = \"s\"\nsubmenu = true", []string{`3: entry "s".submenu: has no entries; write in = "s" in the entries that belong to it`}},
		{"submenus in a ring, and one below", submenu("x", "z") + submenu("y", "x") + submenu("z", "y") + submenu("below", "z") + entry("disk = true\nin = \"below\""), []string{`4: entry "x".in: puts "x" inside itself; leave it out for a submenu at the top`}},
		{"a submenu in itself", submenu("s", "s"), []string{`4: entry "s".in: puts "s" inside itself`}},
		{"submenus too deep", "[[entry]]\nname=\"a\"\nsubmenu=true\n" + submenu("b", "a") + submenu("c", "b") + submenu("d", "c") + submenu("e", "d") + submenu("f", "e") + "[[entry]]\nname=\"g\"\ndisk=true\nin=\"f\"",
			[]string{`19: entry "e".in: nests submenus 5 deep; keep it to 4`}},
		{"a default that is a submenu", "[menu]\ndefault = \"s\"\n[[entry]]\nname=\"s\"\nsubmenu=true\n" + entry("disk=true\nin=\"s\""), []string{`2: menu.default: "s" is a submenu, which starts nothing; write the name of another entry`}},
		{"a default that is not in the menu", "[menu]\ndefault = \"a\"\n" + entry("disk=true\nlisted=false"), []string{`2: menu.default: "a" is not in the menu: it has listed = false`}},

		{"help that PXELINUX takes for lines of the menu", entry("disk = true\nhelp = \"Help\\n  EndText now\\nLABEL x\""), []string{`4: entry "a".help: line 2 begins with EndText, which PXELINUX takes for the end of the text; begin it with another word`}},
		{"help with its own carriage return", entry("disk = true\nhelp = \"a\\rENDTEXT\""), []string{`4: entry "a".help: line 1 contains the control character U+000D; leave it out`}},
		{"help with a tab", entry("disk = true\nhelp = \"a\\tb\""), []string{"4: entry \"a\".help: contains \\t, which means a tab in double quotes; write it between single"}},
		{"help too wide", entry("disk = true\nhelp = \"\\n" + strings.Repeat("x", 71) + "\""), []string{`4: entry "a".help: line 2 has 71 characters; keep it to 70`}},
		{"help too long", entry("disk = true\nhelp = \"" + strings.Repeat("x\\n", 11) + "\""), []string{`4: entry "a".help: has 11 lines; keep it to 10`}},
		{"help that a BIOS cannot show", entry("disk = true\nhelp = \"ok\\nПомощь\""), []string{`4: entry "a".help: the character 'П' cannot be shown by a BIOS menu`}},
		{"help without any", entry("disk = true\nhelp = \" \\n \""), []string{`4: entry "a".help: is empty; write help = "Asks nothing.", or leave it out`}},

		{"lines with their own LABEL", entry("pxelinux = \"\"\"\nKERNEL k\nlabel b\"\"\""), []string{`3: entry "a".pxelinux: line 2, "label b", is not a directive of one LABEL; write another [[entry]] for it`}},
		{"lines that open a submenu", entry("pxelinux = \"MENU BEGIN b\""), []string{`3: entry "a".pxelinux: line 1, "MENU BEGIN b", is not a directive of one LABEL; write an [[entry]] with submenu = true`}},
		{"lines that close the submenu", entry("pxelinux = \"KERNEL k\\nmenu \\t end\""), []string{`3: entry "a".pxelinux: line 2, "menu \t end", is not a directive`}},
		{"lines that read another file", entry("pxelinux = \"include x.cfg\""), []string{`3: entry "a".pxelinux: line 1, "include x.cfg", is not a directive of one LABEL; write the lines of that file`}},
		{"lines with a text that does not end", entry("pxelinux = \"TEXT HELP\\nx\""), []string{`3: entry "a".pxelinux: line 1, "TEXT HELP", is not a directive of one LABEL; write help`}},
		{"lines that lead to the prompt", entry("pxelinux = \"MENU QUIT\""), []string{`3: entry "a".pxelinux: line 1, "MENU QUIT", is not a directive of one LABEL; leave it out`}},
		{"lines for the whole menu", entry("pxelinux = \"TIMEOUT 1\""), []string{`3: entry "a".pxelinux: line 1, "TIMEOUT 1", is not a directive of one LABEL; write timeout below [menu]`}},
		{"lines with half a directive", entry("pxelinux = \"MENU\""), []string{`3: entry "a".pxelinux: line 1, "MENU", is not a directive`}},
		{"lines with an unknown directive", entry("pxelinux = \"DRINK " + strings.Repeat("tea ", 20) + "\""), []string{`3: entry "a".pxelinux: line 1, "DRINK tea tea tea tea tea tea tea tea te...", is not a directive of one LABEL; leave it out`}},
		{"lines with a control character", entry("pxelinux = \"KERNEL k\\fLABEL b\""), []string{`3: entry "a".pxelinux: line 1 contains the control character U+000C`}},
		{"lines with letters that PXELINUX does not know", entry("pxelinux = \"APPEND büro\""), []string{`3: entry "a".pxelinux: line 1, "APPEND büro", contains a character that is not ASCII`}},
		{"lines that PXELINUX would cut in two", entry("pxelinux = \"APPEND " + strings.Repeat("x", 2041) + "\""), []string{`3: entry "a".pxelinux: line 1 has 2048 characters; keep it to 2047`}},
		{"lines that say nothing", entry("pxelinux = \"# later\""), []string{`3: entry "a".pxelinux: has comments only; write pxelinux = "COM32 hdt.c32"`}},
		{"no lines", entry("pxelinux = \"\""), []string{`3: entry "a".pxelinux: is empty; write`}},
		{"GRUB lines that leave their entry", entry("grub = \"\"\"\nreboot\n}\nmenuentry x {\"\"\""), []string{`3: entry "a".grub: line 2 has }, and nothing before that it belongs to; leave it out`}},
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
		fmt.Fprintf(&f, "[[entry]]\nname = \"e%d\"\nlabel = \"Entry %d\"\nin = \"s\"\nhelp = \"\"\"\nFirst line.\nSecond line.\"\"\"\nlocked = true\n", i, i)
		switch i % 3 {
		case 0:
			fmt.Fprintf(&f, "kernel = \"k%d/linux\"\ninitrd = [\"k%d/initrd.gz\"]\nappend = \"console=ttyS0,115200\"\n", i, i)
		case 1:
			fmt.Fprintf(&f, "file = \"t%d.bin\"\nefi = \"t%d.efi\"\nsigned = false\n", i, i)
		case 2:
			fmt.Fprintf(&f, "pxelinux = \"\"\"\nKERNEL k%d\nAPPEND a b c\"\"\"\ngrub = \"\"\"\nif true; then\n  linux k%d a b c\nfi\"\"\"\n", i, i)
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
