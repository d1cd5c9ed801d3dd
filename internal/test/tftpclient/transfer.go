// Package tftpclient is the receiving end of a TFTP read request (RFC 1350,
// 2347, 2348, 7440), for tests and benchmarks of servers. A Transfer does no
// I/O; Fetch reads one file over a socket.
package tftpclient

import (
	"bytes"
	"cmp"
	"encoding/binary"
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

// DefaultBlockSize is the block size without an option (RFC 1350).
const DefaultBlockSize = 512

// Options are the options that a client requests. The zero value requests none.
type Options struct {
	BlockSize int // bytes
	Window    int // blocks
}

// Request returns the packet that requests a file.
func (o Options) Request(name string) []byte {
	b := append([]byte{0, opRRQ}, name...)
	b = append(b, "\x00octet\x00"...)
	if o.blockSize() != DefaultBlockSize {
		b = append(b, "blksize\x00"+strconv.Itoa(o.BlockSize)+"\x00"...)
	}
	if o.window() > 1 {
		b = append(b, "windowsize\x00"+strconv.Itoa(o.Window)+"\x00"...)
	}
	return b
}

func (o Options) blockSize() int { return cmp.Or(o.BlockSize, DefaultBlockSize) }
func (o Options) window() int    { return cmp.Or(o.Window, 1) }

// Error is a server's ERROR packet (RFC 1350 §5).
type Error struct {
	Code    uint16
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("TFTP error %d: %q", e.Code, e.Message) }

// Body takes the bytes of a block. at is their offset in the file, and last is
// set for the block that ends the file. An error from Body ends the transfer.
type Body func(b []byte, at int64, last bool) error

// Transfer is the state of one read request after the request was sent.
type Transfer struct {
	// BlockSize and Window are what the client requested and, once the server
	// has answered, what the server granted.
	BlockSize, Window int
	Blocks, Bytes     int64 // received in order

	body     Body
	answered bool
	unacked  int  // blocks in order since the last ACK
	gap      bool // the last ACK reported a missing block
}

// Begin returns the transfer that a request starts.
func (o Options) Begin(body Body) Transfer {
	return Transfer{BlockSize: o.blockSize(), Window: o.window(), body: body}
}

// ACK returns the packet that acknowledges all blocks received in order.
func (t *Transfer) ACK() [4]byte { return [4]byte{0, opACK, byte(t.Blocks >> 8), byte(t.Blocks)} }

// Again must be called when no packet has come for a while, before the last ACK
// is retransmitted.
func (t *Transfer) Again() { t.unacked, t.gap = 0, false }

// Receive takes one packet. ack is set if the client must send ACK now.
func (t *Transfer) Receive(b []byte) (ack, done bool, err error) {
	if len(b) < 4 {
		return false, false, fmt.Errorf("a packet of %d bytes", len(b))
	}
	switch op := binary.BigEndian.Uint16(b); op {
	case opOACK:
		if t.Blocks > 0 {
			return false, false, nil // late
		}
		t.answered = true
		return true, false, t.granted(b[2:])
	case opDATA:
		return t.data(binary.BigEndian.Uint16(b[2:]), b[4:])
	case opERROR:
		text, _, _ := bytes.Cut(b[4:], []byte{0})
		return false, false, &Error{binary.BigEndian.Uint16(b[2:]), string(text)}
	default:
		return false, false, fmt.Errorf("a packet of opcode %d", op)
	}
}

// granted reads the options of an OACK. The server did not grant an option that
// is missing from it (RFC 2347).
func (t *Transfer) granted(b []byte) error {
	blockSize, window := DefaultBlockSize, 1
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
	// RFC 2348, RFC 7440 §3: the server may lower the requested values.
	if blockSize > t.BlockSize || window > t.Window || blockSize < 8 || window < 1 {
		return fmt.Errorf("granted blksize %d windowsize %d, asked for %d and %d",
			blockSize, window, t.BlockSize, t.Window)
	}
	t.BlockSize, t.Window = blockSize, window
	return nil
}

func (t *Transfer) data(block uint16, body []byte) (ack, done bool, err error) {
	if !t.answered { // DATA without an OACK: the server does not support options
		t.answered, t.BlockSize, t.Window = true, DefaultBlockSize, 1
	}
	switch ahead := int16(block - uint16(t.Blocks+1)); {
	case ahead == 0:
		if len(body) > t.BlockSize {
			return false, false, fmt.Errorf("block %d has %d bytes, %d were agreed", t.Blocks+1, len(body), t.BlockSize)
		}
		last := len(body) < t.BlockSize
		if err := t.body(body, t.Bytes, last); err != nil {
			return false, false, fmt.Errorf("block %d: %w", t.Blocks+1, err)
		}
		t.Bytes += int64(len(body))
		t.Blocks++
		t.gap = false
		if last {
			return true, true, nil
		}
		if t.unacked++; t.unacked < t.Window {
			return false, false, nil
		}
	case ahead == -1 && t.unacked == 0:
		// The last block again, although it was acknowledged: the ACK was lost.
		// An ACK in the middle of a retransmitted window would cause another
		// retransmission.
	case ahead > 0 && !t.gap:
		// RFC 7440 §4: the client answers a gap with an ACK of the last block
		// before it. It does so once, because the following blocks are of the
		// same window.
		t.gap = true
	default:
		return false, false, nil
	}
	t.unacked = 0
	return true, false, nil
}
