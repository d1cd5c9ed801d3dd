package dhcpd

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/serve/otherdhcp"
)

// Another PXE server is logged once, and machines that go to WDS are answered
// accordingly for as long as it is heard.
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
