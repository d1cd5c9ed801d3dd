// Package pxe reads what a network-booting machine's firmware says of itself
// and writes what that firmware must be told: options 43, 60, 93, 94 and 97
// of PXE 2.1, and the quirks of those who speak them. It is pure: packets in,
// packets out. Addresses are leased elsewhere (package dhcp), and what a boot
// file holds is not known here.
package pxe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Arch is the client system architecture, option 93 (RFC 4578 §2.1; numbers
// from IANA's registry "Processor Architecture Types").
type Arch uint16

// The architectures that lab machines show.
const (
	BIOS     Arch = 0x00 // x86 BIOS
	EFIIA32  Arch = 0x06 // x86 UEFI
	EFIX64   Arch = 0x07 // x64 UEFI; what the firmware of x64 machines sends
	EFIBC    Arch = 0x09 // EBC; some x64 firmware sends this instead of 7
	EFIARM32 Arch = 0x0a // ARM 32-bit UEFI
	EFIARM64 Arch = 0x0b // ARM 64-bit UEFI
)

var archNames = map[Arch]string{
	BIOS:     "bios",
	EFIIA32:  "uefi-ia32",
	EFIX64:   "uefi-x64",
	EFIBC:    "uefi-ebc",
	EFIARM32: "uefi-arm32",
	EFIARM64: "uefi-arm64",
}

func (a Arch) String() string {
	if s, ok := archNames[a]; ok {
		return s
	}
	return fmt.Sprintf("arch-%d", uint16(a))
}

// The codes and values of PXE 2.1 §2.2.3 and table 2-1 that the DHCP codec
// has no names for.
const (
	classPXE = "PXEClient" // option 60, both ways

	tagDiscoveryControl = 6    // option 43: how boot servers are found
	tagBootItem         = 71   // option 43: which item of the boot menu
	discoveryBootFile   = 0x08 // tag 6, bit 3: boot the file named here, discover nothing
	optionEnd           = 255

	// optionWDS carries the dialogue of Microsoft's boot programs with their
	// server (wdsbp.h, WDSBP_OPT_*).
	optionWDS = 250

	guidSize = 17 // option 97: type 0, then 16 bytes (RFC 4578 §2.3)
)

// Client is what one packet says of the machine that sent it.
type Client struct {
	Arch Arch
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

// Classify reads the packet of a network-booting machine. It reports false
// for every other packet.
func Classify(m *dhcpv4.DHCPv4) (Client, bool) {
	if !strings.HasPrefix(string(m.Options.Get(dhcpv4.OptionClassIdentifier)), classPXE) {
		return Client{}, false
	}
	c := Client{Arch: arch(m)}
	if guid := m.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(guid) == guidSize && guid[0] == 0 {
		c.GUID = guid
	}
	c.BootItem = vendorTag(m.Options.Get(dhcpv4.OptionVendorSpecificInformation), tagBootItem)
	c.WDS = m.Options.Has(dhcpv4.GenericOptionCode(optionWDS))
	return c, true
}

// arch is the first type in option 93. Firmware older than RFC 4578 has no
// option 93 but says the same in option 60, "PXEClient:Arch:xxxxx:UNDI:yyyzzz"
// (PXE 2.1 table 2-1); where that is missing too it is a BIOS, for UEFI has
// sent option 93 from its start.
func arch(m *dhcpv4.DHCPv4) Arch {
	if v := m.Options.Get(dhcpv4.OptionClientSystemArchitectureType); len(v) >= 2 {
		return Arch(binary.BigEndian.Uint16(v))
	}
	var n uint16
	if _, err := fmt.Sscanf(string(m.Options.Get(dhcpv4.OptionClassIdentifier)), classPXE+":Arch:%05d", &n); err != nil {
		return BIOS
	}
	return Arch(n)
}

// vendorTag finds one tag in option 43 as PXE lays it out: tag, length,
// value, ended by 255 (RFC 2132 §8.4). It returns nil where the tag is
// missing or cut off.
func vendorTag(v []byte, tag byte) []byte {
	for len(v) > 0 && v[0] != optionEnd {
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
