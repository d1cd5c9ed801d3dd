//go:build peers

package peers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
)

// The box reports a site's DHCP server that sends boot options, whether it
// learns of it from its own lease or from an offer that it overhears. It does
// not report a server that only names itself in siaddr, as dnsmasq and ISC's
// server do for every client.
func TestSiteServerSendsBootOptions(t *testing.T) {
	const reported = "the site's DHCP server sends boot options"
	options := []string{"--dhcp-option-force=60,PXEClient", "--dhcp-boot=other.efi,,192.168.77.9"}
	const leased = "[network]\n[dhcp]\nmode = \"auto\"\n"
	for _, tc := range []struct {
		situation, configuration string
		server                   []string
		want                     []string
	}{
		{situation: "by the lease", configuration: leased, server: options,
			want: []string{"server=192.168.77.3", "PXEClient", "other.efi", "192.168.77.9"}},
		{situation: "in an offer", configuration: proxy, server: options,
			want: []string{"server=192.168.77.3", "server_mac=02:70:78:65:00:03", "PXEClient", "other.efi"}},
		{situation: "siaddr alone", configuration: leased},
		{situation: "siaddr alone, in an offer", configuration: proxy},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.startForeign(tc.server...)
			s.startBox(tc.configuration)
			// Each machine receives both servers' answers. The first sets the
			// flag, so that the box overhears the answer of the site's server.
			for i, flag := range []bool{true, false} {
				k := s.talker(fmt.Sprintf("02:70:78:65:00:1%d", i))
				m := k.message(dhcpv4.MessageTypeDiscover, biosROM, dhcpv4.WithBroadcast(flag))
				k.ask(m)
				s.await("offer of the site's server", 0,
					func(p capture.Packet) bool { return answers(m)(p) && p.Src.Addr() == foreignAddr })
				s.await("offer of the box", 0,
					func(p capture.Packet) bool { return answers(m)(p) && !address(p.DHCP.YourIPAddr).IsValid() })
			}
			lines := func() []string {
				return slices.DeleteFunc(s.box.Log.From(0),
					func(line string) bool { return !strings.Contains(line, reported) })
			}
			if tc.want == nil {
				if said := lines(); len(said) > 0 {
					t.Errorf("it is reported: %q", said)
				}
				return
			}
			s.saysSoon(s.box, reported)
			said := lines()
			for _, want := range tc.want {
				if !strings.Contains(said[0], want) {
					t.Errorf("nothing about %s: %s", want, said[0])
				}
			}
			if len(said) > 1 {
				t.Errorf("reported more than once: %q", said)
			}
		})
	}
}

// A box whose lease names no router reports the networks behind routers that it
// cannot reach.
func TestLeaseWithoutRouter(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign("--dhcp-option=option:router") // sends no router
	s.startBox("[network]\n[dhcp]\nmode = \"auto\"\n" + behindRouter)
	s.saysSoon(s.box, "interface=eth0 network=10.1.0.0/24")
}
