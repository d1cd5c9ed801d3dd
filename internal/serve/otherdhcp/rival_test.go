package otherdhcp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestRival(t *testing.T) {
	is, class := dhcpv4.WithMessageType,
		func(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(s)) }
	by := func(a netip.Addr) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
	}
	pxe := []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), class("PXEClient"), by(rogue)}
	for situation, tt := range map[string]struct {
		sender net.HardwareAddr
		msg    []dhcpv4.Modifier
		onLink bool
		want   netip.Addr
	}{
		"a proxy's offer":                {sender: otherHW, msg: pxe, onLink: true, want: rogue},
		"without a server identifier":    {sender: otherHW, msg: pxe[:2], onLink: true, want: second},
		"from another network":           {sender: otherHW, msg: pxe},
		"our own, sent back by a switch": {sender: boxHW, msg: pxe, onLink: true},
		"our own, by a relay agent":      {sender: otherHW, msg: append(pxe[:2:2], by(boxAddr)), onLink: true},
		"a server that leases, and knows PXE too": {sender: otherHW,
			msg: append(pxe[:3:3], dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50))), onLink: true},
		"a server that leases": {sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), by(rogue),
				dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50))}, onLink: true},
		"the answer to a boot request": {sender: otherHW,
			msg: append(pxe[1:3:3], is(dhcpv4.MessageTypeAck)), onLink: true},
		"a question": {sender: otherHW,
			msg: append(pxe[:3:3], func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }), onLink: true},
	} {
		t.Run(situation, func(t *testing.T) {
			m, err := dhcpv4.New(append([]dhcpv4.Modifier{func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }},
				tt.msg...)...)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := rival(me, reply{msg: m, from: second, sender: tt.sender, onLink: tt.onLink})
			if got.Server != tt.want || ok != tt.want.IsValid() || ok && got.MAC != otherHW.String() {
				t.Errorf("got %+v, %v; want %v", got, ok, tt.want)
			}
		})
	}
}
