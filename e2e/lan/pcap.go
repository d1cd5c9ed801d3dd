package lan

import (
	"encoding/binary"
	"io"
	"time"
)

// writePcapHeader writes the 24-byte header of the classic pcap format
// (draft-ietf-opsawg-pcap §4): little endian, microseconds, Ethernet.
func writePcapHeader(w io.Writer) error {
	const magic, linkEthernet = 0xa1b2c3d4, 1
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)                // time zone and accuracy: both unused
	b = binary.LittleEndian.AppendUint32(b, 256<<10) // longest frame
	b = binary.LittleEndian.AppendUint32(b, linkEthernet)
	_, err := w.Write(b)
	return err
}

// writePcapFrame writes one packet record (§5) in one Write.
func writePcapFrame(w io.Writer, t time.Time, frame []byte) error {
	b := make([]byte, 0, 16+len(frame))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	_, err := w.Write(append(b, frame...))
	return err
}
