package otherdhcp

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// kind is what a packet says about other servers.
type kind int

const (
	nothing kind = iota
	suspect      // worth a probe
	foreign      // another server leases addresses here
)

// finding is the meaning of one packet.
type finding struct {
	kind   kind
	server netip.Addr
	sender string // its hardware address
	twin   bool   // server is the box's address, but the sender is not the box
}

// self is how the box recognizes its own packets.
type self struct {
	hw  net.HardwareAddr      // the interface's hardware address
	mac net.HardwareAddr      // the client hardware address of the probes
	own func(netip.Addr) bool // the box's addresses
	// asked reports whether a transaction belongs to a probe.
	asked func(dhcpv4.TransactionID) bool
}

// reply is a packet that arrived on the DHCP client's port.
type reply struct {
	msg    *dhcpv4.DHCPv4
	raw    []byte
	from   netip.Addr       // source of the IP packet
	sender net.HardwareAddr // source of the frame
	onLink bool             // it was broadcast, so it was sent on this link
}

// judge interprets a packet on the client's port.
func judge(me self, r reply) finding {
	m := r.msg
	if m.OpCode != dhcpv4.OpcodeBootReply || bytes.Equal(r.sender, me.hw) {
		return finding{} // our packet, sent back by a switch
	}
	// A host on another network can send a unicast to this port. Only a
	// server that received the probe knows its xid, and such a server is on
	// the link or has a relay agent there.
	answersProbe := bytes.Equal(m.ClientHWAddr, me.mac) && me.asked(m.TransactionID)
	if !r.onLink && !answersProbe {
		return finding{}
	}
	server, ok := netip.AddrFromSlice(m.ServerIdentifier().To4())
	if !ok || server.IsUnspecified() {
		server = r.from // BOOTP has no option 54
	}
	f := finding{server: server, sender: r.sender.String()}
	if me.own(server) {
		if g := m.GatewayIPAddr.To4(); g != nil && !g.IsUnspecified() {
			return finding{} // our answer, from a relay agent on this link
		}
		f.twin = true
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeNak:
		// It leases nothing to any client, but only a server sends it.
		f.kind = suspect
	case dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNone:
		f.kind = foreign
	}
	switch {
	case f.kind != foreign:
	case m.YourIPAddr.To4() == nil || m.YourIPAddr.IsUnspecified():
		// From a proxyDHCP server (PXE 2.1 §2.2.3), or an answer to
		// INFORM.
		return finding{}
	case bytes.Equal(m.ClientHWAddr, me.mac):
		// The answer to a probe. A probe has no PXE class, so that no
		// proxyDHCP server answers it.
	case !m.Options.Has(dhcpv4.OptionIPAddressLeaseTime):
		// To another client, and not a lease: the lease time "MUST" be
		// in an OFFER and in the ACK to a REQUEST (RFC 2131 §4.3.1
		// table 3). PXE servers acknowledge boot requests without it,
		// some with the client's address as yiaddr.
		return finding{}
	}
	return f
}
