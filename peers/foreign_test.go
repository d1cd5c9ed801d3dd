//go:build peers

package peers

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
)

// foreignAddr is the address of a DHCP server that is not ours.
var foreignAddr = netip.MustParseAddr("192.168.77.3")

// startForeign starts dnsmasq as that server, with additional arguments, and
// returns when it serves. stop ends it.
func (s *site) startForeign(more ...string) (stop func()) {
	s.t.Helper()
	host := s.plug("02:70:78:65:00:03")
	s.must(host.Run("ip", "addr", "add", foreignAddr.String()+"/24", "dev", link))
	cmd := s.start(host, "dnsmasq", "dnsmasq",
		append(more, "--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--conf-file=/dev/null",
			"--port=0", "--user=root", "--pid-file=", "--interface="+link, "--no-ping",
			"--dhcp-leasefile="+filepath.Join(s.t.TempDir(), "leases"),
			"--dhcp-range=192.168.77.200,192.168.77.250,1h")...)
	_, _, err := s.notes["dnsmasq"].Await(s.within(patience), 0,
		func(line string) bool { return strings.Contains(line, "DHCP, IP range") })
	s.must(err)
	return func() {
		s.must(host.Kill())
		cmd.Wait()
	}
}

// isOffer matches a server's offers to machines, but not those that answer the
// box's own search for other servers.
func isOffer(from netip.Addr) func(capture.Packet) bool {
	return func(p capture.Packet) bool {
		return p.Is(dhcpv4.MessageTypeOffer) && p.Src.Addr() == from &&
			strings.HasPrefix(p.DHCP.ClientHWAddr.String(), "02:70:78:65:")
	}
}

// askOn broadcasts a new DISCOVER every 200 ms until ctx ends. It sets the
// broadcast flag, as UEFI does, so that one server receives the answers of
// another.
func (k *talker) askOn(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.send(k.message(dhcpv4.MessageTypeDiscover, dhcpv4.WithBroadcast(true)))
		}
	}
}

// background runs f until the test is over.
func (s *site) background(f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	s.t.Cleanup(func() { cancel(); <-done })
}

func TestForeignServerIsThereFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign()
	s.startBox(server + range100to102)
	k := s.talker("02:70:78:65:00:10")
	s.background(k.askOn)
	// Three minutes would be better. This is longer than the box takes to start
	// serving when it is alone, and includes its second search.
	first, next := s.await("offer of the foreign server", 0, isOffer(foreignAddr))
	s.await("offer of the foreign server, 15 s later", next, func(p capture.Packet) bool {
		return isOffer(foreignAddr)(p) && p.Time.Sub(first.Time) > 15*time.Second
	})
	if i := slices.IndexFunc(s.wire.From(0), isOffer(boxAddr)); i >= 0 {
		t.Errorf("the box offers too: %v", s.wire.From(0)[i])
	}
	s.checkTold()
}

// checkTold checks that the box's log names the other server.
func (s *site) checkTold() {
	s.t.Helper()
	if !slices.ContainsFunc(s.box.Log.From(0), func(line string) bool {
		return strings.Contains(line, "level=WARN") && strings.Contains(line, foreignAddr.String())
	}) {
		s.t.Errorf("the box does not say that %v is in its way", foreignAddr)
	}
}

func TestForeignServerComesAndGoes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startBox(server + range100to102 + "probe = false\n")
	holder := s.startClient(dhclient, s.segment, "02:70:78:65:00:12", false)
	held, _ := holder.bound()
	k := s.talker("02:70:78:65:00:10")
	s.background(k.askOn)
	s.await("offer of the box", 0, isOffer(boxAddr))

	came := s.wire.Len()
	stop := s.startForeign()
	first, _ := s.await("offer of the foreign server", came, isOffer(foreignAddr))
	_, later := s.await("offer of the foreign server, 15 s later", came, func(p capture.Packet) bool {
		return isOffer(foreignAddr)(p) && p.Time.Sub(first.Time) > 15*time.Second
	})
	for _, p := range s.wire.From(came)[:later-came] {
		if late := p.Time.Sub(first.Time); isOffer(boxAddr)(p) && late > 2*time.Second {
			t.Errorf("%v after the foreign server's first offer the box still offers: %v", late, p)
		}
	}
	s.checkTold()
	// A machine with a lease from the box keeps it.
	ack, _ := holder.acked("renewal next to a foreign server", later, renewing)
	if got := address(ack.DHCP.YourIPAddr); got != held {
		t.Errorf("next to a foreign server %v is renewed as %v", held, got)
	}

	stop()
	gone := s.wire.Len()
	if _, _, err := s.wire.Await(s.within(4*time.Minute), gone, isOffer(boxAddr)); err != nil {
		t.Errorf("the foreign server is gone and the box does not offer again: %v", err)
	}
}

func TestForeignServerAndForce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign()
	s.startBox(server + range100to102 + "force = true\n")
	k := s.talker("02:70:78:65:00:10")
	s.background(k.askOn)
	s.await("offer of the box", 0, isOffer(boxAddr))
	s.await("offer of the foreign server", 0, isOffer(foreignAddr))
}

func TestAutoBesideForeignServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign()
	s.startBox(proxy)
	// An ordinary machine gets no answer from the box.
	c := s.startClient(udhcpc, s.segment, "02:70:78:65:00:10", false)
	a, _ := c.bound()
	if !netip.MustParsePrefix("192.168.77.192/26").Contains(a) {
		t.Errorf("an ordinary machine has %v; the foreign server leases .200 to .250", a)
	}
	// A network-booting machine receives both offers.
	k := s.talker("02:70:78:65:00:11")
	m := k.message(dhcpv4.MessageTypeDiscover, biosROM)
	place := s.wire.Len()
	k.send(m)
	from := func(a netip.Addr) func(capture.Packet) bool {
		return func(p capture.Packet) bool { return answers(m)(p) && p.Src.Addr() == a }
	}
	s.await("offer of the foreign server", place, from(foreignAddr))
	p, _ := s.await("proxy offer", place, from(boxAddr))
	checkProxyOffer(t, p.DHCP)
	if i := slices.IndexFunc(s.wire.From(0), func(p capture.Packet) bool {
		return p.DHCP != nil && p.Src.Addr() == boxAddr && p.DHCP.ClientHWAddr.String() == c.mac.String()
	}); i >= 0 {
		t.Errorf("an ordinary machine is answered: %v", s.wire.From(0)[i])
	}
}
