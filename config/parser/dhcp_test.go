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
			{Network: prefix("10.1.0.0/24"), Ranges: []spec.Range{{First: addr("10.1.0.100"), Last: addr("10.1.0.200")}, {First: addr("10.1.0.20"), Last: addr("10.1.0.20")}}, Parameters: inherited},
			{Network: prefix("10.2.0.0/16"), Parameters: config.Parameters{
				Lease:   spec.Duration(8 * time.Hour),
				Domain:  "floor2.example.org",
				Search:  []string{"floor2.example.org"},
				NTP:     []netip.Addr{addr("10.2.0.4")},
				MTU:     1500,
				Routes:  []spec.Route{{To: prefix("10.3.0.0/16"), Via: addr("10.2.0.2")}},
				Options: []spec.Option{{Code: 23, Value: []byte{32}}, {Code: 2, Value: []byte{0xff, 0xff, 0xf1, 0xf0}}, tftp, wpad},
			}},
		},
		Reservations: []config.Reservation{
			{MAC: ether.MustParseMAC("52:54:00:ab:cd:ef"), Address: addr("192.168.77.20"), Hostname: "pc1"},
			{Client: "00:70:50:31", Address: addr("10.2.0.100")},
		},
		BootFiles: map[firmware.Kind]string{"bios": "", "uefi-x64-http": "http://192.168.77.9/bootx64.efi", "raspberry-pi": "start4.elf"},
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
		"arch-0x0a": "efi/bootarm.efi", "arch-0x12": "http://192.168.77.9/bootarm.efi", "arch-0x1b": "", "ipxe": "http://192.168.77.9/boot.ipxe",
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
		{"reservations and no range", server + "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\""},
		{"a range behind a relay agent only", server + "[[subnet]]\nnetwork = \"10.1.0.0/24\"\nrange = [\"10.1.0.9\"]"},
		{"a reservation inside of a range", server + "range = [\"192.168.77.5-192.168.77.9\"]\n[[reservation]]\nmac = \"525400000001\"\naddress = \"192.168.77.7\""},
		{"a name server on the box itself", server + "range = [\"192.168.77.5-192.168.77.9\"]\ndns = [\"192.168.77.1\"]"},
		{"every address that the pool takes", "[network]\naddress = \"10.0.0.1/8\"\n[dhcp]\nmode = \"server\"\nrange = [\"10.1.0.0-10.1.255.255\"]"},
		{"keys of a server next to another one", "[dhcp]\nmode = \"proxy\"\nrange = [\"192.168.77.5\"]\nrouter = \"10.0.0.1\"\nroutes = [\"10.9.0.0/16 via 10.0.0.2\"]\n[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"172.16.0.9\""},
		{"options for machines that do not boot by PXE", "[[dhcp.option]]\ncode = 66\ntext = \"tftp.example.org\"\n[[dhcp.option]]\ncode = 67\ntext = 'boot\\x64\\wdsnbp.com'\n[[dhcp.option]]\ncode = 43\nhex = \"f1-04\"\n[[dhcp.option]]\ncode = 60\ntext = \"phone\""},
		{"options before their table", "[[dhcp.option]]\ncode = 150\nip = [\"0.0.0.0\"]\n[dhcp]\nmode = \"auto\""},
		{"options as lists in one line", "dhcp.option = [{code = 150, hex = \"00\"}]"},
		{"the longest option", "[[dhcp.option]]\ncode = 224\ntext = \"" + strings.Repeat("x", 255) + "\""},
		{"the largest and the smallest number of two bytes", "[[dhcp.option]]\ncode = 224\nsize = 2\nnumber = 65535\n[[dhcp.option]]\ncode = 225\nnumber = -32768\nsize = 2"},
		{"a route to one machine", "[dhcp]\nroutes = [\"10.0.0.1/32  via  192.168.77.254\"]"},
		{"a machine's name of digits", "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\"\nhostname = \"007\""},
		{"two machines of one name", "[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"192.168.77.9\"\nhostname = \"a\"\n[[reservation]]\nmac = \"52:54:00:00:00:02\"\naddress = \"192.168.77.10\"\nhostname = \"a\""},
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
		server = "[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nmode = \"server\"\nrange = [\"192.168.77.9\"]\n" // 5 lines
		subnet = server + "[[subnet]]\nnetwork = \"10.1.0.0/24\"\n"                                                  // 7 lines
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
		fmt.Fprintf(&reservations, "[[reservation]]\nmac = \"52:54:00:00:%02x:%02x\"\naddress = \"10.0.%d.%d\"\n", i/256, i%256, i/256, i%256)
	}
	for _, tt := range []struct {
		name, file string
		want       []string // each begins a line of the error, behind the file's name
	}{
		{"a domain that is an address", "[dhcp]\ndomain = \"192.168.77.1\"", []string{`2: dhcp.domain: "192.168.77.1" is not a domain name; write one such as "lab.example.org"`}},
		{"a domain with an underscore", "[dhcp]\ndomain = \"my_lab.org\"", []string{`2: dhcp.domain: "my_lab.org" is not a domain name`}},
		{"a domain that is too long", "[dhcp]\ndomain = \"" + strings.Repeat("a.", 126) + "aa\"", []string{"2: dhcp.domain: "}},
		{"search names that no option holds", "[dhcp]\nsearch = [\"" + strings.Repeat("a", 60) + ".a\", \"" + strings.Repeat("b", 60) + ".b\", \"" + strings.Repeat("c", 60) + ".c\", \"" + strings.Repeat("d", 60) + ".de\"]", []string{"2: dhcp.search: the names need an option of 257 bytes; write fewer: an option holds 255"}},
		{"more name servers than an option holds", "[dhcp]\ndns = [" + strings.Repeat("\"192.168.77.2\",", 64) + "]", []string{"2: dhcp.dns: has 64 addresses; keep it to 63"}},
		{"a packet size in quotes", "[dhcp]\nmtu = \"1500\"", []string{"2: dhcp.mtu: is a text, not a whole number without quotes; write mtu = 1500"}},
		{"a packet size with a fraction", "[dhcp]\nmtu = 1500.0", []string{"2: dhcp.mtu: is a number, not a whole number"}},
		{"a packet size below every link's", "[dhcp]\nmtu = 575", []string{"2: dhcp.mtu: 575 is out of range; write a number from 576 to 9216"}},
		{"a packet size beyond any number", "[dhcp]\nmtu = 99999999999999999999", []string{"2: dhcp.mtu: 99999999999999999999 is out of range"}},
		{"a route without its router", "[dhcp]\nroutes = [\"10.0.0.0/8\"]", []string{`2: dhcp.routes: "10.0.0.0/8" is not a route; write the network, "via", and the router to it, as in "10.0.0.0/8 via 192.168.77.254"`}},
		{"a route to an address inside of a network", "[dhcp]\nroutes = [\"10.0.0.1/8 via 192.168.77.254\"]", []string{`2: dhcp.routes: 10.0.0.1 is an address inside the network; write "10.0.0.0/8 via 192.168.77.254"`}},
		{"a default route", "[dhcp]\nroutes = [\"0.0.0.0/0 via 192.168.77.254\"]", []string{`2: dhcp.routes: is the default route; write router = "192.168.77.254"`}},
		{"two routes to one network", "[dhcp]\nroutes = [\"10.0.0.0/8 via 192.168.77.254\",\n\"10.0.0.0/8 via 192.168.77.253\"]", []string{"2: dhcp.routes: there are two routes to 10.0.0.0/8; keep one"}},
		{"more routes than an option holds", "[dhcp]\nroutes = [" + strings.Repeat("\"10.0.0.1/32 via 192.168.77.254\",", 28) + "]", []string{"2: dhcp.routes: the routes need an option of 257 bytes; write fewer: an option holds 255"}},
		{"a route through another network", server + "routes = [\"10.0.0.0/8 via 192.168.78.254\"]", []string{"6: dhcp.routes: 192.168.78.254 is not in the box's network 192.168.77.0/24"}},
		{"a range with the time server in it", server + "ntp = [\"192.168.77.9\"]", []string{"5: dhcp.range: 192.168.77.9 includes 192.168.77.9, which dhcp.ntp assigns to another machine"}},

		{"an option of the lease", "[[dhcp.option]]\ncode = 51\nnumber = 3600\nsize = 4", []string{"2: dhcp.option 1.code: option 51 is set by the box itself; write lease"}},
		{"an option that has its own key", "[[dhcp.option]]\ncode = 6\nip = [\"192.168.77.2\"]", []string{"2: dhcp.option 1.code: option 6 is set by the box itself; write dns"}},
		{"an option of relay agents", "[[dhcp.option]]\ncode = 82\nhex = \"00\"", []string{"2: dhcp.option 1.code: option 82 is set by the box itself; leave it out"}},
		{"the option that ends a packet", "[[dhcp.option]]\ncode = 255\nhex = \"00\"", []string{"2: dhcp.option 1.code: option 255 is set by the box itself"}},
		{"an option beyond the last", "[[dhcp.option]]\ncode = 256\nhex = \"00\"", []string{"2: dhcp.option 1.code: 256 is out of range; write a number from 0 to 255"}},
		{"an option without a code", "[[dhcp.option]]\nhex = \"00\"\n[[dhcp.option]]\nhex = \"00\"", []string{"1: dhcp.option 1.code: is missing; write code = 150", "3: dhcp.option 2.code: is missing"}},
		{"an option twice", option("hex = \"00\"\n") + option("text = \"x\""), []string{"5: dhcp.option 2.code: option 224 appears twice, first on line 2; keep one"}},
		{"an option without a value", option(""), []string{"1: dhcp.option 1: has no value; write one of ip, text, hex, or number and size"}},
		{"an option with two values", option("text = \"x\"\nip = [\"10.0.0.1\"]"), []string{"3: dhcp.option 1.text: is a second value, next to ip; keep one"}},
		{"an option with an empty value", option("text = \"\""), []string{"3: dhcp.option 1.text: is empty; write text = "}},
		{"an option with an empty list", option("ip = []"), []string{"3: dhcp.option 1.ip: is empty; write ip = "}},
		{"an option that is too long", option("text = \"" + strings.Repeat("x", 256) + "\""), []string{"3: dhcp.option 1.text: has 256 bytes; keep it to 255"}},
		{"an option with more addresses than it holds", option("ip = [" + strings.Repeat("\"10.0.0.1\",", 64) + "]"), []string{"3: dhcp.option 1.ip: has 256 bytes; keep it to 255"}},
		{"an option with one address that is none", option("ip = [\"10.0.0.1\",\n\"::1\"]"), []string{`4: dhcp.option 1.ip: "::1" is not an IPv4 address; write one such as "192.168.77.9"`}},
		{"an option with a line break", option("text = \"a\\nb\""), []string{"3: dhcp.option 1.text: contains the control character U+000A"}},
		{"an option with half a byte", option("hex = \"01:2:0a\""), []string{`3: dhcp.option 1.hex: "01:2:0a" is not a sequence of bytes; write two hexadecimal digits for each byte, as in "01:02:0a"`}},
		{"an option with a number and no size", option("number = 5"), []string{"1: dhcp.option 1.size: is missing; write size = 1, 2 or 4"}},
		{"an option with a size and no number", option("size = 2\nhex = \"00\""), []string{"3: dhcp.option 1.size: is only valid with a number; leave it out"}},
		{"an option of three bytes", option("number = 5\nsize = 3"), []string{"4: dhcp.option 1.size: is not 1, 2 or 4; write size = 1, 2 or 4"}},
		{"a number that its size has no room for", option("number = 256\nsize = 1"), []string{"3: dhcp.option 1.number: 256 is out of range; write a number from -128 to 255"}},
		{"more options than a packet holds", option("text = \"" + strings.Repeat("x", 254) + "\"\n" + strings.Repeat("[[dhcp.option]]\ntext = \""+strings.Repeat("x", 254)+"\"\n", 4)),
			[]string{"1: dhcp.option: all options together take 1280 bytes; keep them to 1024", "4: dhcp.option 2.code: ", "6: ", "8: ", "10: "}},
		{"one pair of brackets for an option", "[dhcp.option]\ncode = 150\nhex = \"00\"", []string{"1: [dhcp.option]: has one pair of brackets; write [[dhcp.option]]"}},
		{"options that are no tables", "dhcp.option = [150]", []string{"1: dhcp.option 1: is a number; write [[dhcp.option]]"}},
		{"an option of no network", "[[option]]\ncode = 150", []string{"1: option: is not known; write [[dhcp.option]] or [[subnet.option]]"}},
		{"an option's misspelt table", "[[dhcp.options]]\ncode = 150\nhex = \"00\"", []string{"1: dhcp.options: is not known; write [[dhcp.option]]"}},
		{"a value of an option in its network", "[dhcp]\nhex = \"00\"", []string{"2: dhcp.hex: is not known; write it below [[dhcp.option]] or [[subnet.option]]"}},
		{"an option of a subnet", subnet + "[[subnet.option]]\ncode = 150\nhex = \"\"", []string{`10: subnet "10.1.0.0/24".option 1.hex: is empty`}},
		{"a table of no subnet", "[subnet.option]\ncode = 150", []string{"1: subnet: is a table; write [[subnet]]"}},

		{"a boot file with backslashes", "[boot]\nbios = 'boot\\pxelinux.0'", []string{`2: boot.bios: "boot\\pxelinux.0" is not a valid name of a boot file; write "boot/pxelinux.0"`}},
		{"a boot file that no packet holds", "[boot]\nuefi-x64 = \"" + strings.Repeat("x", 128) + "\"", []string{"2: boot.uefi-x64: has 128 characters; keep it to 127"}},
		{"a boot file for HTTP", "[boot]\nuefi-x64-http = \"bootx64.efi\"", []string{`2: boot.uefi-x64-http: "bootx64.efi" is not an http:// address of a file; write one such as "http://192.168.77.1/efi/bootx64.efi"`}},
		{"an encrypted address for HTTP", "[boot]\nuefi-x64-http = \"https://a/b\"", []string{`2: boot.uefi-x64-http: "https://a/b" is not an http:// address`}},
		{"a web server with IPv6", "[boot]\nuefi-x64-http = \"http://[fd00::1]/b\"", []string{"2: boot.uefi-x64-http: "}},
		{"a web server without a file", "[boot]\nuefi-x64-http = \"http://a/\"", []string{"2: boot.uefi-x64-http: "}},
		{"a web address with a password", "[boot]\nuefi-x64-http = \"http://u:p@a/b\"", []string{"2: boot.uefi-x64-http: "}},
		{"a web address with a space", "[boot]\nuefi-x64-http = \"http://a/b c\"", []string{"2: boot.uefi-x64-http: "}},
		{"a web address for TFTP", "[boot]\nuefi-x64 = \"http://a/b\"", []string{"2: boot.uefi-x64: "}},
		{"a number that has a name", "[boot]\narch-0x07 = \"a\"", []string{"2: boot.arch-0x07: is the number of uefi-x64; write uefi-x64"}},
		{"another number of the same name", "[boot]\narch-0x09 = \"a\"", []string{"2: boot.arch-0x09: is the number of uefi-x64; write uefi-x64"}},
		{"the number of a Raspberry Pi", "[boot]\n41 = \"a\"", []string{"2: boot.41: is the number of raspberry-pi; write raspberry-pi"}},
		{"a number in capital letters", "[boot]\narch-0x0A = \"a\"", []string{"2: boot.arch-0x0A: is not known; write arch-0x0a"}},
		{"a number alone", "[boot]\n0x27 = \"a\"", []string{"2: boot.0x27: is not known; write arch-0x27"}},
		{"a number as option 60 has it", "[boot]\narch-00010 = \"a\"", []string{"2: boot.arch-00010: is not known; write arch-0x0a"}},
		{"a number that is too large", "[boot]\narch-0x10000 = \"a\"", []string{"2: boot.arch-0x10000: is not known"}},
		{"a name of the registry", "[boot]\nuefi-riscv64 = \"a\"", []string{"2: boot.uefi-riscv64: is not known; write arch-0x1b"}},
		{"a number that boots by HTTP", "[boot]\narch-0x12 = \"a.efi\"", []string{`2: boot.arch-0x12: "a.efi" is not an http:// address of a file`}},
		{"a web address for a number", "[boot]\narch-0x0a = \"http://a/b\"", []string{"2: boot.arch-0x0a: "}},
		{"a number that is no text", "[boot]\narch-0x0a = 1", []string{`2: boot.arch-0x0a: is a number, not a text in quotes; write arch-0x0a = "1"`}},
		{"a script that no packet holds", "[boot]\nipxe = \"" + strings.Repeat("x", 128) + "\"", []string{"2: boot.ipxe: has 128 characters; keep it to 127"}},
		{"a firmware that is not known", "[boot]\nuefi-x86 = \"a\"", []string{"2: boot.uefi-x86: is not known; write uefi-x64"}},

		{"a subnet without a network", server + "[[subnet]]\nrange = [\"10.1.0.9\"]", []string{`6: subnet 1.network: is missing; write network = "10.1.0.0/24"`}},
		{"a subnet's network with host bits", server + "[[subnet]]\nnetwork = \"10.1.0.1/24\"", []string{`7: subnet "10.1.0.1/24".network: 10.1.0.1 is an address inside the network; write "10.1.0.0/24"`}},
		{"a subnet without its prefix length", server + "[[subnet]]\nnetwork = \"10.1.0.0\"", []string{`7: subnet "10.1.0.0".network: "10.1.0.0" is not an IPv4 network with its prefix length; write one such as "10.1.0.0/24"`}},
		{"a subnet of two machines", server + "[[subnet]]\nnetwork = \"10.1.0.0/31\"", []string{`7: subnet "10.1.0.0/31".network: the prefix length /31 leaves no usable network`}},
		{"a subnet that is the box's own", server + "[[subnet]]\nnetwork = \"192.168.0.0/16\"", []string{`7: subnet "192.168.0.0/16".network: 192.168.0.0/16 overlaps the box's network 192.168.77.0/24`}},
		{"subnets that overlap", subnet + "[[subnet]]\nnetwork = \"10.0.0.0/8\"", []string{`9: subnet "10.0.0.0/8".network: 10.0.0.0/8 overlaps the subnet 10.1.0.0/24`}},
		{"subnets that overlap, next to another server", "[[subnet]]\nnetwork = \"10.0.0.0/8\"\n[[subnet]]\nnetwork = \"10.1.0.0/16\"", []string{`4: subnet "10.1.0.0/16".network: `}},
		{"a subnet's range on another network", subnet + "range = [\"192.168.77.5\"]", []string{`8: subnet "10.1.0.0/24".range: 192.168.77.5 is not in the subnet 10.1.0.0/24; write addresses from 10.1.0.1 to 10.1.0.254`}},
		{"a subnet's range to the broadcast address", subnet + "range = [\"10.1.0.5-10.1.0.255\"]", []string{`8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.255 includes the broadcast address 10.1.0.255`}},
		{"a subnet's range from the network itself", subnet + "range = [\"10.1.0.0-10.1.0.9\"]", []string{`8: subnet "10.1.0.0/24".range: 10.1.0.0-10.1.0.9 includes 10.1.0.0, which is the network's own address`}},
		{"a subnet's range with its router in it", subnet + "range = [\"10.1.0.1-10.1.0.9\"]\nrouter = \"10.1.0.1\"", []string{`8: subnet "10.1.0.0/24".range: 10.1.0.1-10.1.0.9 includes 10.1.0.1, which subnet "10.1.0.0/24".router assigns`}},
		{"a subnet's range with the box's name server in it", server + "dns = [\"10.1.0.9\"]\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\nrange = [\"10.1.0.9\"]", []string{`9: subnet "10.1.0.0/24".range: 10.1.0.9 includes 10.1.0.9, which dhcp.dns assigns to another machine`}},
		{"a subnet's router on another network", subnet + "router = \"192.168.77.1\"", []string{`8: subnet "10.1.0.0/24".router: 192.168.77.1 is not in the subnet 10.1.0.0/24`}},
		{"three ranges, the first around the last", subnet + "range = [\"10.1.0.5-10.1.0.50\", \"10.1.0.40\", \"10.1.0.45-10.1.0.60\"]", []string{
			`8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.50 and 10.1.0.40 overlap`, `8: subnet "10.1.0.0/24".range: 10.1.0.5-10.1.0.50 and 10.1.0.45-10.1.0.60 overlap`}},
		{"more addresses than the pool takes, in two networks", server + "[[subnet]]\nnetwork = \"10.0.0.0/8\"\nrange = [\"10.0.1.0-10.1.0.255\"]", []string{`8: subnet "10.0.0.0/8".range: brings the number of addresses to lease to 65537; keep all ranges together to at most 65536`}},
		{"more subnets than are allowed", subnets.String(), []string{`513: subnet "10.1.0.0/24": is one too many; keep it to 256 subnets`}},
		{"a subnet that is no table", "subnet = [1]", []string{"1: subnet 1: is a number; write [[subnet]]"}},

		{"a reservation without an address", "[[reservation]]\nmac = \"52:54:00:00:00:01\"", []string{`1: reservation 1.address: is missing; write address = "192.168.77.20"`}},
		{"a reservation for no one", "[[reservation]]\naddress = \"192.168.77.20\"", []string{`1: reservation "192.168.77.20".mac: is missing; write mac = "52:54:00:12:34:56", or client`}},
		{"a reservation for two", r1 + "client = \"01:02\"", []string{`4: reservation "192.168.77.20".client: is given together with mac; keep one`}},
		{"a hardware address of eight bytes", "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"52:54:00:00:00:01:02:03\"", []string{`3: reservation "192.168.77.20".mac: "52:54:00:00:00:01:02:03" is not a hardware address of six bytes; write one such as "52:54:00:12:34:56"`}},
		{"a hardware address of zeros", "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"00:00:00:00:00:00\"", []string{`3: reservation "192.168.77.20".mac: "00:00:00:00:00:00" cannot be a machine's address; write a machine's own`}},
		{"the hardware address of a group", "[[reservation]]\naddress = \"192.168.77.20\"\nmac = \"ff:ff:ff:ff:ff:ff\"", []string{`3: reservation "192.168.77.20".mac: "ff:ff:ff:ff:ff:ff" is a multicast address`}},
		{"a client identifier of one byte", "[[reservation]]\naddress = \"192.168.77.20\"\nclient = \"01\"", []string{`3: reservation "192.168.77.20".client: has 1 bytes; write 2 to 255`}},
		{"a client identifier as text", "[[reservation]]\naddress = \"192.168.77.20\"\nclient = \"pc1\"", []string{`3: reservation "192.168.77.20".client: "pc1" is not a sequence of bytes`}},
		{"a client identifier, and machines are known by MAC",
			"[network]\naddress = \"192.168.77.1/24\"\n[dhcp]\nidentify = \"mac\"\n[[reservation]]\naddress = \"192.168.77.20\"\nclient = \"00:01\"",
			[]string{`7: reservation "192.168.77.20".client: has no effect in the box's network, which has identify = "mac"; write mac = `}},
		{"a client identifier, and the subnet has it from [dhcp] that machines are known by MAC",
			"[dhcp]\nidentify = \"mac\"\n[[subnet]]\nnetwork = \"10.1.0.0/24\"\n[[reservation]]\naddress = \"10.1.0.20\"\nclient = \"00:01\"",
			[]string{`7: reservation "10.1.0.20".client: has no effect in the subnet`}},
		{"a third way to know machines", "[dhcp]\nidentify = \"guid\"", []string{`2: dhcp.identify: "guid" is not a valid identify; write "client" or "mac"`}},
		{"a machine twice, written in two ways", r1 + "[[reservation]]\nmac = \"52-54-00-00-00-01\"\naddress = \"192.168.77.21\"", []string{`5: reservation "192.168.77.21".mac: names the same machine as the [[reservation]] on line 1; list each machine once`}},
		{"a machine by its address and as client", r1 + "[[reservation]]\nclient = \"01:52:54:00:00:00:01\"\naddress = \"192.168.77.21\"", []string{`5: reservation "192.168.77.21".client: names the same machine as the [[reservation]] on line 1`}},
		{"an address twice", r1 + "[[reservation]]\nmac = \"52:54:00:00:00:02\"\naddress = \"192.168.77.20\"", []string{`6: reservation "192.168.77.20".address: "192.168.77.20" is taken by the [[reservation]] on line 1; give each machine a unique address`}},
		{"a reservation in no network", reserve("172.16.0.9"), []string{`10: reservation "172.16.0.9".address: 172.16.0.9 is not in a network that the box serves; write an address of the box's network or of a [[subnet]]`}},
		{"a reservation of the box", reserve("192.168.77.1"), []string{`10: reservation "192.168.77.1".address: 192.168.77.1 is the box's own address; write another address in 192.168.77.0/24`}},
		{"a reservation of a network", reserve("10.1.0.0"), []string{`10: reservation "10.1.0.0".address: 10.1.0.0 is the network's own address; write another address in 10.1.0.0/24`}},
		{"a reservation of a broadcast address", reserve("10.1.0.255"), []string{`10: reservation "10.1.0.255".address: 10.1.0.255 is the network's broadcast address`}},
		{"a reservation of a router", subnet + "router = \"10.1.0.1\"\n[[reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.1.0.1\"", []string{`11: reservation "10.1.0.1".address: 10.1.0.1 is the router's address`}},
		{"a machine's name with its domain", r1 + "hostname = \"pc1.example.org\"", []string{`4: reservation "192.168.77.20".hostname: "pc1.example.org" is not a valid host name; write "pc1": what follows the dot is the domain`}},
		{"a machine's name that ends in a hyphen", r1 + "hostname = \"pc-\"", []string{`4: reservation "192.168.77.20".hostname: "pc-" is not a valid host name; use up to 63 letters`}},
		{"more reservations than are allowed", reservations.String(), []string{`12289: reservation "10.0.16.0": is one too many; keep it to 4096 reservations`}},
		{"a key of many tables in none", "lease = \"1h\"", []string{"1: lease: is not known; write it below [dhcp] or [[subnet]]"}},
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
