package resolve

import (
	"net/netip"
	"testing"
)

func TestUnusable(t *testing.T) {
	own := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("192.168.77.1/24"),
		netip.MustParsePrefix("10.5.0.0/31")}
	for a, want := range map[string]string{
		"0.0.0.0":         "is not a machine's address",
		"0.1.2.3":         "is not a machine's address",
		"127.0.0.1":       "is a loopback address",
		"127.8.8.8":       "is a loopback address",
		"224.0.0.1":       "is a multicast group",
		"239.255.255.255": "is a multicast group",
		"240.0.0.1":       "is a broadcast or reserved address",
		"255.255.255.255": "is a broadcast or reserved address",
		"192.168.77.1":    "is this box's own address",
		"192.168.77.255":  "is the network or broadcast address of 192.168.77.0/24",
		"192.168.77.0":    "is the network or broadcast address of 192.168.77.0/24",
		"192.168.77.2":    "",
		"192.168.78.255":  "", // in another network, whose mask is not known
		"10.5.0.1":        "", // RFC 3021
		"10.0.0.9":        "",
	} {
		if got := unusable(netip.MustParseAddr(a), own); got != want {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
}
