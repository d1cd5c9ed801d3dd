package handoff

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/wds"
)

var (
	client = [6]byte{0x52, 0x54, 0, 0x77, 0, 0x10}
	other  = [6]byte{0x52, 0x54, 0, 0x77, 0, 0x11}
)

// datagram returns a datagram that a machine sends from one port to another.
func datagram(from [6]byte, src, dst string, payload []byte) lan.Datagram {
	return lan.Datagram{
		SrcMAC: from, Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Payload: payload,
	}
}

func dhcp(kind dhcpv4.MessageType, of [6]byte, modifiers ...dhcpv4.Modifier) []byte {
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(of[:]), dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 9)),
	}, modifiers...)...)
	if err != nil {
		panic(err)
	}
	return p.ToBytes()
}

func read(name string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, 1), name+"\x00octet\x00"...)
}

var withControl = dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(wds.OptionControl), []byte{255}))

// way returns all datagrams to and from a machine on a boot without detours.
func way() []lan.Datagram {
	const box, server, leased = "10.0.0.1", "10.0.0.2", "10.0.0.9"
	return []lan.Datagram{
		datagram(client, "0.0.0.0:68", "255.255.255.255:67", dhcp(dhcpv4.MessageTypeDiscover, client)),
		datagram(other, box+":67", "255.255.255.255:68", dhcp(dhcpv4.MessageTypeOffer, client)),
		datagram(client, "0.0.0.0:68", "255.255.255.255:67", dhcp(dhcpv4.MessageTypeRequest, client)),
		datagram(other, box+":67", "255.255.255.255:68", dhcp(dhcpv4.MessageTypeAck, client)),
		datagram(client, leased+":1025", box+":69", read("pxelinux.0")),
		datagram(client, leased+":1026", box+":69", read("ldlinux.c32")),
		datagram(client, leased+":1027", box+":69", read("pxelinux.cfg/01-52-54-00-77-00-10")),
		datagram(client, leased+":1028", box+":69", read("pxelinux.cfg/default")),
		datagram(client, leased+":1029", box+":69", read("menu.c32")),
		datagram(client, leased+":1030", box+":69", read("pxelinux.cfg/default")),
		datagram(client, leased+":1031", box+":69", read("pxechn.c32")),
		datagram(client, leased+":1032", server+":69", read(`boot\x64\wdsnbp.com`)),
		datagram(client, leased+":68", server+":4011", dhcp(dhcpv4.MessageTypeRequest, client, withControl)),
		datagram(client, leased+":1033", server+":69", read(`boot\x64\pxeboot.n12`)),
	}
}

func TestTrail(t *testing.T) {
	all := []Step{Firmware, Address, Loader, Menu, Chain, Program, BINL, Next}
	for _, test := range []struct {
		situation string
		change    func([]lan.Datagram) []lan.Datagram
		want      []Step
	}{
		{situation: "the whole way", change: func(w []lan.Datagram) []lan.Datagram { return w }, want: all},
		{situation: "another machine's way", change: func(w []lan.Datagram) []lan.Datagram {
			for i := range w {
				if w[i].SrcMAC == client {
					w[i].SrcMAC = other
				}
			}
			w[3].Payload = dhcp(dhcpv4.MessageTypeAck, other)
			return w
		}},
		{situation: "firmware that asks twice", change: func(w []lan.Datagram) []lan.Datagram {
			return append([]lan.Datagram{w[0]}, w...)
		}, want: all},
		{situation: "the WDS server's program asked for twice", change: func(w []lan.Datagram) []lan.Datagram {
			return slices.Insert(w, 12, w[11])
		}, want: all},
		{situation: "a request without option 250", change: func(w []lan.Datagram) []lan.Datagram {
			w[12].Payload = dhcp(dhcpv4.MessageTypeRequest, client)
			return w[:13]
		}, want: all[:6]},
		{situation: "a request to another server", change: func(w []lan.Datagram) []lan.Datagram {
			w[12].Dst = netip.MustParseAddrPort("10.0.0.1:4011")
			return w
		}, want: all[:6]},
		{situation: "no lease", change: func(w []lan.Datagram) []lan.Datagram { return w[:3] }, want: all[:1]},
		{situation: "boot file with a path and backslashes", change: func(w []lan.Datagram) []lan.Datagram {
			w[4].Payload = read(`bios\LPXELINUX.0`)
			return w
		}, want: all},
	} {
		t.Run(test.situation, func(t *testing.T) {
			trail := &Trail{MAC: client, WDS: netip.MustParseAddr("10.0.0.2")}
			var got []Step
			for _, d := range test.change(way()) {
				if e, ok := trail.See(d); ok {
					got = append(got, e.Step)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			last := None
			if len(test.want) > 0 {
				last = test.want[len(test.want)-1]
			}
			if trail.Last() != last {
				t.Errorf("last is %v, want %v", trail.Last(), last)
			}
		})
	}
}

// uefiWay returns a boot through shim, GRUB and a second start of the firmware.
func uefiWay() []lan.Datagram {
	const box, server, leased = "10.0.0.1", "10.0.0.2", "10.0.0.9"
	boot := []lan.Datagram{
		datagram(client, "0.0.0.0:68", "255.255.255.255:67", dhcp(dhcpv4.MessageTypeDiscover, client)),
		datagram(other, box+":67", "255.255.255.255:68", dhcp(dhcpv4.MessageTypeAck, client)),
	}
	return slices.Concat(boot, []lan.Datagram{
		datagram(client, leased+":1025", box+":69", read("efi/shimx64.efi")),
		datagram(client, leased+":1026", box+":69", read("efi/grubx64.efi")),
		datagram(client, leased+":1027", box+":69", read("/grub/grub.cfg-01-52-54-00-77-00-10")),
		datagram(client, leased+":1028", box+":69", read("/grub/grub.cfg")),
		datagram(client, leased+":1029", box+":69",
			read("/handoff/wds/52:54:00:77:00:10/0123456789abcdef0123456789abcdef")),
	}, boot, []lan.Datagram{
		datagram(client, leased+":1025", server+":69", read(`boot\x64\wdsmgfw.efi`)),
		datagram(client, leased+":68", server+":4011", dhcp(dhcpv4.MessageTypeRequest, client, withControl)),
		datagram(client, leased+":1026", server+":69", read(`boot\x64\bootmgfw.efi`)),
	})
}

func TestTrailUEFI(t *testing.T) {
	all := []Step{Firmware, Address, Loader, GRUB, Menu, Chain, Reboot, Program, BINL, Next}
	for _, test := range []struct {
		situation string
		way       []lan.Datagram
		want      []Step
	}{
		{situation: "the whole way", way: uefiWay(), want: all},
		{situation: "the entry chosen, and no second boot", way: uefiWay()[:7], want: all[:6]},
		{situation: "straight to WDS", way: uefiWay()[7:], want: []Step{Firmware, Address, Program, BINL, Next}},
		{situation: "a second boot without the entry", way: slices.Concat(uefiWay()[:6], uefiWay()[:6]), want: all[:5]},
		{situation: "a boot after WDS", way: slices.Concat(uefiWay()[7:], uefiWay()[:2]),
			want: []Step{Firmware, Address, Program, BINL, Next}},
	} {
		t.Run(test.situation, func(t *testing.T) {
			trail := &Trail{MAC: client, WDS: netip.MustParseAddr("10.0.0.2")}
			var got []Step
			for _, d := range test.way {
				if e, ok := trail.See(d); ok {
					got = append(got, e.Step)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestReadName(t *testing.T) {
	for _, test := range []struct{ situation, payload, want string }{
		{situation: "backslashes", payload: "\x00\x01boot\\x64\\wdsnbp.com\x00octet\x00", want: `boot\x64\wdsnbp.com`},
		{situation: "padded by the firmware", payload: "\x00\x01pxelinux.0\xff\x00octet\x00", want: "pxelinux.0\xff"},
		{situation: "data", payload: "\x00\x03\x00\x01abc\x00"},
		{situation: "no end", payload: "\x00\x01abc"},
		{situation: "too short", payload: "\x00"},
	} {
		t.Run(test.situation, func(t *testing.T) {
			got, ok := ReadName([]byte(test.payload))
			if ok != (test.want != "") || ok && got != test.want {
				t.Errorf("got %q, %v; want %q", got, ok, test.want)
			}
		})
	}
}
