package mdns

import (
	"net/netip"
	"testing"
)

func TestChooseLink(t *testing.T) {
	link := func(index int, name, addr string) Link {
		return Link{Index: index, Interface: name, Addr: netip.MustParsePrefix(addr)}
	}
	eth0, eth1 := link(2, "eth0", "192.168.77.1/24"), link(3, "eth1", "10.0.0.5/8")
	for _, tt := range []struct {
		situation string
		note      []Link
		page      string
		all       []Link
		want      string // interface
	}{
		{"pxed set an address", []Link{link(0, "eth0", "192.168.77.1/24")}, "0.0.0.0", []Link{eth1, eth0}, "eth0"},
		{"its cable is out", []Link{link(0, "eth0", "192.168.77.1/24")}, "0.0.0.0", []Link{eth1}, ""},
		{"one network of the system", nil, "0.0.0.0", []Link{eth1}, "eth1"},
		{"two of them", nil, "::", []Link{eth0, eth1}, ""},
		{"two, and the page listens on one", nil, "10.0.0.5", []Link{eth0, eth1}, "eth1"},
		{"the page listens on lo", nil, "127.0.0.1", []Link{eth0}, ""},
		{"none", nil, "::", nil, ""},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			if got := choose(tt.note, netip.MustParseAddr(tt.page), tt.all); got.Interface != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}
