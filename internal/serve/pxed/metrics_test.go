package pxed

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// The settings say who may read the metrics; the next generation may say
// something else.
func TestMetricsAllow(t *testing.T) {
	d := newBox(t, spec.ModeProxy)
	monitor := netip.MustParseAddr("10.9.0.5")
	status := func(from netip.Addr) int {
		r, w := httptest.NewRequest("GET", "/metrics", nil), httptest.NewRecorder()
		r.RemoteAddr = netip.AddrPortFrom(from, 40000).String()
		d.httpServer().ServeHTTP(w, r)
		return w.Code
	}
	for _, tc := range []struct {
		situation string
		allow     []netip.Prefix
		want      map[netip.Addr]int
	}{
		{situation: "the default", want: map[netip.Addr]int{first: 200, behindPC.Addr(): 200, self.Addr(): 200,
			monitor: 403}},
		{situation: "a network", allow: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")},
			want: map[netip.Addr]int{first: 403, self.Addr(): 200, monitor: 200}},
		{situation: "no host", allow: []netip.Prefix{},
			want: map[netip.Addr]int{first: 403, self.Addr(): 200, monitor: 403}},
	} {
		g := d.now.Generation
		g.Metrics.Allow = tc.allow
		d.takes(g)
		for from, want := range tc.want {
			if got := status(from); got != want {
				t.Errorf("%s: %v gets %d, want %d", tc.situation, from, got, want)
			}
		}
	}
}
