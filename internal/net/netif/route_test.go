package netif

import (
	"net/netip"
	"slices"
	"testing"
)

func TestUncovered(t *testing.T) {
	networks := func(all ...string) (out []netip.Prefix) {
		for _, s := range all {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	subnets := networks("10.1.0.0/24", "10.2.0.0/16")
	for situation, tt := range map[string]struct{ routes, want []netip.Prefix }{
		"none":                             {nil, subnets},
		"the box's own network only":       {networks("192.168.77.0/24"), subnets},
		"a default router":                 {networks("192.168.77.0/24", "0.0.0.0/0"), nil},
		"a route to all of one":            {networks("10.1.0.0/24"), subnets[1:]},
		"a wider route":                    {networks("10.0.0.0/8"), nil},
		"a route to a part, or to another": {networks("10.2.0.0/24", "10.1.0.0/25", "10.3.0.0/16"), subnets},
	} {
		if got := uncovered(subnets, tt.routes); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v", situation, got)
		}
	}
}
