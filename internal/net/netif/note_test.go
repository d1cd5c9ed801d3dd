package netif

import (
	"net/netip"
	"slices"
	"testing"
)

func TestNote(t *testing.T) {
	own := owned{"eth0", netip.MustParsePrefix("192.168.77.1/24")}
	for _, c := range []struct {
		situation, note string
		want            []owned
	}{
		{"nothing", "", nil},
		{"what is written", "eth0 192.168.77.1/24\n", []owned{own}},
		{"cut off", "eth0 192.168.77.1/24\neth0 192.168.7", []owned{own}},
		{"no address", "eth0 \neth0 x\n", nil},
		{"no interface", " 192.168.77.1/24\n", nil},
		{"an address of another kind", "eth0 fd00::1/64\n", nil},
		{"bytes", "\x00\xff\n\n \n", nil},
	} {
		t.Run(c.situation, func(t *testing.T) {
			if got := parseNote(c.note); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
