package wdsprobe

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// MAC is the MAC address in the boot service requests. It is a locally
// administered address (the second bit of its first byte is set). It never
// changes, so that a server that records clients lists one device. A server that
// answers only known machines needs to know this one.
var MAC = net.HardwareAddr{0x02, 'p', 'x', 'e', 'b', 'x'}

// maxPacket is the length limit for answers, in bytes: the payload of one
// Ethernet frame.
const maxPacket = 1500

// bootRequest returns the request that firmware sends to a boot server on port
// 4011 (PXE 2.1 §2.2.3). It has no option 250, which belongs to a network boot
// program's next step, and would always open an entry in the server's queue.
func bootRequest(id dhcpv4.TransactionID, own netip.Addr) []byte {
	p := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootRequest,
		HWType:        1, // Ethernet
		TransactionID: id,
		// With an empty ciaddr the server would broadcast its answer on the link.
		ClientIPAddr: net.IP(own.AsSlice()),
		ClientHWAddr: MAC,
		Options:      dhcpv4.Options{},
	}
	p.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
	p.UpdateOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00000:UNDI:002001"))
	p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 0}))
	p.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 2, 1}))
	return p.ToBytes()
}

// isBootReply reports whether b answers the bootRequest with that id.
func isBootReply(b []byte, id dhcpv4.TransactionID) bool {
	p, err := dhcpv4.FromBytes(b)
	return err == nil && p.OpCode == dhcpv4.OpcodeBootReply && p.TransactionID == id && bytes.Equal(p.ClientHWAddr, MAC)
}
