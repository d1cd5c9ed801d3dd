package pxe

import (
	"bytes"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// packet has the given options, each as code and value.
func packet(options map[uint8]string) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{Options: dhcpv4.Options{}}
	for code, v := range options {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(v)))
	}
	return m
}

var guid = "\x00" + string(bytes.Repeat([]byte{0xab}, 16))

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		situation string
		options   map[uint8]string
		boots     bool
		want      Client
	}{
		{"iPXE's BIOS ROM", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 97: guid}, true,
			Client{Arch: BIOS, GUID: []byte(guid)}},
		{"EDK2 x64", map[uint8]string{60: "PXEClient:Arch:00007:UNDI:003000", 93: "\x00\x07", 97: guid}, true,
			Client{Arch: EFIX64, GUID: []byte(guid)}},
		{"several architectures: the first", map[uint8]string{60: "PXEClient", 93: "\x00\x09\x00\x07"}, true, Client{Arch: EFIBC}},
		{"no option 93: as option 60 says", map[uint8]string{60: "PXEClient:Arch:00006:UNDI:003000"}, true, Client{Arch: EFIIA32}},
		{"nothing but PXEClient: an old BIOS", map[uint8]string{60: "PXEClient"}, true, Client{Arch: BIOS}},
		{"option 93 cut off", map[uint8]string{60: "PXEClient", 93: "\x00"}, true, Client{Arch: BIOS}},
		{"ROM without a GUID", map[uint8]string{60: "PXEClient", 93: "\x00\x00"}, true, Client{Arch: BIOS}},
		{"GUID of the wrong length", map[uint8]string{60: "PXEClient", 97: "\x00\x01\x02"}, true, Client{Arch: BIOS}},
		{"GUID of an unknown type", map[uint8]string{60: "PXEClient", 97: "\x01" + guid[1:]}, true, Client{Arch: BIOS}},
		{"asks a boot server for item 0x8000", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80\x00\x00\x00\xff"}, true,
			Client{Arch: BIOS, BootItem: []byte{0x80, 0, 0, 0}}},
		{"boot item behind padding and other tags", map[uint8]string{60: "PXEClient", 43: "\x00\x06\x01\x08\x47\x04\x00\x01\x00\x00"}, true,
			Client{Arch: BIOS, BootItem: []byte{0, 1, 0, 0}}},
		{"boot item cut off", map[uint8]string{60: "PXEClient", 43: "\x47\x04\x80"}, true, Client{Arch: BIOS}},
		{"boot item after the end", map[uint8]string{60: "PXEClient", 43: "\xff\x47\x01\x80"}, true, Client{Arch: BIOS}},
		{"wdsnbp.com", map[uint8]string{60: "PXEClient:Arch:00000:UNDI:002001", 93: "\x00\x00", 250: "\x01\x02\x00\x06"}, true,
			Client{Arch: BIOS, WDS: true}},
		{"Windows", map[uint8]string{60: "MSFT 5.0"}, false, Client{}},
		{"HTTP boot", map[uint8]string{60: "HTTPClient:Arch:00016:UNDI:003000", 93: "\x00\x10"}, false, Client{}},
		{"no option 60, but 93", map[uint8]string{93: "\x00\x00"}, false, Client{}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			got, boots := Classify(packet(tc.options))
			if boots != tc.boots || got.Arch != tc.want.Arch || !bytes.Equal(got.GUID, tc.want.GUID) ||
				!bytes.Equal(got.BootItem, tc.want.BootItem) || got.WDS != tc.want.WDS {
				t.Errorf("got %+v, %v; want %+v, %v", got, boots, tc.want, tc.boots)
			}
		})
	}
}

// The GUID is echoed, and a client with none gets none.
func TestIdentify(t *testing.T) {
	for situation, c := range map[string]Client{"with a GUID": {GUID: []byte(guid)}, "without": {}} {
		t.Run(situation, func(t *testing.T) {
			r := packet(nil)
			identify(r, c)
			if got := r.Options.Get(dhcpv4.OptionClientMachineIdentifier); !bytes.Equal(got, c.GUID) {
				t.Errorf("option 97 is % x", got)
			}
			if got := r.Options.Get(dhcpv4.OptionClassIdentifier); string(got) != "PXEClient" {
				t.Errorf("option 60 is %q", got)
			}
		})
	}
}
