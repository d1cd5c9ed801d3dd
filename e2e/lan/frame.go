package lan

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"
)

const (
	ethernetHeader = 14
	etherTypeIPv4  = 0x0800
	etherTypeIPv6  = 0x86dd

	// maxFrame limits how much memory a guest can make us allocate. QEMU's own
	// limit for one packet of this protocol is 68 KiB (NET_BUFSIZE).
	maxFrame = 4096 + 65536
)

// readFrame reads one frame as QEMU's stream netdev writes it: its length in
// four bytes, big endian, then the frame.
func readFrame(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxFrame {
		return nil, fmt.Errorf("frame of %d bytes; QEMU sends at most %d", n, maxFrame)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	return frame, nil
}

// writeFrame writes a frame in the format of readFrame, in one Write.
func writeFrame(w io.Writer, frame []byte) error {
	b := make([]byte, 0, 4+len(frame))
	b = binary.BigEndian.AppendUint32(b, uint32(len(frame)))
	_, err := w.Write(append(b, frame...))
	return err
}

// Datagram is one UDP datagram as it crossed the segment.
type Datagram struct {
	Time           time.Time // when it reached the switch
	SrcMAC, DstMAC [6]byte
	Src, Dst       netip.AddrPort
	Payload        []byte // must not be modified
}

func (d Datagram) String() string {
	return fmt.Sprintf("%v > %v, %d bytes", d.Src, d.Dst, len(d.Payload))
}

// decodeUDP reads the UDP datagram in an Ethernet frame. It reads only whole
// IPv4 datagrams: no firmware under test fragments, and no test needs IPv6. The
// receiver verifies checksums.
func decodeUDP(frame []byte) (Datagram, bool) {
	const protocolUDP, udpHeader = 17, 8
	if len(frame) < ethernetHeader+20 || binary.BigEndian.Uint16(frame[12:]) != etherTypeIPv4 {
		return Datagram{}, false
	}
	ip := frame[ethernetHeader:]
	header := int(ip[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(ip[2:]))
	fragment := binary.BigEndian.Uint16(ip[6:]) & 0x3fff // MF and the offset
	if ip[0]>>4 != 4 || header < 20 || total > len(ip) || total < header+udpHeader || fragment != 0 || ip[9] != protocolUDP {
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
