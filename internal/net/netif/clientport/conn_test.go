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
		{situation: "an answer to a client", packet: datagram(5, 17, 0, 68), pass: true},
		{situation: "do not fragment", packet: datagram(5, 17, 0x4000, 68), pass: true},
		{situation: "with IP options", packet: datagram(7, 17, 0, 68), pass: true},
		{situation: "a question to a server", packet: datagram(5, 17, 0, 67)},
		{situation: "a TFTP block", packet: datagram(5, 17, 0, 50000)},
		{situation: "TCP to the same port", packet: datagram(5, 6, 0, 68)},
		{situation: "the first fragment", packet: datagram(5, 17, 0x2000, 68)},
		{situation: "a later fragment", packet: datagram(5, 17, 0x00b9, 68)},
		{situation: "cut off before the port", packet: datagram(5, 17, 0, 68)[:22]},
		{situation: "empty"},
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
		"sent on the link":                     {to: all, ip: limited, want: true},
		"forwarded by a router":                {to: one, ip: unicast},
		"a directed broadcast":                 {to: all, ip: directed},
		"a unicast in a broadcast frame":       {to: all, ip: unicast},
		"a limited broadcast to one host only": {to: one, ip: limited},
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
