package dhcpd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/clients"
	"github.com/pxebox/pxebox/internal/boot/firmware"
	"github.com/pxebox/pxebox/internal/boot/spec"
	"github.com/pxebox/pxebox/internal/net/netif"
	"github.com/pxebox/pxebox/internal/serve/dhcp"
	"github.com/pxebox/pxebox/internal/serve/dhcpconn"
	"github.com/pxebox/pxebox/internal/serve/event"
	"github.com/pxebox/pxebox/internal/serve/lease"
	"github.com/pxebox/pxebox/internal/serve/leasedb"
	"github.com/pxebox/pxebox/internal/serve/metrics"
	"github.com/pxebox/pxebox/internal/test/dhcptest"
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	self  = netip.MustParsePrefix("192.168.77.1/24")
	first = netip.MustParseAddr("192.168.77.100")
)

// bench is a server between a network and a disk that the test watches.
type bench struct {
	*testing.T
	*Server
	sent    []string             // message type and address
	xid     dhcpv4.TransactionID // of the last one
	probed  []netip.Addr
	written []lease.Change
	broken  error // the disk's error
	closed  bool
	now     time.Time // of the last packet
}

func (b *bench) Send(_ netip.Addr, replies []dhcpconn.Reply) error {
	for _, r := range replies {
		m, err := dhcpv4.FromBytes(r.Data)
		if err != nil {
			b.Fatal(err)
		}
		b.sent = append(b.sent, m.MessageType().String()+" "+m.YourIPAddr.String())
		b.xid = m.TransactionID
	}
	return nil
}

func (b *bench) Probe(a netip.Addr) error { b.probed = append(b.probed, a); return nil }
func (b *bench) Close() error             { b.closed = true; return nil }

func (b *bench) Apply(changes []lease.Change) error {
	if b.broken == nil {
		b.written = append(b.written, changes...)
	}
	return b.broken
}

// options returns the options of a server that logs to log.
func options(t *testing.T, log *slog.Logger) Options {
	return Options{DataDir: t.TempDir(), Clients: clients.NewTable(8), Events: &event.Bus{},
		Metrics: metrics.New(), Log: log}
}

func newBench(t *testing.T, probe bool) *bench {
	b := &bench{T: t, Server: newServer(t0, options(t, slog.New(slog.DiscardHandler)))}
	b.disk.store = b
	b.network(t0, self, probe)
	return b
}

// network gives the box the address self, and two addresses of that network to
// lease.
func (b *bench) network(now time.Time, self netip.Prefix, probe bool) {
	c := spec.DHCP{Mode: spec.ModeServer, Probe: probe, Ranges: []spec.Range{{First: first, Last: first.Next()}}}
	c.Lease = spec.Duration(time.Hour)
	b.now = now
	b.Configure(now, Config{DHCP: c, Link: netif.Link{Addr: self, HW: net.HardwareAddr{2, 0, 0, 0, 0, 1}}})
}

// client sends a message of the given type from the machine with that number.
func (b *bench) client(now time.Time, n byte, t dhcpv4.MessageType, options ...dhcpv4.Option) {
	m := dhcptest.Message(net.HardwareAddr{2, 0, 0, 0, 1, n}, t, options...)
	b.now = now
	b.Handle(now, Packets{Questions: []dhcp.Question{dhcp.NewQuestion(m, dhcp.ServerPort, netip.AddrPort{})}, Sender: b,
		Prober: b})
}

// takes runs a whole exchange up to the moment when the ACK waits for the disk.
func (b *bench) takes(n byte, a netip.Addr) {
	b.client(b.now, n, dhcpv4.MessageTypeDiscover)
	b.client(b.now, n, dhcpv4.MessageTypeRequest, dhcpv4.OptServerIdentifier(self.Addr().AsSlice()),
		dhcpv4.OptRequestedIPAddress(a.AsSlice()))
}

// write runs one turn of the committer, with everything that waits for it.
func (b *bench) write() {
	b.Helper()
	to, work := b.toCommit(b.now)
	if to == nil {
		b.Fatal("nothing waits for the disk")
	}
	b.committing()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { b.commit(ctx); close(ended) }()
	b.disk.batches <- work
	b.onDisk(b.now, <-b.disk.committed)
	cancel()
	<-ended // otherwise it might receive the next batch
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
	if len(b.written) != 2 {
		t.Errorf("on disk: %+v", b.written)
	}
	if to, _ := b.toCommit(t0); to != nil {
		t.Error("an idle server still has something for the disk")
	}
}

// A renewal changes nothing on disk, but must not overtake the write of the
// lease that it renews.
func TestRenewalWaitsItsTurn(t *testing.T) {
	b := newBench(t, false)
	b.takes(1, first)
	_, onItsWay := b.toCommit(t0)
	b.committing()
	b.sent = nil
	b.client(t0, 1, dhcpv4.MessageTypeRequest, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	b.wantSent()
	if _, next := b.toCommit(t0); len(next.answers) != 1 || len(next.changes) != 0 || len(onItsWay.changes) != 1 {
		t.Errorf("first %d changes, then %d answers with %d changes",
			len(onItsWay.changes), len(next.answers), len(next.changes))
	}
}

func TestDiskRefuses(t *testing.T) {
	b := newBench(t, false)
	b.broken = errors.New("no space left")
	for try := range storeTries {
		b.takes(1, first)
		b.sent = nil
		b.write()
		b.wantSent() // the client gets no answer about a lease that is not stored
		if b.closed != (try == storeTries-1) {
			t.Fatalf("after failure %d: database closed: %v", try+1, b.closed)
		}
	}
	b.takes(1, first)
	b.sent = nil
	b.write()
	b.wantSent("ACK 192.168.77.100") // from memory, so that machines can boot
}

// A disk that reports neither success nor failure is given up at once: with
// each further attempt the clients would wait as long again.
func TestDiskHangs(t *testing.T) {
	b := newBench(t, false)
	h := &hungStore{until: make(chan struct{}), closed: make(chan struct{})}
	b.disk.store, b.disk.patient = h, time.Millisecond
	b.takes(1, first)
	b.write()
	b.wantSent("OFFER 192.168.77.100")
	b.takes(1, first) // it asks again
	b.sent = nil
	b.write()
	b.wantSent("ACK 192.168.77.100")
	close(h.until)
	<-h.closed // once, and only after the write has ended

	b.disk.patient = writeWithin
	b.opens(b.now.Add(storeAgain))
	b.write()
	b.restarts().returns(t0, 1, first)
}

// hungStore is on a disk that does not answer.
type hungStore struct{ until, closed chan struct{} }

func (h *hungStore) Apply([]lease.Change) error { <-h.until; return nil }
func (h *hungStore) Close() error               { close(h.closed); return nil }

func TestDiskRecovers(t *testing.T) {
	b := newBench(t, false)
	b.broken = errors.New("for a moment")
	b.takes(1, first)
	b.write()
	b.broken = nil
	b.takes(2, first.Next())
	b.write()
	if len(b.written) != 2 {
		t.Errorf("after a failure the next batch wrote %+v; both leases are promised or will be asked for again",
			b.written)
	}
}

func TestOfferWaitsForTheProbe(t *testing.T) {
	due := t0.Add(probeWait)
	t.Run("no one answers", func(t *testing.T) {
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
	t.Run("someone has it: the next one, probed as well", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.addressInUse(t0.Add(time.Millisecond), first)
		b.addressInUse(t0.Add(time.Millisecond), first) // answers twice
		b.probesDone(due)
		b.wantSent()
		b.probesDone(due.Add(time.Millisecond))
		b.wantSent("OFFER 192.168.77.101")
	})
	t.Run("no one else waits", func(t *testing.T) {
		b := newBench(t, true)
		b.client(t0, 1, dhcpv4.MessageTypeDiscover)
		b.probesDone(due)
		b.takes(1, first) // it holds this address now: no second probe
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
	b.opens(t0)
	b.takes(1, first)
	b.write()
	if err := b.disk.store.Close(); err != nil {
		t.Fatal(err)
	}
	again := newBench(t, false)
	again.DataDir = b.DataDir
	again.opens(t0)
	again.client(t0, 2, dhcpv4.MessageTypeDiscover, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	again.wantSent("OFFER 192.168.77.101")
	again.client(t0, 1, dhcpv4.MessageTypeRequest, dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	again.write()
	again.wantSent("ACK 192.168.77.100")
}

// opens opens the real database, which may exist already.
func (b *bench) opens(now time.Time) {
	b.Helper()
	b.now = now
	b.disk.store, b.disk.try = nil, time.Time{}
	b.openStore(now, spec.ModeServer)
	b.storeOpened(now, <-b.disk.opened)
	opened := b.disk.store
	if opened == nil {
		b.Fatal("the database does not open")
	}
	b.Cleanup(func() { opened.Close() })
}

// restarts returns the box after a power cut at this moment.
func (b *bench) restarts() *bench {
	b.Helper()
	again := newBench(b.T, false)
	disk, err := os.ReadFile(filepath.Join(b.DataDir, leasedb.FileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(again.DataDir, leasedb.FileName), disk, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	again.opens(t0)
	return again
}

// returns sends a machine's request to keep its address.
func (b *bench) returns(now time.Time, n byte, a netip.Addr) {
	b.client(now, n, dhcpv4.MessageTypeRequest, dhcpv4.OptRequestedIPAddress(a.AsSlice()))
	b.write()
}

// keep checks that two machines may keep both addresses.
func (b *bench) keep(now time.Time, one, two byte) {
	b.Helper()
	if to, _ := b.toCommit(now); to != nil {
		b.write()
	}
	b.sent = nil
	b.client(now, 9, dhcpv4.MessageTypeDiscover)
	b.returns(now, one, first)
	b.returns(now, two, first.Next())
	b.wantSent("ACK "+first.String(), "ACK "+first.Next().String())
}

// Leases from before and during a disk failure continue once the disk is back,
// and are written to it before any client asks.
func TestDatabaseOpensAgain(t *testing.T) {
	for situation, lose := range map[string]bool{"with what it had": false, "empty": true} {
		t.Run(situation, func(t *testing.T) {
			b := newBench(t, false)
			b.opens(t0)
			b.takes(1, first)
			b.write()
			real := b.disk.store
			b.disk.store, b.broken = b, errors.New("no space left")
			for range storeTries {
				b.returns(t0, 1, first)
			}
			b.wantSent("OFFER 192.168.77.100", "ACK 192.168.77.100")
			b.takes(2, first.Next())
			b.write()
			b.wantSent("OFFER 192.168.77.101", "ACK 192.168.77.101")
			if err := real.Close(); err != nil {
				t.Fatal(err)
			}
			if lose {
				if err := os.Remove(filepath.Join(b.DataDir, leasedb.FileName)); err != nil {
					t.Fatal(err)
				}
			}
			b.opens(t0.Add(2 * time.Minute))
			b.write()
			if to, work := b.toCommit(b.now); to != nil {
				t.Errorf("all is written, and %v waits for the disk", work.changes)
			}
			b.restarts().keep(t0, 1, 2)
			b.keep(t0.Add(4*time.Minute), 1, 2)
		})
	}
}

// Leases that ended while the disk was away are not restored: in a full room
// there would be no address left.
func TestEndedWhileTheDiskWasAway(t *testing.T) {
	b := newBench(t, false)
	b.opens(t0)
	b.takes(1, first)
	b.takes(2, first.Next())
	b.write()
	b.disk.store.Close()
	b.opens(t0.Add(time.Hour))
	b.sent = nil
	b.takes(3, first)
	b.takes(4, first.Next())
	b.write()
	b.wantSent("OFFER 192.168.77.100", "OFFER 192.168.77.101", "ACK 192.168.77.100", "ACK 192.168.77.101")
	b.restarts().keep(t0, 3, 4)
}

// The database opens after leases have been given from memory.
func TestDatabaseOpensLate(t *testing.T) {
	for _, c := range []struct {
		situation string
		meanwhile func(b *bench)
		one, two  byte // who ends up with the addresses
	}{
		{situation: "no one asks", meanwhile: func(*bench) {}, one: 1, two: 2},
		{situation: "the first one is offered to another",
			meanwhile: func(b *bench) { b.client(t0, 3, dhcpv4.MessageTypeDiscover) }, one: 1, two: 2},
		{situation: "their machines ask again",
			meanwhile: func(b *bench) { b.takes(1, first); b.takes(2, first.Next()); b.write() }, one: 1, two: 2},
		{situation: "in another order",
			meanwhile: func(b *bench) { b.takes(2, first); b.takes(1, first.Next()); b.write() }, one: 2, two: 1},
		{situation: "another machine has one", meanwhile: func(b *bench) { b.takes(3, first); b.write() },
			one: 3, two: 2},
		{situation: "and its ACK waits for the disk", meanwhile: func(b *bench) { b.takes(3, first) }, one: 3, two: 2},
		{situation: "another machine had one, and its end waits for the disk", meanwhile: func(b *bench) {
			b.takes(3, first)
			b.write()
			b.client(b.now, 3, dhcpv4.MessageTypeDecline, dhcpv4.OptServerIdentifier(self.Addr().AsSlice()),
				dhcpv4.OptRequestedIPAddress(first.AsSlice()))
			b.takes(2, first.Next())
			b.toCommit(b.now)
		}, one: 1, two: 2},
	} {
		t.Run(c.situation, func(t *testing.T) {
			before := newBench(t, false)
			before.opens(t0)
			before.takes(1, first)
			before.takes(2, first.Next())
			before.write()
			before.disk.store.Close()

			b := newBench(t, false)
			b.DataDir, b.disk.store = before.DataDir, nil
			c.meanwhile(b)
			b.opens(t0.Add(time.Minute))
			b.keep(t0.Add(2*time.Minute), c.one, c.two)
			b.restarts().keep(t0, c.one, c.two)
		})
	}
}

// "We ran out of addresses": the network is widened while machines use it.
func TestMaskChanges(t *testing.T) {
	wide, narrow := netip.MustParsePrefix("192.168.77.1/23"), netip.MustParsePrefix("192.168.77.1/25")
	for _, masks := range [][]netip.Prefix{{wide}, {narrow}, {wide, self}, {narrow, self}, {{}, wide}} {
		b := newBench(t, false)
		b.opens(t0)
		b.takes(1, first)
		b.write()
		b.takes(2, first.Next())
		for _, p := range masks { // before the second lease is on disk
			b.network(t0, p, false)
		}
		b.write()
		b.keep(t0.Add(50*time.Minute), 1, 2)
		// The earlier leases would have ended by now.
		b.keep(t0.Add(100*time.Minute), 1, 2)
		b.restarts().keep(t0, 1, 2)
	}
}

// A medium that has become read-only still shows who has which address. Leases
// given meanwhile are stored once it can be written again.
func TestDatabaseIsReadOnly(t *testing.T) {
	before := newBench(t, false)
	before.opens(t0)
	before.takes(1, first)
	before.write()
	before.disk.store.Close()

	b := newBench(t, false)
	b.DataDir, b.disk.store = before.DataDir, nil
	b.disk.open = func(dir string, log *slog.Logger) opened {
		o := openLeases(dir, log)
		if o.err == nil {
			o.err = o.store.Close()
		}
		return opened{records: o.records,
			err: errors.Join(o.err, leasedb.ReadOnlyError{Err: errors.New("read-only file system")})}
	}
	b.openStore(t0, spec.ModeServer)
	b.storeOpened(t0, <-b.disk.opened)
	// A stranger gets another address than the leased one.
	b.takes(2, first.Next())
	b.write()
	b.returns(t0, 1, first)
	b.wantSent("OFFER 192.168.77.101", "ACK 192.168.77.101", "ACK 192.168.77.100")
	b.client(t0, 3, dhcpv4.MessageTypeDiscover)
	b.wantSent()

	b.disk.open = openLeases
	b.opens(t0.Add(storeAgain))
	b.write() // without a request
	b.disk.store.Close()
	b.restarts().keep(t0, 1, 2)
}

// An earlier version stored the lease of a system that sends 01 and its MAC
// under another name than the lease of its firmware.
func TestDatabaseOfAnEarlierVersion(t *testing.T) {
	b := newBench(t, false)
	b.disk.store = nil
	mac := string([]byte{2, 0, 0, 0, 1, 1})
	b.disk.open = func(string, *slog.Logger) opened {
		return opened{store: b, records: []lease.Record{
			{Addr: first, Client: lease.Client("id\x01" + mac), HW: mac, Length: time.Hour},
		}}
	}
	b.opens(t0)
	b.returns(t0, 1, first)
	b.wantSent("ACK 192.168.77.100")
}

// The network does not wait for a database that takes long to open, and
// questions wait only as long as clients can bear.
func TestDatabaseTakesLong(t *testing.T) {
	b := newBench(t, false)
	b.disk.store = nil
	hung := make(chan struct{})
	b.disk.open = func(dir string, log *slog.Logger) opened { <-hung; return openLeases(dir, log) }
	for _, c := range []struct {
		situation string
		at        time.Duration
		waits     bool
	}{
		{situation: "at first", waits: true},
		{situation: "just short of the limit", at: openWithin - 1, waits: true},
		{situation: "at the limit", at: openWithin},
		{situation: "when it would be opened again", at: 2 * storeAgain},
	} {
		b.openStore(t0.Add(c.at), spec.ModeServer)
		if got := b.mustWait(t0.Add(c.at)); got != c.waits {
			t.Errorf("%s: questions wait: %v", c.situation, got)
		}
	}
	b.now = t0.Add(openWithin)
	b.takes(1, first)
	b.write()
	b.wantSent("OFFER 192.168.77.100", "ACK 192.168.77.100")
	close(hung)
	o := <-b.disk.opened
	b.storeOpened(t0.Add(time.Minute), o)
	defer o.store.Close()
	b.write() // the leases given meanwhile
	b.restarts().returns(t0, 1, first)
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

// For some seconds a machine claims every address that is probed. Once it is
// silent, clients get addresses again, and none without a probe.
func TestForgedARPAnswers(t *testing.T) {
	b := newBench(t, true)
	wait := func(d time.Duration) { b.now = b.now.Add(d); b.probesDone(b.now) }
	claimed := 0
	for range 6 {
		b.client(b.now, 1, dhcpv4.MessageTypeDiscover)
		for ; claimed < len(b.probed); claimed++ {
			b.addressInUse(b.now, b.probed[claimed])
		}
		wait(time.Second)
	}
	b.wantSent()
	if n := len(b.probed); n > 4 {
		t.Errorf("%d probes of 2 addresses within 6 s", n)
	}
	b.probed = nil
	// From now on no machine claims an address.
	silent := b.now
	for len(b.sent) == 0 && b.now.Sub(silent) < time.Hour {
		b.client(b.now, 1, dhcpv4.MessageTypeDiscover)
		wait(time.Second)
	}
	if after := b.now.Sub(silent); after > 10*time.Second || len(b.probed) == 0 {
		t.Errorf("no offer for %v; probed %v", after, b.probed)
	}
}

// A packet from a source that no served machine can have is logged once for
// each machine and reason, however often such packets come and however many
// machines they name.
func TestStrangersAreLoggedOnce(t *testing.T) {
	b, said := newBench(t, false), &bytes.Buffer{}
	b.report = newReporter(options(t, slog.New(slog.NewTextHandler(said, nil))))
	ask := func(n int, from string, giaddr ...byte) {
		m := dhcptest.Message(net.HardwareAddr{2, 0, 0, 9, byte(n >> 8), byte(n)}, dhcpv4.MessageTypeDiscover)
		m.GatewayIPAddr = giaddr
		q := dhcp.NewQuestion(m, dhcp.ServerPort, netip.MustParseAddrPort(from+":68"))
		// Wait a second; otherwise the limit on packets would hide them from
		// the log.
		b.now = b.now.Add(time.Second)
		b.Handle(b.now, Packets{Questions: []dhcp.Question{q}, Sender: b, Prober: b})
	}
	for range 5 {
		ask(1, "10.9.0.66")
		ask(1, "10.9.0.66", 10, 9, 0, 1)
		ask(2, "10.9.0.66")
	}
	if n := strings.Count(said.String(), "dhcp: no answer"); n != 3 {
		t.Errorf("%d lines, want one for each machine and reason:\n%v", n, said)
	}
	if want := `mac=02:00:00:09:00:01 request=DISCOVER why="from an address outside the configured networks" from=10.9.0.66`; !strings.Contains(said.String(), want) {
		t.Errorf("%s is not in the log:\n%v", want, said)
	}
	for n := range 500 {
		ask(3+n, "10.9.0.66")
	}
	if n := strings.Count(said.String(), "dhcp: no answer"); n != maxUnanswered {
		t.Errorf("%d lines for 500 machines", n)
	}
	b.wantSent()
}

// An address that belongs to another machine now is logged, once for each
// change.
func TestChangeOfHandsIsLogged(t *testing.T) {
	b, said := newBench(t, false), &bytes.Buffer{}
	b.report = newReporter(options(t, slog.New(slog.NewTextHandler(said, nil))))
	c := spec.DHCP{Mode: spec.ModeProxy}
	b.Configure(b.now, Config{DHCP: c, Link: netif.Link{Addr: self, HW: net.HardwareAddr{2, 0, 0, 0, 0, 1}}})
	pxe := dhcpv4.OptClassIdentifier("PXEClient:Arch:00007:UNDI:003000")
	request := func(n byte) {
		b.client(b.now.Add(time.Second), n, dhcpv4.MessageTypeRequest, pxe,
			dhcpv4.OptRequestedIPAddress(first.AsSlice()))
	}
	request(1)
	request(1)
	if said := said.String(); strings.Contains(said, "changed hands") {
		t.Errorf("the log:\n%v", said)
	}
	for range 10 {
		request(2)
		request(1)
	}
	want := `"machine: an address has changed hands" address=192.168.77.100 mac=02:00:00:00:01:02 before=02:00:00:00:01:01`
	if n := strings.Count(said.String(), "changed hands"); n != 1 || !strings.Contains(said.String(), want) {
		t.Errorf("%d lines:\n%v", n, said)
	}
	b.now = b.now.Add(movedAgain)
	request(2)
	if n := strings.Count(said.String(), "changed hands"); n != 2 {
		t.Errorf("%d lines:\n%v", n, said)
	}
}

// A flood from another network in a machine's name does not silence the
// machine.
func TestStrangersDoNotUseUpTheLimit(t *testing.T) {
	b := newBench(t, false)
	for _, port := range []int{dhcp.ServerPort, dhcp.BootServerPort} {
		for range 100 {
			m := dhcptest.Message(net.HardwareAddr{2, 0, 0, 0, 1, 1}, dhcpv4.MessageTypeDiscover)
			q := dhcp.NewQuestion(m, port, netip.MustParseAddrPort("10.9.0.66:68"))
			b.Handle(b.now, Packets{Questions: []dhcp.Question{q}, Sender: b, Prober: b})
		}
	}
	b.client(b.now, 1, dhcpv4.MessageTypeDiscover)
	b.wantSent("OFFER 192.168.77.100")
}

// The Config is in force when Use returns, and Serve ends with its context.
func TestServe(t *testing.T) {
	s := New(options(t, slog.New(slog.DiscardHandler)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	for _, p := range []netip.Prefix{self, netip.MustParsePrefix("10.0.0.1/8"), {}} {
		s.Use(ctx, Config{DHCP: spec.DHCP{Mode: spec.ModeProxy}, Link: netif.Link{Addr: p}})
		for a, want := range map[netip.Addr]bool{first: p == self, netip.MustParseAddr("10.1.2.3"): p.IsValid() &&
			p != self} {
			if got := s.Serves(a); got != want {
				t.Errorf("the box is %v: it serves %v: %v", p, a, got)
			}
		}
		s.Turn(ctx)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Without a running server, neither waits forever.
	s.Use(ctx, Config{})
	s.Turn(ctx)
}

// A server that hangs keeps Turn waiting, so that its daemon shows no sign of
// life.
func TestTurnWaitsForTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(options(t, slog.New(slog.DiscardHandler)))
		turned := make(chan struct{})
		go func() { s.Turn(t.Context()); close(turned) }()
		time.Sleep(time.Hour) // the bubble's clock
		select {
		case <-turned:
			t.Error("it has not even started")
		default:
		}
		go s.Serve(t.Context())
		<-turned
	})
}

// logTo makes the bench log into a buffer.
func (b *bench) logTo() *bytes.Buffer {
	said := &bytes.Buffer{}
	b.report = newReporter(options(b.T, slog.New(slog.NewTextHandler(said, nil))))
	return said
}

// pxeClass returns option 60 of firmware of a type.
func pxeClass(arch string) dhcpv4.Option {
	return dhcpv4.OptClassIdentifier("PXEClient:Arch:" + arch + ":UNDI:003000")
}

// A machine that asks and gets nothing to boot, or no answer, is logged once
// for each machine and reason, for a while.
func TestMachinesAreLoggedOnce(t *testing.T) {
	for situation, tc := range map[string]struct {
		packet func(b *bench, now time.Time, n byte)
		want   string // in the line
	}{
		"answered, and nothing to boot": {func(b *bench, now time.Time, n byte) {
			b.client(now, n, dhcpv4.MessageTypeDiscover, pxeClass("00011"))
		}, `why="no boot file for uefi-arm64: name one in [boot]"`},
		"not answered": {func(b *bench, now time.Time, n byte) {
			b.client(now, n, dhcpv4.MessageTypeRequest)
		}, `why="a REQUEST without an address"`},
		"a trouble": {func(b *bench, now time.Time, n byte) {
			b.others.hold = "another DHCP server answers on this link"
			b.Configure(now, b.config)
			b.client(now, n, dhcpv4.MessageTypeDiscover)
		}, `why="another DHCP server answers on this link"`},
		"malformed": {func(b *bench, now time.Time, n byte) {
			b.now = now
			why := dhcp.MalformedError{MAC: net.HardwareAddr{2, 0, 0, 0, 1, n}, Why: "cut off"}
			b.Handle(now, Packets{Malformed: []dhcpconn.Malformed{{MalformedError: why, From: first}}})
		}, `why="malformed: cut off" from=192.168.77.100`},
	} {
		t.Run(situation, func(t *testing.T) {
			b := newBench(t, false)
			said := b.logTo()
			for range 3 {
				for n := range byte(2) {
					tc.packet(b, b.now.Add(time.Second), n)
				}
			}
			if n := strings.Count(said.String(), tc.want); n != 2 ||
				!strings.Contains(said.String(), "mac=02:00:00:00:01:01") {
				t.Errorf("%d lines of two machines:\n%v", n, said)
			}
			tc.packet(b, b.now.Add(unansweredAgain), 1)
			if n := strings.Count(said.String(), tc.want); n != 3 {
				t.Errorf("%d lines ten minutes later:\n%v", n, said)
			}
		})
	}
}

// A machine that asks too often gets no answer, and the log says why.
func TestLimitIsLogged(t *testing.T) {
	b := newBench(t, false)
	said := b.logTo()
	for range 100 {
		b.client(b.now, 1, dhcpv4.MessageTypeDiscover)
	}
	if n := strings.Count(said.String(), "more requests than"); n != 1 {
		t.Errorf("%d lines:\n%v", n, said)
	}
}

// The ROM of a Pi 3 can receive an offer only after a while. However often it
// asks meanwhile, it gets one answer, to its last question.
func TestOfferWaitsForThePi(t *testing.T) {
	for situation, probe := range map[string]bool{"not probed": false, "probed": true} {
		t.Run(situation, func(t *testing.T) {
			b := newBench(t, probe)
			c := b.config
			c.DHCP.BootFiles = map[firmware.Kind]string{"raspberry-pi": "start4.elf"}
			b.Configure(b.now, c)
			asks := func(now time.Time, xid byte) {
				m := dhcptest.Message(net.HardwareAddr{0xb8, 0x27, 0xeb, 0, 0, 1}, dhcpv4.MessageTypeDiscover,
					pxeClass("00000"))
				m.TransactionID = [4]byte{xid}
				b.now = now
				b.Handle(now,
					Packets{Questions: []dhcp.Question{dhcp.NewQuestion(m, dhcp.ServerPort, netip.AddrPort{})},
						Sender: b, Prober: b})
			}
			asks(t0, 1)
			asks(t0.Add(100*time.Millisecond), 2)
			b.probesDone(t0.Add(probeWait))
			b.delaysDone(t0.Add(900 * time.Millisecond))
			b.client(t0.Add(900*time.Millisecond), 9, dhcpv4.MessageTypeDiscover)
			b.probesDone(t0.Add(1200 * time.Millisecond))
			b.wantSent("OFFER 192.168.77.101") // another machine does not wait
			b.delaysDone(t0.Add(time.Second))
			b.wantSent("OFFER 192.168.77.100")
			if b.xid[0] != 2 {
				t.Errorf("it answers question %d", b.xid[0])
			}
			if b.delaysDone(t0.Add(time.Hour)); len(b.sent)+len(b.delays.waiting)+len(b.delays.order) > 0 {
				t.Errorf("then %q", b.sent)
			}
			for n := range byte(3) {
				asks(t0.Add(time.Hour), n)
			}
			b.disconnect()
			b.delaysDone(t0.Add(2 * time.Hour))
			b.wantSent()
		})
	}
}
