package otherdhcp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestRival(t *testing.T) {
	is, class := dhcpv4.WithMessageType, func(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(s)) }
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
		"a proxy's offer":                         {otherHW, pxe, true, rogue},
		"without a server identifier":             {otherHW, pxe[:2], true, second},
		"from another network":                    {otherHW, pxe, false, netip.Addr{}},
		"our own, sent back by a switch":          {boxHW, pxe, true, netip.Addr{}},
		"our own, by a relay agent":               {otherHW, append(pxe[:2:2], by(boxAddr)), true, netip.Addr{}},
		"a server that leases, and knows PXE too": {otherHW, append(pxe[:3:3], dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50))), true, netip.Addr{}},
		"a server that leases":                    {otherHW, []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), by(rogue), dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50))}, true, netip.Addr{}},
		"the answer to a boot request":            {otherHW, append(pxe[1:3:3], is(dhcpv4.MessageTypeAck)), true, netip.Addr{}},
		"a question":                              {otherHW, append(pxe[:3:3], func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }), true, netip.Addr{}},
	} {
		t.Run(situation, func(t *testing.T) {
			m, err := dhcpv4.New(append([]dhcpv4.Modifier{func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }}, tt.msg...)...)
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
