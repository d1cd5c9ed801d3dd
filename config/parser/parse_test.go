package parser

import (
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/loader/pxelinux"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// lab is the file that most sites begin with.
const lab = `[network]
interface = "eth0"
address   = "192.168.77.1/24"

[dhcp]
mode   = "server"
range  = ["192.168.77.100-192.168.77.150"]
lease  = "1h"
router = "192.168.77.1"
dns    = ["192.168.77.1"]

[[wds]]
name   = "wds"
server = "192.168.77.2"

[menu]
title   = "Lab"
timeout = "10s"
default = "wds"

[[entry]]
name  = "wds"
label = "Windows Deployment Services"
wds   = "wds"

[[entry]]
name   = "debian"
label  = "Debian installer"
kernel = "debian/linux"
initrd = ["debian/initrd.gz"]
append = "console=ttyS0,115200"
`

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr
	want := &config.Config{
		Network: config.Network{Interface: "eth0", Address: netip.MustParsePrefix("192.168.77.1/24")},
		DHCP: config.DHCP{
			Mode:   spec.ModeServer,
			Probe:  true,
			Adapt:  true,
			Ranges: []spec.Range{{First: addr("192.168.77.100"), Last: addr("192.168.77.150")}},
			Parameters: config.Parameters{
				Lease:  spec.Duration(time.Hour),
				Router: addr("192.168.77.1"),
				DNS:    []netip.Addr{addr("192.168.77.1")},
			},
		},
		Files: config.Files{AnyCase: true},
		WDS: []config.WDS{{
			Name: "wds", Server: "192.168.77.2",
			Programs: map[firmware.Kind]string{
				"bios": `boot\x64\wdsnbp.com`, "uefi-ia32": `boot\x86\wdsmgfw.efi`,
				"uefi-x64": `boot\x64\wdsmgfw.efi`, "uefi-arm64": `boot\arm64\wdsmgfw.efi`,
			},
			Programs2023: map[firmware.Kind]string{
				"uefi-x64": `boot_EX\x64\wdsmgfw_EX.efi`, "uefi-arm64": `boot_EX\arm64\wdsmgfw_EX.efi`,
			},
			Probe: spec.Duration(30 * time.Second), OnDown: config.OnDownMark, BIOSRoute: config.RouteChain,
		}},
		Menu: config.Menu{Title: "Lab", Timeout: spec.Duration(10 * time.Second), Default: "wds"},
		Entries: []config.Entry{
			{Name: "wds", Label: "Windows Deployment Services", WDS: "wds"},
			{Name: "debian", Label: "Debian installer", Kernel: "debian/linux", Initrd: []string{"debian/initrd.gz"},
				Append: "console=ttyS0,115200"},
		},
	}
	got, err := Parse("pxebox.toml", []byte(lab))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for i, k := range []config.Kind{config.KindWDS, config.KindLinux} {
		if got.Entries[i].Kind() != k {
			t.Errorf("entry %s is of kind %v, want %v", got.Entries[i].Name, got.Entries[i].Kind(), k)
		}
	}
}

// Everything else that a file may say, each with the value that it stands for.
func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		got        func(c *config.Config) any
		want       any
	}{
		{name: "a log server", file: "[syslog]\nserver = \"logs.example.org\"",
			got: func(c *config.Config) any { return c.Syslog }, want: config.Syslog{Server: "logs.example.org"}},
		{name: "a log server with its port, by TCP", file: "[syslog]\nserver = \"10.0.0.9:6514\"\nprotocol = \"tcp\"",
			got:  func(c *config.Config) any { return c.Syslog },
			want: config.Syslog{Server: "10.0.0.9", Port: 6514, Protocol: config.SyslogTCP}},
		{name: "address from a DHCP server", file: "[network]\naddress = \"dhcp\"",
			got: func(c *config.Config) any { return c.Network.Address.IsValid() }, want: false},
		{name: "gateway and name servers of a fixed address",
			file: "[network]\naddress = \"10.0.0.2/8\"\ngateway = \"10.255.0.1\"\ndns = [\"9.9.9.9\"]",
			got:  func(c *config.Config) any { return []any{c.Network.Gateway.String(), c.Network.DNS[0].String()} },
			want: []any{"10.255.0.1", "9.9.9.9"}},
		{name: "no timeout", file: "[menu]\ntimeout = \"0s\"",
			got: func(c *config.Config) any { return c.Menu.Timeout }, want: spec.Duration(0)},
		{name: "serial menu", file: "[menu]\nserial = true",
			got: func(c *config.Config) any { return c.Menu.Serial }, want: true},
		{name: "a host name for WDS", file: "[[wds]]\nname = \"w\"\nserver = \"wds-1.ad.example.org\"",
			got: func(c *config.Config) any { return c.WDS[0].Server }, want: "wds-1.ad.example.org"},
		{name: "a host name that begins with a digit", file: "[[wds]]\nname = \"w\"\nserver = \"3com\"",
			got: func(c *config.Config) any { return c.WDS[0].Server }, want: "3com"},
		{name: "an entry without a label shows its name", file: "[[entry]]\nname = \"a\"\ndisk = true",
			got: func(c *config.Config) any { return c.Entries[0].Label }, want: "a"},
		{name: "disk = false next to a kernel", file: "[[entry]]\nname = \"a\"\nkernel = \"k\"\ndisk = false",
			got: func(c *config.Config) any { return c.Entries[0].Kind() }, want: config.KindLinux},
		{name: "another boot file with arguments", file: "[[entry]]\nname = \"a\"\nfile = \"x.c32\"\nappend = \"-v\"",
			got: func(c *config.Config) any { return c.Entries[0].Kind() }, want: config.KindProgram},
		{name: "entries as a list in one line",
			file: "entry = [{name = \"a\", disk = true}, {name = \"b\", file = \"x\"}]",
			got:  func(c *config.Config) any { return c.Entries[1].Name }, want: "b"},
		{name: "western letters in a label",
			file: "[[entry]]\nname = \"a\"\nlabel = \"Rechner löschen: é ñ ß\"\ndisk = true",
			got:  func(c *config.Config) any { return c.Entries[0].Label }, want: "Rechner löschen: é ñ ß"},
		{name: "a table as dotted keys", file: "dhcp.mode = \"proxy\"\ndhcp.lease = \"2h\"",
			got: func(c *config.Config) any { return c.DHCP.Mode }, want: spec.ModeProxy},
		{name: "a file from Windows' Notepad", file: "\ufeff[dhcp]\r\nmode = \"off\"\r\n",
			got: func(c *config.Config) any { return c.DHCP.Mode }, want: spec.ModeOff},
		{name: "a file with carriage returns", file: "[dhcp]\r\nmode = \"off\"\r\n",
			got: func(c *config.Config) any { return c.DHCP.Mode }, want: spec.ModeOff},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.got(c); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const server = "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\n"
	entry := func(lines string) string { return "[[entry]]\nname = \"a\"\n" + lines }
	for _, tt := range []struct {
		name, file string
		want       []string // each begins a line of the error, behind the file's name
	}{
		{name: "no TOML", file: "[dhcp]\nmode = auto\n",
			want: []string{`2: dhcp.mode: auto is a text without quotes; write mode = "auto"`}},
		{name: "an open bracket at the end", file: "[dhcp]\nrange = [\"192.168.77.5\"",
			want: []string{`2: dhcp.range: has a list that is not closed; write range = ["192.168.77.5"]`}},
		{name: "not UTF-8", file: "[menu]\ntitle = \"B\xfcro\"",
			want: []string{"2: title: is not UTF-8 text; save the file"}},
		{name: "a key twice", file: "[dhcp]\nmode = \"auto\"\nmode = \"off\"",
			want: []string{"3: mode: appears twice, first on line 2; keep one"}},
		{name: "a table twice", file: "[dhcp]\nmode = \"auto\"\n[menu]\n[dhcp]\nlease = \"1h\"",
			want: []string{"4: [dhcp]: appears twice, first on line 1; put all its keys under one [dhcp]"}},
		{name: "one pair of brackets, then two",
			file: "[entry]\nname = \"a\"\ndisk = true\n[[entry]]\nname=\"b\"\ndisk = true",
			want: []string{"1: [entry]: has one pair of brackets; write [[entry]]"}},
		{name: "one pair of brackets for an entry", file: "[entry]\nname = \"a\"\ndisk = true",
			want: []string{"1: [entry]: has one pair of brackets; write [[entry]]"}},
		{name: "two pairs for a table", file: "[[dhcp]]\nmode = \"auto\"",
			want: []string{"1: [[dhcp]]: has two pairs of brackets; write [dhcp]"}},
		{name: "a misspelt table", file: "[dchp]\nmode = \"auto\"",
			want: []string{"1: dchp: is not known; write [dhcp]"}},
		{name: "a key in no table", file: "timeout = \"10s\"",
			want: []string{"1: timeout: is not known; write it below [menu]"}},
		{name: "a misspelt key", file: "[dhcp]\nroute = \"192.168.77.1\"",
			want: []string{"2: dhcp.route: is not known; write router"}},
		{name: "a key in the wrong table", file: "[dhcp]\ntimeout = \"10s\"",
			want: []string{"2: dhcp.timeout: is not known; write it below [menu]"}},
		{name: "a key unlike any", file: "[menu]\nxyzzyx = 1",
			want: []string{"2: menu.xyzzyx: is not known; use one of title, timeout, default, serial"}},
		{name: "a key with a line break in it", file: "[menu]\n\"a\\nb\" = 1",
			want: []string{`2: menu."a\nb": is not known; use one of`}},
		{name: "a number for a time", file: "[menu]\ntimeout = 10",
			want: []string{`2: menu.timeout: is a number, not a time in quotes with its unit; write timeout = "10s"`}},
		{name: "a time without its unit", file: "[menu]\ntimeout = \"10\"",
			want: []string{`2: menu.timeout: "10" is not a length of time; write a number and h, m or s, as in "10s"`}},
		{name: "a timeout that PXELINUX would take for none", file: "[menu]\ntimeout = \"10ms\"",
			want: []string{`2: menu.timeout: "10ms" is too short; write 1s or more`}},
		{name: "a timeout beyond PXELINUX's longest", file: "[menu]\ntimeout = \"1h\"",
			want: []string{`2: menu.timeout: "1h" is too long; write 59m0s or less`}},
		{name: "a lease too short to live with", file: "[dhcp]\nlease = \"5s\"",
			want: []string{`2: dhcp.lease: "5s" is too short; write 1m0s or more`}},
		{name: "a text for a list", file: "[dhcp]\nrange = \"192.168.77.5\"",
			want: []string{"2: dhcp.range: is a text, not a list in brackets; write range = [\"192.168.77.5\"]"}},
		{name: "a text for a switch", file: "[menu]\nserial = \"true\"",
			want: []string{"2: menu.serial: is a text, not true or false without quotes; write serial = true"}},
		{name: "a list of lists", file: "[dhcp]\ndns = [[\"192.168.77.1\"]]",
			want: []string{"2: dhcp.dns: is a list, not a text in quotes"}},
		{name: "a date", file: "[menu]\ntitle = 2026-01-01",
			want: []string{"2: menu.title: is a date or time, not a text in quotes"}},
		{name: "an unknown mode", file: "[dhcp]\nmode = \"on\"",
			want: []string{`2: dhcp.mode: "on" is not a valid mode; write "auto", "proxy", "server" or "off"`}},
		{name: "an interface name that Linux has no room for", file: "[network]\ninterface = \"enx00005e005301ffff\"",
			want: []string{`2: network.interface: "enx00005e005301ffff" has 19 characters; an interface name has at most 15`}},
		{name: "a path as interface", file: "[network]\ninterface = \"../eth0\"",
			want: []string{`2: network.interface: "../eth0" is not a valid interface name`}},
		{name: "an address without its prefix", file: "[network]\naddress = \"192.168.77.1\"",
			want: []string{`2: network.address: "192.168.77.1" does not say how large the network is; write it with its prefix length, as in "192.168.77.1/24"`}},
		{name: "the network as address", file: "[network]\naddress = \"192.168.77.0/24\"",
			want: []string{`2: network.address: 192.168.77.0 is the network's own address; write an address inside it, such as "192.168.77.1/24"`}},
		{name: "the broadcast address", file: "[network]\naddress = \"192.168.79.255/22\"",
			want: []string{`2: network.address: 192.168.79.255 is the network's broadcast address`}},
		{name: "an IPv6 address", file: "[network]\naddress = \"fd00::1/64\"",
			want: []string{`2: network.address: "fd00::1/64" is not an IPv4 address with a prefix length`}},
		{name: "a network of one", file: "[network]\naddress = \"192.168.77.1/32\"",
			want: []string{"2: network.address: the prefix length /32 leaves no usable network"}},
		{name: "a gateway without a fixed address", file: "[network]\ngateway = \"192.168.77.254\"",
			want: []string{"2: network.gateway: has no effect while the box gets its address by DHCP"}},
		{name: "a gateway on another network",
			file: "[network]\naddress = \"192.168.77.1/24\"\ngateway = \"192.168.78.1\"",
			want: []string{"3: network.gateway: 192.168.78.1 is not in the box's network 192.168.77.0/24"}},
		{name: "the box as its own gateway",
			file: "[network]\naddress = \"192.168.77.1/24\"\ngateway = \"192.168.77.1\"",
			want: []string{"3: network.gateway: is the box's own address"}},
		{name: "server mode without a range", file: server,
			want: []string{`3: dhcp.range: is missing, but mode = "server" leases addresses; write range = [`}},
		{name: "server mode without a fixed address", file: "[dhcp]\nmode = \"server\"\nrange = [\"192.168.77.5\"]",
			want: []string{`2: dhcp.mode: is "server", but the box has no fixed address; write address = "192.168.77.1/24" below [network]`}},
		{name: "a range with its ends swapped", file: server + "range = [\"192.168.77.9-192.168.77.5\"]",
			want: []string{"5: dhcp.range: its last address 192.168.77.5 is below its first 192.168.77.9"}},
		{name: "ranges that overlap",
			file: server + "range = [\"192.168.77.5-192.168.77.9\",\n \"192.168.77.9-192.168.77.12\"]",
			want: []string{"5: dhcp.range: 192.168.77.5-192.168.77.9 and 192.168.77.9-192.168.77.12 overlap; list " +
				"each address once"}},
		{name: "a bad address on the list's second line",
			file: server + "range = [\"192.168.77.5\",\n \"192.168.77.256\"]",
			want: []string{`6: dhcp.range: "192.168.77.256" is not an IPv4 address`}},
		{name: "a range on another network", file: server + "range = [\"192.168.78.5-192.168.78.9\"]",
			want: []string{"5: dhcp.range: 192.168.78.5-192.168.78.9 is not in the box's network 192.168.77.0/24; " +
				"write addresses from 192.168.77.1 to 192.168.77.254"}},
		{name: "a range with the box in it", file: server + "range = [\"192.168.77.1-192.168.77.9\"]",
			want: []string{"5: dhcp.range: 192.168.77.1-192.168.77.9 includes the box's own address 192.168.77.1"}},
		{name: "a range from the network's own address", file: server + "range = [\"192.168.77.0-192.168.77.9\"]",
			want: []string{"5: dhcp.range: 192.168.77.0-192.168.77.9 includes 192.168.77.0, which is the network's " +
				"own address"}},
		{name: "a range to the broadcast address", file: server + "range = [\"192.168.77.9-192.168.77.255\"]",
			want: []string{"5: dhcp.range: 192.168.77.9-192.168.77.255 includes the broadcast address"}},
		{name: "a range with the router in it",
			file: server + "range = [\"192.168.77.9-192.168.77.20\"]\nrouter = \"192.168.77.10\"",
			want: []string{"5: dhcp.range: 192.168.77.9-192.168.77.20 includes 192.168.77.10, which dhcp.router " +
				"assigns to another machine"}},
		{name: "more addresses than the pool takes",
			file: "[network]\naddress = \"10.0.0.1/8\"\n[dhcp]\nmode = \"server\"\n" +
				"range = [\"10.1.0.0-10.1.255.255\", \"10.2.0.0\"]",
			want: []string{"5: dhcp.range: brings the number of addresses to lease to 65537; keep all ranges " +
				"together to at most 65536"}},
		{name: "a router on another network", file: server + "range = [\"192.168.77.9\"]\nrouter = \"10.0.0.1\"",
			want: []string{"6: dhcp.router: 10.0.0.1 is not in the box's network"}},
		{name: "a name server that is none", file: "[dhcp]\ndns = [\"192.168.77.1\", \"::1\"]",
			want: []string{`2: dhcp.dns: "::1" is not an IPv4 address of a machine`}},
		{name: "WDS without a server", file: "[[wds]]\nname = \"wds\"",
			want: []string{`1: wds "wds".server: is missing; write server = "192.168.77.2"`}},
		{name: "a WDS name twice", file: "[[wds]]\nname = \"w\"\nserver = \"a\"\n[[wds]]\nname = \"w\"\nserver = \"b\"",
			want: []string{`5: wds "w".name: "w" is taken by the [[wds]] on line 1; give each one a unique name`}},
		{name: "a WDS address that is no machine's", file: "[[wds]]\nname = \"w\"\nserver = \"127.0.0.1\"",
			want: []string{`3: wds "w".server: 127.0.0.1 cannot be another machine's address; write the server's own IPv4 address, such as`}},
		{name: "the box as WDS server",
			file: "[network]\naddress = \"192.168.77.1/24\"\n[[wds]]\nname = \"w\"\nserver = \"192.168.77.1\"",
			want: []string{`5: wds "w".server: 192.168.77.1 is the box's own address`}},
		{name: "a network as WDS server",
			file: "[network]\naddress = \"192.168.77.1/24\"\n[[wds]]\nname = \"w\"\nserver = \"192.168.77.255\"",
			want: []string{`5: wds "w".server: 192.168.77.255 is the network or broadcast address of 192.168.77.0/24`}},
		{name: "a subnet as WDS server",
			file: "[[subnet]]\nnetwork = \"10.1.0.0/24\"\n[[wds]]\nname = \"w\"\nserver = \"10.1.0.255\"",
			want: []string{`5: wds "w".server: 10.1.0.255 is the network or broadcast address of 10.1.0.0/24`}},
		{name: "a WDS address with a slip", file: "[[wds]]\nname = \"w\"\nserver = \"192.168.77.256\"",
			want: []string{`3: wds "w".server: "192.168.77.256" is neither an IPv4 address nor a host name`}},
		{name: "a WDS address that is a URL", file: "[[wds]]\nname = \"w\"\nserver = \"http://wds/\"",
			want: []string{`3: wds "w".server: "http://wds/" is neither`}},
		{name: "a WDS server with IPv6", file: "[[wds]]\nname = \"w\"\nserver = \"fd00::2\"",
			want: []string{`3: wds "w".server: "fd00::2" is an IPv6 address`}},
		{name: "menu injection by a label", file: entry("label = \"x\\nLABEL y\"\ndisk = true"),
			want: []string{`3: entry "a".label: contains the control character U+000A; write it on one line`}},
		{name: "menu injection by arguments", file: entry("kernel = \"k\"\nappend = '''x\nLABEL y'''"),
			want: []string{`4: entry "a".append: contains the control character U+000A`}},
		{name: "menu injection by the title", file: "[menu]\ntitle = \"x\\rLABEL y\"",
			want: []string{`2: menu.title: contains the control character U+000D`}},
		{name: "a label that a BIOS cannot show", file: entry("label = \"Установка\"\ndisk = true"),
			want: []string{`3: entry "a".label: the character 'У' cannot be shown by a BIOS menu; use plain letters`}},
		{name: "a label too wide", file: entry("label = \"" + strings.Repeat("x", 57) + "\"\ndisk = true"),
			want: []string{`3: entry "a".label: has 57 characters; keep it to 56`}},
		{name: "a hot key in a label", file: entry("label = \"^Windows\"\ndisk = true"),
			want: []string{`3: entry "a".label: contains a ^, which marks a hot key in the menu; leave it out`}},
		{name: "a blank label", file: entry("label = \"  \"\ndisk = true"),
			want: []string{`3: entry "a".label: is empty`}},
		{name: "arguments longer than PXELINUX's command line",
			file: entry("kernel = \"k\"\nappend = \"" + strings.Repeat("x", 2040) + "\""),
			want: []string{`4: entry "a".append: makes a command line of 20`}},
		{name: "arguments that are not ASCII", file: entry("kernel = \"k\"\nappend = \"host=büro\""),
			want: []string{`4: entry "a".append: contains a character that is not ASCII`}},
		{name: "arguments that PXELINUX takes for none", file: entry("kernel = \"k\"\nappend = \"-\""),
			want: []string{`4: entry "a".append: is "-"; leave the key out`}},
		{name: "a path with backslashes", file: entry(`kernel = 'debian\linux'`),
			want: []string{`3: entry "a".kernel: "debian\\linux" is not a valid name of a boot file; write "debian/linux": its path below the boot folder`}},
		{name: "a path from the root", file: entry("kernel = \"/debian/linux\""),
			want: []string{`3: entry "a".kernel: "/debian/linux" is not a valid name of a boot file; write "debian/linux"`}},
		{name: "a path out of the folder", file: entry("kernel = \"../linux\""),
			want: []string{`3: entry "a".kernel: "../linux" is not a valid name of a boot file; write "linux"`}},
		{name: "a path with a space", file: entry("kernel = \"my linux\""),
			want: []string{`3: entry "a".kernel: "my linux" is not a valid name of a boot file; write its path below the boot folder, with letters`}},
		{name: "a path on another server", file: entry("file = \"10.0.0.1::x.0\""),
			want: []string{`3: entry "a".file: "10.0.0.1::x.0" is not a valid name of a boot file`}},
		{name: "a path that PXELINUX takes for a command", file: entry("file = \".com32\""),
			want: []string{`3: entry "a".file: ".com32" is not a valid name of a boot file`}},
		{name: "two initrds in one text", file: entry("kernel = \"k\"\ninitrd = [\"a,b\"]"),
			want: []string{`4: entry "a".initrd: "a,b" is not a valid name of a boot file`}},
		{name: "an entry that does nothing", file: entry("label = \"x\""),
			want: []string{`1: entry "a": does not say what to start; write one of wds, bootserver, winpe, kernel, file, efi, pxelinux, grub, disk = true, or submenu = true`}},
		{name: "an entry that does two things", file: entry("kernel = \"k\"\ndisk = true"),
			want: []string{`4: entry "a".disk: is in conflict: the entry has kernel and disk; keep one`}},
		{name: "an initrd without a kernel", file: entry("initrd = [\"i\"]"),
			want: []string{`3: entry "a".initrd: is given without a kernel`}},
		{name: "an initrd next to a file", file: entry("file = \"f\"\ninitrd = [\"i\"]"),
			want: []string{`4: entry "a".initrd: is only valid with a kernel`}},
		{name: "arguments for a disk", file: entry("disk = true\nappend = \"x\""),
			want: []string{`4: entry "a".append: is only valid with a kernel or a file`}},
		{name: "an entry without a name", file: "[[entry]]\ndisk = true\n[[entry]]\nlabel = \"x\"\nkernel = \"k\"",
			want: []string{"1: entry 1.name: is missing", "3: entry 2.name: is missing"}},
		{name: "an entry name in capitals", file: "[[entry]]\nname = \"Debian\"\ndisk = true",
			want: []string{`2: entry 1.name: "Debian" is not a valid name; use up to 32 small letters`}},
		{name: "an entry name twice", file: entry("disk = true\n") + entry("disk = true"),
			want: []string{`5: entry "a".name: "a" is taken by the [[entry]] on line 1`}},
		{name: "an entry for a WDS that is not there",
			file: "[[wds]]\nname = \"wds\"\nserver = \"w\"\n" + entry("wds = \"wsd\""),
			want: []string{`6: entry "a".wds: there is no [[wds]] named "wsd"; write "wds"`}},
		{name: "an entry for a WDS, and none at all", file: entry("wds = \"wds\""),
			want: []string{`3: entry "a".wds: there is no [[wds]] named "wds"; add one`}},
		{name: "a default that is no entry", file: "[menu]\ndefault = \"windows\"\n" + entry("disk = true"),
			want: []string{`2: menu.default: there is no [[entry]] named "windows"; write one of a`}},
		{name: "a table as an empty list", file: "network = []",
			want: []string{"1: network: is a list; write [network] on a separate line"}},
		{name: "a menu without entries", file: "entry = []", want: []string{"1: entry: is an empty list"}},
		{name: "entries that are no tables", file: "entry = [1]",
			want: []string{"1: entry 1: is a number; write [[entry]]"}},
		{name: "all mistakes at once, in the order of lines",
			file: "[network]\naddress = \"192.168.77.1\"\n[dhcp]\nmode = \"sever\"\nlaese = \"1h\"\n[[wds]]\n" +
				"name = \"w\"\n[menu]\ntimeout = 10\ndefault = \"x\"\n" + entry("kernel = \"/k\""),
			want: []string{"2: network.address: ", "4: dhcp.mode: ", "5: dhcp.laese: ", "6: wds \"w\".server: ",
				"9: menu.timeout: ", "10: menu.default: ", "13: entry \"a\".kernel: "}},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.file, tt.want) })
	}
}

// refuses reads a file whose errors are to begin with the lines of want.
func refuses(t *testing.T, file string, want []string) {
	t.Helper()
	_, err := Parse("f.toml", []byte(file))
	if err == nil {
		t.Fatal("accepted")
	}
	checkForm(t, err)
	got := strings.Split(err.Error(), "\n")
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = strings.HasPrefix(got[i], "f.toml:"+want[i])
	}
	if !ok {
		t.Errorf("got:\n%s\nwant lines that begin with:\n%s", err, strings.Join(want, "\n"))
	}
}

var reError = regexp.MustCompile(`^f\.toml:[1-9][0-9]*: [^\n]+: [^\n]+; [^\n]+$`)

// checkForm makes sure that each error is one line of
// file:line: key: what is wrong; what to write instead
func checkForm(t *testing.T, err error) {
	t.Helper()
	var es config.Errors
	if !errors.As(err, &es) || len(es) == 0 {
		t.Fatalf("the error is a %T, want Errors", err)
	}
	for i, e := range es {
		if !reError.MatchString(e.Error()) || e.Key == "" || e.Problem == "" || e.Fix == "" {
			t.Errorf("error has not the form file:line: key: problem; fix:\n%s", e)
		}
		if i > 0 && e.Line < es[i-1].Line {
			t.Errorf("line %d comes after line %d", e.Line, es[i-1].Line)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lab))
	f.Add(config.DefaultFile())
	f.Add([]byte(uncommented()))
	f.Add([]byte(school))
	f.Add([]byte(pool))
	f.Add([]byte(some + "[[machine]]\nmac = [\"52:54\"]\nguid = [\"70786562-6f78-4c61-8000-000000000010\"]\n" +
		"boot = \"debian\"\nonce = true\n[[machine]]\nfirmware = [\"bios\"]\nentries = [\"memtest\"]\n" +
		"default = \"memtest\""))
	f.Add([]byte("subnet = [{network = \"10.0.0.0/8\", option = [{code = 1}, 2]}, 3]\nreservation = [{}]"))
	f.Add([]byte("entry = [{name = \"a\", label = \"x\\nKERNEL y\", disk = true}]"))
	f.Add([]byte("[a]\n[a.b]\n[[a.b]]\na.b.c = 1\n\"\" = {}"))
	f.Add([]byte("[[entry]]\n[entry.x]\n[[entry.y]]\nentry.z = [[]]"))
	f.Add([]byte("\xff"))
	f.Add([]byte("x = '''\n\n"))
	f.Add([]byte("[[wds]\nname = “wds”\nserver: a\n; b\n[dhcp]]\nrange = [\"a\" b,\nlease = 1h // c\n/* d\n" +
		"*/ foo bar {\n}"))
	f.Add([]byte("[menu]\ntitle = \"a \\\n b\"\ndefault = ‘x\npassword = ''y''\nserial yes\n\u00a0timeout =\n- a: b"))
	f.Add([]byte("[[entry]]\npxelinux = \"\"\"\nLINUX x\n[[entry]]\nname = \"b\"\ngrub = \"\"\"\nreboot\n\"\"\""))
	f.Add([]byte("[[entries]]\nname = \"a b\"\niso = \"c:\\temp\"\n[[reservation]]\nip = \"1.2.3.4-5\"\nmac = \"52:*\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.toml", data)
		if err != nil {
			checkForm(t, err)
			return
		}
		checkMenuOf(t, c)
		checkDHCPOf(t, c)
	})
}

// checkMenuOf makes sure of what those who render menus rely on.
func checkMenuOf(t *testing.T, c *config.Config) {
	t.Helper()
	in := map[string]string{} // what each submenu is in
	entries := map[string]config.Entry{}
	for _, e := range c.Entries {
		entries[e.Name] = e
		if e.Submenu {
			in[e.Name] = e.In
		}
	}
	for _, e := range c.Entries {
		if e.Kind() == config.KindWDS && len(c.WDS) == 0 || e.Name == "" || e.Label == "" ||
			e.Locked && c.Menu.Password == (config.Password{}) {
			t.Errorf("accepted %+v", e)
		}
		for _, s := range append([]string{c.Menu.Title, c.Menu.Password.Crypt, c.Menu.Password.PBKDF2, e.Label,
			e.Append, e.Kernel, e.File, e.EFI}, e.Initrd...) {
			if strings.ContainsFunc(s, unicode.IsControl) {
				t.Errorf("accepted %q", s)
			}
		}
		for _, s := range []string{e.Help, e.PXELINUX, e.GRUB} {
			if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
				t.Errorf("accepted %q", s)
			}
		}
		for line := range strings.SplitSeq(strings.ToUpper(e.Help), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line)+" ", "ENDTEXT ") {
				t.Errorf("accepted the help %q", e.Help)
			}
		}
		for line := range strings.SplitSeq(strings.ToUpper(e.PXELINUX), "\n") {
			words := strings.Join(strings.Fields(line), " ") + " "
			for _, d := range []string{"LABEL", "TEXT", "INCLUDE", "UI", "DEFAULT", "MENU LABEL", "MENU BEGIN",
				"MENU END", "MENU PASSWD", "MENU INCLUDE"} {
				if strings.HasPrefix(words, d+" ") || len(line) > pxelinux.MaxLine {
					t.Errorf("accepted the lines %q", e.PXELINUX)
				}
			}
		}
		depth := 0
		for at := e.In; at != ""; at = in[at] {
			if _, ok := in[at]; !ok || depth == config.MaxDepth {
				t.Fatalf("accepted an entry in %q: %+v", at, c.Entries)
			}
			depth++
		}
	}
	for _, w := range c.WDS {
		if !w.Other && len(w.Programs) != 4 || w.OnDown == "" || w.BIOSRoute == "" || w.Name == "" || w.Server == "" {
			t.Errorf("accepted %+v", w)
		}
		for _, p := range w.Programs {
			if !w.Other && strings.Contains(p, "/") || strings.Contains(p, " ") ||
				strings.ContainsFunc(p, unicode.IsControl) || len(p) > maxBootFile {
				t.Errorf("accepted the program %q", p)
			}
		}
	}
	for _, m := range c.Machines {
		_, known := entries[m.Boot]
		if len(m.MAC)+len(m.GUID)+len(m.Firmware) == 0 ||
			!known && m.Boot != config.BootMenu && m.Boot != config.BootDisk {
			t.Errorf("accepted %+v", m)
		}
		for _, mac := range m.MAC {
			if len(mac)%3 != 2 || len(mac) > 17 || strings.ToLower(mac) != mac {
				t.Errorf("accepted the address %q", mac)
			}
		}
	}
}

// checkDHCPOf makes sure of what those who lease and encode rely on.
func checkDHCPOf(t *testing.T, c *config.Config) {
	t.Helper()
	d := c.DHCP
	leases := len(d.Ranges) + len(d.Reservations)
	nets := []netip.Prefix{c.Network.Address}
	parameters := []config.Parameters{d.Parameters}
	size := 0
	for _, rg := range d.Ranges {
		size += rg.Size()
	}
	for _, s := range d.Subnets {
		for _, rg := range s.Ranges {
			if !s.Network.Contains(rg.First) || !s.Network.Contains(rg.Last) {
				t.Errorf("accepted the range %v of %v", rg, s.Network)
			}
			size += rg.Size()
		}
		for _, n := range nets {
			if n.Overlaps(s.Network) {
				t.Errorf("accepted %v next to %v", s.Network, n)
			}
		}
		leases += len(s.Ranges)
		nets, parameters = append(nets, s.Network), append(parameters, s.Parameters)
	}
	if d.Mode.Leases() && (leases == 0 || !c.Network.Address.IsValid()) || size > maxLeases {
		t.Errorf("accepted %+v", d)
	}
	for _, p := range parameters {
		codes := map[uint8]bool{}
		for _, o := range p.Options {
			if _, ok := elsewhere[o.Code]; ok || codes[o.Code] || len(o.Value) == 0 || len(o.Value) > 255 {
				t.Errorf("accepted option %d = % x", o.Code, o.Value)
			}
			codes[o.Code] = true
		}
		if p.Lease <= 0 {
			t.Errorf("accepted %+v", p)
		}
	}
	for _, r := range d.Reservations {
		if !r.Address.Is4() || !r.MAC.IsValid() && len(r.Client.Bytes()) < 2 {
			t.Errorf("accepted %+v", r)
		}
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		situation, file string
		want            int
	}{
		{situation: "below its header", want: 6,
			file: "[menu]\ntitle = \"interface = 1\"\n\n[network]\n# one\ninterface = \"eth0\"\n"},
		{situation: "with dots", file: "\nnetwork.interface = \"eth0\"\n", want: 2},
		{situation: "in braces", file: "\xef\xbb\xbf\n\nnetwork = { interface = \"eth0\" }\n", want: 3},
		{situation: "not there", file: "\n[network]\naddress = \"dhcp\"\n", want: 1},
		{situation: "nothing there", want: 1},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := Line([]byte(tt.file), "network", "interface"); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
