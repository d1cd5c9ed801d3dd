package capture

import (
	"encoding/binary"
	"io"
)

// writeHeader writes the header of a classic pcap file
// (draft-ietf-opsawg-pcap §4): times in nanoseconds, Ethernet.
func writeHeader(w io.Writer) error {
	const magic, linkEthernet = 0xa1b23c4d, 1
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint16(b, 2) // version 2.4
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = binary.LittleEndian.AppendUint64(b, 0)     // unused
	b = binary.LittleEndian.AppendUint32(b, 1<<16) // longest frame
	b = binary.LittleEndian.AppendUint32(b, linkEthernet)
	_, err := w.Write(b)
	return err
}

// writeFrame writes one packet record (§5).
func writeFrame(w io.Writer, p Packet) error {
	b := binary.LittleEndian.AppendUint32(nil, uint32(p.Time.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Time.Nanosecond()))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Frame)))
	_, err := w.Write(append(b, p.Frame...))
	return err
}
