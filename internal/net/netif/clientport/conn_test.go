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
			n, err := vm.Run(append(make([]byte, ethernet), tt.packet...))
			if got := n > 0 && err == nil; got != tt.pass {
				t.Fatalf("passes: %v (%d, %v), want %v", got, n, err, tt.pass)
			}
		})
	}
}

// Only a packet that both headers address to all hosts is certain to come from
// this link.
func TestIsBroadcast(t *testing.T) {
	all, one := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, [6]byte{0x52, 0x54, 0, 0, 0, 1}
	limited, directed, unicast := [4]byte{255, 255, 255, 255}, [4]byte{192, 168, 77, 255}, [4]byte{192, 168, 77, 1}
	for situation, tt := range map[string]struct {
		to   [6]byte
		ip   [4]byte
		want bool
	}{
		"sent on the link":                     {all, limited, true},
		"forwarded by a router":                {one, unicast, false},
		"a directed broadcast":                 {all, directed, false},
		"a unicast in a broadcast frame":       {all, unicast, false},
		"a limited broadcast to one host only": {one, limited, false},
	} {
		frame := append(append(tt.to[:], make([]byte, 8)...), datagram(5, 17, 0, 68)...)
		copy(frame[ethernet+16:], tt.ip[:])
		if got := isBroadcast(frame); got != tt.want {
			t.Errorf("%s: %v", situation, got)
		}
		if isBroadcast(frame[:ethernet+19]) {
			t.Errorf("%s, cut off: broadcast", situation)
		}
	}
}
