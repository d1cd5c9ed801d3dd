package pxe

import (
	"bytes"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// hw is the key of the hardware address among a packet's options.
const hw = 0

// packet makes a packet with the given options, each as code and value.
func packet(options map[uint8]string) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{Options: dhcpv4.Options{}}
	for code, v := range options {
		if code == hw {
			m.ClientHWAddr = []byte(v)
			continue
		}
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(v)))
	}
	return m
}

const piGUID4 = "\x00RPi4\x11\x31\xc0\x00\x32\x01\x02\x03\x0a\x0b\x0c\x0d"

var guid = "\x00" + string(bytes.Repeat([]byte{0xab}, 16))

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		situation string
		options   map[uint8]string
		boots     bool
		want      Client
	}{
		{"iPXE's BIOS ROM", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 97: guid}, true,
			Client{Arch: 0x00, Firmware: "bios", GUID: []byte(guid)}},
		{"EDK2 x64", map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x07", 97: guid}, true,
			Client{Arch: 0x07, Firmware: "uefi-x64", GUID: []byte(guid)}},
		{"several architectures: the first", map[uint8]string{60: "PXEClient", 93: "\x00\x09\x00\x07"}, true,
			Client{Arch: 0x09, Firmware: "uefi-x64", Others: []firmware.Kind{"uefi-x64"}}},
		{"no option 93: as option 60 says", map[uint8]string{60: "PXEClient:Arch:00006:UNDI:003000"}, true, Client{Arch: 0x06, Firmware: "uefi-ia32"}},
		{"nothing but PXEClient: an old BIOS", map[uint8]string{60: "PXEClient"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"option 93 cut off", map[uint8]string{60: "PXEClient", 93: "\x00"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"ROM without a GUID", map[uint8]string{60: "PXEClient", 93: "\x00\x00"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"GUID of the wrong length", map[uint8]string{60: "PXEClient", 97: "\x00\x01\x02"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"GUID of an unknown type", map[uint8]string{60: "PXEClient", 97: "\x01" + guid[1:]}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"asks a boot server for item 0x8000", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}, true,
			Client{Arch: 0x00, Firmware: "bios", BootItem: []byte{0x80, 0, 0, 0}}},
		{"boot item behind padding and other tags", map[uint8]string{60: "PXEClient", 43: "\x00\x06\x01\x08\x47\x04\x00\x01\x00\x00"}, true,
			Client{Arch: 0x00, Firmware: "bios", BootItem: []byte{0, 1, 0, 0}}},
		{"boot item cut off", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"boot item after the end", map[uint8]string{60: "PXEClient", 43: "\xff\x47\x01\x80"}, true, Client{Arch: 0x00, Firmware: "bios"}},
		{"wdsnbp.com", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 250: "\x01\x02\x00\x06"}, true,
			Client{Arch: 0x00, Firmware: "bios", WDS: true}},
		{"Windows", map[uint8]string{60: "MSFT 5.0"}, false, Client{}},
		{"UEFI HTTP boot, x64", map[uint8]string{60: "HTTPClient:Arch:00016:UNDI:003000", 93: "\x00\x10"}, true,
			Client{Arch: 0x10, Firmware: "uefi-x64-http", HTTP: true}},
		{"UEFI HTTP boot, ARM", map[uint8]string{60: "HTTPClient:Arch:00019:UNDI:003000"}, true,
			Client{Arch: 0x13, Firmware: "uefi-arm64-http", HTTP: true}},
		{"UEFI ARM", map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b"}, true,
			Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{"an architecture without a name", map[uint8]string{60: "PXEClient", 93: "\x00\x0e"}, true,
			Client{Arch: 14, Firmware: "arch-0x0e"}},
		{"several, and the class says which of them asks", map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x00\x00\x07"}, true,
			Client{Arch: 0x07, Firmware: "uefi-x64", Others: []firmware.Kind{"bios"}}},
		{"several, and the class names none of them", map[uint8]string{60: "PXEClient:Arch:00002:UNDI:003000", 93: "\x00\x0e\x00\x07"}, true,
			Client{Arch: 0x0e, Firmware: "arch-0x0e", Others: []firmware.Kind{"uefi-x64"}}},
		{"class and type disagree: the type", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:003000", 93: "\x00\x07"}, true,
			Client{Arch: 0x07, Firmware: "uefi-x64"}},
		{"PXE's class and HTTP's type: by TFTP", map[uint8]string{60: "PXEClient:Arch:00016:UNDI:003000", 93: "\x00\x10"}, true,
			Client{Arch: 0x07, Firmware: "uefi-x64"}},
		{"the same, in the class alone", map[uint8]string{60: "PXEClient:Arch:00019:UNDI:003000"}, true,
			Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{"HTTP's class and PXE's type: by HTTP", map[uint8]string{60: "HTTPClient:Arch:00007:UNDI:003000", 93: "\x00\x07"}, true,
			Client{Arch: 0x10, Firmware: "uefi-x64-http", HTTP: true}},
		{"HTTP's class and no type", map[uint8]string{60: "HTTPClient"}, true,
			Client{Arch: 0x14, Firmware: "arch-0x14", HTTP: true}},
		{"iPXE, by its user class", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 77: "iPXE"}, true,
			Client{Arch: 0x00, Firmware: "bios", IPXE: true}},
		{"iPXE, by a user class with its length (RFC 3004)", map[uint8]string{60: "PXEClient", 93: "\x00\x00", 77: "\x03lab\x04iPXE"}, true,
			Client{Arch: 0x00, Firmware: "bios", IPXE: true}},
		{"iPXE, by its own options", map[uint8]string{60: "PXEClient", 93: "\x00\x07", 175: "\xeb\x03\x01\x14\x01"}, true,
			Client{Arch: 0x07, Firmware: "uefi-x64", IPXE: true}},
		{"a user class of the site's", map[uint8]string{60: "PXEClient", 93: "\x00\x00", 77: "\x09iPXE-labs"}, true,
			Client{Arch: 0x00, Firmware: "bios"}},
		{"Raspberry Pi by its type", map[uint8]string{60: "PXEClient:Arch:00041:UNDI:002001", 93: "\x00\x29"}, true,
			Client{Arch: 0x29, Firmware: firmware.RaspberryPi}},
		{"Raspberry Pi 3B+ of newer make", map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\x88\xa2\x9e\x01\x02\x03"}, true,
			Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{"Raspberry Pi of the newest block", map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\x98\xfe\x54\x01\x02\x03"}, true,
			Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{"Raspberry Pi of a block of 28 bits", map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\xf0\x40\xaf\x91\x02\x03"}, true,
			Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{"another maker's half of that block", map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\xf0\x40\xaf\x81\x02\x03"}, true,
			Client{Arch: 0x00, Firmware: "bios"}},
		{"Raspberry Pi 4 by its GUID", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 97: piGUID4}, true,
			Client{Arch: 0x00, Firmware: firmware.RaspberryPi, GUID: []byte(piGUID4)}},
		{"Raspberry Pi 3 by its address block", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", hw: "\xb8\x27\xeb\x01\x02\x03"}, true,
			Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{"UEFI on a Raspberry Pi is UEFI", map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b", hw: "\xdc\xa6\x32\x01\x02\x03"}, true,
			Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{"no option 60, but 93", map[uint8]string{93: "\x00\x00"}, false, Client{}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, boots := Classify(packet(tc.options))
			if boots != tc.boots || got.Arch != tc.want.Arch || got.Firmware != tc.want.Firmware || got.HTTP != tc.want.HTTP || !bytes.Equal(got.GUID, tc.want.GUID) ||
				!bytes.Equal(got.BootItem, tc.want.BootItem) || got.WDS != tc.want.WDS ||
				got.IPXE != tc.want.IPXE || !slices.Equal(got.Others, tc.want.Others) {
				t.Errorf("got %+v, %v; want %+v, %v", got, boots, tc.want, tc.boots)
			}
		})
	}
}

// Each of our packets has what the firmware must find, and nothing that it must
// not find.
func TestAnswers(t *testing.T) {
	boot := Boot{NextServer: netip.MustParseAddr("192.0.2.1"), File: "program"}
	url := Boot{NextServer: boot.NextServer, File: "http://192.0.2.1/" + strings.Repeat("x", 120) + ".efi"}
	bios, http := Client{Firmware: "bios", GUID: []byte(guid)}, Client{HTTP: true}
	pi := Client{Firmware: firmware.RaspberryPi}
	request := packet(nil)
	request.ClientIPAddr = net.IP{192, 0, 2, 9}

	describe := func(c Client, b Boot) *dhcpv4.DHCPv4 { r := packet(nil); Describe(r, c, b); return r }
	offer := func(c Client, b Boot) *dhcpv4.DHCPv4 { r := packet(nil); ProxyOffer(r, c, b); return r }
	ack := func(c Client, b Boot) *dhcpv4.DHCPv4 {
		r := packet(nil)
		BootServerAck(r, request, c, b)
		return r
	}
	for _, tc := range []struct {
		situation string
		reply     *dhcpv4.DHCPv4
		file      string
		options   map[uint8]string // exactly these
	}{
		{"server, PXE: boot this and discover nothing", describe(bios, boot), "program",
			map[uint8]string{60: "PXEClient", 97: guid, 43: "\x06\x01\x08\xff"}},
		{"server, no GUID to echo", describe(Client{}, boot), "program", map[uint8]string{60: "PXEClient", 43: "\x06\x01\x08\xff"}},
		{"server, HTTP", describe(http, boot), "program", map[uint8]string{60: "HTTPClient"}},
		{"server, HTTP, a URL too long for the file field", describe(http, url), "", map[uint8]string{60: "HTTPClient", 67: url.File}},
		{"server, Raspberry Pi", describe(pi, boot), "program", map[uint8]string{60: "PXEClient", 66: "192.0.2.1", 43: piMenu}},
		{"proxy, PXE: no file, so that 4011 is asked", offer(bios, boot), "", map[uint8]string{60: "PXEClient", 97: guid}},
		{"proxy, HTTP knows no 4011", offer(http, boot), "program", map[uint8]string{60: "HTTPClient"}},
		{"proxy, Raspberry Pi knows no 4011", offer(pi, boot), "program", map[uint8]string{60: "PXEClient", 66: "192.0.2.1", 43: piMenu}},
		{"4011", ack(bios, boot), "program", map[uint8]string{60: "PXEClient", 97: guid}},
		{"4011, asked for a boot item", ack(Client{BootItem: []byte{0x80, 0, 0, 0}}, boot), "program",
			map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if tc.reply.BootFileName != tc.file || !tc.reply.ServerIPAddr.Equal(boot.NextServer.AsSlice()) {
				t.Errorf("file %q at %v, want %q at %v", tc.reply.BootFileName, tc.reply.ServerIPAddr, tc.file, boot.NextServer)
			}
			got := map[uint8]string{}
			for code, v := range tc.reply.Options {
				got[code] = string(v)
			}
			if !maps.Equal(got, tc.options) {
				t.Errorf("options %q, want %q", got, tc.options)
			}
		})
	}
	if r := ack(bios, boot); !r.YourIPAddr.Equal(request.ClientIPAddr) {
		t.Errorf("4011: yiaddr %v; PXELINUX hands it on as the machine's address", r.YourIPAddr)
	}
}

// piMenu is a boot menu with one item, byte by byte.
const piMenu = "\x06\x01\x03" + "\x0a\x04\x00PXE" + "\x09\x14\x00\x00\x11Raspberry Pi Boot" + "\xff"

func TestBootFile(t *testing.T) {
	settings := map[firmware.Kind]string{"uefi-x64": "shim.efi", "bios": "lpxelinux.0", "uefi-ia32": ""}
	for _, tc := range []struct {
		situation string
		settings  map[firmware.Kind]string
		firmware  firmware.Kind
		want      string
	}{
		{"built in", nil, "bios", "pxelinux.0"},
		{"the settings before what is built in", settings, "bios", "lpxelinux.0"},
		{"only in the settings", settings, "uefi-x64", "shim.efi"},
		{"turned off", map[firmware.Kind]string{"bios": ""}, "bios", ""},
		{"in neither", settings, "uefi-arm64", ""},
		{"no name for it", settings, "", ""},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := BootFile(tc.settings, tc.firmware); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLoadsIPXE(t *testing.T) {
	for file, want := range map[string]bool{
		"undionly.kpxe": true, "ipxe.efi": true, "boot/snponly.efi": true, "ipxe/snp.efi": true, "ipxe.pxe": true, "lab.kkpxe": true,
		"ipxe-shimx64.efi": true, "netboot.xyz.efi": true, "IPXE.EFI": true, "gpxe.0": true, "http://192.0.2.1/ipxe.efi": true,
		"boot.ipxe": false, "http://192.0.2.1/ipxe/boot.php?mac=1": false, "ipxe.cfg": false, "ipxe/pxelinux.0": false, "gpxelinux.0": false,
		"pxelinux.0": false, "shimx64.efi": false, "grubx64.efi": false, "": false,
	} {
		if got := LoadsIPXE(file); got != want {
			t.Errorf("%q: %v", file, got)
		}
	}
}

func TestOfferDelay(t *testing.T) {
	bios := map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00"}
	for situation, tc := range map[string]struct {
		mac, guid string
		want      bool
	}{
		"Pi 3B: its ROM misses an offer that comes at once": {"\xb8\x27\xeb\x01\x02\x03", guid, true},
		"Pi 3B+ of newer make":                              {"\x88\xa2\x9e\x01\x02\x03", guid, false},
		"a later Pi's own GUID":                             {"\xb8\x27\xeb\x01\x02\x03", piGUID4, false},
		"a PC":                                              {"\x52\x54\x00\x01\x02\x03", guid, false},
	} {
		t.Run(situation, func(t *testing.T) {
			options := maps.Clone(bios)
			options[hw], options[97] = tc.mac, tc.guid
			m := packet(options)
			c, _ := Classify(m)
			if got := OfferDelay(m, c); (got > 0) != tc.want {
				t.Errorf("waits for %v", got)
			}
		})
	}
}
