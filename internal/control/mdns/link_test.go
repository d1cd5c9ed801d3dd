package mdns

import (
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/internal/base/ownaddr"
)

func TestChooseLink(t *testing.T) {
	link := func(index int, name, addr string) Link {
		return Link{Index: index, Interface: name, Addr: netip.MustParsePrefix(addr)}
	}
	eth0, eth1 := link(2, "eth0", "192.168.77.1/24"), link(3, "eth1", "10.0.0.5/8")
	pxed := []ownaddr.Own{{Interface: "eth0", Addr: eth0.Addr}}
	for _, tt := range []struct {
		situation string
		note      []ownaddr.Own
		page      string
		all       []Link
		want      string // interface
	}{
		{
			situation: "pxed set an address", note: pxed, page: "0.0.0.0",
			all: []Link{eth1, eth0}, want: "eth0",
		},
		{
			situation: "its cable is out", note: pxed, page: "0.0.0.0",
			all: []Link{eth1},
		},
		{situation: "one network of the system", page: "0.0.0.0", all: []Link{eth1}, want: "eth1"},
		{situation: "two of them", page: "::", all: []Link{eth0, eth1}},
		{situation: "two, and the page listens on one", page: "10.0.0.5", all: []Link{eth0, eth1}, want: "eth1"},
		{situation: "the page listens on lo", page: "127.0.0.1", all: []Link{eth0}},
		{situation: "none", page: "::"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := choose(tt.note, netip.MustParseAddr(tt.page), tt.all); got.Interface != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}
