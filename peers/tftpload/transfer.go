package tftpload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Opcodes (RFC 1350 §5, RFC 2347).
const (
	opRRQ   = 1
	opDATA  = 3
	opACK   = 4
	opERROR = 5
	opOACK  = 6
)

// transfer is the receiving end of one read request, with no I/O. Whatever it
// acknowledges is block next-1.
type transfer struct {
	content           Content
	blockSize, window int // asked for; once answered, what the server granted

	answered bool
	next     int64 // block awaited, from 1
	bytes    int64 // received, all of them right
	unacked  int   // blocks in order since the last ACK
	told     bool  // of the block that is missing
}

// errContent says that the server sent what is not in the file.
var errContent = errors.New("wrong content")

func request(name string, blockSize, window int) []byte {
	b := append([]byte{0, opRRQ}, name...)
	b = append(b, "\x00octet\x00"...)
	if blockSize != defaultBlockSize {
		b = append(b, "blksize\x00"+strconv.Itoa(blockSize)+"\x00"...)
	}
	if window > 1 {
		b = append(b, "windowsize\x00"+strconv.Itoa(window)+"\x00"...)
	}
	return b
}

const defaultBlockSize = 512 // RFC 1350

// receive takes one packet. ack: block next-1 is to be acknowledged now.
func (t *transfer) receive(b []byte) (ack, done bool, err error) {
	if len(b) < 4 {
		return false, false, fmt.Errorf("a packet of %d bytes", len(b))
	}
	switch op := binary.BigEndian.Uint16(b); op {
	case opOACK:
		if t.next > 1 {
			return false, false, nil // late, and of no use
		}
		t.answered = true
		return true, false, t.granted(b[2:])
	case opDATA:
		return t.data(binary.BigEndian.Uint16(b[2:]), b[4:])
	case opERROR:
		text, _, _ := bytes.Cut(b[4:], []byte{0})
		return false, false, fmt.Errorf("the server says: %q (%d)", text, binary.BigEndian.Uint16(b[2:]))
	default:
		return false, false, fmt.Errorf("a packet of opcode %d", op)
	}
}

// granted reads the options of an OACK. What is not there was not granted
// (RFC 2347).
func (t *transfer) granted(b []byte) error {
	blockSize, window := defaultBlockSize, 1
	for len(b) > 0 {
		name, rest, ok := bytes.Cut(b, []byte{0})
		value, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 {
			return fmt.Errorf("OACK %q is cut off", b)
		}
		b = rest
		n, err := strconv.Atoi(string(value))
		if err != nil {
			return fmt.Errorf("option %s of the OACK: %w", name, err)
		}
		switch string(bytes.ToLower(name)) {
		case "blksize":
			blockSize = n
		case "windowsize":
			window = n
		default:
			return fmt.Errorf("the OACK has an option that was not asked for: %s", name)
		}
	}
	// RFC 2348, RFC 7440 §3: the server may lower what the client asked for.
	if blockSize > t.blockSize || window > t.window || blockSize < 8 || window < 1 {
		return fmt.Errorf("granted blksize %d windowsize %d, asked for %d and %d", blockSize, window, t.blockSize, t.window)
	}
	t.blockSize, t.window = blockSize, window
	return nil
}

func (t *transfer) data(block uint16, body []byte) (ack, done bool, err error) {
	if !t.answered { // by DATA at once: the server knows no options
		t.answered, t.blockSize, t.window = true, defaultBlockSize, 1
	}
	switch ahead := int16(block - uint16(t.next)); {
	case ahead == 0:
		if len(body) > t.blockSize {
			return false, false, fmt.Errorf("block %d has %d bytes, %d were agreed", t.next, len(body), t.blockSize)
		}
		if !t.content.Equal(body, t.bytes) {
			return false, false, fmt.Errorf("%w in block %d, at %d", errContent, t.next, t.bytes)
		}
		t.bytes += int64(len(body))
		t.next++
		t.told = false
		if len(body) < t.blockSize {
			if t.bytes != t.content.Size() {
				return false, false, fmt.Errorf("%w: it ends at %d of %d", errContent, t.bytes, t.content.Size())
			}
			return true, true, nil
		}
		if t.unacked++; t.unacked < t.window {
			return false, false, nil
		}
	case ahead == -1 && t.unacked == 0:
		// The last one again, and it was acknowledged: the ACK was lost. An
		// ACK amid a window that is sent again would have it sent once more.
	case ahead > 0 && !t.told:
		// RFC 7440 §4: a gap is answered with an ACK of the last block before
		// it. Once: what follows is of the same window.
		t.told = true
	default:
		return false, false, nil
	}
	t.unacked = 0
	return true, false, nil
}

// again is called when nothing has come for a while: the last ACK is to be
// sent again.
func (t *transfer) again() { t.unacked, t.told = 0, false }
