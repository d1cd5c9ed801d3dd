// Package pxe reads what a network-booting machine's firmware says of itself
// and writes what that firmware must be told: options 43, 60, 93, 94 and 97
// of PXE 2.1, UEFI's HTTP boot, and the quirks of those who speak them. It is
// pure: packets in, packets out. Addresses are leased elsewhere (package
// dhcp), and what a boot file holds is not known here.
package pxe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// Arch is the client system architecture, option 93 (RFC 4578 §2.1; numbers
// from IANA's registry "Processor Architecture Types").
type Arch uint16

// The architectures that machines of a lab show.
const (
	BIOS         Arch = 0x00 // x86 BIOS
	EFIIA32      Arch = 0x06 // x86 UEFI
	EFIX64       Arch = 0x07 // x64 UEFI; what the firmware of x64 machines sends
	EFIBC        Arch = 0x09 // EFI byte code; some x64 firmware says this instead of 7
	EFIARM64     Arch = 0x0b // ARM 64-bit UEFI
	EFIIA32HTTP  Arch = 0x0f // x86 UEFI, by HTTP
	EFIX64HTTP   Arch = 0x10 // x64 UEFI, by HTTP
	EFIBCHTTP    Arch = 0x11 // EFI byte code, by HTTP
	EFIARM64HTTP Arch = 0x13 // ARM 64-bit UEFI, by HTTP
)

var firmwares = map[Arch]firmware.Kind{
	BIOS:         firmware.BIOS,
	EFIIA32:      firmware.UEFIIA32,
	EFIX64:       firmware.UEFIX64,
	EFIBC:        firmware.UEFIX64,
	EFIARM64:     firmware.UEFIARM64,
	EFIIA32HTTP:  firmware.UEFIIA32HTTP,
	EFIX64HTTP:   firmware.UEFIX64HTTP,
	EFIBCHTTP:    firmware.UEFIX64HTTP,
	EFIARM64HTTP: firmware.UEFIARM64HTTP,
}

// The classes that firmware names in option 60 and wants to read there.
const (
	classPXE  = "PXEClient"  // PXE 2.1 table 2-1
	classHTTP = "HTTPClient" // UEFI 2.10 §24.7.2
)

// Tags of option 43 and their values (PXE 2.1 table 2-1), and other codes
// that the DHCP codec has no names for.
const (
	tagDiscoveryControl = 6  // how boot servers are found
	tagBootMenu         = 9  // {type u16, length, text}…
	tagMenuPrompt       = 10 // {seconds, text}
	tagBootItem         = 71 // which item of the boot menu
	tagEnd              = 255

	discoveryBootFile = 0x08 // tag 6, bit 3: boot the file named here, discover nothing

	// optionWDS carries the dialogue of Microsoft's boot programs with their
	// server (wdsbp.h, WDSBP_OPT_*).
	optionWDS = 250

	guidSize = 17 // option 97: type 0, then 16 bytes (RFC 4578 §2.3)
)

// Client is what one packet says of the machine that sent it.
type Client struct {
	Arch     Arch
	Firmware firmware.Kind // "" for an architecture that the settings have no name for
	// HTTP is set for a machine that boots by HTTP (option 60 "HTTPClient").
	HTTP bool
	// GUID is option 97 as it came, to be echoed (PXE 2.1 §2.2.3); nil where
	// the firmware leaves it out or garbles it, as some ROMs do.
	GUID []byte
	// BootItem is tag 71 of option 43 as it came: the menu item and layer
	// that a boot server is asked for. Nil outside a discovery.
	BootItem []byte
	// WDS is set when a Microsoft boot program is speaking, which is looking
	// for its own server and can do nothing with an answer of ours.
	WDS bool
}

func (c Client) String() string {
	if c.Firmware != "" {
		return string(c.Firmware)
	}
	return fmt.Sprintf("architecture %d", c.Arch)
}

// Classify reads the packet of a network-booting machine. It reports false
// for every other packet.
func Classify(m *dhcpv4.DHCPv4) (Client, bool) {
	class := m.Options.Get(dhcpv4.OptionClassIdentifier)
	c := Client{HTTP: bytes.HasPrefix(class, []byte(classHTTP))}
	if !c.HTTP && !bytes.HasPrefix(class, []byte(classPXE)) {
		return Client{}, false
	}
	c.Arch = arch(m, class)
	if guid := m.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(guid) == guidSize && guid[0] == 0 {
		c.GUID = guid
	}
	c.Firmware = firmwares[c.Arch]
	if isRaspberryPi(m, c) {
		c.Firmware = firmware.RaspberryPi
	}
	c.BootItem = vendorTag(m.Options.Get(dhcpv4.OptionVendorSpecificInformation), tagBootItem)
	c.WDS = m.Options.Has(dhcpv4.GenericOptionCode(optionWDS))
	return c, true
}

// arch is the first type in option 93. Firmware older than RFC 4578 has no
// option 93 but says the same in option 60, "PXEClient:Arch:xxxxx:UNDI:yyyzzz"
// (PXE 2.1 table 2-1); where that is missing too it is a BIOS, for UEFI has
// sent option 93 from its start.
func arch(m *dhcpv4.DHCPv4, class []byte) Arch {
	if v := m.Options.Get(dhcpv4.OptionClientSystemArchitectureType); len(v) >= 2 {
		return Arch(binary.BigEndian.Uint16(v))
	}
	_, rest, _ := strings.Cut(string(class), ":Arch:")
	var n Arch
	for i := 0; i < len(rest) && i < 5; i++ { // five decimal digits
		if rest[i] < '0' || rest[i] > '9' {
			break
		}
		n = n*10 + Arch(rest[i]-'0')
	}
	return n
}

// vendorTag finds one tag in option 43 as PXE lays it out: tag, length,
// value, ended by 255 (RFC 2132 §8.4). It returns nil where the tag is
// missing or cut off.
func vendorTag(v []byte, tag byte) []byte {
	for len(v) > 0 && v[0] != tagEnd {
		if v[0] == 0 { // padding has no length byte
			v = v[1:]
			continue
		}
		if len(v) < 2 || len(v)-2 < int(v[1]) {
			return nil
		}
		value := v[2 : 2+int(v[1])]
		if v[0] == tag {
			return bytes.Clone(value)
		}
		v = v[2+len(value):]
	}
	return nil
}
