// Package pcap writes captures for Wireshark and tcpdump in the classic format
// (draft-ietf-opsawg-pcap), with times in nanoseconds. It also makes packets of
// UDP datagrams whose headers the caller never saw.
package pcap

import (
	"encoding/binary"
	"io"
	"time"
)

// Link says what a capture's packets begin with.
type Link uint32

// The links (LINKTYPE_ values).
const (
	Ethernet Link = 1
	RawIP    Link = 101 // an IPv4 or IPv6 header
)

const (
	magic   = 0xa1b23c4d // for times in nanoseconds
	longest = 256 << 10  // bytes in a packet
)

// Writer writes one capture.
type Writer struct{ w io.Writer }

// NewWriter starts a capture by writing its header (§4).
func NewWriter(w io.Writer, link Link) (*Writer, error) {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = binary.LittleEndian.AppendUint64(b, 0) // unused
	b = binary.LittleEndian.AppendUint32(b, longest)
	b = binary.LittleEndian.AppendUint32(b, uint32(link))
	_, err := w.Write(b)
	return &Writer{w}, err
}

// Frame adds a packet record (§5) in one Write, so that a capture that a crash
// cuts short ends after a whole frame.
func (p *Writer) Frame(t time.Time, frame []byte) error {
	b := make([]byte, 0, 16+len(frame))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond()))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	_, err := p.w.Write(append(b, frame...))
	return err
}
