package lan

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxFrame limits how much memory a guest can make us allocate. QEMU's own limit
// for one packet of this protocol is 68 KiB (NET_BUFSIZE).
const maxFrame = 4096 + 65536

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

// A VLAN's tag is between the addresses and the type of a frame: its own type
// and, in the low 12 bits of a word, the VLAN's number (IEEE 802.1Q-2018 §9.6).
const (
	tagAt   = 12
	tagLen  = 4
	tagType = 0x8100
	vlanID  = 0x0fff
)

// addTag returns a copy of a frame with the tag of a VLAN.
func addTag(frame []byte, vlan uint16) []byte {
	tagged := make([]byte, 0, len(frame)+tagLen)
	tagged = append(tagged, frame[:tagAt]...)
	tagged = binary.BigEndian.AppendUint16(tagged, tagType)
	tagged = binary.BigEndian.AppendUint16(tagged, vlan)
	return append(tagged, frame[tagAt:]...)
}

// removeTag returns a copy of a frame without the tag of a VLAN. ok is false if it
// has none, or that of another VLAN.
func removeTag(frame []byte, vlan uint16) (untagged []byte, ok bool) {
	if len(frame) < tagAt+tagLen || binary.BigEndian.Uint16(frame[tagAt:]) != tagType ||
		binary.BigEndian.Uint16(frame[tagAt+2:])&vlanID != vlan {
		return nil, false
	}
	return append(append(make([]byte, 0, len(frame)-tagLen), frame[:tagAt]...), frame[tagAt+tagLen:]...), true
}
