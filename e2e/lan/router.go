package lan

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"

	frames "github.com/pxebox/pxebox/internal/test/frame"
)

// routerMAC is the MAC of the segment's IPv6 router, which only announces that
// it is not a default router.
var routerMAC = tcpip.LinkAddress("\x02\x00\x00\x00\x00\xfe")

// advertiseRouter plugs in a host that answers IPv6 router solicitations. iPXE
// configures IPv4 and IPv6 together and repeats its solicitation until it gives
// up: without an answer Debian's 1.0.0+git-20190125 hangs for 13 s after its
// DHCP is done.
func (l *LAN) advertiseRouter() error {
	answer := routerAdvertisement()
	var p *port // set before the first frame can come: no other host is plugged in yet
	p, err := l.plug(func(frame []byte) error {
		if isRouterSolicitation(frame) {
			l.forward(p, answer)
		}
		return nil
	})
	return err
}

func isRouterSolicitation(frame []byte) bool {
	const start = frames.EthernetHeader + header.IPv6MinimumSize
	return len(frame) > start &&
		binary.BigEndian.Uint16(frame[12:]) == frames.EtherTypeIPv6 &&
		frame[frames.EthernetHeader+6] == uint8(header.ICMPv6ProtocolNumber) &&
		header.ICMPv6Type(frame[start]) == header.ICMPv6RouterSolicit
}

// routerAdvertisement returns a frame with a router advertisement (RFC 4861
// §4.2) to all nodes: router lifetime 0 ("not a default router"), no prefix,
// and the managed and other flags clear, so that no host requests DHCPv6.
func routerAdvertisement() []byte {
	src := header.LinkLocalAddr(routerMAC)
	dst := header.IPv6AllNodesMulticastAddress

	frame := make([]byte, frames.EthernetHeader+header.IPv6MinimumSize+header.ICMPv6HeaderSize+header.NDPRAMinimumSize)
	header.Ethernet(frame).Encode(&header.EthernetFields{
		SrcAddr: routerMAC,
		DstAddr: header.EthernetAddressFromMulticastIPv6Address(dst),
		Type:    frames.EtherTypeIPv6,
	})
	icmp := header.ICMPv6(frame[frames.EthernetHeader+header.IPv6MinimumSize:])
	header.IPv6(frame[frames.EthernetHeader:]).Encode(&header.IPv6Fields{
		PayloadLength:     uint16(len(icmp)),
		TransportProtocol: header.ICMPv6ProtocolNumber,
		HopLimit:          header.NDPHopLimit,
		SrcAddr:           src,
		DstAddr:           dst,
	})
	icmp.SetType(header.ICMPv6RouterAdvert)
	icmp.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{Header: icmp, Src: src, Dst: dst}))
	return frame
}
