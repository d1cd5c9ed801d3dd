//go:build peers

package peers

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/peers/capture"
	"github.com/pxebox/pxebox/peers/netns"
)

// noQuestion is how long a machine stays silent after its lease, until the box
// takes it for one that does not ask on port 4011.
const noQuestion = 6 * time.Second

// TestMachineThatAsksNothing boots machines next to dnsmasq, which leases the
// addresses. One takes its lease and never asks on port 4011, as firmware does
// that expects the file in the offer: from its third boot on, it gets such an
// offer. None of EDK2 and iPXE needs that. The other machine is switched off once
// and boots well then: nothing changes for it.
func TestMachineThatAsksNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.startForeign()
	s.startBox(proxy)
	uefi := []dhcpv4.Modifier{class("PXEClient:Arch:00007:UNDI:003000"), archType(7)}
	// boot is a boot until the machine has its lease. It returns the box's offer.
	boot := func(k *talker) (offered *dhcpv4.DHCPv4, leased netip.Addr) {
		place := s.wire.Len()
		m := k.message(dhcpv4.MessageTypeDiscover, uefi...)
		k.send(m)
		offer, _ := s.await("offer of the box", place, func(p capture.Packet) bool {
			return answers(m)(p) && p.Src.Addr() == boxAddr
		})
		lease, _ := s.await("offer of dnsmasq", place, func(p capture.Packet) bool {
			return answers(m)(p) && p.Src.Addr() == foreignAddr
		})
		r := k.message(dhcpv4.MessageTypeRequest, append(slices.Clip(uefi),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(foreignAddr.AsSlice())), wish(address(lease.DHCP.YourIPAddr)))...)
		k.send(r)
		s.await("lease", place, func(p capture.Packet) bool {
			return answers(r)(p) && p.DHCP.MessageType() == dhcpv4.MessageTypeAck
		})
		return offer.DHCP, address(lease.DHCP.YourIPAddr)
	}
	// asks asks the box on port 4011, as a machine with a lease.
	asks := func(host *netns.Namespace, k *talker, leased netip.Addr) {
		place := s.wire.Len()
		s.must(host.Run("ip", "addr", "add", leased.String()+"/24", "dev", link))
		q := k.message(dhcpv4.MessageTypeRequest, append(slices.Clip(uefi), dhcpv4.WithClientIP(leased.AsSlice()))...)
		_, err := k.conn.WriteToUDPAddrPort(q.ToBytes(), netip.AddrPortFrom(boxAddr, 4011))
		s.must(err)
		s.await("answer on port 4011", place, func(p capture.Packet) bool {
			return answers(q)(p) && p.DHCP.BootFileName != ""
		})
		s.must(host.Run("ip", "addr", "del", leased.String()+"/24", "dev", link))
	}
	// firm reports whether an offer says everything.
	firm := func(offer *dhcpv4.DHCPv4) bool {
		vendor := string(offer.Options.Get(dhcpv4.OptionVendorSpecificInformation))
		if (offer.BootFileName != "") != (vendor == "\x06\x01\x08\xff") {
			t.Errorf("the offer has the file %q, and option 43 % x", offer.BootFileName, vendor)
		}
		return offer.BootFileName != ""
	}

	silent, host := s.talker("02:70:78:65:00:10"), s.plug("02:70:78:65:00:11")
	fine := &talker{s.segment, net.HardwareAddr{2, 0x70, 0x78, 0x65, 0, 0x11}, s.broadcaster(host)}
	for n := range 4 {
		offer, _ := boot(silent)
		if got, want := firm(offer), n >= 2; got != want {
			t.Errorf("boot %d of the machine that asks nothing: an offer with a file: %v, want %v", n+1, got, want)
		}
		offer, leased := boot(fine)
		if firm(offer) {
			t.Errorf("boot %d of the other machine: the offer names %q", n+1, offer.BootFileName)
		}
		if n > 0 { // its first boot was cut off
			asks(host, fine, leased)
		}
		if n < 3 {
			time.Sleep(noQuestion)
		}
	}
	s.saysSoon(s.box, `mac=02:70:78:65:00:10 why="did not ask on port 4011 after two offers" before="an offer without a file"`)
	for _, line := range s.box.Log.From(0) {
		if strings.Contains(line, "answered differently") && strings.Contains(line, "02:70:78:65:00:11") {
			t.Errorf("the other machine is answered differently: %s", line)
		}
	}
}
