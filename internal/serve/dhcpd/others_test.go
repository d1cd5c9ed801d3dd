package dhcpd

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
)

// Another PXE server is logged once, and machines that boot from WDS are
// answered accordingly as long as it is present.
func TestAnotherPXEServer(t *testing.T) {
	said := &bytes.Buffer{}
	other := otherdhcp.Rival{Server: netip.MustParseAddr("192.168.77.3"), MAC: "02:00:00:00:00:02"}
	begin := func(mode spec.Mode) *Server {
		s := newServer(t0, options(t, slog.New(slog.NewTextHandler(said, nil))))
		s.Configure(t0, Config{DHCP: spec.DHCP{Mode: mode}})
		return s
	}
	b := begin(spec.ModeProxy)
	for i := range 5 {
		b.rivalHeard(t0.Add(time.Duration(i)*time.Minute), other)
	}
	if n := strings.Count(said.String(), "another PXE server answers"); n != 1 || !b.Settings().Rival {
		t.Errorf("%d lines, answered accordingly: %v", n, b.Settings().Rival)
	}
	b.rivalGone(t0.Add(rivalLasts))
	if !b.Settings().Rival {
		t.Error("forgotten too soon")
	}
	b.rivalGone(t0.Add(4*time.Minute + rivalLasts))
	if b.Settings().Rival {
		t.Error("it counts as there without end")
	}
	said = &bytes.Buffer{}
	b = begin(spec.ModeOff)
	b.rivalHeard(t0, other)
	if said := said.String(); strings.Contains(said, "PXE server") {
		t.Errorf("with DHCP off the site has its own; the log:\n%s", said)
	}
}

// A site's DHCP server that sends boot options is logged once, with what it
// sends and what to remove; but not if it is meant to send them.
func TestSiteThatSendsBootOptions(t *testing.T) {
	server := netip.MustParseAddr("192.168.77.2")
	lease, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeAck),
		dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50)),
		dhcpv4.WithLeaseTime(3600), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice())),
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient")),
		func(m *dhcpv4.DHCPv4) { m.OpCode, m.BootFileName = dhcpv4.OpcodeBootReply, "other.efi" })
	if err != nil {
		t.Fatal(err)
	}
	plain := *lease
	plain.BootFileName, plain.Options = "", maps.Clone(lease.Options)
	delete(plain.Options, uint8(dhcpv4.OptionClassIdentifier))
	for situation, tc := range map[string]struct {
		mode  spec.Mode
		lease *dhcpv4.DHCPv4
		lines int
	}{
		"proxy":                     {mode: spec.ModeProxy, lease: lease, lines: 1},
		"auto":                      {mode: spec.ModeAuto, lease: lease, lines: 1},
		"off":                       {mode: spec.ModeOff, lease: lease},
		"a server that leases only": {mode: spec.ModeAuto, lease: &plain},
	} {
		synctest.Test(t, func(t *testing.T) {
			said := &bytes.Buffer{}
			s := newServer(time.Now(), options(t, slog.New(slog.NewTextHandler(said, nil))))
			s.Configure(time.Now(), Config{DHCP: spec.DHCP{Mode: tc.mode}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { s.own(ctx); close(done) }()
			for range 3 { // it is renewed
				s.Leased(ctx, tc.lease)
			}
			synctest.Wait()
			cancel()
			<-done
			if n := strings.Count(said.String(), "sends boot options"); n != tc.lines {
				t.Errorf("%s: %d lines: %s", situation, n, said)
			}
			for _, want := range []string{"server=192.168.77.2", "PXEClient", "other.efi", "option 60", "option 67"} {
				if tc.lines > 0 && !strings.Contains(said.String(), want) {
					t.Errorf("%s: nothing about %s: %s", situation, want, said)
				}
			}
		})
	}
}
