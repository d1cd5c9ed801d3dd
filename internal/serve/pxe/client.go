// Package pxe reads what the firmware of a network-booting machine says about
// itself and writes what that firmware needs in an answer: options 43, 60, 93,
// 94 and 97 of PXE 2.1, UEFI HTTP boot, and the quirks of both. It is pure:
// packets in, packets out. Package dhcp leases addresses; the contents of boot
// files do not matter here.
package pxe

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/firmware"
)

// The classes that firmware sends in option 60 and expects back there.
const (
	classPXE  = "PXEClient"  // PXE 2.1 table 2-1
	classHTTP = "HTTPClient" // UEFI 2.10 §24.7.2

	// classUBoot is the prefix of U-Boot's class, for example "U-Boot.armv8".
	classUBoot = "U-Boot"
)

// Tags of option 43 and their values (PXE 2.1 table 2-1), and other codes that
// the DHCP codec does not name.
const (
	tagDiscoveryControl = 6  // how boot servers are found
	tagBootMenu         = 9  // {type u16, length, text}…
	tagMenuPrompt       = 10 // {seconds, text}
	tagBootItem         = 71 // which item of the boot menu
	tagEnd              = 255

	discoveryBootFile = 0x08 // tag 6, bit 3: boot the file named here, discover nothing

	// optionWDS carries the dialogue between Microsoft's boot programs and
	// their server (wdsbp.h, WDSBP_OPT_*).
	optionWDS = 250

	// optionIPXE encapsulates the options that only iPXE knows (DHCP_EB_ENCAP
	// in its source).
	optionIPXE = 175

	guidSize = 17 // option 97: type 0, then 16 bytes (RFC 4578 §2.3)
)

// Client is what one packet says about its sender.
type Client struct {
	Arch     firmware.Arch
	Firmware firmware.Kind
	// Others are the other kinds of firmware whose programs the machine says it
	// can run; usually none.
	Others []firmware.Kind
	// HTTP is set for a machine that boots by HTTP (option 60 "HTTPClient").
	HTTP bool
	// IPXE is set if the client is iPXE, loaded by the firmware or from the
	// box.
	IPXE bool
	// GUID is option 97 as received, to be echoed (PXE 2.1 §2.2.3). It is nil
	// if the firmware omits or garbles it, as some ROMs do.
	GUID []byte
	// BootItem is tag 71 of option 43 as received: the menu item and layer that
	// the client requests from a boot server. Nil outside a discovery.
	BootItem []byte
	// WDS is set if the client is a Microsoft boot program. It looks for its
	// own server and cannot use our answers.
	WDS bool
}

func (c Client) String() string { return string(c.Firmware) }

// Classify reads the packet of a network-booting machine. It returns false for
// every other packet.
func Classify(m *dhcpv4.DHCPv4) (Client, bool) {
	class := m.Options.Get(dhcpv4.OptionClassIdentifier)
	c := Client{HTTP: bytes.HasPrefix(class, []byte(classHTTP)), IPXE: isIPXE(m)}
	if !c.HTTP && !bytes.HasPrefix(class, []byte(classPXE)) {
		return Client{}, false
	}
	if guid := m.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(guid) == guidSize && guid[0] == 0 {
		c.GUID = guid
	}
	all := archs(m, class)
	c.Arch, c.Firmware = all[0], all[0].Kind()
	if isRaspberryPi(m, c) {
		c.Firmware = firmware.RaspberryPi
	}
	for _, a := range all[1:] {
		c.Others = append(c.Others, a.Kind())
	}
	c.BootItem = vendorTag(m.Options.Get(dhcpv4.OptionVendorSpecificInformation), tagBootItem)
	c.WDS = m.Options.Has(dhcpv4.GenericOptionCode(optionWDS))
	return c, true
}

// archs returns the client's types, the most likely first. There is at least
// one.
//
// Option 93 is a list (RFC 4578 §2.1). Firmware older than that RFC says the
// same in option 60, "PXEClient:Arch:xxxxx:UNDI:yyyzzz" (PXE 2.1 table 2-1). If
// that is missing too, the client is a BIOS, because UEFI has always sent
// option 93. If both are present and differ, the class says which type in the
// list is asking, and whether it loads by HTTP: firmware is about to do one or
// the other, and the type gives the processor.
func archs(m *dhcpv4.DHCPv4, class []byte) []firmware.Arch {
	byHTTP := bytes.HasPrefix(class, []byte(classHTTP))
	inClass, isInClass := classArch(class)
	var all []firmware.Arch
	for _, a := range listed(m) {
		if a = a.By(byHTTP); slices.Contains(all, a) {
			continue
		}
		if isInClass && a == inClass.By(byHTTP) {
			all = slices.Insert(all, 0, a)
		} else {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		all = append(all, inClass.By(byHTTP)) // 0, a BIOS, if the class has none either
	}
	return all
}

// maxArchs limits how many types are read. The option has room for 127.
const maxArchs = 8

// listed returns the types in option 93, in their order.
func listed(m *dhcpv4.DHCPv4) (all []firmware.Arch) {
	for v := m.Options.Get(dhcpv4.OptionClientSystemArchitectureType); len(v) >= 2 && len(all) < maxArchs; v = v[2:] {
		all = append(all, firmware.Arch(binary.BigEndian.Uint16(v)))
	}
	return all
}

// classArch returns the type in option 60: five decimal digits.
func classArch(class []byte) (n firmware.Arch, ok bool) {
	_, rest, _ := strings.Cut(string(class), ":Arch:")
	for i := 0; i < len(rest) && i < 5; i++ {
		if rest[i] < '0' || rest[i] > '9' {
			break
		}
		n, ok = n*10+firmware.Arch(rest[i]-'0'), true
	}
	return n, ok
}

// isIPXE reports whether the client is iPXE or its predecessor, gPXE. Both send
// their name in the user class, without the length byte that RFC 3004 puts
// before each class, and both send option 175.
func isIPXE(m *dhcpv4.DHCPv4) bool {
	says := func(class []byte) bool { return string(class) == "iPXE" || string(class) == "gPXE" }
	user := m.Options.Get(dhcpv4.OptionUserClassInformation)
	if says(user) || m.Options.Has(dhcpv4.GenericOptionCode(optionIPXE)) {
		return true
	}
	for len(user) > 0 && int(user[0]) < len(user) {
		n := 1 + int(user[0])
		if says(user[1:n]) {
			return true
		}
		user = user[n:]
	}
	return false
}

// Plain is what a client that is not PXE firmware says. U-Boot and Petitboot
// (OPAL) load from the network too, and send their type.
type Plain struct {
	Loads bool            // it loads something from the network
	Kinds []firmware.Kind // its types (option 93)
	IPXE  bool
}

// ClassifyPlain reads the packet of a client for which Classify returns false.
func ClassifyPlain(m *dhcpv4.DHCPv4) Plain {
	p := Plain{IPXE: isIPXE(m)}
	for _, a := range listed(m) {
		p.Kinds = append(p.Kinds, a.Kind())
	}
	p.Loads = p.IPXE || len(p.Kinds) > 0 ||
		bytes.HasPrefix(m.Options.Get(dhcpv4.OptionClassIdentifier), []byte(classUBoot))
	return p
}

// vendorTag finds a tag in option 43 as PXE encodes it: tag, length, value,
// terminated by 255 (RFC 2132 §8.4). It returns nil if the tag is missing or
// truncated.
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
