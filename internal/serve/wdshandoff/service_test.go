package wdshandoff

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/ether"
	"github.com/pxebox/pxebox/internal/boot/handoff"
	"github.com/pxebox/pxebox/internal/boot/spec"
)

var (
	first  = netip.MustParseAddr("192.168.77.100")
	behind = netip.MustParseAddr("10.1.0.100") // a relay agent
	biosPC = clients.Machine{MAC: pc, Firmware: "bios"}
)

// newService makes a Service on a link whose neighbors the kernel knows.
func newService(t *testing.T, neighbors map[netip.Addr]ether.MAC) *Service {
	return New(t0, Options{
		RunDir: t.TempDir(), DataDir: t.TempDir(), Clients: clients.NewTable(8), Log: slog.New(slog.DiscardHandler),
		Link:     func() Link { return Link{7, netip.MustParsePrefix("192.168.77.1/24")} },
		Neighbor: func(_ int, a netip.Addr) (ether.MAC, error) { return neighbors[a], nil },
		Resolve:  func(int, netip.Addr) error { return nil },
	})
}

// A client that was learned by DHCP alone may be a forged packet, so its boot
// does not use up a rule with once.
func TestOnceIsUsedUpByItsMachine(t *testing.T) {
	rule := clients.Rule{Machine: spec.Machine{MAC: []string{pc.String()}, Boot: "debian", Once: true}, View: "m1"}
	for _, tc := range []struct {
		situation string
		client    netip.Addr
		learn     func(*clients.Table)
		neighbors map[netip.Addr]ether.MAC
		view      string
		spent     []clients.Spent
	}{
		{
			situation: "behind a router, by its own word", client: behind,
			learn: func(c *clients.Table) { c.Learn(behind, biosPC, false) }, view: handoff.Waiting,
		},
		{
			situation: "behind a relay agent, which vouches for it", client: behind,
			learn: func(c *clients.Table) { c.Learn(behind, biosPC, true) }, view: "m1",
			spent: []clients.Spent{{Rule: clients.Fingerprint(rule), MAC: pc}},
		},
		{
			situation: "on the link", client: first, learn: func(*clients.Table) {},
			neighbors: map[netip.Addr]ether.MAC{first: pc}, view: "m1",
			spent: []clients.Spent{{Rule: clients.Fingerprint(rule), MAC: pc}},
		},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := newService(t, tc.neighbors)
			tc.learn(d.Clients)
			rules := d.Rules(spec.ModeProxy, []clients.Rule{rule}, nil)
			if got := d.Reader(t0, rules, tc.client, ether.MAC{}).View; got != tc.view {
				t.Errorf("it reads %q", got)
			}
			d.Read(t0, rules, tc.client, ether.MAC{})
			if got := d.once.All(); !slices.Equal(got, tc.spent) {
				t.Errorf("used up: %v", got)
			}
		})
	}
}

// A machine retries at once when its handoff is refused. The log reports it
// again only after the machine has been restarted.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	var out bytes.Buffer
	d := newService(t, nil)
	d.Log = slog.New(slog.NewTextHandler(&out, nil))
	for _, step := range []struct {
		situation string
		after     time.Duration
		client    netip.Addr
		lines     int
	}{
		{situation: "the first", client: first, lines: 1},
		{situation: "its retry", after: refusedAgain - 1, client: first},
		{situation: "another client", after: refusedAgain - 1, client: behind, lines: 1},
		{situation: "after a restart", after: refusedAgain, client: first, lines: 1},
	} {
		out.Reset()
		d.Refuse(t0.Add(step.after), step.client, handoff.Request{MAC: pc, Entry: "wds"}, errors.New("some reason"))
		if n := strings.Count(out.String(), "hand-over refused"); n != step.lines {
			t.Errorf("%s: %d lines, want %d: %s", step.situation, n, step.lines, &out)
		}
	}
}
