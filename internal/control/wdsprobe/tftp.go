package wdsprobe

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// TFTP opcodes (RFC 1350 §5, RFC 2347).
const (
	opRead  = 1
	opData  = 3
	opError = 5
	opOACK  = 6
)

// Error codes of TFTP that a WDS server sends (RFC 1350, appendix).
const (
	codeNotFound  = 1
	codeViolation = 2
)

// readRequest requests a file and its size (RFC 2349). That makes the server answer
// with an OACK, which we can refuse before the server sends a single block. The size
// shows when the file was replaced.
func readRequest(name string) []byte {
	b := binary.BigEndian.AppendUint16(nil, opRead)
	return append(b, name+"\x00octet\x00tsize\x000\x00"...)
}

// abort ends a transfer that the server has begun. Without it the server would
// retransmit for half a minute, after each question.
func abort() []byte {
	b := binary.BigEndian.AppendUint16(nil, opError)
	b = binary.BigEndian.AppendUint16(b, 0)
	return append(b, "only asked whether it is there\x00"...)
}

// answer is the reply to a readRequest. The zero answer is no reply.
type answer struct {
	kind kind
	code uint16 // refuses
	text string // refuses: the server's message, sanitized
	size int64  // gives: bytes; 0 if the server does not say
}

type kind int

const (
	silent kind = iota
	gives
	refuses
)

// parseAnswer reads the first packet from a server. ok is false for a packet that
// does not answer a readRequest.
func parseAnswer(b []byte) (a answer, ok bool) {
	if len(b) < 4 {
		return answer{}, false
	}
	number := binary.BigEndian.Uint16(b[2:])
	switch binary.BigEndian.Uint16(b) {
	case opOACK:
		return answer{kind: gives, size: sizeIn(b[2:])}, true
	case opData: // from a server that does not support options (RFC 2347 §2)
		return answer{kind: gives}, number == 1
	case opError:
		text, _, _ := bytes.Cut(b[4:], []byte{0})
		return answer{kind: refuses, code: number, text: harmless(text)}, true
	}
	return answer{}, false
}

// sizeIn returns the tsize among the options of an OACK, or 0.
func sizeIn(options []byte) int64 {
	for len(options) > 0 {
		name, rest, _ := bytes.Cut(options, []byte{0})
		value, rest, _ := bytes.Cut(rest, []byte{0})
		options = rest
		if string(bytes.ToLower(name)) == "tsize" {
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || n < 0 {
				return 0
			}
			return n
		}
	}
	return 0
}

// maxText limits how much of a server's message is kept, in bytes.
const maxText = 60

// harmless removes from a server's message whatever a boot loader, a terminal or
// a log could interpret: the message ends up in a menu.
func harmless(b []byte) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(".,:-", r):
			return r
		}
		return ' '
	}, string(b[:min(len(b), maxText)]))), " ")
}
