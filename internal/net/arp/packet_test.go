package arp

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"
)

var (
	box   = [6]byte{0x52, 0x54, 0, 0, 0, 1}
	other = [6]byte{0x52, 0x54, 0, 0, 0, 2}
	addr  = netip.MustParseAddr("192.168.77.100")
	mine  = netip.MustParseAddr("192.168.77.1")
)

// The bytes are written by hand from RFC 826.
func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		situation string
		packet    Packet
		want      string
	}{
		{situation: "probe: sender address zero", packet: probe(box, addr),
			want: "0001 0800 06 04 0001 525400000001 00000000 000000000000 c0a84d64"},
		{situation: "announcement: sender and target the same", packet: announcement(box, addr),
			want: "0001 0800 06 04 0001 525400000001 c0a84d64 000000000000 c0a84d64"},
		{situation: "reply to a probe", packet: Packet{opReply, other, addr, box, netip.IPv4Unspecified()},
			want: "0001 0800 06 04 0002 525400000002 c0a84d64 525400000001 00000000"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			want := unhex(t, tt.want)
			if got := tt.packet.Encode(); string(got) != string(want) {
				t.Fatalf("encoded\n% x, want\n% x", got, want)
			}
			got, ok := Decode(append(want, make([]byte, 18)...)) // padded to a frame
			if !ok || got != tt.packet {
				t.Fatalf("decoded %+v, %v; want %+v", got, ok, tt.packet)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for situation, packet := range map[string]string{
		"nothing":                         "",
		"one byte short":                  "0001 0800 06 04 0001 525400000001 00000000 000000000000 c0a84d",
		"not Ethernet (IEEE 802)":         "0006 0800 06 04 0001 525400000001 00000000 000000000000 c0a84d64",
		"not IPv4":                        "0001 86dd 06 04 0001 525400000001 00000000 000000000000 c0a84d64",
		"hardware addresses of 8 bytes":   "0001 0800 08 04 0001 525400000001 00000000 000000000000 c0a84d64",
		"protocol addresses of 16 bytes":  "0001 0800 06 10 0001 525400000001 00000000 000000000000 c0a84d64",
		"reverse ARP, which asks for IPs": "0001 0800 06 04 0003 525400000001 00000000 000000000000 c0a84d64",
	} {
		t.Run(situation, func(t *testing.T) {
			if p, ok := Decode(unhex(t, packet)); ok {
				t.Fatalf("took it for %+v", p)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	none := netip.Addr{}
	zero := netip.IPv4Unspecified()
	for _, tt := range []struct {
		situation string
		packet    Packet
		want      netip.Addr
	}{
		{situation: "its owner answers a probe", packet: Packet{opReply, other, addr, box, zero}, want: addr},
		{situation: "its owner asks for a neighbour",
			packet: Packet{opRequest, other, addr, [6]byte{}, mine}, want: addr},
		{situation: "its owner announces it", packet: announcement(other, addr), want: addr},
		{situation: "another machine probes it for itself", packet: probe(other, addr), want: addr},
		{situation: "someone asks who has it", packet: Packet{opRequest, other, mine, [6]byte{}, addr}, want: mine},
		{situation: "a reply from no one", packet: Packet{opReply, other, zero, box, addr}, want: none},
		{situation: "a probe for nothing", packet: probe(other, zero), want: none},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := tt.packet.claims(); got != tt.want {
				t.Fatalf("claims %v, want %v", got, tt.want)
			}
		})
	}
}

func TestHardwareTakesEthernetOnly(t *testing.T) {
	for s, want := range map[string]bool{
		"52:54:00:00:00:01":       true,
		"52:54:00:00:00:00:00:01": false, // EUI-64, as used by FireWire
	} {
		hw, err := net.ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := hardware(hw); ok != want {
			t.Errorf("hardware(%s) = %v, want %v", s, ok, want)
		}
	}
	if _, ok := hardware(nil); ok {
		t.Error("an interface without a hardware address was taken for Ethernet")
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := newRecent(2)
	a, b, c := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	for _, x := range []netip.Addr{a, b, b, c} {
		r.add(x)
	}
	if r.has(a) || !r.has(b) || !r.has(c) {
		t.Fatalf("has a %v, b %v, c %v; want the last two", r.has(a), r.has(b), r.has(c))
	}
	r.add(a)
	r.add(a)
	if len(r.in) != 1 {
		t.Fatalf("%d addresses kept, want 1: %v", len(r.in), r.in)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(probe(box, addr).Encode())
	f.Add(Packet{opReply, other, addr, box, netip.IPv4Unspecified()}.Encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := Decode(b)
		if !ok {
			return
		}
		if got := p.Encode(); string(got) != string(b[:packetLen]) {
			t.Fatalf("encoded\n% x, was\n% x", got, b[:packetLen])
		}
		p.claims()
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for _, r := range s {
		if r != ' ' {
			out = append(out, byte(r))
		}
	}
	b, err := hex.DecodeString(string(out))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
