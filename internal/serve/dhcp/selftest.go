package dhcp

import "github.com/insomniacslk/dhcp/dhcpv4"

// IsSelfTest reports whether a question is the box's check that it still
// answers. It comes from the box's address, which the kernel accepts from no
// other host (RFC 1812 §5.3.8, "martian"), and the box asks itself nothing
// else.
func (s *Settings) IsSelfTest(q Question) bool {
	return s.Self.IsValid() && q.From.Addr().Unmap() == s.Self.Addr()
}

// selfTest answers a self-test, in every mode, and changes nothing.
func selfTest(s *Settings, q Question) Answer {
	if q.Msg.MessageType() != dhcpv4.MessageTypeInform {
		return ignored("a request from the box itself")
	}
	return Answer{Msg: newReply(s, q.Msg, dhcpv4.MessageTypeAck), To: q.From, Why: "self-test"}
}
