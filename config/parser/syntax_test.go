package parser

import (
	"strings"
	"testing"

	"github.com/pxebox/pxebox/config"
)

// Statements that are not TOML, as people write them. None of the errors follows
// from another one.
func TestSyntax(t *testing.T) {
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{name: "quotes of a word processor", file: "[[wds]]\nname = “wds”\nserver = “192.168.77.2”\nprobe = “1 s",
			want: []string{
				`2: wds 1.name: has the typographic quote “, which is not the plain one; write name = "wds"`,
				`3: wds 1.server: has the typographic quote “, which is not the plain one; write server = "192.168.77.2"`,
				`4: wds 1.probe: has the typographic quote “, which is not the plain one; write probe = "1s"`}},
		{name: "one quote of a word processor", file: "[menu]\ntitle = \"Lab”\n",
			want: []string{`2: menu.title: begins with the quote " and ends with ”; write title = "Lab"`}},
		{name: "single quotes of a word processor", file: "[menu]\ntitle = ‘Bob’s lab’", want: []string{
			`2: menu.title: has the typographic quote ‘, which is not the plain one; write title = "Bob’s lab"`}},
		{name: "quotes of a word processor in a list, and a dash",
			file: "[dhcp]\nrange = [“10.0.0.1–10.0.0.5”, “10.0.0.7”]", want: []string{
				`2: dhcp.range: has the typographic quote “, which is not the plain one; write range = ["10.0.0.1-10.0.0.5", "10.0.0.7"]`}},

		{name: "comments of other languages",
			file: "; a\n// b\n-- c\nREM d\n/* e\nf = 1 */\n[menu]\ntitle = \"x\"\n", want: []string{
				"1: comment: ; does not begin a comment; write # in place of ;",
				"2: comment: // does not begin a comment; write # in place of //",
				"3: comment: -- does not begin a comment; write # in place of --",
				"4: comment: REM does not begin a comment; write # in place of REM",
				"5: comment: /* does not begin a comment; write # in place of /*"}},
		{name: "comments of other languages behind values",
			file: "[menu]\ntitle = \"x\" ; a\ntimeout = \"10s\" // b\nserial = true ; c", want: []string{
				"2: menu.title: ; does not begin a comment; write # in place of ;",
				"3: menu.timeout: // does not begin a comment; write # in place of //",
				"4: menu.serial: ; does not begin a comment; write # in place of ;"}},

		{name: "values without quotes",
			file: "[dhcp]\nmode = server\nlease = 1h\nrouter = 192.168.1.1 # x\nrange = [192.168.1.5-192.168.1.9]\n" +
				"dns = 9.9.9.9, 1.1.1.1", want: []string{
				`2: dhcp.mode: server is a text without quotes; write mode = "server"`,
				`3: dhcp.lease: 1h is a text without quotes; write lease = "1h"`,
				`4: dhcp.router: 192.168.1.1 is a text without quotes; write router = "192.168.1.1"`,
				`5: dhcp.range: 192.168.1.5-192.168.1.9 is a text without quotes; write range = ["192.168.1.5-192.168.1.9"]`,
				`6: dhcp.dns: 9.9.9.9, 1.1.1.1 is a text without quotes; write dns = ["9.9.9.9", "1.1.1.1"]`}},
		{name: "a hardware address without quotes",
			file: "[[reservation]]\nmac = 00:0c:29:12:34:56\naddress = \"10.0.0.9\"", want: []string{
				`2: reservation 1.mac: 00:0c:29:12:34:56 is a text without quotes; write mac = "00:0c:29:12:34:56"`}},
		{name: "a hardware address that looks like a time",
			file: "[[reservation]]\nmac = 12:54:00:12:34:56\naddress = \"10.0.0.9\"", want: []string{
				`2: reservation "10.0.0.9".mac: is a date or time, not a text in quotes; write mac = "12:54:00:12:34:56"`}},
		{name: "a path of Windows without quotes", file: entry(`kernel = boot\x64\linux`), want: []string{
			`3: entry "a".kernel: boot\x64\linux is a text without quotes; write kernel = 'boot\x64\linux'`}},
		{name: "other words for true and false",
			file: "[dhcp]\nforce = yes\nprobe = False\n[menu]\nserial = on", want: []string{
				"2: dhcp.force: yes is neither true nor false; write force = true",
				"3: dhcp.probe: False is neither true nor false; write probe = false",
				"5: menu.serial: on is neither true nor false; write serial = true"}},

		{name: "quotes inside of a text",
			file: entry("label = \"The \"best\" one\"\nhelp = 'it's'\nappend = \"a='b' c=\"d\"\"\nkernel = \"k\""),
			want: []string{
				`3: entry "a".label: has the quote " inside a text that begins with it; write label = 'The "best" one'`,
				`4: entry "a".help: has the quote ' inside a text that begins with it; write help = "it's"`,
				`5: entry "a".append: has the quote " inside a text that begins with it; write append = "a='b' c=\"d\""`}},
		{name: "two quotes for one", file: entry("label = ''x''\nkernel = \"\"k\"\""), want: []string{
			`3: entry "a".label: has two quotes where one belongs; write label = "x"`,
			`4: entry "a".kernel: has two quotes where one belongs; write kernel = "k"`}},
		{name: "a quote that is not closed", file: "[menu]\ntitle = \"Lab\ntimeout = \"10s # wait\ndefault = 'disk",
			want: []string{
				`2: menu.title: has a quote that is not closed; write title = "Lab"`,
				`3: menu.timeout: has a quote that is not closed; write timeout = "10s"`,
				`4: menu.default: has a quote that is not closed; write default = "disk"`}},
		{name: "a quote that is not opened", file: "[menu]\ntitle = Lab\"", want: []string{
			`2: menu.title: has a quote at its end but none before it; write title = "Lab"`}},
		{name: "two kinds of quotes", file: "[menu]\ntitle = \"Lab'",
			want: []string{`2: menu.title: begins with the quote " and ends with '; write title = "Lab"`}},
		{name: "a path of Windows between double quotes",
			file: "[[wds]]\nname = \"w\"\nserver = \"s\"\nbios = \"boot\\x64\\wdsnbp.com\"", want: []string{
				`4: wds "w".bios: has a backslash between double quotes, where it begins an escape such as \n; write it between single quotes: bios = 'boot\x64\wdsnbp.com'`}},

		{name: "a backslash at the end of a line",
			file: entry("kernel = \"k\"\nappend = \"a b \\\n  c d\"\ninitrd = [\"i\"]"), want: []string{
				`4: entry "a".append: continues on the next line, which a text in single or double quotes cannot do; write it on one line: append = "a b c d"`}},
		{name: "a backslash at the end of a line without quotes",
			file: entry("kernel = \"k\"\nappend = quiet \\\n  splash"), want: []string{
				`4: entry "a".append: continues on the next line, which only a text in three quotes can do; write it on one line: append = "quiet splash"`}},
		{name: "a text that goes on in the next line",
			file: entry("kernel = \"k\"\nappend = \"a b\n  c d\"\ninitrd = [\"i\"]"), want: []string{
				`4: entry "a".append: continues on the next line, which a text in single or double quotes cannot do; write it on one line: append = "a b c d"`}},
		{name: "lines between single quotes",
			file: entry("pxelinux = \"\nLINUX x\nAPPEND a=b\n\"\nhelp = x"), want: []string{
				`3: entry "a".pxelinux: has one quote before a text of several lines; begin and end it with three: """`,
				`7: entry "a".help: x is a text without quotes; write help = "x"`}},
		{name: "lines between double quotes", file: entry("pxelinux = \"LINUX x\nAPPEND y\""), want: []string{
			`3: entry "a".pxelinux: has one quote before a text of several lines; begin and end it with three: """`}},
		{name: "lines with quotes too many", file: entry("grub = '''\nreboot\n''''''\nhelp = x"), want: []string{
			"3: entry \"a\".grub: has more than three quotes after its text; write ''' after its last line",
			`6: entry "a".help: x is a text without quotes; write help = "x"`}},
		{name: "lines that do not end",
			file: entry("pxelinux = \"\"\"\nLINUX x\n\n[[entry]]\nname = \"b\"\nkernel = k"), want: []string{
				`3: entry "a".pxelinux: begins with """ but does not end with them; write """ after its last line`,
				`8: entry "b".kernel: k is a text without quotes; write kernel = "k"`}},
		{name: "lines that end with those of another entry",
			file: entry("pxelinux = '''\nLINUX x\n\n[[entry]]\nname = \"b\"\npxelinux = '''\nLINUX y\n'''\nlabel = x"),
			want: []string{
				`3: entry "a".pxelinux: begins with ''' but does not end with them; write ''' after its last line`,
				`11: entry "b".label: x is a text without quotes; write label = "x"`}},
		{name: "backslashes in lines", file: entry("grub = \"\"\"\necho C:\\windows\n\"\"\"\nlabel = x"),
			want: []string{
				`3: entry "a".grub: has a backslash between double quotes, where it begins an escape such as \n; begin and end the text with three single quotes: '''`,
				`6: entry "a".label: x is a text without quotes; write label = "x"`}},

		{name: "a comma that is missing",
			file: "[dhcp]\ndns = [\"9.9.9.9\" \"1.1.1.1\"]\nntp = [\n  \"9.9.9.9\", # one\n  \"1.1.1.1\"\n" +
				"  \"1.1.1.2\"\n]", want: []string{
				`2: dhcp.dns: has no comma after "9.9.9.9"; write dns = ["9.9.9.9", "1.1.1.1"]`,
				`5: dhcp.ntp: has no comma after "1.1.1.1"; write ntp = ["9.9.9.9", "1.1.1.1", "1.1.1.2"]`}},
		{name: "commas too many", file: "[dhcp]\ndns = [\"9.9.9.9\",, \"1.1.1.1\"]\nntp = [, \"9.9.9.9\"]",
			want: []string{
				`2: dhcp.dns: has one comma too many; write dns = ["9.9.9.9", "1.1.1.1"]`,
				`3: dhcp.ntp: has one comma too many; write ntp = ["9.9.9.9"]`}},
		{name: "other signs for a comma", file: "[dhcp]\ndns = [\"9.9.9.9\"; \"1.1.1.1\"]",
			want: []string{`2: dhcp.dns: has ; where a comma belongs; write dns = ["9.9.9.9", "1.1.1.1"]`}},
		{name: "other brackets", file: "[dhcp]\ndns = (\"9.9.9.9\")\nntp = {\"9.9.9.9\"}\nsearch = [\"a\")",
			want: []string{
				`2: dhcp.dns: has ( where a list begins; write dns = ["9.9.9.9"]`,
				`3: dhcp.ntp: has { where a list begins; write ntp = ["9.9.9.9"]`,
				`4: dhcp.search: has a list that ends in ); write search = ["a"]`}},
		{name: "lists that are not closed",
			file: "[dhcp]\ndns = [\"9.9.9.9\"\nlease = 1h\nntp = [\"9.9.9.9\",\n \"1.1.1.1\"\n[menu]\ntimeout = 10s",
			want: []string{
				`2: dhcp.dns: has a list that is not closed; write dns = ["9.9.9.9"]`,
				`3: dhcp.lease: 1h is a text without quotes; write lease = "1h"`,
				`4: dhcp.ntp: has a list that is not closed; write ntp = ["9.9.9.9", "1.1.1.1"]`,
				`7: menu.timeout: 10s is a text without quotes; write timeout = "10s"`}},
		{name: "texts without the brackets of a list",
			file: "[dhcp]\nrange = \"10.0.0.5\", \"10.0.0.9\"\ndns = \"9.9.9.9\" \"1.1.1.1\"\nntp = [9.9.9.9 1.1.1.1]",
			want: []string{
				`2: dhcp.range: has several texts without brackets around them; write range = ["10.0.0.5-10.0.0.9"]`,
				`3: dhcp.dns: has several texts without brackets around them; write dns = ["9.9.9.9", "1.1.1.1"]`,
				`4: dhcp.ntp: 9.9.9.9 1.1.1.1 are texts without quotes; write ntp = ["9.9.9.9", "1.1.1.1"]`}},
		{name: "a range of two texts", file: "[dhcp]\nrange = [\"10.0.0.5\" – \"10.0.0.9\"]", want: []string{
			`2: dhcp.range: has – between two texts; write range = ["10.0.0.5-10.0.0.9"]`}},
		{name: "a value on the next line",
			file: "[dhcp]\ndns =\n  [\"9.9.9.9\",\n   \"1.1.1.1\"]\nmode = # what\n\"server\"\nlease = 1h",
			want: []string{
				`2: dhcp.dns: has its value on the next line; write dns = ["9.9.9.9", "1.1.1.1"]`,
				`5: dhcp.mode: has its value on the next line; write mode = "server"`,
				`7: dhcp.lease: 1h is a text without quotes; write lease = "1h"`}},
		{name: "values that would be wrong in quotes, too",
			file: "[dhcp]\nlease = 12 h\nmtu = 1500 bytes\nrouter = 10.0.0.1/24\n[[machine]]\nfirmware = uefi\n" +
				"mac = 5254.0012.3456", want: []string{
				`2: dhcp.lease: 12 h is a text without quotes; write lease = "12h"`,
				"3: dhcp.mtu: 1500 bytes is a text without quotes; write mtu = 1500",
				`4: dhcp.router: 10.0.0.1/24 is a text without quotes; write router = "10.0.0.1"`,
				`6: machine 1.firmware: uefi is a text without quotes; write firmware = ["uefi-x64"]`,
				`7: machine 1.mac: 5254.0012.3456 is a text without quotes; write mac = ["5254.0012.3456"]`}},
		{name: "sections in braces", file: "dhcp = { mode = server, lease: \"1h\" }", want: []string{
			`1: dhcp: server is a text without quotes; write dhcp = { mode = "server", lease = "1h" }`}},
		{name: "lines of PXELINUX", file: "DEFAULT linux\nLABEL linux\n  KERNEL vmlinuz", want: []string{
			"1: syntax: DEFAULT linux is a line of PXELINUX; write what it starts as an [[entry]], or have its menu " +
				"converted: pxebox adopt",
			"2: syntax: LABEL linux is a line of PXELINUX; write what it starts as an [[entry]], or have its menu " +
				"converted: pxebox adopt",
			"3: syntax: KERNEL vmlinuz is a line of PXELINUX; write what it starts as an [[entry]], or have its menu " +
				"converted: pxebox adopt"}},
		{name: "names in headers",
			file: "[entry.debian]\nkernel = \"k\"\n[entry.disk]\ndisk = true\n[[machine]]\nmac = [\"52:54:00\"]\n" +
				"boot = \"debian\"", want: []string{
				`1: [entry.debian]: has the name of the entry in its header; write [[entry]], and name = "debian" below it`,
				`3: [entry.disk]: has the name of the entry in its header; write [[entry]], and name = "disk" below it`}},
		{name: "a comma or a semicolon at the end",
			file: "[menu]\ntitle = \"x\",\ntimeout = \"10s\"; # b\nserial = true,", want: []string{
				`2: menu.title: ends in ,; write title = "x"`, `3: menu.timeout: ends in ;; write timeout = "10s"`,
				"4: menu.serial: ends in ,; write serial = true"}},

		{name: "YAML",
			file: "network:\n  address: 192.168.1.1/24\ndhcp:\n  mode: server\n  range:\n" +
				"    - 192.168.1.5-192.168.1.9\nmachine:\n  - mac: x", want: []string{
				"1: network: has : where TOML has brackets; write [network]",
				`2: network.address: has : where TOML has =; write address = "192.168.1.1/24"`,
				"3: dhcp: has : where TOML has brackets; write [dhcp]",
				`4: dhcp.mode: has : where TOML has =; write mode = "server"`,
				`5: dhcp.range: has a list as in YAML; write range = ["192.168.1.5-192.168.1.9"]`,
				"7: machine: has : where TOML has brackets; write [[machine]] for each of its items, and below it a " +
					"line " +
					"key = value for each key"}},
		{name: "an item of YAML", file: "[menu]\n- title: x", want: []string{
			`2: menu.title: begins with -, as an item of YAML does; write a list as key = ["value", "value"], and a block as [[entry]] with its keys below it`}},
		{name: "JSON", file: "{ \"network\": {} }\n", want: []string{
			"1: file: begins with {, as JSON does; write TOML, as the built-in default file does: [network], and " +
				"below it key = value"}},
		{name: "dhcpd.conf",
			file: "subnet 10.0.0.0 netmask 255.0.0.0 {\n  range 10.0.0.5 10.0.0.9;\n}\n[menu]\ntitle = x",
			want: []string{
				"1: syntax: ends in {, which begins no block here; write a header such as [network] or [[entry]] on a " +
					"line, and its keys below it",
				`2: syntax: range 10.0.0.5 10.0.0.9; is neither a key with its value nor a header; write key = "value", or # before a comment`,
				`5: menu.title: x is a text without quotes; write title = "x"`}},
		{name: "other signs for =",
			file: "[menu]\ntitle := \"x\"\ntimeout => \"10s\"\ndefault == \"disk\"\nserial : true", want: []string{
				`2: menu.title: has := where TOML has =; write title = "x"`,
				`3: menu.timeout: has => where TOML has =; write timeout = "10s"`,
				`4: menu.default: has == where TOML has =; write default = "disk"`,
				"5: menu.serial: has : where TOML has =; write serial = true"}},
		{name: "no =", file: "[menu]\ntitle \"x\"\ntimeout 10s\nserial", want: []string{
			`2: menu.title: has no = between its key and its value; write title = "x"`,
			`3: menu.timeout: has no = between its key and its value; write timeout = "10s"`,
			"4: menu.serial: has no value; write serial = true, or delete the line"}},
		{name: "no value, and no key", file: "[dhcp]\nmode =\nlease = # later\n= \"x\"", want: []string{
			`2: dhcp.mode: has no value; write mode = "auto", or delete the line`,
			`3: dhcp.lease: has no value; write lease = "1h", or delete the line`,
			`4: syntax: has no key before its value; write key = "value"`}},
		{name: "keys of two words", file: "[tftp]\nmax block = 1024\nset max_window = 5\n[menu]\nfoo bar = 1",
			want: []string{
				"2: tftp.max block: is not a key; write max_block = 1024",
				"3: tftp.set max_window: is not a key; write max_window = 5",
				"5: menu.foo bar: is not a key; write a key as one word of letters, digits, - and _"}},
		{name: "keys in capitals", file: "[dhcp]\nMODE=server\nLease-Time: 1h", want: []string{
			`2: dhcp.MODE: server is a text without quotes; write mode = "server"`,
			`3: dhcp.Lease-Time: has : where TOML has =; write lease = "1h"`}},
		{name: "a hardware address as key", file: "[[reservation]]\n52:54:00:12:34:56 = \"10.0.0.9\"", want: []string{
			"2: reservation 1.52: is not a key; write a key as one word of letters, digits, - and _, and = after it"}},
		{name: "two texts for one", file: "[dhcp]\nmode = \"server\" | \"proxy\"", want: []string{
			"2: dhcp.mode: has something after its value; delete what follows it, or put # before a comment"}},
		{name: "two keys on one line", file: "[menu]\ntitle = \"x\" timeout = \"10s\"\ndefault = \"x\"; serial = true",
			want: []string{
				"2: menu.title: has another key on its line; write each key on a line by itself",
				"3: menu.default: has another key on its line; write each key on a line by itself"}},
		{name: "a sentence", file: "This is my file\n[menu]\ntitle = \"x\" and more", want: []string{
			`1: syntax: This is my file is neither a key with its value nor a header; write key = "value", or # before a comment`,
			"3: menu.title: has something after its value; delete what follows it, or put # before a comment"}},

		{name: "brackets that do not match",
			file: "[network\naddress = \"192.168.77.1/24\"\n[[entry]\nname = \"a\"\ndisk = ture\n[[entry] ]\n(menu)\n" +
				"title = x\n[dhcp]]\nmode = auto", want: []string{
				"1: [network: has brackets that do not match; write [network]",
				"3: [[entry]: has brackets that do not match; write [[entry]]",
				"5: entry \"a\".disk: ture is neither true nor false; write disk = true",
				"6: [[entry] ]: has brackets that do not match; write [[entry]]",
				"7: (menu): has brackets that do not match; write [menu]",
				`8: menu.title: x is a text without quotes; write title = "x"`,
				"9: [dhcp]]: has brackets that do not match; write [dhcp]",
				`10: dhcp.mode: auto is a text without quotes; write mode = "auto"`}},
		{name: "more on the line of a header",
			file: "[menu] title = \"x\"\n[[wds \"w\"]]\n[network]:\n[dhcp] ; leases", want: []string{
				"1: [menu]: is followed by something else; write [menu] on a line by itself, and its keys on the lines " +
					"below",
				"2: [[wds]]: has more than a name between its brackets; write [[wds]], and its keys on the lines below",
				"3: [network]: ends in :; write [network]",
				"4: [dhcp]: is followed by something else; write [dhcp] on a line by itself, and its keys on the lines " +
					"below"}},
		{name: "a header without a name", file: "[]\ntitle = 5\n[menu]\ntitle = 5", want: []string{
			"1: []: is not the header of a section; write one such as [network] or [[entry]]",
			"4: menu.title: is a number, not a text in quotes; write title = \"5\""}},
		{name: "one pair of brackets for two",
			file: "[machine]\nmac = [\"52:54:00\"]\n[machine]\nmac = [\"52:55:00\"]\n[[menu]]\ntitle = \"x\"",
			want: []string{
				"1: [machine]: has one pair of brackets; write [[machine]]",
				"3: [machine]: has one pair of brackets; write [[machine]]",
				"5: [[menu]]: has two pairs of brackets; write [menu]"}},
		{name: "one pair of brackets for two of a plural", file: "[entries]\nname = \"a\"",
			want: []string{"1: entries: is not known; write [[entry]]"}},

		{name: "blanks that are none", file: "[menu]\n\u00a0title = \"x\"\ntimeout\u00a0=\u00a0\"10s\"", want: []string{
			`2: menu.title: contains U+00A0, which looks like a space but is not one; write title = "x"`,
			`3: menu.timeout: contains U+00A0, which looks like a space but is not one; write timeout = "10s"`}},
		{name: "a mark in the middle of the file",
			file: "[dhcp]\nmode = \"off\"\n\ufeff[menu]\ntitle = \"x\"", want: []string{
				"3: [menu]: contains U+FEFF, which looks like a space but is not one; write [menu]"}},
		{name: "signs of an input method", file: "［menu］\ntitle ＝ \"x\"", want: []string{
			"1: ［menu］: has brackets that do not match; write [menu]",
			`2: menu.title: has ＝ where TOML has =; write title = "x"`}},
		{name: "a control character", file: "[menu]\ntitle = \"a\x0cb\"\nserial = yes", want: []string{
			"2: menu.title: contains the control character U+000C; delete it",
			"3: menu.serial: yes is neither true nor false; write serial = true"}},
		{name: "line ends of an old Mac", file: "[menu]\rtitle = x\r", want: []string{
			"1: file: has a carriage return that does not belong to the end of a line; save the file with the line " +
				"ends of Windows or of Unix",
			`2: menu.title: x is a text without quotes; write title = "x"`}},
		{name: "line ends that were converted twice", file: "[menu]\r\r\ntitle = x\r\r\n", want: []string{
			"1: file: has a carriage return that does not belong to the end of a line; save the file with the line " +
				"ends of Windows or of Unix",
			`2: menu.title: x is a text without quotes; write title = "x"`}},
		{name: "line ends of Windows", file: "[menu]\r\ntitle = x\r\ntimeout = [\"a\"\r\nserial = on\r\n",
			want: []string{
				`2: menu.title: x is a text without quotes; write title = "x"`,
				"3: menu.timeout: has a list that is not closed; write timeout = [\"a\"]",
				"4: menu.serial: on is neither true nor false; write serial = true"}},
		{name: "UTF-16", file: "\xff\xfe[\x00m\x00",
			want: []string{"1: file: is UTF-16 text, which Windows also calls Unicode; save the file with the " +
				"encoding UTF-8"}},
		{name: "UTF-16 without its mark", file: "[\x00m\x00]\x00",
			want: []string{"1: file: is UTF-16 text, which Windows also calls Unicode; save the file with the " +
				"encoding UTF-8"}},
		{name: "another encoding, twice",
			file: "[menu]\ntitle = \"B\xfcro\"\n[[entry]]\nname = \"a\"\nlabel = \"\xfc\"\ndisk = true", want: []string{
				"2: title: is not UTF-8 text; save the file with the encoding UTF-8",
				"5: label: is not UTF-8 text; save the file with the encoding UTF-8"}},

		{name: "a password, which no error repeats", file: "[menu]\npassword = hunter2",
			want: []string{`2: menu.password: is a text without quotes; write " before and after the text`}},
		{name: "a password in braces", file: "menu = { password = hunter2 }",
			want: []string{`1: menu: is a text without quotes; write " before and after the text`}},
		{name: "a password in another section", file: "[dhcp]\npassword hunter2", want: []string{
			`2: syntax: this is neither a key with its value nor a header; write key = "value", or # before a comment`}},
		{name: "a password that is not closed", file: "[menu]\npassword = \"hunter2",
			want: []string{`2: menu.password: has a quote that is not closed; write " at the end of the text`}},
		{name: "values besides syntax", file: "[menu]\ntimeout = 10\ntitle = x\n[dhcp]\nmode = \"sever\"",
			want: []string{
				`2: menu.timeout: is a number, not a time in quotes with its unit; write timeout = "10s"`,
				`3: menu.title: x is a text without quotes; write title = "x"`,
				`5: dhcp.mode: "sever" is not a valid mode; write "server"`}},
		{name: "nothing that follows from a line",
			file: "[dhcp]\nmode = \"server\"\nrange = [192.168.77.5]\n[[entry]]\nname = debian\n[menu]\n" +
				"default = \"debian\"", want: []string{
				`3: dhcp.range: 192.168.77.5 is a text without quotes; write range = ["192.168.77.5"]`,
				`5: entry 1.name: debian is a text without quotes; write name = "debian"`}},
	} {
		t.Run(tt.name, func(t *testing.T) { messages(t, tt.file, tt.want) })
	}
}

// TOML that looks like one of the mistakes.
func TestSyntaxIsAccepted(t *testing.T) {
	for _, tt := range []struct{ name, file string }{
		{"typographic quotes in a comment", "# “Lab”\n[menu]\ntitle = \"x\" # ‘y’"},
		{"tabs and blanks", "\t[ menu ]\t\n\t title\t=\t\"x\" \n"},
		{"a comma behind the last value", "[dhcp]\ndns = [\n  \"9.9.9.9\", # one\n  # two\n]\n"},
		{"quotes around keys", "[\"menu\"]\n'title' = \"x\""},
		{"a list in lines of PXELINUX",
			"[[entry]]\nname = \"a\"\npxelinux = \"\"\"\nLINUX x\nAPPEND a=[entry] b=\"c\"\n\"\"\""},
		{"a test in lines of GRUB", "[[entry]]\nname = \"a\"\ngrub = '''\nif [ -f x ]; then\nreboot\nfi\n'''"},
		{"a comment of brackets", "#[[entry]]\n[menu] # [dhcp]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f.toml", []byte(tt.file)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A long file without any TOML is read in bounded time, and its errors are few.
func TestSyntaxOfLongFiles(t *testing.T) {
	for _, tt := range []struct{ name, part string }{
		{"sentences", "this is not TOML\n"},
		{"open brackets", "a = [\n"},
		{"open brackets on one line", "a = [["},
		{"texts that do not end", "a = \"\"\"\n"},
		{"quotes on one line", `"`},
		{"quotes in lists", "a = [\" \" \" \"\n"},
		{"backslashes at line ends", "a \\\n"},
		{"carriage returns", "\r"},
		{"bytes that are not UTF-8", "\xff\n"},
		{"comments with control characters", "#\x01\n"},
		{"typographic quotes", "a = “"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := []byte(strings.Repeat(tt.part, maxSize/len(tt.part)))
			_, err := Parse("f.toml", data)
			if err == nil {
				t.Fatal("accepted")
			}
			checkForm(t, err)
			if n := len(err.(config.Errors)); n > maxErrors+1 {
				t.Errorf("%d errors", n)
			}
		})
	}
}

// What an error tells to write can be read, and is no mistake any more.
func TestSyntaxMends(t *testing.T) {
	for _, tt := range []string{
		"title = “Lab”", "title: Lab", "title \"Lab\"", "title = Lab", "title = \"a\"b\"", "title = 'it's'",
		"title = \"Lab", "title = Lab\"",
		"title => Lab", "title = \"Lab\",", "title = ‘Lab’", "title = ''Lab''", "timeout = 10s",
		"serial = yes", "serial: True",
	} {
		_, err := Parse("f.toml", []byte("[menu]\n"+tt))
		if err == nil {
			t.Errorf("%s: accepted", tt)
			continue
		}
		fix, ok := strings.CutPrefix(err.(config.Errors)[0].Fix, "write ")
		if !ok {
			t.Errorf("%s: tells %q", tt, err)
		}
		if _, err := Parse("f.toml", []byte("[menu]\n"+fix)); err != nil {
			t.Errorf("%s: what it tells to write is wrong, too: %v", tt, err)
		}
	}
}
