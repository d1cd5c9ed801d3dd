// Package pxeload simulates machines that boot from the network: each asks for
// an address as its firmware does, and repeats its packets as its firmware
// does. What a machine does with the address is the caller's business. The
// package sends, counts and measures time. It judges nothing.
package pxeload

import (
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

// Kind is a kind of machine: its DHCP options, and how its boot loader fetches
// files.
type Kind struct {
	Name              string
	BlockSize, Window int // that it requests over TFTP
	arch              iana.Arch
	parameters        []byte // option 55
	more              []dhcpv4.Option
}

// romParameters is what the PXE specification makes a ROM request (PXE 2.1,
// table 2-1).
var romParameters = []byte{1, 3, 43, 54, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135}

// edk2Parameters is EDK2's list (NetworkPkg/UefiPxeBcDxe/PxeBcDhcp4.c).
var edk2Parameters = []byte{1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60,
	66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135}

// ipxeParameters is iPXE's list (src/net/udp/dhcp.c).
var ipxeParameters = []byte{1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135,
	175, 203}

// Kinds are the machines of a room, with the block sizes and windows that their
// loaders request.
var Kinds = []Kind{
	{Name: "BIOS ROM, PXELINUX", BlockSize: 1408, Window: 1, arch: iana.INTEL_X86PC, parameters: romParameters,
		more: []dhcpv4.Option{maxSize(1260), undi(2, 1)}},
	{Name: "EDK2", BlockSize: 1468, Window: 4, arch: iana.EFI_X86_64, parameters: edk2Parameters,
		more: []dhcpv4.Option{maxSize(1472), undi(3, 16)}},
	{Name: "BIOS, iPXE", BlockSize: 1432, Window: 1, arch: iana.INTEL_X86PC, parameters: ipxeParameters,
		more: []dhcpv4.Option{maxSize(1472), undi(2, 1), dhcpv4.OptUserClass("iPXE"),
			// Its features: PXE extensions, HTTP, DNS, TFTP, bzImage, menus.
			dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(175), []byte{
				177, 5, 1, 0x80, 0x86, 0x10, 0x0e, 16, 1, 2, 19, 1, 1, 20, 1, 1, 23, 1, 1, 24, 1, 1, 39, 1, 1})}},
	{Name: "EDK2, Windows' loader", BlockSize: 1456, Window: 4, arch: iana.EFI_X86_64, parameters: edk2Parameters,
		more: []dhcpv4.Option{maxSize(1472), undi(3, 16)}},
}

// maxSize is option 57.
func maxSize(bytes uint16) dhcpv4.Option { return dhcpv4.OptMaxMessageSize(bytes) }

// undi is option 94: the version of the interface to the network card.
func undi(major, minor byte) dhcpv4.Option {
	return dhcpv4.OptGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, major, minor})
}

// message returns a packet of a machine of this kind. All request a broadcast
// answer, as EDK2 does, so that one socket receives the answers to all.
func (k Kind) message(mac net.HardwareAddr, xid uint32, t dhcpv4.MessageType, more ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	guid := append(make([]byte, 11), mac...) // type 0, then 16 bytes
	m := dhcptest.PXE(mac, k.arch, t, append(append([]dhcpv4.Option{
		dhcpv4.OptGeneric(dhcpv4.OptionParameterRequestList, k.parameters),
		dhcpv4.OptGeneric(dhcpv4.OptionClientMachineIdentifier, guid),
	}, k.more...), more...)...)
	m.TransactionID = dhcpv4.TransactionID{byte(xid >> 24), byte(xid >> 16), byte(xid >> 8), byte(xid)}
	return m
}
