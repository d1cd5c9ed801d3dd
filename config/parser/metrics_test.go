package parser

import (
	"net/netip"
	"reflect"
	"testing"
)

func TestMetrics(t *testing.T) {
	for _, tc := range []struct {
		situation, file string
		want            []netip.Prefix
	}{
		{situation: "left out", file: "[metrics]\n", want: nil},
		{situation: "no host", file: "[metrics]\nallow = []\n", want: []netip.Prefix{}},
		{
			situation: "a network, a host, and all hosts",
			file:      "[metrics]\nallow = [\"10.9.0.0/24\", \"192.168.77.9\", \"0.0.0.0/0\"]\n",
			want: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24"), netip.MustParsePrefix("192.168.77.9/32"),
				netip.MustParsePrefix("0.0.0.0/0")},
		},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			c, err := Parse("f.toml", []byte(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Metrics.Allow; !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %#v, want %#v", got, tc.want)
			}
		})
	}
}
