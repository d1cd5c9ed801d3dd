package pcap

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipHeader  = 20
	udpHeader = 8
	udp       = 17 // RFC 791, protocol
)

// UDP returns an IPv4 packet (RFC 791) that carries a UDP datagram (RFC 768),
// for a capture of RawIP. It returns nil if an address is no IPv4 address, or if
// the payload does not fit.
func UDP(from, to netip.AddrPort, payload []byte) []byte {
	src, dst := from.Addr().Unmap(), to.Addr().Unmap()
	length := ipHeader + udpHeader + len(payload)
	if !src.Is4() || !dst.Is4() || length > 0xffff {
		return nil
	}
	b := make([]byte, 0, length)
	b = append(b, 0x45, 0) // version 4, five words
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, 0, 0, 0, 0, 64, udp, 0, 0) // no fragment; the checksum follows
	b = append(b, src.AsSlice()...)
	b = append(b, dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], ^sum(0, b))

	b = binary.BigEndian.AppendUint16(b, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpHeader+len(payload)))
	b = append(b, 0, 0)
	b = append(b, payload...)
	// The pseudo header: both addresses, the protocol and the length.
	pseudo := sum(udp+uint32(udpHeader+len(payload)), b[12:ipHeader])
	check := ^sum(uint32(pseudo), b[ipHeader:])
	if check == 0 {
		check = 0xffff // zero means that there is none
	}
	binary.BigEndian.PutUint16(b[ipHeader+6:], check)
	return b
}

// sum is the one's complement sum of 16-bit words (RFC 1071).
func sum(s uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
