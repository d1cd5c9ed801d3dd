package pxe

import (
	"bytes"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// hw stands for the hardware address among a packet's options.
const hw = 0

// packet has the given options, each as code and value.
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
			Client{Arch: BIOS, Firmware: "bios", GUID: []byte(guid)}},
		{"EDK2 x64", map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x07", 97: guid}, true,
			Client{Arch: EFIX64, Firmware: "uefi-x64", GUID: []byte(guid)}},
		{"several architectures: the first", map[uint8]string{60: "PXEClient", 93: "\x00\x09\x00\x07"}, true, Client{Arch: EFIBC, Firmware: "uefi-x64"}},
		{"no option 93: as option 60 says", map[uint8]string{60: "PXEClient:Arch:00006:UNDI:003000"}, true, Client{Arch: EFIIA32, Firmware: "uefi-ia32"}},
		{"nothing but PXEClient: an old BIOS", map[uint8]string{60: "PXEClient"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"option 93 cut off", map[uint8]string{60: "PXEClient", 93: "\x00"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"ROM without a GUID", map[uint8]string{60: "PXEClient", 93: "\x00\x00"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"GUID of the wrong length", map[uint8]string{60: "PXEClient", 97: "\x00\x01\x02"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"GUID of an unknown type", map[uint8]string{60: "PXEClient", 97: "\x01" + guid[1:]}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"asks a boot server for item 0x8000", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}, true,
			Client{Arch: BIOS, Firmware: "bios", BootItem: []byte{0x80, 0, 0, 0}}},
		{"boot item behind padding and other tags", map[uint8]string{60: "PXEClient", 43: "\x00\x06\x01\x08\x47\x04\x00\x01\x00\x00"}, true,
			Client{Arch: BIOS, Firmware: "bios", BootItem: []byte{0, 1, 0, 0}}},
		{"boot item cut off", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"boot item after the end", map[uint8]string{60: "PXEClient", 43: "\xff\x47\x01\x80"}, true, Client{Arch: BIOS, Firmware: "bios"}},
		{"wdsnbp.com", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 250: "\x01\x02\x00\x06"}, true,
			Client{Arch: BIOS, Firmware: "bios", WDS: true}},
		{"Windows", map[uint8]string{60: "MSFT 5.0"}, false, Client{}},
		{"UEFI HTTP boot, x64", map[uint8]string{60: "HTTPClient:Arch:00016:UNDI:003000", 93: "\x00\x10"}, true,
			Client{Arch: EFIX64HTTP, Firmware: "uefi-x64-http", HTTP: true}},
		{"UEFI HTTP boot, ARM", map[uint8]string{60: "HTTPClient:Arch:00019:UNDI:003000"}, true,
			Client{Arch: EFIARM64HTTP, Firmware: "uefi-arm64-http", HTTP: true}},
		{"UEFI ARM", map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b"}, true,
			Client{Arch: EFIARM64, Firmware: "uefi-arm64"}},
		{"an architecture without a name", map[uint8]string{60: "PXEClient", 93: "\x00\x0e"}, true, Client{Arch: 14}},
		{"Raspberry Pi 4 by its GUID", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 97: piGUID4}, true,
			Client{Arch: BIOS, Firmware: firmware.RaspberryPi, GUID: []byte(piGUID4)}},
		{"Raspberry Pi 3 by its address block", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", hw: "\xb8\x27\xeb\x01\x02\x03"}, true,
			Client{Arch: BIOS, Firmware: firmware.RaspberryPi}},
		{"UEFI on a Raspberry Pi is UEFI", map[uint8]string{60: "PXEClient:Arch:00011:UNDI:003000", 93: "\x00\x0b", hw: "\xdc\xa6\x32\x01\x02\x03"}, true,
			Client{Arch: EFIARM64, Firmware: "uefi-arm64"}},
		{"no option 60, but 93", map[uint8]string{93: "\x00\x00"}, false, Client{}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, boots := Classify(packet(tc.options))
			if boots != tc.boots || got.Arch != tc.want.Arch || got.Firmware != tc.want.Firmware || got.HTTP != tc.want.HTTP || !bytes.Equal(got.GUID, tc.want.GUID) ||
				!bytes.Equal(got.BootItem, tc.want.BootItem) || got.WDS != tc.want.WDS {
				t.Errorf("got %+v, %v; want %+v, %v", got, boots, tc.want, tc.boots)
			}
		})
	}
}

// What each firmware must find in each of our packets, and what it must not.
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

// piMenu is a boot menu of one item, byte by byte.
const piMenu = "\x06\x01\x03" + "\x0a\x04\x00PXE" + "\x09\x14\x00\x00\x11Raspberry Pi Boot" + "\xff"

func TestBootFile(t *testing.T) {
	settings := map[string]string{"uefi-x64": "shim.efi", "bios": "lpxelinux.0", "uefi-ia32": ""}
	for _, tc := range []struct {
		situation string
		settings  map[string]string
		firmware  firmware.Kind
		want      string
	}{
		{"built in", nil, "bios", "pxelinux.0"},
		{"the settings before what is built in", settings, "bios", "lpxelinux.0"},
		{"only in the settings", settings, "uefi-x64", "shim.efi"},
		{"turned off", map[string]string{"bios": ""}, "bios", ""},
		{"in neither", settings, "uefi-arm64", ""},
		{"no name for it", settings, "", ""},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			if got := BootFile(tc.settings, Client{Firmware: tc.firmware}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
