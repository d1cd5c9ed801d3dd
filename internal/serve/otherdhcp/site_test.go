package otherdhcp

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestSite(t *testing.T) {
	type mods = []dhcpv4.Modifier
	opt := func(code uint8, v string) dhcpv4.Modifier {
		return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(v))
	}
	by := func(a netip.Addr) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
	}
	siaddr := func(a string) dhcpv4.Modifier { return func(m *dhcpv4.DHCPv4) { m.ServerIPAddr = net.ParseIP(a) } }
	file := func(s string) dhcpv4.Modifier { return func(m *dhcpv4.DHCPv4) { m.BootFileName = s } }
	lease := []dhcpv4.Modifier{
		dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50)),
		by(rogue), dhcpv4.WithLeaseTime(3600),
	}
	for situation, tt := range map[string]struct {
		sender net.HardwareAddr
		msg    []dhcpv4.Modifier
		want   string // Options; "" for no report
		remove string // words in Remove
	}{
		"a plain server":                        {sender: otherHW},
		"siaddr is the server itself":           {sender: otherHW, msg: mods{siaddr(rogue.String())}},
		"siaddr is another server, and no file": {sender: otherHW, msg: mods{siaddr("192.168.77.8")}},
		"option 60 of a PXE server": {sender: otherHW, msg: mods{opt(60, "PXEClient")},
			want: `60 = "PXEClient"`, remove: "option 60"},
		"option 60 of an HTTP boot server": {sender: otherHW, msg: mods{opt(60, "HTTPClient")},
			want: `60 = "HTTPClient"`, remove: "option 60"},
		"option 60 for other devices": {sender: otherHW, msg: mods{opt(60, "MSFT 5.0")}},
		"option 66": {sender: otherHW, msg: mods{opt(66, "wds.example\x00")},
			want: `66 = "wds.example"`, remove: "option 66"},
		"option 67": {sender: otherHW, msg: mods{opt(67, "pxelinux.0")},
			want: `67 = "pxelinux.0"`, remove: "option 67"},
		"the file field": {sender: otherHW, msg: mods{file("other.efi")},
			want: `file = "other.efi"`, remove: "dhcp-boot"},
		"the file field holds options": {sender: otherHW, msg: mods{file("\x0f\x03lab\xff"), opt(52, "\x01")}},
		"the name of a server, with one in siaddr": {sender: otherHW,
			msg:  mods{siaddr("192.168.77.8"), file("a"), opt(60, "PXEClient")},
			want: `60 = "PXEClient", file = "a", siaddr = "192.168.77.8"`, remove: "the next server"},
		"a text that is not one": {sender: otherHW, msg: mods{opt(67, "a\nmsg=forged")},
			want: `67 = "a\nmsg=forged"`, remove: "67"},
		"a text without end": {sender: otherHW, msg: mods{opt(67, strings.Repeat("a", 255))},
			want: `67 = "` + strings.Repeat("a", 64) + `"`, remove: "67"},
		"empty options":        {sender: otherHW, msg: mods{opt(66, ""), opt(67, "\x00")}},
		"our own, sent back":   {sender: boxHW, msg: mods{opt(67, "pxelinux.0")}},
		"our own, by an agent": {sender: otherHW, msg: mods{opt(67, "pxelinux.0"), by(boxAddr)}},
		"a proxy's offer":      {sender: otherHW, msg: mods{opt(60, "PXEClient"), dhcpv4.WithYourIP(net.IPv4zero)}},
		"no server identifier": {sender: otherHW,
			msg: mods{opt(67, "a"), dhcpv4.WithoutOption(dhcpv4.OptionServerIdentifier)}},
		"a boot server's answer": {sender: otherHW,
			msg: mods{opt(60, "PXEClient"), dhcpv4.WithoutOption(dhcpv4.OptionIPAddressLeaseTime)}},
		"a NAK": {sender: otherHW,
			msg: mods{opt(67, "a"), dhcpv4.WithMessageType(dhcpv4.MessageTypeNak)}},
		"a client that repeats it": {sender: otherHW,
			msg: mods{opt(67, "a"), func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }}},
	} {
		m, err := dhcpv4.New(append(append(
			[]dhcpv4.Modifier{func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }}, lease...), tt.msg...)...)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := site(me, reply{msg: m, from: second, sender: tt.sender, onLink: true})
		if got.Options != tt.want || ok != (tt.want != "") || !strings.Contains(got.Remove, tt.remove) {
			t.Errorf("%s: got %+v, %v; want %s", situation, got, ok, tt.want)
		}
		if ok && (got.Server != rogue || got.MAC != otherHW.String()) {
			t.Errorf("%s: server %v, %s", situation, got.Server, got.MAC)
		}
		if _, ok := site(me, reply{msg: m, from: second, sender: tt.sender}); ok {
			t.Errorf("%s: from another network, and believed", situation)
		}
	}
}
