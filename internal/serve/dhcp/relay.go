package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// subLinkSelection is the relay agent's word for the client's subnet where
// giaddr is on another one (RFC 3527).
const subLinkSelection = 5

// subnetFor finds the subnet that a client is on (RFC 2131 §4.3.1): as its
// relay agent says; else, for a client that has an address and asks from behind
// a router without a relay, the one of that address; else the link's.
func (s *Settings) subnetFor(q Question) *subnet {
	if giaddr := address(q.Msg.GatewayIPAddr); giaddr.IsValid() {
		if link := linkSelection(q.Msg); link.IsValid() {
			return s.subnetOf(link)
		}
		return s.subnetOf(giaddr)
	}
	if sub := s.subnetOf(q.has); sub != nil {
		return sub
	}
	return s.local
}

func linkSelection(m *dhcpv4.DHCPv4) netip.Addr {
	v := m.Options[optRelayAgent]
	for len(v) >= 2 && len(v)-2 >= int(v[1]) {
		value := v[2 : 2+int(v[1])]
		if v[0] == subLinkSelection && len(value) == 4 {
			return address(value)
		}
		v = v[2+len(value):]
	}
	return netip.Addr{}
}
