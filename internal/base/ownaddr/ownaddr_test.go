package ownaddr

import (
	"net/netip"
	"slices"
	"testing"
)

func TestNote(t *testing.T) {
	own := Own{"eth0", netip.MustParsePrefix("192.168.77.1/24")}
	for _, c := range []struct {
		situation, note string
		want            []Own
	}{
		{situation: "nothing"},
		{situation: "what is written", note: "eth0 192.168.77.1/24\n", want: []Own{own}},
		{situation: "cut off", note: "eth0 192.168.77.1/24\neth0 192.168.7", want: []Own{own}},
		{situation: "no address", note: "eth0 \neth0 x\n"},
		{situation: "no interface", note: " 192.168.77.1/24\n"},
		{situation: "an address of another kind", note: "eth0 fd00::1/64\n"},
		{situation: "bytes", note: "\x00\xff\n\n \n"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if got := parse(c.note); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
