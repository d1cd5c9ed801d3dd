//go:build peers

package peers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/perfdhcp"
	"github.com/pxebox/pxebox/peers/proc"
)

// TestPerfdhcp sends requests of two hundred machines per second through a
// relay agent.
func TestPerfdhcp(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startBox(withGateway(server + range100to102 + "probe = false" + `
[[subnet]]
network = "10.1.0.0/16"
range = ["10.1.1.0-10.1.16.255"]
`))
	s.alone()
	host := s.plug("")
	giaddr := netip.MustParseAddr("10.1.0.1")
	s.must(host.Run("ip", "addr", "add", routerAddr+"/24", "dev", link))
	s.must(host.Run("ip", "addr", "add", giaddr.String()+"/16", "dev", link))

	const rate, period = 200, 5 * time.Second
	cmd := perfdhcp.Load{Rate: rate, Period: period, Clients: 2000, Base: "02:0c:00:00:00:00", From: giaddr,
		Server: boxAddr}.Command()
	s.startCmd(host, "perfdhcp", cmd)
	if err := cmd.Wait(); err != nil {
		t.Errorf("perfdhcp: %v", err)
	}
	r, err := perfdhcp.Parse([]byte(strings.Join(s.notes["perfdhcp"].From(0), "\n")))
	s.must(err)
	// perfdhcp counts by its own clock, and may start a few less.
	if r.Discovers < rate*5*9/10 {
		t.Errorf("it began %d exchanges; %d were asked for", r.Discovers, rate*5)
	}
	if r.Acks != r.Discovers {
		t.Errorf("of %d exchanges %d came to their ACK", r.Discovers, r.Acks)
	}

	holders := map[netip.Addr]string{}
	for _, p := range s.wire.From(0) {
		if !p.Is(dhcpv4.MessageTypeAck) {
			continue
		}
		a, mac := address(p.DHCP.YourIPAddr), p.DHCP.ClientHWAddr.String()
		if holder := holders[a]; holder != "" && holder != mac {
			t.Errorf("%v is leased to %s, and to %s", a, holder, mac)
		}
		holders[a] = mac
	}
	if len(holders) < rate {
		t.Errorf("there are ACKs for %d addresses; the capture missed most", len(holders))
	}
}

// alone returns when the box has found that it is the only server.
func (s *site) alone() {
	s.t.Helper()
	k := s.talker("02:70:78:65:00:fe")
	k.ask(k.message(dhcpv4.MessageTypeDiscover))
}

// TestFlood requests addresses from a range of fifty for ten thousand
// nonexistent machines per second, for ten seconds.
func TestFlood(t *testing.T) {
	t.Parallel()
	spoofed := []byte{0x02, 0xf1}
	s := newSite(t,
		func(p capture.Packet) bool { return p.DHCP != nil && bytes.HasPrefix(p.DHCP.ClientHWAddr, spoofed) })
	reservedMAC, reserved := "02:70:78:65:00:20", netip.MustParseAddr("192.168.77.20")
	s.startBox(server + fmt.Sprintf(`range = ["192.168.77.100-192.168.77.149"]
[[reservation]]
mac = %q
address = %q
`, reservedMAC, reserved))
	early := s.startClient(dhclient, s.segment, "02:70:78:65:00:10", false)
	held, _ := early.bound()
	lines := s.box.Log.Len()
	before, err := proc.Resident(s.box.PID())
	s.must(err)

	flooder := s.broadcaster(s.plug("02:70:78:65:00:66"))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	sent := make(chan int)
	const rate, length = 10_000, 10 * time.Second
	go func() {
		n := 0
		defer func() { sent <- n }()
		m, _ := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
		packet := m.ToBytes()
		const xid, chaddr = 4, 28 // RFC 2131 §2
		copy(packet[chaddr:], spoofed)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for begun := time.Now(); n < rate*int(length/time.Second); {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// The loop catches up after a late tick.
			for due := int(rate * time.Since(begun).Seconds()); n < due; n++ {
				binary.NativeEndian.PutUint32(packet[xid:], rand.Uint32())
				binary.NativeEndian.PutUint32(packet[chaddr+2:], rand.Uint32())
				flooder.WriteTo(packet, everybody)
			}
		}
	}()

	begun := s.wire.Len()
	late := s.startClient(udhcpc, s.segment, "02:70:78:65:00:11", false)
	own := s.startClient(dhcpcd, s.segment, reservedMAC, false)
	if a, _ := own.bound(); a != reserved {
		t.Errorf("in the flood the machine with a reservation has %v; its own is %v", a, reserved)
	}
	late.bound()
	ack, _ := early.acked("renewal in the flood", begun, renewing)
	if got := address(ack.DHCP.YourIPAddr); got != held {
		t.Errorf("in the flood %v is renewed as %v", held, got)
	}

	select {
	case n := <-sent:
		t.Logf("%d spoofed packets", n)
	case <-s.within(patience).Done():
		t.Error("the flood does not end")
	}
	s.roundTrip() // the box has received all of it
	after, err := proc.Resident(s.box.PID())
	s.must(err)
	t.Logf("resident: %d KiB before, %d KiB after; %d lines of log", before>>10, after>>10, s.box.Log.Len()-lines)
	if after > before+32<<20 {
		t.Errorf("the flood grew pxed from %d to %d KiB", before>>10, after>>10)
	}
	if n := s.box.Log.Len() - lines; n > 100 { // gokrazy keeps the last hundred lines
		t.Errorf("the flood wrote %d lines of log", n)
	}
}
