package dhcp

import (
	"net/netip"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// refused is the silence toward a packet whose source address no machine of a
// served network can have.
func refused(why string) Answer { return Answer{Why: why, Refused: true} }

// admit decides by the addresses of a packet whether it can come from a machine
// of a served network. It returns the reason if not, or "".
//
// A packet with source 0.0.0.0 comes from the link: Linux accepts it only with
// a limited broadcast, and routers forward neither (RFC 1812 §5.3.7, §5.3.5.1).
// Any other source may be a host of another network that can reach this box
// through routers. Such a host gets no answer and no lease, and what it says
// about other machines is ignored. The remaining risk is a host that forges a
// source address of a served network, if the site's routers let that in (RFC
// 2827).
func (s *Settings) admit(q Question) string {
	from, giaddr := address(q.From.Addr().AsSlice()), address(q.Msg.GatewayIPAddr)
	switch {
	case q.Port == BootServerPort:
		// All firmware asks from the address in its ciaddr, or has none yet.
		if from.IsValid() && (from != q.has || s.hostSubnet(from) == nil) {
			return "a boot server request from an address other than its ciaddr, or outside the configured networks"
		}
		return ""
	case giaddr.IsValid():
		return s.admitRelayed(from, giaddr, s.subnetFor(q))
	case !from.IsValid():
		switch {
		case q.state == stateRelease:
			return "a RELEASE from an address other than the one it releases" // RFC 2131 §4.4.6: by unicast
		case q.has.IsValid() && !s.isOnLink(q.has):
			return "a broadcast whose ciaddr is not a host address of the box's network"
		}
		return ""
	}
	sub := s.hostSubnet(from)
	switch {
	case sub == nil:
		return "from an address outside the configured networks"
	case q.state == stateDecline:
		return "a DECLINE from a host address: a client broadcasts it from 0.0.0.0" // RFC 2131 §4.4.4
	case q.state == stateRelease && q.has != from:
		return "a RELEASE from an address other than the one it releases"
	case !q.has.IsValid() && sub != s.local:
		// The client asks for an address by broadcast. Only a relay agent
		// carries that further, and the agent sets giaddr.
		return "from behind a router, with neither a relay agent nor a ciaddr"
	case q.has.IsValid() && s.hostSubnet(q.has) != sub:
		return "a ciaddr that is not a host address of the sender's network"
	}
	return ""
}

// admitRelayed checks a packet that a relay agent forwarded, or that claims so.
// The agent answers for its machines, so it must be a real one: the source of
// its packets must be on the link or in a [[subnet]].
func (s *Settings) admitRelayed(from, giaddr netip.Addr, sub *subnet) string {
	switch {
	case sub == nil || s.hostSubnet(giaddr) == nil: // sub differs if option 82 names another subnet
		return "from a subnet that is not configured: add a [[subnet]] for it"
	case (sub == s.local || s.isOnLink(giaddr)) && !s.isOnLink(from):
		return "relayed for the box's own network by an agent outside it"
	case s.hostSubnet(from) == nil:
		return "relayed by an agent outside the configured networks: add a [[subnet]] for its network, without a range"
	}
	return ""
}

// isOnLink reports whether a machine of the box's network can have the address.
func (s *Settings) isOnLink(a netip.Addr) bool { return s.local != nil && s.hostSubnet(a) == s.local }

// hostSubnet finds the subnet in which a machine can have the address. It
// returns nil for the box's address, and for the first and last address of a
// network, which reach all of its machines (RFC 1122 §3.2.1.3).
func (s *Settings) hostSubnet(a netip.Addr) *subnet {
	sub := s.subnetOf(a)
	if sub == nil || a == s.Self.Addr() || a == sub.network.Addr() || a == spec.Broadcast(sub.network) {
		return nil
	}
	return sub
}

// learned returns the address that the packet shows a machine to have, if the
// packet is trustworthy about it, and whether a relay agent vouches for it; the
// zero Addr otherwise. An agent knows the machines of its subnet. For the box's
// network only the link identifies machines, not an agent.
func (s *Settings) learned(q Question, a netip.Addr) (has netip.Addr, relayed bool) {
	giaddr := address(q.Msg.GatewayIPAddr)
	sub := s.subnetFor(q)
	if sub == nil || !a.IsValid() || s.hostSubnet(a) != sub ||
		giaddr.IsValid() && (sub == s.local || s.isOnLink(giaddr)) {
		return netip.Addr{}, false
	}
	return a, giaddr.IsValid()
}
