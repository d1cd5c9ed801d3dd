//go:build e2e

package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/e2e/lab"
	"github.com/pxebox/pxebox/e2e/lan"
	"github.com/pxebox/pxebox/e2e/nbp"
	"github.com/pxebox/pxebox/e2e/qemu"
	"github.com/pxebox/pxebox/e2e/wds"
)

// TestLabStraightToWDS boots a client that DHCP sends to the WDS server, with
// no appliance in between: a failure here is the lab's own fault.
func TestLabStraightToWDS(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lab-straight-to-wds")
	serveBootFile(t, s.Observer, wds.FileBIOSFirst, withServer(lab.WDSAddr))
	s.startClient(qemu.Debian13, lab.ClientConfig{})
	if v := s.verdict(s.within(2 * time.Minute)); !strings.HasPrefix(v, nbp.OK) {
		t.Error(v)
	}
	s.checkHandoff()
}

// serveBootFile answers the client's DHCP as a site does that names a boot file
// in the lease. The modifiers say on which server the file is.
func serveBootFile(t *testing.T, h *lan.Host, file string, modifiers ...dhcpv4.Modifier) {
	t.Helper()
	answerDHCP(t, h, func(q *dhcpv4.DHCPv4) []dhcpv4.Modifier {
		kind := dhcpv4.MessageTypeOffer
		if q.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		return append([]dhcpv4.Modifier{
			dhcpv4.WithMessageType(kind),
			dhcpv4.WithYourIP(lab.FirstLease.AsSlice()),
			dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
			dhcpv4.WithLeaseTime(300),
			withFile(file),
		}, modifiers...)
	})
}

func withFile(name string) dhcpv4.Modifier {
	return func(p *dhcpv4.DHCPv4) { p.BootFileName = name }
}

// answerDHCP answers packets to the DHCP port of a host until the host is
// unplugged. answer returns the answer to a request, or nil for none.
func answerDHCP(t *testing.T, h *lan.Host, answer func(q *dhcpv4.DHCPv4) []dhcpv4.Modifier) {
	t.Helper()
	conn, err := h.ListenUDP(dhcpv4.ServerPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	identifier := dhcpv4.WithOption(dhcpv4.OptServerIdentifier(h.Addr.AsSlice()))
	go func() {
		buf := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			q, err := dhcpv4.FromBytes(buf[:n])
			if err != nil {
				continue
			}
			modifiers := answer(q)
			if modifiers == nil {
				continue
			}
			a, err := dhcpv4.NewReplyFromRequest(q, append([]dhcpv4.Modifier{identifier}, modifiers...)...)
			if err != nil {
				continue
			}
			conn.WriteTo(a.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
		}
	}()
}

// TestLabDHCPServer checks that the site's own DHCP server is as plain as
// intended.
func TestLabDHCPServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lab-dhcp-server")
	if err := s.StartDHCP(s.within(2*time.Minute), kernelPinDir); err != nil {
		t.Fatal(err)
	}
	s.startClient(qemu.Debian12, lab.ClientConfig{})
	d, err := s.LAN.WaitUDP(s.within(time.Minute), func(d lan.Datagram) bool {
		p := dhcp(d)
		return d.Src == netip.AddrPortFrom(lab.DHCPAddr, dhcpv4.ServerPort) && p != nil &&
			p.MessageType() == dhcpv4.MessageTypeOffer
	})
	if err != nil {
		t.Fatal(err)
	}
	offer := dhcp(d)
	if a, _ := netip.AddrFromSlice(offer.YourIPAddr.To4()); a.Less(lab.FirstLease) || lab.LastLease.Less(a) {
		t.Errorf("it offers %v", a)
	}
	if offer.BootFileName != "" {
		t.Errorf("it names a boot file: %q", offer.BootFileName)
	}
	for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionClassIdentifier, dhcpv4.OptionTFTPServerName,
		dhcpv4.OptionBootfileName} {
		if offer.Options.Has(code) {
			t.Errorf("it sends option %v", code)
		}
	}
	if !offer.ServerIPAddr.IsUnspecified() {
		t.Errorf("it names a boot server: %v", offer.ServerIPAddr)
	}
}
