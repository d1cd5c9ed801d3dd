package parser

import (
	"slices"
	"strings"
	"testing"
)

// messages reads a file and compares all of its errors, without the file's name,
// with what is wanted.
func messages(t *testing.T, file string, want []string) {
	t.Helper()
	_, err := Parse("f.toml", []byte(file))
	if err == nil {
		t.Fatal("accepted")
	}
	checkForm(t, err)
	got := strings.Split(strings.ReplaceAll("\n"+err.Error(), "\nf.toml:", "\n"), "\n")[1:]
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Keys that have other names in other programs, or in other sections.
func TestUnknownKeys(t *testing.T) {
	const reservation = "[[reservation]]\nmac = \"52:54:00:12:34:56\"\n"
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{name: "ip of a reservation", file: reservation + `ip = "192.168.1.20"`,
			want: []string{"3: reservation 1.ip: is not known; write address"}},
		{name: "name of a reservation", file: reservation + "address = \"192.168.1.20\"\nname = \"pc2\"",
			want: []string{`4: reservation "192.168.1.20".name: is not known; write hostname`}},
		{name: "hardware ethernet, as in dhcpd.conf",
			file: "[[reservation]]\nhardware-ethernet = \"52:54:00:12:34:56\"\naddress = \"192.168.1.20\"",
			want: []string{`2: reservation "192.168.1.20".hardware-ethernet: is not known; write mac`}},
		{name: "a plural section", file: "[[entries]]\nname = \"a\"\ndisk = true",
			want: []string{"1: entries: is not known; write [[entry]]"}},
		{name: "two plural sections",
			file: "[[machines]]\nmac = [\"52:54:00\"]\n[[reservations]]\nmac = \"52:54:00:12:34:56\"\n" +
				"address = \"10.0.0.9\"",
			want: []string{"1: machines: is not known; write [[machine]]",
				"3: reservations: is not known; write [[reservation]]"}},
		{name: "a section in capitals",
			file: "[Network]\nAddress = \"192.168.77.1/24\"\n[DHCP]\nmode = \"server\"\nrange = [\"192.168.77.5\"]",
			want: []string{"1: Network: is not known; write [network]",
				"2: network.Address: is not known; write address", "3: DHCP: is not known; write [dhcp]"}},
		{name: "a section inside of another", file: "[[menu.entry]]\nname = \"a\"",
			want: []string{"1: menu.entry: is not known; write a block [[entry]] for each"}},
		{name: "a host, as in dhcpd.conf", file: "[[host]]\nmac = \"52:54:00:12:34:56\"",
			want: []string{"1: host: is not known; write [[reservation]] for a machine's address, or [[machine]] for " +
				"what it boots"}},
		{name: "ip of the box", file: "[network]\nip = \"192.168.77.1/24\"",
			want: []string{"2: network.ip: is not known; write address"}},
		{name: "a netmask", file: "[network]\naddress = \"192.168.77.1/24\"\nnetmask = \"255.255.255.0\"",
			want: []string{`3: network.netmask: is not known; write it after the address, as in address = "192.168.77.1/24"`}},
		{name: "a VLAN", file: "[network]\nvlan = 10",
			want: []string{`2: network.vlan: is not known; write it after the interface, as in interface = "eth0.10"`}},
		{name: "iso of an entry", file: entry(`iso = "x.iso"`),
			want: []string{`3: entry "a".iso: is not known; write file`}},
		{name: "ip of an entry", file: entry("ip = \"10.0.0.1\"\ndisk = true"),
			want: []string{`3: entry "a".ip: is not known; write it below [[dhcp.option]] or [[subnet.option]]`}},
		{name: "cmdline of an entry", file: entry("kernel = \"k\"\ncmdline = \"quiet\""),
			want: []string{`4: entry "a".cmdline: is not known; write append`}},
		{name: "a title of an entry", file: entry("disk = true\ntitle = \"x\""),
			want: []string{`4: entry "a".title: is not known; write label`}},
		{name: "name of a machine", file: "[[machine]]\nmac = [\"52:54:00\"]\nname = \"pc\"",
			want: []string{"3: machine 1.name: is not known; leave it out: a [[machine]] is known by mac, guid or " +
				"firmware"}},
		{name: "ip of a machine", file: "[[machine]]\nmac = [\"52:54:00\"]\nip = \"10.0.0.9\"",
			want: []string{"3: machine 1.ip: is not known; write it below [[reservation]], which gives machines " +
				"their addresses and names"}},
		{name: "uuid of a machine", file: "[[machine]]\nuuid = [\"70786562-6f78-4c61-8000-000000000010\"]",
			want: []string{"2: machine 1.uuid: is not known; write guid"}},
		{name: "address of WDS", file: "[[wds]]\nname = \"w\"\nip = \"10.0.0.9\"",
			want: []string{`3: wds "w".ip: is not known; write server`}},
		{name: "lease time", file: "[dhcp]\nlease_time = \"1h\"",
			want: []string{"2: dhcp.lease_time: is not known; write lease"}},
		{name: "next-server", file: "[dhcp]\nnext-server = \"10.0.0.9\"",
			want: []string{"2: dhcp.next-server: is not known; leave it out: machines load their files from this box"}},
		{name: "filename", file: "[dhcp]\nfilename = \"pxelinux.0\"",
			want: []string{`2: dhcp.filename: is not known; write it below [boot], by firmware, as in bios = "pxelinux.0"`}},
		{name: "the ends of a range", file: "[dhcp]\nstart = \"10.0.0.9\"\nend = \"10.0.0.20\"", want: []string{
			`2: dhcp.start: is not known; write range = ["192.168.77.100-192.168.77.150"]`,
			`3: dhcp.end: is not known; write range = ["192.168.77.100-192.168.77.150"]`}},
		{name: "UEFI's boot file", file: "[boot]\nuefi = \"a.efi\"",
			want: []string{"2: boot.uefi: is not known; write uefi-x64"}},
		{name: "the block size", file: "[tftp]\nblksize = 1024",
			want: []string{"2: tftp.blksize: is not known; write max_block"}},
		{name: "two letters swapped", file: "[mneu]\ntilte = \"x\"",
			want: []string{"1: mneu: is not known; write [menu]", "2: menu.tilte: is not known; write title"}},
		{name: "a short word unlike any", file: entry("disk = true\nxyz = 1"),
			want: []string{`4: entry "a".xyz: is not known; use one of name, label, help, in, wds, bootserver, winpe, kernel, ` +
				"initrd, append, file, efi, start, pxelinux, grub, disk, submenu, signed, locked, erases, listed"}},
	} {
		t.Run(tt.name, func(t *testing.T) { messages(t, tt.file, tt.want) })
	}
}

// The words of the tables lead to keys that there are, and each to one.
func TestOtherNames(t *testing.T) {
	sections := map[string]*section{"": {inner: schema}}
	var collect func([]section)
	collect = func(in []section) {
		for i := range in {
			sections[in[i].name] = &in[i]
			collect(in[i].inner)
		}
	}
	collect(schema)
	for name, s := range sections {
		seen := map[string]string{}
		add := func(words, to string) {
			for _, w := range strings.Fields(words) {
				plain := plainName(w)
				if other, ok := seen[plain]; ok {
					t.Errorf("[%s] %s stands for %q and for %q", name, w, other, to)
				}
				seen[plain] = to
				if s.has(w) {
					t.Errorf("[%s] %s is a key", name, w)
				}
			}
		}
		for key, words := range otherNames[name] {
			if !s.has(key) {
				t.Errorf("[%s] has no key %s", name, key)
			}
			add(words, key)
		}
		for hint, words := range hints[name] {
			add(words, hint)
		}
	}
	for _, tables := range []map[string]map[string]string{otherNames, hints} {
		for name := range tables {
			if sections[name] == nil {
				t.Errorf("there is no section %q", name)
			}
		}
	}
}

// Values that are written as other programs want them.
func TestValuesOfOtherPrograms(t *testing.T) {
	const server = "[network]\naddress = \"10.20.30.1/22\"\n[dhcp]\nmode = \"server\"\n"
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	const debian = "[[entry]]\nname = \"debian\"\nlabel = \"Debian installer\"\nkernel = \"k\"\n"
	machine := func(lines string) string { return "[[machine]]\n" + lines }
	reserved := func(lines string) string { return "[[reservation]]\naddress = \"10.0.0.9\"\n" + lines }
	const notRange = "; write the first address, a hyphen, and the last, as in [\"192.168.77.100-192.168.77.150\"]"
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{name: "first and last of a range, as in dnsmasq.conf",
			file: server + `range = ["10.20.28.100", "10.20.31.200"]`, want: []string{
				`5: dhcp.range: lists two single addresses, 10.20.28.100 and 10.20.31.200; write range = ["10.20.28.100-10.20.31.200"] ` +
					`for all from the first to the last, or "10.20.28.100-10.20.28.100", "10.20.31.200-10.20.31.200" for these two alone`}},
		{name: "last and first of a range", file: server + `range = ["10.20.31.200", "10.20.28.100"]`, want: []string{
			`5: dhcp.range: lists two single addresses, 10.20.31.200 and 10.20.28.100; write range = ["10.20.28.100-10.20.31.200"] ` +
				`for all from the first to the last, or "10.20.28.100-10.20.28.100", "10.20.31.200-10.20.31.200" for these two alone`}},
		{name: "a range with a dash", file: server + `range = ["10.20.28.100–10.20.31.200"]`,
			want: []string{`5: dhcp.range: "10.20.28.100–10.20.31.200" is not an IPv4 address; write "10.20.28.100-10.20.31.200"`}},
		{name: "a range with a comma", file: server + `range = ["10.20.28.100,10.20.31.200"]`,
			want: []string{`5: dhcp.range: "10.20.28.100,10.20.31.200" is not an IPv4 address; write "10.20.28.100-10.20.31.200"`}},
		{name: "a range with a blank", file: server + `range = ["10.20.28.100 10.20.31.200"]`,
			want: []string{`5: dhcp.range: "10.20.28.100 10.20.31.200" is not an IPv4 address; write "10.20.28.100-10.20.31.200"`}},
		{name: "a range with the last byte", file: server + `range = ["10.20.28.100-200"]`,
			want: []string{`5: dhcp.range: "200" is not an IPv4 address; write "10.20.28.100-10.20.28.200"`}},
		{name: "a network as range", file: server + `range = ["10.20.28.0/24"]`,
			want: []string{`5: dhcp.range: "10.20.28.0/24" is not an IPv4 address; write "10.20.28.1-10.20.28.254"`}},
		{name: "words as range", file: server + `range = ["all"]`,
			want: []string{`5: dhcp.range: "all" is not an IPv4 address` + notRange}},

		{name: "a netmask behind the address", file: "[network]\naddress = \"192.168.77.1/255.255.255.0\"",
			want: []string{`2: network.address: "192.168.77.1/255.255.255.0" is not an IPv4 address with a prefix length; write "192.168.77.1/24"`}},
		{name: "blanks around an address", file: "[network]\naddress = \"192.168.77.1/24\u00a0\"",
			want: []string{`2: network.address: "192.168.77.1/24\u00a0" is not an IPv4 address with a prefix length; write "192.168.77.1/24"`}},
		{name: "a netmask behind a subnet", file: "[[subnet]]\nnetwork = \"10.1.0.0/255.255.0.0\"",
			want: []string{`2: subnet "10.1.0.0/255.255.0.0".network: "10.1.0.0/255.255.0.0" is not an IPv4 network with its prefix length; write "10.1.0.0/16"`}},
		{name: "an address with its prefix length",
			file: "[[reservation]]\nmac = \"52:54:00:12:34:56\"\naddress = \"10.0.0.9/24\"",
			want: []string{`3: reservation "10.0.0.9/24".address: "10.0.0.9/24" is not an IPv4 address of a machine; write "10.0.0.9"`}},
		{name: "an address with leading zeros", file: "[dhcp]\nrouter = \"192.168.077.001\"",
			want: []string{`2: dhcp.router: "192.168.077.001" is not an IPv4 address of a machine; write "192.168.77.1"`}},
		{name: "two addresses in one text", file: "[dhcp]\ndns = [\"9.9.9.9, 1.1.1.1\"]",
			want: []string{`2: dhcp.dns: "9.9.9.9, 1.1.1.1" is not an IPv4 address of a machine; write each in quotes: "9.9.9.9", "1.1.1.1"`}},
		{name: "two addresses without a list", file: "[dhcp]\ndns = \"9.9.9.9, 1.1.1.1\"",
			want: []string{`2: dhcp.dns: is a text, not a list in brackets; write dns = ["9.9.9.9", "1.1.1.1"]`}},
		{name: "a time server by name", file: "[dhcp]\nntp = [\"pool.ntp.org\"]",
			want: []string{`2: dhcp.ntp: "pool.ntp.org" is not an IPv4 address of a machine; write the address of that machine, such as "192.168.77.1"`}},
		{name: "a WDS server with its port", file: "[[wds]]\nname = \"w\"\nserver = \"10.0.0.9:4011\"",
			want: []string{`3: wds "w".server: "10.0.0.9:4011" is neither an IPv4 address nor a host name; write "10.0.0.9"`}},
		{name: "a WDS server as a share", file: "[[wds]]\nname = \"w\"\nserver = '\\\\wds1\\REMINST'",
			want: []string{`3: wds "w".server: "\\\\wds1\\REMINST" is neither an IPv4 address nor a host name; write "wds1"`}},

		{name: "a hardware address with dashes of a word processor", file: reserved(`mac = "52–54–00–12–34–56"`),
			want: []string{`3: reservation "10.0.0.9".mac: "52–54–00–12–34–56" is not a hardware address of six bytes; write "52:54:00:12:34:56"`}},
		{name: "a hardware address without zeros", file: reserved(`mac = "52:54:0:12:34:56"`),
			want: []string{`3: reservation "10.0.0.9".mac: "52:54:0:12:34:56" is not a hardware address of six bytes; write "52:54:00:12:34:56"`}},
		{name: "a hardware address as a number", file: reserved(`mac = 525400123456`),
			want: []string{`3: reservation "10.0.0.9".mac: is a number, not a text in quotes; write mac = "525400123456"`}},
		{name: "a maker's addresses with a *", file: machine(`mac = ["52:54:00:*"]`),
			want: []string{`2: machine 1.mac: "52:54:00:*" is not a hardware address, nor the beginning of one; write "52:54:00": the beginning fits every address that has it`}},
		{name: "a firmware by another name", file: machine(`firmware = ["uefi", "legacy"]`), want: []string{
			`2: machine 1.firmware: "uefi" is not a kind of firmware; write "uefi-x64"`,
			`2: machine 1.firmware: "legacy" is not a kind of firmware; write "bios"`}},

		{name: "a time with a longer unit", file: "[dhcp]\nlease = \"90 min\"",
			want: []string{`2: dhcp.lease: "90 min" is not a length of time; write "90m"`}},
		{name: "a time in days", file: "[dhcp]\nlease = \"2 days\"",
			want: []string{`2: dhcp.lease: "2 days" is not a length of time; write "48h"`}},
		{name: "a time in seconds", file: "[dhcp]\nlease = \"3600\"",
			want: []string{`2: dhcp.lease: "3600" is not a length of time; write a number and h, m or s, as in "3600s" for 3600 seconds`}},
		{name: "a number for a time", file: "[dhcp]\nlease = 3600",
			want: []string{`2: dhcp.lease: is a number, not a time in quotes with its unit; write lease = "3600s"`}},
		{name: "a time that never comes", file: "[menu]\ntimeout = \"never\"",
			want: []string{`2: menu.timeout: "never" is not a length of time; write "0s" for never`}},
		{name: "true as text", file: "[menu]\nserial = \"true\"",
			want: []string{"2: menu.serial: is a text, not true or false without quotes; write serial = true"}},
		{name: "no as text", file: "[files]\nany_case = \"no\"",
			want: []string{"2: files.any_case: is a text, not true or false without quotes; write any_case = false"}},
		{name: "0 for false", file: "[files]\nany_case = 0",
			want: []string{"2: files.any_case: is a number, not true or false without quotes; write any_case = false"}},
		{name: "a number as text", file: "[tftp]\nmax_block = \"1024\"",
			want: []string{"2: tftp.max_block: is a text, not a whole number without quotes; write max_block = 1024"}},
		{name: "a list for a text", file: "[dhcp]\nrouter = [\"10.0.0.1\"]",
			want: []string{`2: dhcp.router: is a list, not a text in quotes; write router = "10.0.0.1"`}},
		{name: "a mode in capitals", file: "[dhcp]\nmode = \"Server\"",
			want: []string{`2: dhcp.mode: "Server" is not a valid mode; write "server"`}},

		{name: "a URL as kernel",
			file: entry("kernel = \"http://192.168.77.5/fedora/vmlinuz\"\ninitrd = [\"http://192.168.77.5/initrd.img\"]"), want: []string{
				`3: entry "a".kernel: "http://192.168.77.5/fedora/vmlinuz" is the address of a file on another server; put the file into the boot folder and ` +
					`write its name there, such as "fedora/vmlinuz"; or write the entry as pxelinux and grub lines, which can load it from there`,
				`4: entry "a".initrd: "http://192.168.77.5/initrd.img" is the address of a file on another server; put the file into the boot folder and ` +
					`write its name there, such as "initrd.img"; or write the entry as pxelinux and grub lines, which can load it from there`}},
		{name: "a URL as file", file: entry(`file = "tftp://10.0.0.9/x.iso"`), want: []string{
			`3: entry "a".file: "tftp://10.0.0.9/x.iso" is the address of a file on another server; put the file into the boot folder and write its name there`}},
		{name: "a URL for firmware that loads by TFTP", file: "[boot]\nuefi-x64 = \"http://a/b.efi\"",
			want: []string{`2: boot.uefi-x64: "http://a/b.efi" is the address of a file ` +
				`on another server; put the file into the boot folder and write its name there; for firmware that is set to HTTP boot, write uefi-x64-http`}},
		{name: "a file on a drive", file: entry(`kernel = 'C:\boot\linux'`),
			want: []string{`3: entry "a".kernel: "C:\\boot\\linux" is not a valid name of a boot file; ` +
				`put the file into the boot folder, and write its path below the boot folder, with letters, digits, . _ - + and /, as in "debian/linux"`}},
		{name: `\t in a file's name`, file: entry(`file = "tools\test.bin"`),
			want: []string{`3: entry "a".file: contains \t, which means a control character in double quotes; ` +
				`write "tools/test.bin", with forward slashes; a backslash is kept between single quotes only`}},
		{name: `\f in arguments`, file: entry("kernel = \"k\"\nappend = \"path=C:\\files\\boot\""),
			want: []string{`4: entry "a".append: contains \f, which means ` +
				`the control character U+000C in double quotes; write it between single quotes, which keep each backslash: 'path=C:\files\boot'`}},
		{name: `\x64 in a file's name`, file: entry(`file = "tools\x64"`),
			want: []string{`3: entry "a".file: contains \x64, which means another character in double quotes; ` +
				`write it between single quotes, which keep each backslash: 'tools\x64'`}},
		{name: `\x64 in arguments`, file: entry("kernel = \"k\"\nappend = \"a=b\\x64\""),
			want: []string{`4: entry "a".append: contains \x64, which means another ` +
				`character in double quotes; write it between single quotes, which keep each backslash: 'a=b\x64'`}},
		{name: `\t in lines`, file: entry("pxelinux = \"\"\"\nLINUX k\nAPPEND path=C:\\temp\"\"\""),
			want: []string{`3: entry "a".pxelinux: contains \t, which means ` +
				`a tab in double quotes; write it between single quotes, or '''three of them''' for several lines: they keep each backslash`}},
		{name: "a quote of a word processor in arguments", file: entry("kernel = \"k\"\nappend = \"x=“y”\""),
			want: []string{`4: entry "a".append: contains a character that is not ASCII, '“'; write " for it`}},
		{name: "a dash of a word processor in a label", file: entry("disk = true\nlabel = \"a – b\""),
			want: []string{`4: entry "a".label: the character '–' cannot be shown by a BIOS menu; write - for it`}},

		{name: "a label as default", file: "[menu]\ndefault = \"Debian installer\"\n" + debian,
			want: []string{`2: menu.default: there is no [[entry]] named "Debian installer"; write "debian"`}},
		{name: "a label to boot", file: debian + machine("mac = [\"52:54:00\"]\nboot = \"debian Installer\""),
			want: []string{`7: machine 1.boot: there is no [[entry]] named "debian Installer"; write "debian"`}},
		{name: "labels as entries", file: debian + machine("mac = [\"52:54:00\"]\nentries = [\"Debian installer\"]"),
			want: []string{`7: machine 1.entries: there is no [[entry]] named "Debian installer"; write "debian"`}},
		{name: "a label as submenu",
			file: "[[entry]]\nname = \"t\"\nlabel = \"Tools\"\nsubmenu = true\n[[entry]]\nname = \"b\"\ndisk = true\n" +
				"in = \"t\"\n" + entry("disk = true\nin = \"Tools\""),
			want: []string{`12: entry "a".in: there is no submenu named "Tools"; write "t"`}},
		{name: "a WDS server's address for its name",
			file: "[[wds]]\nname = \"win\"\nserver = \"10.0.0.9\"\n" + entry(`wds = "10.0.0.9"`),
			want: []string{`6: entry "a".wds: there is no [[wds]] named "10.0.0.9"; write "win"`}},
		{name: "a label as name", file: "[[entry]]\nname = \"Debian 12\"\ndisk = true",
			want: []string{`2: entry 1.name: "Debian 12" is not a valid name; use up to 32 small letters, digits, - and _, as in "debian-12"`}},
		{name: "a second name of the interface", file: "[network]\ninterface = \"eth0:1\"",
			want: []string{`2: network.interface: "eth0:1" is an alias of an interface; write "eth0": the box has one address`}},
		{name: "a machine's name with an underscore",
			file: reserved("mac = \"52:54:00:12:34:56\"\nhostname = \"lab_pc 1\""),
			want: []string{`4: reservation "10.0.0.9".hostname: "lab_pc 1" is not a valid host name; write "lab-pc-1": letters, digits and hyphens`}},
	} {
		t.Run(tt.name, func(t *testing.T) { messages(t, tt.file, tt.want) })
	}
}

// Values that only look like those of other programs.
func TestValuesAreAccepted(t *testing.T) {
	const server = "[network]\naddress = \"10.20.30.1/22\"\n[dhcp]\nmode = \"server\"\n"
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	for _, tt := range []struct{ name, file string }{
		{"two addresses next to each other", server + `range = ["10.20.28.100", "10.20.28.101"]`},
		{"two single addresses, each as a range",
			server + `range = ["10.20.28.100-10.20.28.100", "10.20.28.200-10.20.28.200"]`},
		{"three addresses", server + `range = ["10.20.28.100", "10.20.28.110", "10.20.28.120"]`},
		{"an address and a range", server + `range = ["10.20.28.100", "10.20.28.110-10.20.28.120"]`},
		{"a hardware address as Cisco writes it", "[[machine]]\nmac = [\"5254.0012.3456\"]"},
		{"a hardware address with hyphens", "[[machine]]\nmac = [\"52-54-00-12-34-56\"]"},
		{"backslashes written twice", entry("kernel = \"k\"\nappend = \"path=C:\\\\temp\\\\x64\"")},
		{"quotes with backslashes", entry("kernel = \"k\"\nappend = \"a=\\\"b\\\"\"")},
		{"a letter by its number", entry("disk = true\nlabel = \"caf\\u00e9\"")},
		{"lines that begin with a tab", entry("pxelinux = \"LINUX k\\n\\tAPPEND quiet\"")},
		{"backslashes between single quotes", entry("pxelinux = '''\nLINUX k\nAPPEND path=C:\\temp'''")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f.toml", []byte(tt.file)); err != nil {
				t.Error(err)
			}
		})
	}
}
