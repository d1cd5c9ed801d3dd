package parser

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

// school is a file with all that a DHCP server can be told.
const school = `[network]
address = "192.168.77.1/24"

[dhcp]
mode   = "server"
force  = true
probe  = false
range  = ["192.168.77.100-192.168.77.150"]
lease  = "2h"
router = "192.168.77.254"
dns    = ["192.168.77.2", "192.168.77.3"]
domain = "lab.example.org."
search = ["lab.example.org", "example.org"]
ntp    = ["192.168.77.4"]
mtu    = 1_400
routes = ["10.0.0.0/8 via 192.168.77.253"]

[[dhcp.option]]
code = 150
ip   = ["192.168.77.9", "192.168.77.10"]

[[dhcp.option]]
code   = 23
number = 64
size   = 1

[[dhcp.option]]
code = 252
text = "http://192.168.77.9/wpad.dat"

[boot]
bios          = ""
uefi-x64-http = "http://192.168.77.9/bootx64.efi"
raspberry-pi  = "start4.elf"

[[subnet]]
network = "10.1.0.0/24"
range   = ["10.1.0.100-10.1.0.200", "10.1.0.20"]
router  = "10.1.0.1"

[[subnet]]
network = "10.2.0.0/16"
lease   = "8h"
dns     = []
domain  = "floor2.example.org"
search  = ["floor2.example.org"]
ntp     = ["10.2.0.4"]
mtu     = 1500
routes  = ["10.3.0.0/16 via 10.2.0.2"]

[[subnet.option]]
code   = 23
number = 32
size   = 1

[[subnet.option]]
code   = 2
number = -3600
size   = 4

[[reservation]]
mac      = "52-54-00-AB-CD-EF"
address  = "192.168.77.20"
hostname = "pc1"

[[reservation]]
client  = "00705031"
address = "10.2.0.100"
`

func TestParseOfADHCPServer(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	tftp := spec.Option{Code: 150, Value: []byte{192, 168, 77, 9, 192, 168, 77, 10}}
	wpad := spec.Option{Code: 252, Value: []byte("http://192.168.77.9/wpad.dat")}
	own := config.Parameters{
		Lease:   spec.Duration(2 * time.Hour),
		Router:  addr("192.168.77.254"),
		DNS:     []netip.Addr{addr("192.168.77.2"), addr("192.168.77.3")},
		Domain:  "lab.example.org",
		Search:  []string{"lab.example.org", "example.org"},
		NTP:     []netip.Addr{addr("192.168.77.4")},
		MTU:     1400,
		Routes:  []spec.Route{{To: prefix("10.0.0.0/8"), Via: addr("192.168.77.253")}},
		Options: []spec.Option{tftp, {Code: 23, Value: []byte{64}}, wpad},
	}
	inherited := own
	inherited.Router, inherited.Routes = addr("10.1.0.1"), nil
	want := config.DHCP{
		Mode: spec.ModeServer, Force: true, Probe: false,
		Ranges:     []spec.Range{{First: addr("192.168.77.100"), Last: addr("192.168.77.150")}},
		Parameters: own,
		Subnets: []config.Subnet{
			{Network: prefix("10.1.0.0/24"), Ranges: []spec.Range{{First: addr("10.1.0.100"), Last: addr("10.1.0.200")},
				{First: addr("10.1.0.20"), Last: addr("10.1.0.20")}}, Parameters: inherited},
			{Network: prefix("10.2.0.0/16"), Parameters: config.Parameters{
				Lease:  spec.Duration(8 * time.Hour),
				Domain: "floor2.example.org",
				Search: []string{"floor2.example.org"},
				NTP:    []netip.Addr{addr("10.2.0.4")},
				MTU:    1500,
				Routes: []spec.Route{{To: prefix("10.3.0.0/16"), Via: addr("10.2.0.2")}},
				Options: []spec.Option{{Code: 23, Value: []byte{32}},
					{Code: 2, Value: []byte{0xff, 0xff, 0xf1, 0xf0}}, tftp, wpad},
			}},
		},
		Reservations: []config.Reservation{
			{MAC: ether.MustParseMAC("52:54:00:ab:cd:ef"), Address: addr("192.168.77.20"), Hostname: "pc1"},
			{Client: "00:70:50:31", Address: addr("10.2.0.100")},
		},
		Adapt: true,
		BootFiles: map[firmware.Kind]string{"bios": "", "uefi-x64-http": "http://192.168.77.9/bootx64.efi",
			"raspberry-pi": "start4.elf"},
	}
	c, err := Parse("pxebox.toml", []byte(school))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.DHCP, want) {
		t.Errorf("got %+v\nwant %+v", c.DHCP, want)
	}
	if b := c.DHCP.Reservations[0].MAC; string(b[:]) != "\x52\x54\x00\xab\xcd\xef" {
		t.Errorf("MAC % x", b)
	}
	if b := c.DHCP.Reservations[1].Client.Bytes(); string(b) != "\x00pP1" {
		t.Errorf("client % x", b)
	}
}

// A boot file for firmware that has no name here, and for iPXE.
func TestBootFilesByNumber(t *testing.T) {
	want := map[firmware.Kind]string{
		"arch-0x0a": "efi/bootarm.efi", "arch-0x12": "http://192.168.77.9/bootarm.efi", "arch-0x1b": "",
		"ipxe": "http://192.168.77.9/boot.ipxe",
	}
	var file strings.Builder
	file.WriteString("[boot]\n")
	for key, v := range want {
		fmt.Fprintf(&file, "%s = %q\n", key, v)
	}
	c, err := Parse("f", []byte(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(c.DHCP.BootFiles, want) {
		t.Errorf("got %v, want %v", c.DHCP.BootFiles, want)
	}
}

func TestParseAcceptsOfDHCP(t *testing.T) {
	const server = "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\n"
	for _, tt := range []struct{ name, file string }{
		{"reservations and no range",
			server + "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\""},
		{"a range behind a relay agent only", server + "[[subnet]]\nnetwork = \"10.1.0.0/24\"\nrange = [\"10.1.0.9\"]"},
		{"a reservation inside of a range",
			server +
				"range = [\"192.168.77.5-192.168.77.9\"]\n[[reservation]]\nmac = \"525400000001\"\n" +
				"address = \"192.168.77.7\""},
		{"a name server on the box itself",
			server + "range = [\"192.168.77.5-192.168.77.9\"]\ndns = [\"192.168.77.1\"]"},
		{"every address that the pool takes",
			"[network]\naddress = \"10.0.0.1/8\"\n[dhcp]\nmode = \"server\"\nrange = [\"10.1.0.0-10.1.255.255\"]"},
		{"keys of a server next to another one",
			"[dhcp]\nmode = \"proxy\"\nrange = [\"192.168.77.5\"]\nrouter = \"10.0.0.1\"\n" +
				"routes = [\"10.9.0.0/16 via 10.0.0.2\"]\n[[reservation]]\nmac = \"52:54:00:00:00:01\"\n" +
				"address = \"172.16.0.9\""},
		{"options for machines that do not boot by PXE",
			"[[dhcp.option]]\ncode = 66\ntext = \"tftp.example.org\"\n[[dhcp.option]]\ncode = 67\n" +
				"text = 'boot\\x64\\wdsnbp.com'\n[[dhcp.option]]\ncode = 43\nhex = \"f1-04\"\n[[dhcp.option]]\n" +
				"code = 60\ntext = \"phone\""},
		{"options before their table", "[[dhcp.option]]\ncode = 150\nip = [\"0.0.0.0\"]\n[dhcp]\nmode = \"auto\""},
		{"options as lists in one line", "dhcp.option = [{code = 150, hex = \"00\"}]"},
		{"the longest option", "[[dhcp.option]]\ncode = 224\ntext = \"" + strings.Repeat("x", 255) + "\""},
		{"the largest and the smallest number of two bytes",
			"[[dhcp.option]]\ncode = 224\nsize = 2\nnumber = 65535\n[[dhcp.option]]\ncode = 225\nnumber = -32768\n" +
				"size = 2"},
		{"a route to one machine", "[dhcp]\nroutes = [\"10.0.0.1/32  via  192.168.77.254\"]"},
		{"a machine's name of digits",
			"[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\"\nhostname = \"007\""},
		{"two machines of one name",
			"[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\"\nhostname = \"a\"\n" +
				"[[reservation]]\nmac = \"52:54:00:00:00:02\"\naddress = \"192.168.77.10\"\nhostname = \"a\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f", []byte(tt.file)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestParseRefusesOfDHCP(t *testing.T) {
	const (
		// 5 lines
		server = "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\nrange = [\"192.168.77.9\"]\n"
		// 7 lines
		subnet = server + "[[subnet]]\nnetwork = \"10.1.0.0/24\"\n"
		r1     = "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.20\"\n"
	)
	option := func(lines string) string { return "[[dhcp.option]]\ncode = 224\n" + lines }
	reserve := func(address string) string {
		return subnet + "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"" + address + "\""
	}
	var subnets, reservations strings.Builder
	for i := range 257 {
		fmt.Fprintf(&subnets, "[[subnet]]\nnetwork = \"10.%d.%d.0/24\"\n", i/256, i%256)
	}
	for i := range 4097 {
		fmt.Fprintf(&reservations, "[[reservation]]\nmac = \"52:54:00:00:%02x:%02x\"\naddress = \"10.0.%d.%d\"\n",
			i/256, i%256, i/256, i%256)
	}
	for _, tt := range []struct {
		name, file string
		want       []string // each begins a line of the error, behind the file's name
	}{
		{name: "a domain that is an address", file: "[dhcp]\ndomain = \"192.168.77.1\"",
			want: []string{`2: dhcp.domain: "192.168.77.1" is not a domain name; write one such as "lab.example.org"`}},
		{name: "a domain with an underscore", file: "[dhcp]\ndomain = \"my_lab.org\"",
			want: []string{`2: dhcp.domain: "my_lab.org" is not a domain name`}},
		{name: "a domain that is too long", file: "[dhcp]\ndomain = \"" + strings.Repeat("a.", 126) + "aa\"",
			want: []string{"2: dhcp.domain: "}},
		{name: "search names that no option holds",
			file: "[dhcp]\nsearch = [\"" + strings.Repeat("a", 60) + ".a\", \"" + strings.Repeat("b", 60) + ".b\", \"" +
				strings.Repeat("c", 60) + ".c\", \"" + strings.Repeat("d", 60) + ".de\"]",
			want: []string{"2: dhcp.search: the names need an option of 257 bytes; write fewer: an option holds 255"}},
		{name: "more name servers than an option holds",
			file: "[dhcp]\ndns = [" + strings.Repeat("\"192.168.77.2\",", 64) + "]",
			want: []string{"2: dhcp.dns: has 64 addresses; keep it to 63"}},
		{name: "a packet size in quotes", file: "[dhcp]\nmtu = \"1500\"",
			want: []string{"2: dhcp.mtu: is a text, not a whole number without quotes; write mtu = 1500"}},
		{name: "a packet size with a fraction", file: "[dhcp]\nmtu = 1500.0",
			want: []string{"2: dhcp.mtu: is a number, not a whole number"}},
		{name: "a packet size below every link's", file: "[dhcp]\nmtu = 575",
			want: []string{"2: dhcp.mtu: 575 is out of range; write a number from 576 to 9216"}},
		{name: "a packet size beyond any number", file: "[dhcp]\nmtu = 99999999999999999999",
			want: []string{"2: dhcp.mtu: 99999999999999999999 is out of range"}},
		{name: "a route without its router", file: "[dhcp]\nroutes = [\"10.0.0.0/8\"]",
			want: []string{`2: dhcp.routes: "10.0.0.0/8" is not a route; write the network, "via", and the router to it, as in "10.0.0.0/8 via 192.168.77.254"`}},
		{name: "a route to an address inside of a network",
			file: "[dhcp]\nroutes = [\"10.0.0.1/8 via 192.168.77.254\"]",
			want: []string{`2: dhcp.routes: 10.0.0.1 is an address inside the network; write "10.0.0.0/8 via 192.168.77.254"`}},
		{name: "a default route", file: "[dhcp]\nroutes = [\"0.0.0.0/0 via 192.168.77.254\"]",
			want: []string{`2: dhcp.routes: is the default route; write router = "192.168.77.254"`}},
		{name: "two routes to one network",
			file: "[dhcp]\nroutes = [\"10.0.0.0/8 via 192.168.77.254\",\n\"10.0.0.0/8 via 192.168.77.253\"]",
			want: []string{"2: dhcp.routes: there are two routes to 10.0.0.0/8; keep one"}},
		{name: "more routes than an option holds",
			file: "[dhcp]\nroutes = [" + strings.Repeat("\"10.0.0.1/32 via 192.168.77.254\",", 28) + "]",
			want: []string{"2: dhcp.routes: the routes need an option of 257 bytes; write fewer: an option holds 255"}},
		{name: "a route through another network", file: server + "routes = [\"10.0.0.0/8 via 192.168.78.254\"]",
			want: []string{"6: dhcp.routes: 192.168.78.254 is not in the box's network 192.168.77.0/24"}},
		{name: "a range with the time server in it", file: server + "ntp = [\"192.168.77.9\"]",
			want: []string{"5: dhcp.range: 192.168.77.9 includes 192.168.77.9, which dhcp.ntp assigns to another " +
				"machine"}},

		{name: "an option of the lease", file: "[[dhcp.option]]\ncode = 51\nnumber = 3600\nsize = 4",
			want: []string{"2: dhcp.option 1.code: option 51 is set by the box itself; write lease"}},
		{name: "an option that has its own key", file: "[[dhcp.option]]\ncode = 6\nip = [\"192.168.77.2\"]",
			want: []string{"2: dhcp.option 1.code: option 6 is set by the box itself; write dns"}},
		{name: "an option of relay agents", file: "[[dhcp.option]]\ncode = 82\nhex = \"00\"",
			want: []string{"2: dhcp.option 1.code: option 82 is set by the box itself; leave it out"}},
		{name: "the option that ends a packet", file: "[[dhcp.option]]\ncode = 255\nhex = \"00\"",
			want: []string{"2: dhcp.option 1.code: option 255 is set by the box itself"}},
		{name: "an option beyond the last", file: "[[dhcp.option]]\ncode = 256\nhex = \"00\"",
			want: []string{"2: dhcp.option 1.code: 256 is out of range; write a number from 0 to 255"}},
		{name: "an option without a code", file: "[[dhcp.option]]\nhex = \"00\"\n[[dhcp.option]]\nhex = \"00\"",
			want: []string{"1: dhcp.option 1.code: is missing; write code = 150", "3: dhcp.option 2.code: is missing"}},
		{name: "an option twice", file: option("hex = \"00\"\n") + option("text = \"x\""),
			want: []string{"5: dhcp.option 2.code: option 224 appears twice, first on line 2; keep one"}},
		{name: "an option without a value", file: option(""),
			want: []string{"1: dhcp.option 1: has no value; write one of ip, text, hex, or number and size"}},
		{name: "an option with two values", file: option("text = \"x\"\nip = [\"10.0.0.1\"]"),
			want: []string{"3: dhcp.option 1.text: is a second value, next to ip; keep one"}},
		{name: "an option with an empty value", file: option("text = \"\""),
			want: []string{"3: dhcp.option 1.text: is empty; write text = "}},
		{name: "an option with an empty list", file: option("ip = []"),
			want: []string{"3: dhcp.option 1.ip: is empty; write ip = "}},
		{name: "an option that is too long", file: option("text = \"" + strings.Repeat("x", 256) + "\""),
			want: []string{"3: dhcp.option 1.text: has 256 bytes; keep it to 255"}},
		{name: "an option with more addresses than it holds",
			file: option("ip = [" + strings.Repeat("\"10.0.0.1\",", 64) + "]"),
			want: []string{"3: dhcp.option 1.ip: has 256 bytes; keep it to 255"}},
		{name: "an option with one address that is none", file: option("ip = [\"10.0.0.1\",\n\"::1\"]"),
			want: []string{`4: dhcp.option 1.ip: "::1" is not an IPv4 address; write one such as "192.168.77.9"`}},
		{name: "an option with a line break", file: option("text = \"a\\nb\""),
			want: []string{"3: dhcp.option 1.text: contains the control character U+000A"}},
		{name: "an option with half a byte", file: option("hex = \"01:2:0a\""),
			want: []string{`3: dhcp.option 1.hex: "01:2:0a" is not a sequence of bytes; write two hexadecimal digits for each byte, as in "01:02:0a"`}},
		{name: "an option with a number and no size", file: option("number = 5"),
			want: []string{"1: dhcp.option 1.size: is missing; write size = 1, 2 or 4"}},
		{name: "an option with a size and no number", file: option("size = 2\nhex = \"00\""),
			want: []string{"3: dhcp.option 1.size: is only valid with a number; leave it out"}},
		{name: "an option of three bytes", file: option("number = 5\nsize = 3"),
			want: []string{"4: dhcp.option 1.size: is not 1, 2 or 4; write size = 1, 2 or 4"}},
		{name: "a number that its size has no room for", file: option("number = 256\nsize = 1"),
			want: []string{"3: dhcp.option 1.number: 256 is out of range; write a number from -128 to 255"}},
		{name: "more options than a packet holds",
			file: option("text = \"" + strings.Repeat("x", 254) + "\"\n" +
				strings.Repeat("[[dhcp.option]]\ntext = \""+strings.Repeat("x", 254)+"\"\n", 4)),
			want: []string{"1: dhcp.option: all options together take 1280 bytes; keep them to 1024",
				"4: dhcp.option 2.code: ", "6: ", "8: ", "10: "}},
		{name: "one pair of brackets for an option", file: "[dhcp.option]\ncode = 150\nhex = \"00\"",
			want: []string{"1: [dhcp.option]: has one pair of brackets; write [[dhcp.option]]"}},
		{name: "options that are no tables", file: "dhcp.option = [150]",
			want: []string{"1: dhcp.option 1: is a number; write [[dhcp.option]]"}},
		{name: "an option of no network", file: "[[option]]\ncode = 150",
			want: []string{"1: option: is not known; write [[dhcp.option]] or [[subnet.option]]"}},
		{name: "an option's misspelt table", file: "[[dhcp.options]]\ncode = 150\nhex = \"00\"",
			want: []string{"1: dhcp.options: is not known; write [[dhcp.option]]"}},
		{name: "a value of an option in its network", file: "[dhcp]\nhex = \"00\"",
			want: []string{"2: dhcp.hex: is not known; write it below [[dhcp.option]] or [[subnet.option]]"}},
		{name: "an option of a subnet", file: subnet + "[[subnet.option]]\ncode = 150\nhex = \"\"",
			want: []string{`10: subnet "10.1.0.0/24".option 1.hex: is empty`}},
		{name: "a table of no subnet", file: "[subnet.option]\ncode = 150",
			want: []string{"1: subnet: is a table; write [[subnet]]"}},

		{name: "a boot file with backslashes", file: "[boot]\nbios = 'boot\\pxelinux.0'",
			want: []string{`2: boot.bios: "boot\\pxelinux.0" is not a valid name of a boot file; write "boot/pxelinux.0"`}},
		{name: "a boot file that no packet holds", file: "[boot]\nuefi-x64 = \"" + strings.Repeat("x", 128) + "\"",
			want: []string{"2: boot.uefi-x64: has 128 characters; keep it to 127"}},
		{name: "a boot file for HTTP", file: "[boot]\nuefi-x64-http = \"bootx64.efi\"",
			want: []string{`2: boot.uefi-x64-http: "bootx64.efi" is not an http:// address of a file; write one such as "http://192.168.77.1/efi/bootx64.efi"`}},
		{name: "an encrypted address for HTTP", file: "[boot]\nuefi-x64-http = \"https://a/b\"",
			want: []string{`2: boot.uefi-x64-http: "https://a/b" is not an http:// address`}},
		{name: "a web server with IPv6", file: "[boot]\nuefi-x64-http = \"http://[fd00::1]/b\"",
			want: []string{"2: boot.uefi-x64-http: "}},
		{name: "a web server without a file", file: "[boot]\nuefi-x64-http = \"http://a/\"",
			want: []string{"2: boot.uefi-x64-http: "}},
		{name: "a web address with a password", file: "[boot]\nuefi-x64-http = \"http://u:p@a/b\"",
			want: []string{"2: boot.uefi-x64-http: "}},
		{name: "a web address with a space", file: "[boot]\nuefi-x64-http = \"http://a/b c\"",
			want: []string{"2: boot.uefi-x64-http: "}},
		{name: "a web address for TFTP", file: "[boot]\nuefi-x64 = \"http://a/b\"",
			want: []string{"2: boot.uefi-x64: "}},
		{name: "a number that has a name", file: "[boot]\narch-0x07 = \"a\"",
			want: []string{"2: boot.arch-0x07: is the number of uefi-x64; write uefi-x64"}},
		{name: "another number of the same name", file: "[boot]\narch-0x09 = \"a\"",
			want: []string{"2: boot.arch-0x09: is the number of uefi-x64; write uefi-x64"}},
		{name: "the number of a Raspberry Pi", file: "[boot]\n41 = \"a\"",
			want: []string{"2: boot.41: is the number of raspberry-pi; write raspberry-pi"}},
		{name: "a number in capital letters", file: "[boot]\narch-0x0A = \"a\"",
			want: []string{"2: boot.arch-0x0A: is not known; write arch-0x0a"}},
		{name: "a number alone", file: "[boot]\n0x27 = \"a\"",
			want: []string{"2: boot.0x27: is not known; write arch-0x27"}},
		{name: "a number as option 60 has it", file: "[boot]\narch-00010 = \"a\"",
			want: []string{"2: boot.arch-00010: is not known; write arch-0x0a"}},
		{name: "a number that is too large", file: "[boot]\narch-0x10000 = \"a\"",
			want: []string{"2: boot.arch-0x10000: is not known"}},
		{name: "a name of the registry", file: "[boot]\nuefi-riscv64 = \"a\"",
			want: []string{"2: boot.uefi-riscv64: is not known; write arch-0x1b"}},
		{name: "a number that boots by HTTP", file: "[boot]\narch-0x12 = \"a.efi\"",
			want: []string{`2: boot.arch-0x12: "a.efi" is not an http:// address of a file`}},
		{name: "a web address for a number", file: "[boot]\narch-0x0a = \"http://a/b\"",
			want: []string{"2: boot.arch-0x0a: "}},
		{name: "a number that is no text", file: "[boot]\narch-0x0a = 1",
			want: []string{`2: boot.arch-0x0a: is a number, not a text in quotes; write arch-0x0a = "1"`}},
		{name: "a script that no packet holds", file: "[boot]\nipxe = \"" + strings.Repeat("x", 128) + "\"",
			want: []string{"2: boot.ipxe: has 128 characters; keep it to 127"}},
		{name: "a firmware that is not known", file: "[boot]\nuefi-x86 = \"a\"",
			want: []string{"2: boot.uefi-x86: is not known; write uefi-x64"}},

		{name: "a subnet without a network", file: server + "[[subnet]]\nrange = [\"10.1.0.9\"]",
			want: []string{`6: subnet 1.network: is missing; write network = "10.1.0.0/24"`}},
		{name: "a subnet's network with host bits", file: server + "[[subnet]]\nnetwork = \"10.1.0.1/24\"",
			want: []string{`7: subnet "10.1.0.1/24".network: 10.1.0.1 is an address inside the network; write "10.1.0.0/24"`}},
		{name: "a subnet without its prefix length", file: server + "[[subnet]]\nnetwork = \"10.1.0.0\"",
			want: []string{`7: subnet "10.1.0.0".network: "10.1.0.0" is not an IPv4 network with its prefix length; write one such as "10.1.0.0/24"`}},
		{name: "a subnet of two machines", file: server + "[[subnet]]\nnetwork = \"10.1.0.0/31\"",
			want: []string{`7: subnet "10.1.0.0/31".network: the prefix length /31 leaves no usable network`}},
		{name: "a subnet that is the box's own", file: server + "[[subnet]]\nnetwork = \"192.168.0.0/16\"",
			want: []string{`7: subnet "192.168.0.0/16".network: 192.168.0.0/16 overlaps the box's network 192.168.77.0/24`}},
		{name: "subnets that overlap", file: subnet + "[[subnet]]\nnetwork = \"10.0.0.0/8\"",
			want: []string{`9: subnet "10.0.0.0/8".network: 10.0.0.0/8 overlaps the subnet 10.1.0.0/24`}},
		{name: "subnets that overlap, next to another server",
			file: "[[subnet]]\nnetwork = \"10.0.0.0/8\"\n[[subnet]]\nnetwork = \"10.1.0.0/16\"",
			want: []string{`4: subnet "10.1.0.0/16".network: `}},
		{name: "a subnet's range on another network", file: subnet + "range = [\"192.168.77.5\"]",
			want: []string{`8: subnet "10.1.0.0/24".range: 192.168.77.5 is not in the subnet 10.1.0.0/24; write addresses from 10.1.0.1 to 10.1.0.254`}},
		{name: "a subnet's range to the broadcast address", file: subnet + "range = [\"10.1.0.5-10.1.0.255\"]",
			want: []string{`8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.255 includes the broadcast address 10.1.0.255`}},
		{name: "a subnet's range from the network itself", file: subnet + "range = [\"10.1.0.0-10.1.0.9\"]",
			want: []string{`8: subnet "10.1.0.0/24".range: 10.1.0.0-10.1.0.9 includes 10.1.0.0, which is the network's own address`}},
		{name: "a subnet's range with its router in it",
			file: subnet + "range = [\"10.1.0.1-10.1.0.9\"]\nrouter = \"10.1.0.1\"",
			want: []string{`8: subnet "10.1.0.0/24".range: 10.1.0.1-10.1.0.9 includes 10.1.0.1, which subnet "10.1.0.0/24".router assigns`}},
		{name: "a subnet's range with the box's name server in it",
			file: server + "dns = [\"10.1.0.9\"]\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\nrange = [\"10.1.0.9\"]",
			want: []string{`9: subnet "10.1.0.0/24".range: 10.1.0.9 includes 10.1.0.9, which dhcp.dns assigns to another machine`}},
		{name: "a subnet's router on another network", file: subnet + "router = \"192.168.77.1\"",
			want: []string{`8: subnet "10.1.0.0/24".router: 192.168.77.1 is not in the subnet 10.1.0.0/24`}},
		{name: "three ranges, the first around the last",
			file: subnet + "range = [\"10.1.0.5-10.1.0.50\", \"10.1.0.40\", \"10.1.0.45-10.1.0.60\"]", want: []string{
				`8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.50 and 10.1.0.40 overlap`,
				`8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.50 and 10.1.0.45-10.1.0.60 overlap`}},
		{name: "more addresses than the pool takes, in two networks",
			file: server + "[[subnet]]\nnetwork = \"10.0.0.0/8\"\nrange = [\"10.0.1.0-10.1.0.255\"]",
			want: []string{`8: subnet "10.0.0.0/8".range: brings the number of addresses to lease to 65537; keep all ranges together to at most 65536`}},
		{name: "more subnets than are allowed", file: subnets.String(),
			want: []string{`513: subnet "10.1.0.0/24": is one too many; keep it to 256 subnets`}},
		{name: "a subnet that is no table", file: "subnet = [1]",
			want: []string{"1: subnet 1: is a number; write [[subnet]]"}},

		{name: "a reservation without an address", file: "[[reservation]]\nmac = \"52:54:00:00:00:01\"",
			want: []string{`1: reservation 1.address: is missing; write address = "192.168.77.20"`}},
		{name: "a reservation for no one", file: "[[reservation]]\naddress = \"192.168.77.20\"",
			want: []string{`1: reservation "192.168.77.20".mac: is missing; write mac = "52:54:00:12:34:56", or client`}},
		{name: "a reservation for two", file: r1 + "client = \"01:02\"",
			want: []string{`4: reservation "192.168.77.20".client: is given together with mac; keep one`}},
		{name: "a hardware address of eight bytes",
			file: "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"52:54:00:00:00:01:02:03\"",
			want: []string{`3: reservation "192.168.77.20".mac: "52:54:00:00:00:01:02:03" is not a hardware address of six bytes; write one such as "52:54:00:12:34:56"`}},
		{name: "a hardware address of zeros",
			file: "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"00:00:00:00:00:00\"",
			want: []string{`3: reservation "192.168.77.20".mac: "00:00:00:00:00:00" cannot be a machine's address; write a machine's own`}},
		{name: "the hardware address of a group",
			file: "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"ff:ff:ff:ff:ff:ff\"",
			want: []string{`3: reservation "192.168.77.20".mac: "ff:ff:ff:ff:ff:ff" is a multicast address`}},
		{name: "a client identifier of one byte", file: "[[reservation]]\naddress = \"192.168.77.20\"\nclient = \"01\"",
			want: []string{`3: reservation "192.168.77.20".client: has 1 bytes; write 2 to 255`}},
		{name: "a client identifier as text", file: "[[reservation]]\naddress = \"192.168.77.20\"\nclient = \"pc1\"",
			want: []string{`3: reservation "192.168.77.20".client: "pc1" is not a sequence of bytes`}},
		{name: "a client identifier, and machines are known by MAC",
			file: "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nidentify = \"mac\"\n[[reservation]]\n" +
				"address = \"192.168.77.20\"\nclient = \"00:01\"",
			want: []string{`7: reservation "192.168.77.20".client: has no effect in the box's network, which has identify = "mac"; write mac = `}},
		{name: "a client identifier, and the subnet has it from [dhcp] that machines are known by MAC",
			file: "[dhcp]\nidentify = \"mac\"\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\n[[reservation]]\n" +
				"address = \"10.1.0.20\"\nclient = \"00:01\"",
			want: []string{`7: reservation "10.1.0.20".client: has no effect in the subnet`}},
		{name: "a third way to know machines", file: "[dhcp]\nidentify = \"guid\"",
			want: []string{`2: dhcp.identify: "guid" is not a valid identify; write "client" or "mac"`}},
		{name: "a machine twice, written in two ways",
			file: r1 + "[[reservation]]\nmac = \"52-54-00-00-00-01\"\naddress = \"192.168.77.21\"",
			want: []string{`5: reservation "192.168.77.21".mac: names the same machine as the [[reservation]] on line 1; list each machine once`}},
		{name: "a machine by its address and as client",
			file: r1 + "[[reservation]]\nclient = \"01:52:54:00:00:00:01\"\naddress = \"192.168.77.21\"",
			want: []string{`5: reservation "192.168.77.21".client: names the same machine as the [[reservation]] on line 1`}},
		{name: "an address twice",
			file: r1 + "[[reservation]]\nmac = \"52:54:00:00:00:02\"\naddress = \"192.168.77.20\"",
			want: []string{`6: reservation "192.168.77.20".address: "192.168.77.20" is taken by the [[reservation]] on line 1; give each machine a unique address`}},
		{name: "a reservation in no network", file: reserve("172.16.0.9"),
			want: []string{`10: reservation "172.16.0.9".address: 172.16.0.9 is not in a network that the box serves; write an address of the box's network or of a [[subnet]]`}},
		{name: "a reservation of the box", file: reserve("192.168.77.1"),
			want: []string{`10: reservation "192.168.77.1".address: 192.168.77.1 is the box's own address; write another address in 192.168.77.0/24`}},
		{name: "a reservation of a network", file: reserve("10.1.0.0"),
			want: []string{`10: reservation "10.1.0.0".address: 10.1.0.0 is the network's own address; write another address in 10.1.0.0/24`}},
		{name: "a reservation of a broadcast address", file: reserve("10.1.0.255"),
			want: []string{`10: reservation "10.1.0.255".address: 10.1.0.255 is the network's broadcast address`}},
		{name: "a reservation of a router",
			file: subnet +
				"router = \"10.1.0.1\"\n[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.1.0.1\"",
			want: []string{`11: reservation "10.1.0.1".address: 10.1.0.1 is the router's address`}},
		{name: "a machine's name with its domain", file: r1 + "hostname = \"pc1.example.org\"",
			want: []string{`4: reservation "192.168.77.20".hostname: "pc1.example.org" is not a valid host name; write "pc1": what follows the dot is the domain`}},
		{name: "a machine's name that ends in a hyphen", file: r1 + "hostname = \"pc-\"",
			want: []string{`4: reservation "192.168.77.20".hostname: "pc-" is not a valid host name; use up to 63 letters`}},
		{name: "more reservations than are allowed", file: reservations.String(),
			want: []string{`12289: reservation "10.0.16.0": is one too many; keep it to 4096 reservations`}},
		{name: "a key of many tables in none", file: "lease = \"1h\"",
			want: []string{"1: lease: is not known; write it below [dhcp] or [[subnet]]"}},
	} {
		t.Run(tt.name, func(t *testing.T) { refuses(t, tt.file, tt.want) })
	}
}

// Every code is either refused with its fix or kept.
func TestOptionCodes(t *testing.T) {
	for code := range 256 {
		file := fmt.Sprintf("[[dhcp.option]]\ncode = %d\nhex = \"00\"", code)
		c, err := Parse("f.toml", []byte(file))
		_, refused := elsewhere[uint8(code)]
		switch {
		case refused != spec.IsOwnOption(uint8(code)):
			t.Errorf("option %d: refused is %v, and the DHCP server differs", code, refused)
		case refused != (err != nil):
			t.Errorf("option %d: %v", code, err)
		case err != nil:
			checkForm(t, err)
		case !reflect.DeepEqual(c.DHCP.Options, []spec.Option{{Code: uint8(code), Value: []byte{0}}}):
			t.Errorf("option %d: %v", code, c.DHCP.Options)
		}
	}
}
