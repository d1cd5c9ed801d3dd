// Package arp asks on an Ethernet link whether an IPv4 address is in use, by
// the address probe of RFC 5227, for many addresses at a time over one socket.
// The caller decides how long to wait for an answer, and what to do then. The
// package neither reads nor writes the kernel's ARP table.
package arp

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The fields of an ARP packet for IPv4 over Ethernet (RFC 826), which is 28
// bytes long without its Ethernet header.
const (
	packetLen = 28

	hardwareEthernet = 1
	protocolIPv4     = 0x0800
	opRequest        = 1
	opReply          = 2
)

// Packet is an ARP packet for IPv4 over Ethernet, without the two fields
// that say so. Op is 1 for a request, 2 for a reply.
type Packet struct {
	Op       uint16
	Sender   [6]byte
	SenderIP netip.Addr
	Target   [6]byte
	TargetIP netip.Addr
}

// Encode writes the packet. Both addresses must be IPv4.
func (p Packet) Encode() []byte {
	b := make([]byte, packetLen)
	binary.BigEndian.PutUint16(b[0:], hardwareEthernet)
	binary.BigEndian.PutUint16(b[2:], protocolIPv4)
	b[4], b[5] = 6, 4 // lengths of the hardware and the IP address
	binary.BigEndian.PutUint16(b[6:], p.Op)
	sender, target := p.SenderIP.As4(), p.TargetIP.As4()
	copy(b[8:], p.Sender[:])
	copy(b[14:], sender[:])
	copy(b[18:], p.Target[:])
	copy(b[24:], target[:])
	return b
}

// Decode reads a packet; false means that it is not a complete ARP packet for
// IPv4 over Ethernet. Bytes after it are the frame's padding.
func Decode(b []byte) (Packet, bool) {
	if len(b) < packetLen ||
		binary.BigEndian.Uint16(b[0:]) != hardwareEthernet ||
		binary.BigEndian.Uint16(b[2:]) != protocolIPv4 ||
		b[4] != 6 || b[5] != 4 {
		return Packet{}, false
	}
	p := Packet{
		Op:       binary.BigEndian.Uint16(b[6:]),
		Sender:   [6]byte(b[8:14]),
		SenderIP: netip.AddrFrom4([4]byte(b[14:18])),
		Target:   [6]byte(b[18:24]),
		TargetIP: netip.AddrFrom4([4]byte(b[24:28])),
	}
	return p, p.Op == opRequest || p.Op == opReply
}

// probe asks which machine has a. The sender's IP address is zero, so that no
// machine stores it because of the probe (RFC 5227 §2.1.1).
func probe(hw [6]byte, a netip.Addr) Packet {
	return Packet{Op: opRequest, Sender: hw, SenderIP: netip.IPv4Unspecified(), TargetIP: a}
}

// announcement tells the link that a is now at hw (RFC 5227 §2.3).
func announcement(hw [6]byte, a netip.Addr) Packet {
	return Packet{Op: opRequest, Sender: hw, SenderIP: a, TargetIP: a}
}

// claims returns the address that the packet's sender uses or is about to use:
// the one it sends from, or the one that it probes for itself (RFC 5227
// §2.1.1). It is not valid if the packet contains neither.
func (p Packet) claims() netip.Addr {
	switch {
	case !p.SenderIP.IsUnspecified():
		return p.SenderIP
	case p.Op == opRequest && !p.TargetIP.IsUnspecified():
		return p.TargetIP
	}
	return netip.Addr{}
}

// hardware returns hw as an array; false means that it is not an Ethernet
// address.
func hardware(hw net.HardwareAddr) (a [6]byte, ok bool) {
	return a, copy(a[:], hw) == len(a) && len(hw) == len(a)
}
