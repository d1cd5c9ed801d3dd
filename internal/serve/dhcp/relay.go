package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// subLinkSelection is the suboption in which a relay agent names the client's
// subnet if giaddr is on another one (RFC 3527).
const subLinkSelection = 5

// subnetFor finds the subnet of a client (RFC 2131 §4.3.1). This is the subnet
// that the relay agent names; or that of the client's address, if the client
// asks from behind a router without a relay; or that of the link.
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
