package tftpclient

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Retry says when a client retransmits its last packet.
type Retry struct {
	After time.Duration // of silence
	Tries int           // until it gives up, including the first
}

// Fetch reads a file from a server. It returns an *Error if the server sends
// one. It ignores datagrams that do not come from the transfer's port.
func Fetch(conn net.PacketConn, server net.Addr, name string, o Options, r Retry) ([]byte, error) {
	var file []byte
	t := o.Begin(func(b []byte, _ int64, _ bool) error {
		file = append(file, b...)
		return nil
	})
	to, packet, answered := server, o.Request(name), false
	buf := make([]byte, 1<<16)
	for tries := r.Tries; ; {
		if _, err := conn.WriteTo(packet, to); err != nil {
			return nil, err
		}
		ack, done := false, false
		for !ack {
			if err := conn.SetReadDeadline(time.Now().Add(r.After)); err != nil {
				return nil, err
			}
			n, from, err := conn.ReadFrom(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if tries--; tries <= 0 {
					return nil, fmt.Errorf("after %d bytes of %s: %w", len(file), name, err)
				}
				t.Again()
				break // retransmits the last packet
			}
			if err != nil {
				return nil, err
			}
			if answered && from.String() != to.String() {
				continue
			}
			to, answered, tries = from, true, r.Tries
			if ack, done, err = t.Receive(buf[:n]); err != nil {
				return nil, err
			}
		}
		if answered {
			b := t.ACK()
			packet = b[:]
		}
		if done {
			_, err := conn.WriteTo(packet, to)
			return file, err
		}
	}
}
