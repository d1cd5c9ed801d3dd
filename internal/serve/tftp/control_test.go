package tftp

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// A program that follows the packets gets those that show how a transfer begins
// and ends. The acknowledgements in between would be one for each block.
func TestControlPackets(t *testing.T) {
	type packet struct{ from, to netip.AddrPort }
	for _, tc := range []struct {
		situation string
		request   []string
		acks      []uint16 // after the OACK
		fails     bool     // the last packet is an ERROR
		want      []string // opcodes, and the number of an ACK
	}{
		{
			situation: "with options", request: []string{"file", "octet", "blksize", "512", "tsize", "0"},
			acks: []uint16{0, 1, 2, 3, 4}, want: []string{"RRQ", "OACK", "ACK 0", "ACK 4"},
		},
		{
			situation: "without options", request: []string{"file", "octet"},
			acks: []uint16{1, 2, 3, 4}, want: []string{"RRQ", "ACK 1", "ACK 4"},
		},
		{
			situation: "EDK2 asks for the size", request: []string{"file", "octet", "tsize", "0"},
			fails: true, want: []string{"RRQ", "OACK", "ERROR"},
		},
		{situation: "no such file", request: []string{"none", "octet"}, want: []string{"RRQ", "ERROR"}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			seen := make(chan string, 64)
			addresses := make(chan packet, 64)
			done := make(chan Event, 4)
			addr := serveAs(t, &Server{
				Open: func(_ netip.AddrPort, name string) (File, error) {
					if name == "none" {
						return nil, fs.ErrNotExist
					}
					return memFile{bytes.NewReader(make([]byte, 3*512+1))}, nil
				},
				Allow: everybody, Done: func(e Event) { done <- e },
				Packet: func(from, to netip.AddrPort, b []byte) {
					name := map[byte]string{opRRQ: "RRQ", opDATA: "DATA", opACK: "ACK", opERROR: "ERROR",
						opOACK: "OACK"}[b[1]]
					if b[1] == opACK {
						name = fmt.Sprint("ACK ", b[3])
					}
					addresses <- packet{from, to}
					seen <- name
				},
			})
			c := dial(t, addr, "127.0.0.1")
			c.ask(tc.request...)
			b := make([]byte, 2048)
			_, c.peer = c.next(b)
			for i, block := range tc.acks {
				if i > 0 {
					c.next(b)
				}
				c.conn.WriteToUDPAddrPort([]byte{0, opACK, 0, byte(block)}, c.peer)
			}
			if tc.fails {
				c.conn.WriteToUDPAddrPort([]byte{0, opERROR, 0, 8, 0}, c.peer)
			}
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				t.Fatal("the transfer does not end")
			}
			var got []string
			for len(got) < len(tc.want) {
				select {
				case name := <-seen:
					if len(got) == 0 || name != got[len(got)-1] { // not repeated because the test was slow
						got = append(got, name)
					}
				case <-time.After(30 * time.Second):
					t.Fatalf("packets: %q, want %q", got, tc.want)
				}
			}
			if !slices.Equal(got, tc.want) || len(seen) > 0 {
				t.Errorf("packets: %q and %d more, want %q", got, len(seen), tc.want)
			}
			if p := <-addresses; p.from.Addr() != c.peer.Addr() || p.to.Port() != requestPort {
				t.Errorf("the request is from %v to %v", p.from, p.to)
			}
			if p := <-addresses; p.from != c.peer && p.to != c.peer {
				t.Errorf("the second packet is from %v to %v, the transfer's port is %v", p.from, p.to, c.peer)
			}
		})
	}
}

// A file counts as sent only if the address that requested it acknowledges it. What
// others acknowledge to the transfer's port, from another address or port, does not
// count.
func TestAcknowledgementsOfOthers(t *testing.T) {
	for _, tc := range []struct {
		situation string
		from      string // of the acknowledgements; empty for the client itself
		sent      bool
	}{
		{situation: "the client", sent: true},
		{situation: "another port of the same address", from: "127.0.0.1"},
		{situation: "another address", from: "127.0.0.2"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			done := make(chan Event, 4)
			addr := serveAs(t, &Server{
				Open: func(netip.AddrPort, string) (File, error) {
					return memFile{bytes.NewReader(make([]byte, 3*512+1))}, nil
				},
				Allow: everybody, Done: func(e Event) { done <- e },
			})
			c := dial(t, addr, "127.0.0.1")
			c.ask("file", "octet")
			_, c.peer = c.next(make([]byte, 2048))
			by := c
			if tc.from != "" {
				by = dial(t, addr, tc.from)
			}
			for block := range byte(4) {
				if by == c && block > 0 {
					c.next(make([]byte, 2048))
				}
				by.conn.WriteToUDPAddrPort([]byte{0, opACK, 0, block + 1}, c.peer)
			}
			if !tc.sent {
				c.conn.WriteToUDPAddrPort([]byte{0, opERROR, 0, 0, 0}, c.peer) // it hangs up
			}
			select {
			case e := <-done:
				if sent := e.Err == nil; sent != tc.sent || e.Sent > 0 != tc.sent {
					t.Errorf("sent: %v, %d bytes, %v", sent, e.Sent, e.Err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the transfer does not end")
			}
		})
	}
}
