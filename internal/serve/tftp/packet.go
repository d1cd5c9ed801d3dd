// Package tftp is a read-only TFTP server: RFC 1350 with the option extension
// (RFC 2347), block size (RFC 2348), timeout and transfer size (RFC 2349) and
// windows (RFC 7440). Transfer is the protocol as a pure state machine. A few
// reactors drive all transfers, each over a few sockets. The system calls that
// send and receive many datagrams at a time are in batch_linux.go. The caller's
// Open decides which files a client may fetch; this package never does.
package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Opcodes (RFC 1350 §5, RFC 2347).
const (
	opRRQ   = 1
	opWRQ   = 2
	opDATA  = 3
	opACK   = 4
	opERROR = 5
	opOACK  = 6
)

// ErrorCode is the code of an ERROR packet (RFC 1350 appendix, RFC 2347).
type ErrorCode uint16

// The codes that this server sends.
const (
	CodeUndefined  ErrorCode = 0
	CodeNotFound   ErrorCode = 1
	CodeAccess     ErrorCode = 2
	CodeIllegal    ErrorCode = 4
	CodeBadOptions ErrorCode = 8
)

// errorTexts are the messages that go with the codes. They are fixed, so that
// no internal detail of the box reaches a client.
var errorTexts = map[ErrorCode]string{
	CodeUndefined:  "server error",
	CodeNotFound:   "file not found",
	CodeAccess:     "access violation",
	CodeIllegal:    "illegal operation",
	CodeBadOptions: "bad options",
}

// Request is a read request (RFC 1350 §5, RFC 2347). An option that is missing,
// unknown or out of range is zero, and the server ignores it (RFC 2347, "must
// be ignored").
type Request struct {
	Name      string // as sent
	BlockSize int    // RFC 2348: 8 to 65464 bytes
	Timeout   int    // RFC 2349: 1 to 255 seconds
	WantSize  bool   // RFC 2349: tsize
	Window    int    // RFC 7440: 1 to 65535 blocks
}

// The reasons to refuse a request.
var (
	errMalformed = errors.New("malformed request")
	errWrite     = fmt.Errorf("%w: this server is read-only", ErrRefused)
	errNetascii  = fmt.Errorf("%w: only octet mode is served", ErrRefused)
)

// maxBlockSize is the largest block size, in bytes (RFC 2348).
const maxBlockSize = 65464

// maxOptions limits how many options are read from a request. No client sends
// more than five.
const maxOptions = 16

// parseRequest parses the first packet of a transfer. A packet that fails with
// errMalformed is not answered; the client is sent any other error.
func parseRequest(b []byte) (Request, error) {
	if len(b) < 2 {
		return Request{}, errMalformed
	}
	switch binary.BigEndian.Uint16(b) {
	case opRRQ:
	case opWRQ:
		return Request{}, errWrite
	default:
		return Request{}, errMalformed
	}
	name, rest, ok := cutString(b[2:])
	if !ok || name == "" {
		return Request{}, errMalformed
	}
	mode, rest, ok := cutString(rest)
	if !ok {
		return Request{}, errMalformed
	}
	r := Request{Name: name}
	if !strings.EqualFold(mode, "octet") {
		return r, errNetascii
	}
	for range maxOptions {
		var option, value string
		if option, rest, ok = cutString(rest); !ok {
			break
		}
		if value, rest, ok = cutString(rest); !ok {
			break
		}
		r.set(option, value)
	}
	return r, nil
}

// set stores one option. Names are case-insensitive (RFC 2347). A value that is
// out of range is ignored.
func (r *Request) set(option, value string) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return
	}
	switch strings.ToLower(option) {
	case "blksize":
		if n >= 8 {
			r.BlockSize = int(min(n, maxBlockSize))
		}
	case "timeout":
		if n >= 1 && n <= 255 {
			r.Timeout = int(n)
		}
	case "tsize":
		r.WantSize = true
	case "windowsize":
		if n >= 1 && n <= 65535 {
			r.Window = int(n)
		}
	}
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", nil, false
	}
	return string(b[:i]), b[i+1:], true
}

func appendOACK(b []byte, options [][2]string) []byte {
	b = binary.BigEndian.AppendUint16(b, opOACK)
	for _, o := range options {
		b = append(append(b, o[0]...), 0)
		b = append(append(b, o[1]...), 0)
	}
	return b
}

// dataHeader is the length of a DATA packet's header.
const dataHeader = 4

// putDATA writes the header of a DATA packet; the block's bytes follow.
func putDATA(b []byte, block uint16) {
	binary.BigEndian.PutUint16(b, opDATA)
	binary.BigEndian.PutUint16(b[2:], block)
}

func appendERROR(b []byte, code ErrorCode) []byte {
	b = binary.BigEndian.AppendUint16(b, opERROR)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(append(b, errorTexts[code]...), 0)
}
