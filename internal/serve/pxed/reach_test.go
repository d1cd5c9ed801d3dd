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
		{situation: "no carrier yet", link: netif.Link{Index: 2}, lost: behind},
		{situation: "no router", link: up, lost: behind, want: behind, read: 1},
		{situation: "other settings, and still no router", link: up, lost: behind, read: 1},
		{situation: "the kernel does not say", link: up, err: errors.New("no memory"), read: 1},
		{situation: "a router by now", link: up, read: 1},
		{situation: "one is lost again", link: up, lost: behind[1:], want: behind[1:], read: 1},
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
