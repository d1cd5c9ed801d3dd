package pxed

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/pxebox/pxebox/config"
	"github.com/pxebox/pxebox/internal/dhcp"
	"github.com/pxebox/pxebox/internal/dhcpconn"
	"github.com/pxebox/pxebox/internal/handoff"
	"github.com/pxebox/pxebox/internal/lease"
	"github.com/pxebox/pxebox/internal/machine"
	"github.com/pxebox/pxebox/internal/netif"
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	self  = netip.MustParsePrefix("192.168.77.1/24")
	first = netip.MustParseAddr("192.168.77.100")
)

// bench is a server between a wire and a disk that the test watches.
type bench struct {
	*testing.T
	*server
	sent   []string // message type and address
	probed []netip.Addr
	disk   []lease.Change
	broken error // what the disk says
	closed bool
}

func (b *bench) Send(_ netip.Addr, replies []dhcpconn.Reply) error {
	for _, r := range replies {
		m, err := dhcpv4.FromBytes(r.Data)
		if err != nil {
			b.Fatal(err)
		}
		b.sent = append(b.sent, m.MessageType().String()+" "+m.YourIPAddr.String())
	}
	return nil
}

func (b *bench) Probe(a netip.Addr) error { b.probed = append(b.probed, a); return nil }
func (b *bench) Heard(netip.Addr)         {}
func (b *bench) Close() error             { b.closed = true; return nil }

func (b *bench) Apply(changes []lease.Change) error {
	if b.broken == nil {
		b.disk = append(b.disk, changes...)
	}
	return b.broken
}

func newBench(t *testing.T, probe bool) *bench {
	b := &bench{T: t, server: newServer(t0, filepath.Join(t.TempDir(), "leases.db"), machine.NewTable(8), slog.New(slog.DiscardHandler), newTeller(slog.New(slog.DiscardHandler)))}
	c := config.DHCP{Mode: config.ModeServer, Probe: probe, Ranges: []config.Range{{First: first, Last: first.Next()}}}
	c.Lease = config.Duration(time.Hour)
	b.server.store = b
	b.configure(t0, c, handoff.Plan{}, netif.Link{Addr: self, HW: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, nil)
	return b
}

// client sends a message of the type from the machine with that number.
func (b *bench) client(now time.Time, n byte, t dhcpv4.MessageType, options ...dhcpv4.Option) {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, Flags: 0x8000,
		ClientHWAddr: net.HardwareAddr{2, 0, 0, 0, 1, n}, Options: dhcpv4.Options{},
	}
	m.UpdateOption(dhcpv4.OptMessageType(t))
	for _, o := range options {
		m.UpdateOption(o)
	}
	b.ask(now, received{[]dhcp.Question{{Msg: m, Port: dhcp.ServerPort}}, b, b, b})
}

// takes is a whole exchange up to the moment when the ACK waits for the disk.
func (b *bench) takes(n byte, a netip.Addr) {
	b.client(t0, n, dhcpv4.MessageTypeDiscover)
	b.client(t0, n, dhcpv4.MessageTypeRequest, dhcpv4.OptServerIdentifier(self.Addr().AsSlice()), dhcpv4.OptRequestedIPAddress(a.AsSlice()))
}

// write is one turn of the committer, with what waits for it.
func (b *bench) write() {
	b.Helper()
	to, work := b.toCommit(t0)
	if to == nil {
		b.Fatal("nothing waits for the disk")
	}
	b.committing()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { b.commit(ctx); close(ended) }()
	b.server.toDisk <- work
	b.onDisk(<-b.committed)
	cancel()
	<-ended // or it might take the next batch
}

func (b *bench) wantSent(want ...string) {
	b.Helper()
	if !slices.Equal(b.sent, want) {
		b.Fatalf("sent %q, want %q", b.sent, want)
	}
	b.sent = nil
}

func TestACKFollowsTheDisk(t *testing.T) {
	b := newBench(t, false)
	b.takes(1, first)
	b.takes(2, first.Next())
	b.wantSent("OFFER 192.168.77.100", "OFFER 192.168.77.101")
	b.write()
	b.wantSent("ACK 192.168.77.100", "ACK 192.168.77.101")
	if len(b.disk) != 2 {
		t.Errorf("on disk: %+v", b.disk)
	}
	if to, _ := b.toCommit(t0); to != nil {
		t.Error("an idle server still has something for the disk")
	}
}

// A renewal changes nothing on disk, but must not overtake the lease that it
// renews on its way there.
func TestRenewalWaitsItsTurn(t *testing.T) {
	b := newBench(t, false)
	b.takes(1, first)
	_, onItsWay := b.toCommit(t0)
	b.committing()
	b.sent = nil
	b.client(t0, 1, dhcpv4.MessageTypeRequest, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	b.wantSent()
	if _, next := b.toCommit(t0); len(next.answers) != 1 || len(next.changes) != 0 || len(onItsWay.changes) != 1 {
		t.Errorf("first %d changes, then %d answers with %d changes", len(onItsWay.changes), len(next.answers), len(next.changes))
	}
}

func TestDiskRefuses(t *testing.T) {
	b := newBench(t, false)
	b.broken = errors.New("no space left")
	for try := range storeTries {
		b.takes(1, first)
		b.sent = nil
		b.write()
		b.wantSent() // the client is not told of what is not kept
		if b.closed != (try == storeTries-1) {
			t.Fatalf("after failure %d: database closed: %v", try+1, b.closed)
		}
	}
	b.takes(1, first)
	b.sent = nil
	b.write()
	b.wantSent("ACK 192.168.77.100") // from memory, rather than nobody boots
}

func TestDiskRecovers(t *testing.T) {
	b := newBench(t, false)
	b.broken = errors.New("for a moment")
	b.takes(1, first)
	b.write()
	b.broken = nil
	b.takes(2, first.Next())
	b.write()
	if len(b.disk) != 2 {
		t.Errorf("after a failure the next batch wrote %+v; both leases are promised or will be asked for again", b.disk)
	}
}

func TestOfferWaitsForTheProbe(t *testing.T) {
	due := t0.Add(probeWait)
	t.Run("nobody answers", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.wantSent()
		if !slices.Equal(b.probed, []netip.Addr{first}) {
			t.Errorf("probed %v", b.probed)
		}
		b.client(t0.Add(time.Millisecond), 1, dhcpv4.MessageTypeDiscover) // impatient
		b.wantSent()
		b.probesDone(due.Add(-1))
		b.wantSent()
		b.probesDone(due)
		b.wantSent("OFFER 192.168.77.100")
		b.probesDone(due.Add(time.Hour))
		b.wantSent()
	})
	t.Run("somebody has it: the next one, probed as well", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.addressInUse(t0.Add(time.Millisecond), first)
		b.addressInUse(t0.Add(time.Millisecond), first) // says so twice
		b.probesDone(due)
		b.wantSent()
		b.probesDone(due.Add(time.Millisecond))
		b.wantSent("OFFER 192.168.77.101")
	})
	t.Run("nobody else waits", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.probesDone(due)
		b.takes(1, first) // now its own: no second probe
		b.sent = nil
		b.client(t0, 2, dhcpv4.MessageTypeDiscover)
		b.write()
		b.wantSent("ACK 192.168.77.100")
	})
	t.Run("the link changes: nothing goes out by a closed socket", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.disconnect()
		b.probesDone(due)
		b.wantSent()
		b.addressInUse(due, first)
		b.wantSent()
	})
}

func TestLeasesComeBackFromDisk(t *testing.T) {
	b := newBench(t, false)
	b.server.store = nil
	b.openStore(t0, config.ModeServer)
	b.takes(1, first)
	b.write()
	if err := b.server.store.Close(); err != nil {
		t.Fatal(err)
	}
	again := newBench(t, false)
	again.path, again.server.store = b.path, nil
	again.openStore(t0, config.ModeServer)
	again.client(t0, 2, dhcpv4.MessageTypeDiscover, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	again.wantSent("OFFER 192.168.77.101")
	again.client(t0, 1, dhcpv4.MessageTypeRequest, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	again.write()
	again.wantSent("ACK 192.168.77.100")
}

func TestFloodOfOneClientIsCut(t *testing.T) {
	b := newBench(t, false)
	for range 1000 {
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
	}
	if len(b.sent) > 50 {
		t.Errorf("%d answers to one client at one moment", len(b.sent))
	}
}
