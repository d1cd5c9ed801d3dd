package pxed

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/pxebox/pxebox/internal/net/netif"
)

func TestReach(t *testing.T) {
	up := netif.Link{Name: "eth0", Index: 2, Up: true, Addr: netip.MustParsePrefix("192.168.77.1/24")}
	behind := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24"), netip.MustParsePrefix("10.2.0.0/24")}
	var r reach
	for _, step := range []struct { // in sequence
		situation string
		link      netif.Link
		lost      []netip.Prefix // as the kernel reports
		err       error
		want      []netip.Prefix
		read      int // how often the kernel is queried
	}{
		{"no carrier yet", netif.Link{Index: 2}, behind, nil, nil, 0},
		{"no router", up, behind, nil, behind, 1},
		{"other settings, and still no router", up, behind, nil, nil, 1},
		{"the kernel does not say", up, nil, errors.New("no memory"), nil, 1},
		{"a router by now", up, nil, nil, nil, 1},
		{"one is lost again", up, behind[1:], nil, behind[1:], 1},
	} {
		var got []netip.Prefix
		var errs []error
		read := 0
		r.routes = func(int, []netip.Prefix) ([]netip.Prefix, error) { read++; return step.lost, step.err }
		r.changed()
		for range 5 {
			lost, err := r.look(step.link, behind)
			got, errs = append(got, lost...), append(errs, err)
		}
		if !slices.Equal(got, step.want) || read != step.read || !errors.Is(errors.Join(errs...), step.err) {
			t.Errorf("%s: %v, read %d times, %v; want %v, %d", step.situation, got, read, errs, step.want, step.read)
		}
	}
}
