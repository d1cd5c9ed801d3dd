package pcap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
)

func TestUDP(t *testing.T) {
	from, to := netip.MustParseAddrPort("192.0.2.10:2070"), netip.MustParseAddrPort("192.0.2.1:69")
	for _, tc := range []struct {
		situation string
		payload   string
	}{
		{"a read request", "\x00\x01pxelinux.0\x00octet\x00"},
		{"an odd length", "odd"},
		{"nothing", ""},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			b := UDP(from, to, []byte(tc.payload))
			if len(b) != 28+len(tc.payload) || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
				t.Fatalf("%d bytes, of which the header says %d", len(b), binary.BigEndian.Uint16(b[2:]))
			}
			// A sum over data that holds its own checksum is all ones.
			if got := sum(0, b[:20]); got != 0xffff {
				t.Errorf("the IP header sums up to %#x", got)
			}
			if got := sum(17+uint32(len(b)-20)+uint32(sum(0, b[12:20])), b[20:]); got != 0xffff {
				t.Errorf("the UDP datagram sums up to %#x", got)
			}
			if src, dst := hex.EncodeToString(b[12:16]), hex.EncodeToString(b[16:20]); src != "c000020a" ||
				dst != "c0000201" {
				t.Errorf("from %s to %s", src, dst)
			}
			if s, d := binary.BigEndian.Uint16(b[20:]), binary.BigEndian.Uint16(b[22:]); s != 2070 || d != 69 {
				t.Errorf("from port %d to port %d", s, d)
			}
			if !bytes.Equal(b[28:], []byte(tc.payload)) {
				t.Errorf("payload %q", b[28:])
			}
		})
	}
}

func TestUDPOfOtherAddresses(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.10:68"), netip.MustParseAddrPort("[2001:db8::1]:67")
	mapped := netip.AddrPortFrom(netip.AddrFrom16(v4.Addr().As16()), 68)
	if UDP(mapped, v4, nil) == nil {
		t.Error("no packet from an IPv4 address in the form of an IPv6 address")
	}
	if UDP(v6, v4, nil) != nil || UDP(v4, netip.AddrPort{}, nil) != nil || UDP(v4, v4, make([]byte, 70000)) != nil {
		t.Error("a packet that IPv4 cannot carry")
	}
}
