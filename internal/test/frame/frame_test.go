package frame

import (
	"encoding/hex"
	"testing"
)

func TestUDP(t *testing.T) {
	whole := "ffffffffffff525400770010" + "0800" +
		"4500002000010000401100000a0000010a000002" + "00440043000c0000" + "61626364"
	for _, test := range []struct {
		situation string
		change    func(f []byte) []byte
		want      string
	}{
		{situation: "whole datagram", change: func(f []byte) []byte { return f }, want: "abcd"},
		{situation: "padded to the Ethernet minimum",
			change: func(f []byte) []byte { return append(f, make([]byte, 14)...) }, want: "abcd"},
		{situation: "IP options", change: func(f []byte) []byte {
			f[14], f[17] = 0x46, 0x24
			return append(append(append([]byte{}, f[:34]...), 1, 1, 1, 0), f[34:]...)
		}, want: "abcd"},
		{situation: "first fragment", change: func(f []byte) []byte { f[20] = 0x20; return f }},
		{situation: "later fragment", change: func(f []byte) []byte { f[21] = 1; return f }},
		{situation: "don't-fragment set", change: func(f []byte) []byte { f[20] = 0x40; return f }, want: "abcd"},
		{situation: "TCP", change: func(f []byte) []byte { f[23] = 6; return f }},
		{situation: "ARP", change: func(f []byte) []byte { f[13] = 6; return f }},
		{situation: "IP length beyond the frame", change: func(f []byte) []byte { f[17] = 200; return f }},
		{situation: "UDP length beyond the packet", change: func(f []byte) []byte { f[39] = 200; return f }},
		{situation: "UDP length below its header", change: func(f []byte) []byte { f[39] = 7; return f }},
		{situation: "cut in the IP header", change: func(f []byte) []byte { return f[:30] }},
	} {
		t.Run(test.situation, func(t *testing.T) {
			frame, err := hex.DecodeString(whole)
			if err != nil {
				t.Fatal(err)
			}
			d, ok := UDP(test.change(frame))
			if ok != (test.want != "") || string(d.Payload) != test.want {
				t.Fatalf("got %q, %v; want %q", d.Payload, ok, test.want)
			}
			if ok && (d.Src.String() != "10.0.0.1:68" || d.Dst.String() != "10.0.0.2:67") {
				t.Errorf("got %v", d)
			}
		})
	}
}
