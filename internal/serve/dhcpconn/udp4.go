package dhcpconn

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipHeader  = 20
	udpHeader = 8
	protoUDP  = 17
	ttl       = 64
)

// udp4 returns an IPv4 packet with one UDP datagram (RFC 791 §3.1, RFC 768).
func udp4(from, to netip.AddrPort, payload []byte) []byte {
	b := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(payload))
	b = append(b, payload...)
	src, dst := from.Addr().As4(), to.Addr().As4()
	udpLen := uint16(udpHeader + len(payload))

	ip := b[:ipHeader]
	ip[0] = 4<<4 | ipHeader/4
	binary.BigEndian.PutUint16(ip[2:], uint16(len(b)))
	ip[8], ip[9] = ttl, protoUDP
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	binary.BigEndian.PutUint16(ip[10:], ^sum(0, ip))

	udp := b[ipHeader:]
	binary.BigEndian.PutUint16(udp[0:], from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], udpLen)
	pseudo := sum(sum(protoUDP+udpLen, src[:]), dst[:])
	check := ^sum(pseudo, udp)
	if check == 0 {
		check = 0xffff // RFC 768: zero means "no checksum"
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	return b
}

// sum returns the ones' complement sum of RFC 1071, starting from s.
func sum(s uint16, b []byte) uint16 {
	t := uint32(s)
	for ; len(b) >= 2; b = b[2:] {
		t += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		t += uint32(b[0]) << 8
	}
	for t>>16 != 0 {
		t = t>>16 + t&0xffff
	}
	return uint16(t)
}
