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
