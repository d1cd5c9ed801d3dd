// Package tracestream is the one stream from pxed to the page: what happened, in
// order, and the control packets that show it. Each record is one line of JSON.
// pxed writes the stream to each client of its socket, and reads nothing
// from it.
package tracestream

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/trace"
)

// Socket is the name of pxed's Unix socket in the run directory.
const Socket = "pxed.sock"

// MaxLine is the longest line of the stream, in bytes.
const MaxLine = 16 << 10

// Record is one line: exactly one field is set.
type Record struct {
	Hello  *Hello       `json:"hello,omitempty"`
	Event  *trace.Event `json:"event,omitempty"`
	Packet *Packet      `json:"packet,omitempty"`
	// Lost is how many records were left out here, because too many came at a
	// time.
	Lost uint64 `json:"lost,omitempty"`
	// Alive is sent when there was nothing else to send for a few seconds.
	Alive bool `json:"alive,omitempty"`
}

// Hello is the first record of a connection. The records after it, up to the
// first one with Alive, repeat what pxed remembers.
type Hello struct {
	Started time.Time  `json:"started"` // when pxed started: it remembers nothing older
	Address netip.Addr `json:"address"` // the box's
	Version string     `json:"version"`
}

// Packet is a DHCP packet, or a TFTP packet that is no DATA block, with its UDP
// header's fields.
type Packet struct {
	Time    time.Time      `json:"time"`
	From    netip.AddrPort `json:"from"`
	To      netip.AddrPort `json:"to"`
	MAC     ether.MAC      `json:"mac,omitzero"` // the machine's, if the packet says it
	Payload []byte         `json:"payload"`      // of the UDP datagram
}

// Reader reads records.
type Reader struct{ lines *bufio.Scanner }

// NewReader returns a reader of the stream r.
func NewReader(r io.Reader) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, MaxLine)
	return &Reader{s}
}

// Next returns the next record. The error is io.EOF at the stream's end.
func (r *Reader) Next() (Record, error) {
	if !r.lines.Scan() {
		return Record{}, errors.Join(r.lines.Err(), io.EOF)
	}
	var rec Record
	if err := json.Unmarshal(r.lines.Bytes(), &rec); err != nil {
		return Record{}, fmt.Errorf("trace stream: %w", err)
	}
	return rec, nil
}

// Append appends a record's line to b.
func Append(b []byte, r Record) []byte {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // plain values
	}
	return append(append(b, line...), '\n')
}
