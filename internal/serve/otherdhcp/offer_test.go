package otherdhcp

import (
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/ether"
)

func TestOffer(t *testing.T) {
	type mods = []dhcpv4.Modifier
	pc := ether.MustParseMAC("52:54:00:77:00:10")
	addr := netip.MustParseAddr("192.168.77.50")
	option := func(code uint8, v string) dhcpv4.Modifier {
		return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(v))
	}
	by := func(a netip.Addr) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice())) }
	file := func(s string) dhcpv4.Modifier { return func(m *dhcpv4.DHCPv4) { m.BootFileName = s } }
	is := dhcpv4.WithMessageType
	for _, tc := range []struct {
		situation string
		sender    net.HardwareAddr
		msg       mods
		elsewhere bool // not from the link
		want      Offer
	}{
		{situation: "an offer that names a file", msg: mods{file("other.0")},
			want: Offer{Machine: pc, Server: rogue, File: "other.0"}},
		{situation: "the file in option 67", msg: mods{option(67, "other.0\x00")},
			want: Offer{Machine: pc, Server: rogue, File: "other.0"}},
		{situation: "the file field holds options", msg: mods{file("\x0f\x03lab\xff"), option(52, "\x01")}},
		{
			situation: "an acknowledged lease", msg: mods{file("other.0"), is(dhcpv4.MessageTypeAck)},
			want: Offer{Machine: pc, Addr: addr, Server: rogue, File: "other.0"},
		},
		{
			situation: "a proxy's offer without a file",
			msg:       mods{option(60, "PXEClient"), dhcpv4.WithYourIP(net.IPv4zero)},
			want:      Offer{Machine: pc, Server: rogue},
		},
		{
			situation: "a boot server by name", msg: mods{option(66, "wds.example")},
			want: Offer{Machine: pc, Server: rogue},
		},
		{
			situation: "without a server identifier",
			msg:       mods{file("x"), dhcpv4.WithoutOption(dhcpv4.OptionServerIdentifier)},
			want:      Offer{Machine: pc, Server: second, File: "x"},
		},
		{situation: "a plain lease"},
		{situation: "siaddr alone", msg: mods{func(m *dhcpv4.DHCPv4) { m.ServerIPAddr = rogue.AsSlice() }}},
		{situation: "a class for other devices", msg: mods{option(60, "MSFT 5.0")}},
		{situation: "a refused lease", msg: mods{file("x"), is(dhcpv4.MessageTypeNak)}},
		{situation: "a unicast from another network", msg: mods{file("x")}, elsewhere: true},
		{situation: "the box's answer, sent back by a switch", sender: boxHW, msg: mods{file("x")}},
		{situation: "the box's answer, passed on by a relay agent", msg: mods{file("x"), by(boxAddr)}},
		{situation: "to the box", msg: mods{file("x"), func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = boxHW }}},
		{situation: "to the box's probe", msg: mods{file("x"), func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = me.mac }}},
		{situation: "a machine's request",
			msg: mods{file("x"), func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			m, err := dhcpv4.New(append(mods{func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply },
				dhcpv4.WithHwAddr(pc[:]), is(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP(addr.AsSlice()), by(rogue)},
				tc.msg...)...)
			if err != nil {
				t.Fatal(err)
			}
			sender := tc.sender
			if sender == nil {
				sender = otherHW
			}
			got, ok := offer(me, reply{msg: m, from: second, sender: sender, onLink: !tc.elsewhere})
			got.From = netip.Addr{}
			if !reflect.DeepEqual(got, tc.want) || ok != tc.want.Server.IsValid() {
				t.Errorf("got %+v, %v; want %+v", got, ok, tc.want)
			}
		})
	}
}
