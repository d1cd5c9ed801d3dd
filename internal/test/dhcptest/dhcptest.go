// Package dhcptest makes the packets that clients send.
package dhcptest

import (
	"fmt"
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Message returns a packet from an Ethernet client that requests a broadcast
// answer. MessageTypeNone makes it a BOOTP packet.
func Message(mac net.HardwareAddr, t dhcpv4.MessageType, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, Flags: 0x8000,
		ClientHWAddr: mac, Options: dhcpv4.Options{},
	}
	if t != dhcpv4.MessageTypeNone {
		m.UpdateOption(dhcpv4.OptMessageType(t))
	}
	for _, o := range options {
		m.UpdateOption(o)
	}
	return m
}

// PXE returns a packet from network-booting firmware.
func PXE(mac net.HardwareAddr, arch iana.Arch, t dhcpv4.MessageType, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	return Message(mac, t, append([]dhcpv4.Option{
		dhcpv4.OptClassIdentifier(fmt.Sprintf("PXEClient:Arch:%05d:UNDI:003000", arch)), dhcpv4.OptClientArch(arch),
	}, options...)...)
}
