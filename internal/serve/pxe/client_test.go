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
		{situation: "iPXE's BIOS ROM", options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00",
			97: guid}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", GUID: []byte(guid)}},
		{situation: "EDK2 x64", options: map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x07",
			97: guid}, boots: true,
			want: Client{Arch: 0x07, Firmware: "uefi-x64", GUID: []byte(guid)}},
		{situation: "several architectures: the first",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x09\x00\x07"}, boots: true,
			want: Client{Arch: 0x09, Firmware: "uefi-x64", Others: []firmware.Kind{"uefi-x64"}}},
		{situation: "no option 93: as option 60 says",
			options: map[uint8]string{60: "PXEClient:Arch:00006:UNDI:003000"}, boots: true,
			want: Client{Arch: 0x06, Firmware: "uefi-ia32"}},
		{situation: "nothing but PXEClient: an old BIOS", options: map[uint8]string{60: "PXEClient"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "option 93 cut off", options: map[uint8]string{60: "PXEClient", 93: "\x00"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "ROM without a GUID", options: map[uint8]string{60: "PXEClient", 93: "\x00\x00"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "GUID of the wrong length", options: map[uint8]string{60: "PXEClient", 97: "\x00\x01\x02"},
			boots: true, want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "GUID of an unknown type", options: map[uint8]string{60: "PXEClient", 97: "\x01" + guid[1:]},
			boots: true, want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "asks a boot server for item 0x8000",
			options: map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", BootItem: []byte{0x80, 0, 0, 0}}},
		{situation: "boot item behind padding and other tags",
			options: map[uint8]string{60: "PXEClient", 43: "\x00\x06\x01\x08\x47\x04\x00\x01\x00\x00"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", BootItem: []byte{0, 1, 0, 0}}},
		{situation: "boot item cut off", options: map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "boot item after the end", options: map[uint8]string{60: "PXEClient", 43: "\xff\x47\x01\x80"},
			boots: true, want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "wdsnbp.com", options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00",
			250: "\x01\x02\x00\x06"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", WDS: true}},
		{situation: "Windows", options: map[uint8]string{60: "MSFT 5.0"}},
		{situation: "UEFI HTTP boot, x64", options: map[uint8]string{60: "HTTPClient:Arch:00016:UNDI:003000",
			93: "\x00\x10"}, boots: true,
			want: Client{Arch: 0x10, Firmware: "uefi-x64-http", HTTP: true}},
		{situation: "UEFI HTTP boot, ARM", options: map[uint8]string{60: "HTTPClient:Arch:00019:UNDI:003000"},
			boots: true,
			want:  Client{Arch: 0x13, Firmware: "uefi-arm64-http", HTTP: true}},
		{situation: "UEFI ARM", options: map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b"},
			boots: true,
			want:  Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{situation: "an architecture without a name",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x0e"}, boots: true,
			want: Client{Arch: 14, Firmware: "arch-0x0e"}},
		{situation: "several, and the class says which of them asks",
			options: map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x00\x00\x07"}, boots: true,
			want: Client{Arch: 0x07, Firmware: "uefi-x64", Others: []firmware.Kind{"bios"}}},
		{situation: "several, and the class names none of them",
			options: map[uint8]string{60: "PXEClient:Arch:00002:UNDI:003000", 93: "\x00\x0e\x00\x07"}, boots: true,
			want: Client{Arch: 0x0e, Firmware: "arch-0x0e", Others: []firmware.Kind{"uefi-x64"}}},
		{situation: "class and type disagree: the type",
			options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:003000", 93: "\x00\x07"}, boots: true,
			want: Client{Arch: 0x07, Firmware: "uefi-x64"}},
		{situation: "PXE's class and HTTP's type: by TFTP",
			options: map[uint8]string{60: "PXEClient:Arch:00016:UNDI:003000", 93: "\x00\x10"}, boots: true,
			want: Client{Arch: 0x07, Firmware: "uefi-x64"}},
		{situation: "the same, in the class alone",
			options: map[uint8]string{60: "PXEClient:Arch:00019:UNDI:003000"}, boots: true,
			want: Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{situation: "HTTP's class and PXE's type: by HTTP",
			options: map[uint8]string{60: "HTTPClient:Arch:00007:UNDI:003000", 93: "\x00\x07"}, boots: true,
			want: Client{Arch: 0x10, Firmware: "uefi-x64-http", HTTP: true}},
		{situation: "HTTP's class and no type", options: map[uint8]string{60: "HTTPClient"}, boots: true,
			want: Client{Arch: 0x14, Firmware: "arch-0x14", HTTP: true}},
		{situation: "iPXE, by its user class",
			options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 77: "iPXE"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", IPXE: true}},
		{situation: "iPXE, by a user class with its length (RFC 3004)",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", 77: "\x03lab\x04iPXE"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios", IPXE: true}},
		{situation: "iPXE, by its own options",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x07", 175: "\xeb\x03\x01\x14\x01"}, boots: true,
			want: Client{Arch: 0x07, Firmware: "uefi-x64", IPXE: true}},
		{situation: "a user class of the site's",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", 77: "\x09iPXE-labs"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "Raspberry Pi by its type",
			options: map[uint8]string{60: "PXEClient:Arch:00041:UNDI:002001", 93: "\x00\x29"}, boots: true,
			want: Client{Arch: 0x29, Firmware: firmware.RaspberryPi}},
		{situation: "Raspberry Pi 3B+ of newer make",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\x88\xa2\x9e\x01\x02\x03"}, boots: true,
			want: Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{situation: "Raspberry Pi of the newest block",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\x98\xfe\x54\x01\x02\x03"}, boots: true,
			want: Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{situation: "Raspberry Pi of a block of 28 bits",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\xf0\x40\xaf\x91\x02\x03"}, boots: true,
			want: Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{situation: "another maker's half of that block",
			options: map[uint8]string{60: "PXEClient", 93: "\x00\x00", hw: "\xf0\x40\xaf\x81\x02\x03"}, boots: true,
			want: Client{Arch: 0x00, Firmware: "bios"}},
		{situation: "Raspberry Pi 4 by its GUID",
			options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 97: piGUID4}, boots: true,
			want: Client{Arch: 0x00, Firmware: firmware.RaspberryPi, GUID: []byte(piGUID4)}},
		{situation: "Raspberry Pi 3 by its address block",
			options: map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00",
				hw: "\xb8\x27\xeb\x01\x02\x03"}, boots: true,
			want: Client{Arch: 0x00, Firmware: firmware.RaspberryPi}},
		{situation: "UEFI on a Raspberry Pi is UEFI",
			options: map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b",
				hw: "\xdc\xa6\x32\x01\x02\x03"}, boots: true,
			want: Client{Arch: 0x0b, Firmware: "uefi-arm64"}},
		{situation: "no option 60, but 93", options: map[uint8]string{93: "\x00\x00"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, boots := Classify(packet(tc.options))
			if boots != tc.boots || got.Arch != tc.want.Arch || got.Firmware != tc.want.Firmware ||
				got.HTTP != tc.want.HTTP || !bytes.Equal(got.GUID, tc.want.GUID) ||
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
		{situation: "server, PXE: boot this and discover nothing", reply: describe(bios, boot), file: "program",
			options: map[uint8]string{60: "PXEClient", 97: guid, 43: "\x06\x01\x08\xff"}},
		{situation: "server, no GUID to echo", reply: describe(Client{}, boot), file: "program",
			options: map[uint8]string{60: "PXEClient", 43: "\x06\x01\x08\xff"}},
		{situation: "server, HTTP", reply: describe(http, boot), file: "program",
			options: map[uint8]string{60: "HTTPClient"}},
		{situation: "server, HTTP, a URL too long for the file field", reply: describe(http, url),
			options: map[uint8]string{60: "HTTPClient", 67: url.File}},
		{situation: "server, Raspberry Pi", reply: describe(pi, boot), file: "program",
			options: map[uint8]string{60: "PXEClient", 66: "192.0.2.1", 43: piMenu}},
		{situation: "proxy, PXE: no file, so that 4011 is asked", reply: offer(bios, boot),
			options: map[uint8]string{60: "PXEClient", 97: guid}},
		{situation: "proxy, HTTP knows no 4011", reply: offer(http, boot), file: "program",
			options: map[uint8]string{60: "HTTPClient"}},
		{situation: "proxy, Raspberry Pi knows no 4011", reply: offer(pi, boot), file: "program",
			options: map[uint8]string{60: "PXEClient", 66: "192.0.2.1", 43: piMenu}},
		{situation: "4011", reply: ack(bios, boot), file: "program",
			options: map[uint8]string{60: "PXEClient", 97: guid}},
		{situation: "4011, asked for a boot item", reply: ack(Client{BootItem: []byte{0x80, 0, 0, 0}}, boot),
			file:    "program",
			options: map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if tc.reply.BootFileName != tc.file || !tc.reply.ServerIPAddr.Equal(boot.NextServer.AsSlice()) {
				t.Errorf("file %q at %v, want %q at %v", tc.reply.BootFileName, tc.reply.ServerIPAddr, tc.file,
					boot.NextServer)
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
		{situation: "built in", firmware: "bios", want: "pxelinux.0"},
		{situation: "the settings before what is built in", settings: settings, firmware: "bios", want: "lpxelinux.0"},
		{situation: "only in the settings", settings: settings, firmware: "uefi-x64", want: "shim.efi"},
		{situation: "turned off", settings: map[firmware.Kind]string{"bios": ""}, firmware: "bios"},
		{situation: "in neither", settings: settings, firmware: "uefi-arm64"},
		{situation: "no name for it", settings: settings},
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
		"undionly.kpxe": true, "ipxe.efi": true, "boot/snponly.efi": true, "ipxe/snp.efi": true, "ipxe.pxe": true,
		"lab.kkpxe":        true,
		"ipxe-shimx64.efi": true, "netboot.xyz.efi": true, "IPXE.EFI": true, "gpxe.0": true,
		"http://192.0.2.1/ipxe.efi": true,
		"boot.ipxe":                 false, "http://192.0.2.1/ipxe/boot.php?mac=1": false, "ipxe.cfg": false,
		"ipxe/pxelinux.0": false,
		"gpxelinux.0":     false,
		"pxelinux.0":      false, "shimx64.efi": false, "grubx64.efi": false, "": false,
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
		"Pi 3B: its ROM misses an offer that comes at once": {mac: "\xb8\x27\xeb\x01\x02\x03", guid: guid, want: true},
		"Pi 3B+ of newer make":                              {mac: "\x88\xa2\x9e\x01\x02\x03", guid: guid},
		"a later Pi's own GUID":                             {mac: "\xb8\x27\xeb\x01\x02\x03", guid: piGUID4},
		"a PC":                                              {mac: "\x52\x54\x00\x01\x02\x03", guid: guid},
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
