package otherdhcp

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

// Offer is another server's OFFER or ACK to a machine, with something to boot.
type Offer struct {
	Machine ether.MAC
	Addr    netip.Addr // that the machine has now: in an ACK
	Server  netip.Addr // that sent it
	File    string     // may be empty: then the server answers as a PXE server
	From    netip.Addr // source of the packet: the server, or a relay agent
	Raw     []byte     // the packet
}

// offer reads what another server on the link tells a machine to boot. siaddr
// alone does not count, as in ReadSite.
func offer(me self, r reply) (Offer, bool) {
	m := r.msg
	t := m.MessageType()
	if !r.onLink || m.OpCode != dhcpv4.OpcodeBootReply || t != dhcpv4.MessageTypeOffer && t != dhcpv4.MessageTypeAck ||
		bytes.Equal(r.sender, me.hw) || bytes.Equal(m.ClientHWAddr, me.hw) || bytes.Equal(m.ClientHWAddr, me.mac) {
		return Offer{}, false
	}
	o := Offer{Machine: ether.From(m.ClientHWAddr), File: text(m, dhcpv4.OptionBootfileName), From: r.from, Raw: r.raw}
	if overload := m.Options.Get(dhcpv4.OptionOptionOverload); o.File == "" &&
		(len(overload) != 1 || overload[0]&1 == 0) {
		o.File = m.BootFileName
	}
	class := text(m, dhcpv4.OptionClassIdentifier)
	boots := strings.HasPrefix(class, "PXEClient") || strings.HasPrefix(class, "HTTPClient")
	if !o.Machine.IsValid() || o.File == "" && !boots && !m.Options.Has(dhcpv4.OptionTFTPServerName) {
		return Offer{}, false
	}
	var named bool
	if o.Server, named = netip.AddrFromSlice(m.ServerIdentifier().To4()); !named || o.Server.IsUnspecified() {
		o.Server = r.from
	}
	if me.own(o.Server) {
		return Offer{}, false // our answer, passed on by a relay agent
	}
	if a, ok := netip.AddrFromSlice(m.YourIPAddr.To4()); ok && !a.IsUnspecified() && t == dhcpv4.MessageTypeAck {
		o.Addr = a
	}
	return o, true
}
