package tftpread

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Opcodes (RFC 1350 §5, RFC 2347).
const (
	opRead  = 1
	opData  = 3
	opAck   = 4
	opError = 5
	opOACK  = 6
)

// Error codes (RFC 1350, appendix).
const (
	codeOther   = 0
	codeUnknown = 5 // unknown transfer ID
)

const (
	// blockSize is the block size to ask for. PXELINUX asks for the same, which
	// passes through VLANs and most tunnels. A server may choose less, but not less
	// than standardBlock: the file would take too many packets.
	blockSize     = 1408
	standardBlock = 512
	// window is the number of blocks to ask for at a time (RFC 7440), as EDK2 does.
	window = 4
)

// request returns the packet that requests a file.
func request(name string) []byte {
	b := binary.BigEndian.AppendUint16(nil, opRead)
	return fmt.Appendf(b, "%s\x00octet\x00tsize\x000\x00blksize\x00%d\x00windowsize\x00%d\x00", name, blockSize, window)
}

// failure returns the packet that ends a transfer.
func failure(code uint16, text string) []byte {
	b := binary.BigEndian.AppendUint16(nil, opError)
	b = binary.BigEndian.AppendUint16(b, code)
	return append(b, text+"\x00"...)
}

// transfer is the receiving end of a read request. It does no I/O.
type transfer struct {
	limit int

	answered      bool
	block, window int
	size          int // as the server says; -1 if it does not
	file          []byte
	blocks        int  // received in order
	unacked       int  // of those
	gap           bool // the last ACK reported a missing block
}

func begin(limit int) *transfer {
	return &transfer{limit: limit, block: standardBlock, window: 1, size: -1}
}

// ServerError is a server's refusal.
type ServerError struct{ Code uint16 }

func (e *ServerError) Error() string {
	// The server's text may be anything, and says the same.
	texts := map[uint16]string{1: "file not found", 2: "access violation"}
	if text, ok := texts[e.Code]; ok {
		return text
	}
	return fmt.Sprintf("TFTP error %d", e.Code)
}

// acknowledgment returns the packet for all blocks that were received in order. It
// is also what to send again after a silence.
func (t *transfer) acknowledgment() []byte {
	t.unacked, t.gap = 0, false
	return []byte{0, opAck, byte(t.blocks >> 8), byte(t.blocks)}
}

// receive takes a packet of the server. useful is false for one that brings nothing
// new. The caller sends reply unless it is nil. An error ends the transfer.
func (t *transfer) receive(b []byte) (reply []byte, useful, done bool, err error) {
	if len(b) < 4 {
		return nil, false, false, nil
	}
	number := binary.BigEndian.Uint16(b[2:])
	switch binary.BigEndian.Uint16(b) {
	case opOACK:
		if t.answered {
			if t.blocks == 0 { // our ACK was lost
				return t.acknowledgment(), false, false, nil
			}
			return nil, false, false, nil
		}
		t.answered = true
		if err := t.grant(b[2:]); err != nil {
			return nil, false, false, err
		}
		return t.acknowledgment(), true, false, nil
	case opData:
		t.answered = true // without an OACK: the server knows no options (RFC 2347 §2)
		return t.data(number, b[4:])
	case opError:
		return nil, false, false, &ServerError{number}
	}
	return nil, false, false, nil
}

// grant reads the options that the server accepts. It leaves out those that it does
// not know, and may lower a value (RFC 2347 §2). What was not requested is ignored.
func (t *transfer) grant(b []byte) error {
	for len(b) > 0 {
		name, rest, _ := bytes.Cut(b, []byte{0})
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return errors.New("its answer to the options is cut off")
		}
		b = rest
		n, err := strconv.Atoi(string(value))
		if err != nil {
			continue
		}
		switch string(bytes.ToLower(name)) {
		case "tsize":
			if n > t.limit {
				return t.tooLarge()
			}
			if n >= 0 {
				t.size = n
			}
		case "blksize":
			if n < standardBlock || n > blockSize {
				return fmt.Errorf("it answers with blocks of %d bytes, but %d were requested", n, blockSize)
			}
			t.block = n
		case "windowsize":
			if n < 1 || n > window {
				return fmt.Errorf("it answers with windows of %d blocks, but %d were requested", n, window)
			}
			t.window = n
		}
	}
	t.file = make([]byte, 0, max(t.size, 0))
	return nil
}

func (t *transfer) tooLarge() error {
	return fmt.Errorf("it has more than %d MiB", t.limit>>20)
}

func (t *transfer) data(number uint16, body []byte) (reply []byte, useful, done bool, err error) {
	if ahead := int16(number - uint16(t.blocks+1)); ahead != 0 {
		// A block is missing, or one came twice. RFC 7440 §4: say once where to go
		// on.
		if ahead > 0 && !t.gap {
			reply = t.acknowledgment()
			t.gap = true
		}
		return reply, false, false, nil
	}
	switch {
	case len(body) > t.block:
		return nil, false, false, fmt.Errorf("it sends a block of %d bytes instead of %d", len(body), t.block)
	case len(t.file)+len(body) > t.limit:
		return nil, false, false, t.tooLarge()
	}
	t.file = append(t.file, body...)
	t.blocks++
	t.unacked++
	t.gap = false
	done = len(body) < t.block
	if done && t.size >= 0 && t.size != len(t.file) {
		return nil, false, false, fmt.Errorf("it ends after %d of %d bytes", len(t.file), t.size)
	}
	if done || t.unacked == t.window {
		reply = t.acknowledgment()
	}
	return reply, true, done, nil
}
