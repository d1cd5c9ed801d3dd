package clientport

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// datagram is an IPv4 packet with a header of the given number of words.
func datagram(words int, protocol byte, fragment uint16, port uint16) []byte {
	b := make([]byte, 4*words+8)
	b[0] = 4<<4 | byte(words)
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[9] = protocol
	binary.BigEndian.PutUint16(b[4*words+2:], port)
	return b
}

func TestFilterPassesOnlyTheClientsPort(t *testing.T) {
	vm, err := bpf.NewVM(toPort68)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		situation string
		packet    []byte
		pass      bool
	}{
		{"an answer to a client", datagram(5, 17, 0, 68), true},
		{"do not fragment", datagram(5, 17, 0x4000, 68), true},
		{"with IP options", datagram(7, 17, 0, 68), true},
		{"a question to a server", datagram(5, 17, 0, 67), false},
		{"a TFTP block", datagram(5, 17, 0, 50000), false},
		{"TCP to the same port", datagram(5, 6, 0, 68), false},
		{"the first fragment", datagram(5, 17, 0x2000, 68), false},
		{"a later fragment", datagram(5, 17, 0x00b9, 68), false},
		{"cut off before the port", datagram(5, 17, 0, 68)[:22], false},
		{"empty", nil, false},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			n, err := vm.Run(tt.packet)
			if got := n > 0 && err == nil; got != tt.pass {
				t.Fatalf("passes: %v (%d, %v), want %v", got, n, err, tt.pass)
			}
		})
	}
}
