// Package frame reads the UDP datagrams in Ethernet frames, for tests that watch
// a segment.
package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// The fixed parts of a frame.
const (
	EthernetHeader = 14 // bytes
	EtherTypeIPv4  = 0x0800
	EtherTypeARP   = 0x0806
	EtherTypeIPv6  = 0x86dd
	ProtocolUDP    = 17
)

// Datagram is a UDP datagram in a frame.
type Datagram struct {
	Time           time.Time // when it was seen; set by the caller of UDP
	SrcMAC, DstMAC [6]byte
	Src, Dst       netip.AddrPort
	Payload        []byte // part of the frame
}

func (d Datagram) String() string {
	return fmt.Sprintf("%v > %v, %d bytes", d.Src, d.Dst, len(d.Payload))
}

// UDP returns the datagram in an Ethernet frame. It reads only whole IPv4
// datagrams: no firmware under test fragments, and no test needs IPv6. The
// receiver verifies checksums.
func UDP(frame []byte) (Datagram, bool) {
	const udpHeader = 8
	if len(frame) < EthernetHeader+20 || binary.BigEndian.Uint16(frame[12:]) != EtherTypeIPv4 {
		return Datagram{}, false
	}
	ip := frame[EthernetHeader:]
	header := int(ip[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(ip[2:]))
	fragment := binary.BigEndian.Uint16(ip[6:]) & 0x3fff // MF and the offset
	if ip[0]>>4 != 4 || header < 20 || total > len(ip) || total < header+udpHeader || fragment != 0 ||
		ip[9] != ProtocolUDP {
		return Datagram{}, false
	}
	udp := ip[header:total]
	length := int(binary.BigEndian.Uint16(udp[4:]))
	if length < udpHeader || length > len(udp) {
		return Datagram{}, false
	}
	addrPort := func(addr, port []byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr)), binary.BigEndian.Uint16(port))
	}
	return Datagram{
		DstMAC:  [6]byte(frame[0:6]),
		SrcMAC:  [6]byte(frame[6:12]),
		Src:     addrPort(ip[12:16], udp[0:2]),
		Dst:     addrPort(ip[16:20], udp[2:4]),
		Payload: udp[udpHeader:length:length],
	}, true
}
