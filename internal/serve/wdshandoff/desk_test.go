package wdshandoff

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/handoff"
)

var (
	first  = netip.MustParseAddr("192.168.77.100")
	behind = netip.MustParseAddr("10.1.0.100") // a relay agent
	biosPC = clients.Machine{MAC: pc, Firmware: "bios"}
)

// newDesk is a desk on a link whose neighbors the kernel knows.
func newDesk(t *testing.T, neighbors map[netip.Addr]config.MAC) *Desk {
	return New(t0, Options{
		RunDir: t.TempDir(), DataDir: t.TempDir(), Clients: clients.NewTable(8), Log: slog.New(slog.DiscardHandler),
		Link:     func() Link { return Link{7, netip.MustParsePrefix("192.168.77.1/24")} },
		Neighbor: func(_ int, a netip.Addr) (net.HardwareAddr, error) { return neighbors[a].Bytes(), nil },
		Resolve:  func(int, netip.Addr) error { return nil },
	})
}

// A client that was learned by DHCP alone may be a stranger's packet, so its
// boot of a rule with once is not used up by it.
func TestOnceIsUsedUpByItsMachine(t *testing.T) {
	rule := clients.Rule{Machine: config.Machine{MAC: []string{string(pc)}, Boot: "debian", Once: true}, View: "m1"}
	for _, tc := range []struct {
		situation string
		client    netip.Addr
		learn     func(*clients.Table)
		neighbors map[netip.Addr]config.MAC
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
			neighbors: map[netip.Addr]config.MAC{first: pc}, view: "m1",
			spent: []clients.Spent{{Rule: clients.Fingerprint(rule), MAC: pc}},
		},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			d := newDesk(t, tc.neighbors)
			tc.learn(d.Clients)
			rules := d.Rules(config.ModeProxy, []clients.Rule{rule}, nil)
			if got := d.Reader(t0, rules, tc.client, "").View; got != tc.view {
				t.Errorf("it reads %q", got)
			}
			d.Read(t0, rules, tc.client, "")
			if got := d.once.All(); !slices.Equal(got, tc.spent) {
				t.Errorf("used up: %v", got)
			}
		})
	}
}

// A client that is refused again and again is logged once in a while, and what
// is remembered of clients is bounded.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	var r refusals
	for n := range 2 * maxRefused {
		if !r.first(t0, netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})) {
			t.Fatal("a new client is not told of")
		}
	}
	if len(r.last) > maxRefused {
		t.Errorf("%d are remembered", len(r.last))
	}
	if last := netip.AddrFrom4([4]byte{10, 0, 7, 255}); r.first(t0.Add(refusedAgain-1), last) || !r.first(t0.Add(refusedAgain), last) {
		t.Error("told of too soon, or never again")
	}
}
