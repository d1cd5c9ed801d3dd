package capture

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/test/frame"
)

// udpFrame wraps a UDP datagram in a frame.
func udpFrame(src, dst netip.AddrPort, payload []byte) []byte {
	b := append(make([]byte, 12), 0x08, 0x00)
	ip := make([]byte, 28)
	ip[0], ip[9] = 0x45, frame.ProtocolUDP
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	copy(ip[12:], src.Addr().AsSlice())
	copy(ip[16:], dst.Addr().AsSlice())
	binary.BigEndian.PutUint16(ip[20:], src.Port())
	binary.BigEndian.PutUint16(ip[22:], dst.Port())
	binary.BigEndian.PutUint16(ip[24:], uint16(8+len(payload)))
	return append(append(b, ip...), payload...)
}

func TestDecode(t *testing.T) {
	box, client := netip.MustParseAddrPort("192.168.77.1:67"), netip.MustParseAddrPort("192.168.77.100:68")
	offer, err := dhcpv4.New(
		dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, 1}),
		dhcpv4.WithYourIP(client.Addr().AsSlice()), dhcpv4.WithLeaseTime(3600))
	if err != nil {
		t.Fatal(err)
	}
	arp := append(make([]byte, 12), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1)
	arp = append(arp, 2, 0, 0, 0, 0, 9, 192, 168, 77, 1, 0, 0, 0, 0, 0, 0, 192, 168, 77, 100)
	dhcp := udpFrame(box, client, offer.ToBytes())
	for situation, tt := range map[string]struct {
		frame []byte
		says  string // part of its line
		dhcp  bool
	}{
		"an offer": {frame: dhcp, says: "192.168.77.1:67 > 192.168.77.100:68 OFFER for 02:00:00:00:00:01",
			dhcp: true},
		"its lease":          {frame: dhcp, says: " yiaddr 192.168.77.100 lease 3600s", dhcp: true},
		"padded by Ethernet": {frame: append(dhcp[:len(dhcp):len(dhcp)], 0, 0, 0), says: " OFFER ", dhcp: true},
		"cut off":            {frame: dhcp[:100], says: "IP protocol 17"},
		"not DHCP": {frame: udpFrame(box, client, []byte("hello")),
			says: "192.168.77.1:67 > 192.168.77.100:68, 5 bytes"},
		"an ARP request":      {frame: arp, says: "ARP: who has 192.168.77.100? tell 192.168.77.1"},
		"too short for a MAC": {frame: dhcp[:10], says: "a runt"},
		"IPv6":                {frame: append(make([]byte, 12), 0x86, 0xdd), says: "Ethernet type 0x86dd"},
	} {
		t.Run(situation, func(t *testing.T) {
			p := decode(time.Unix(0, 0), tt.frame)
			if s := p.String(); !strings.Contains(s, tt.says) || (p.DHCP != nil) != tt.dhcp {
				t.Errorf("got %q, DHCP %t; want %q, %t", s, p.DHCP != nil, tt.says, tt.dhcp)
			}
		})
	}
	if p := decode(time.Unix(0, 0), arp); !p.ARPRequest(client.Addr()) || p.ARPRequest(box.Addr()) {
		t.Errorf("%v asks for the wrong address", p)
	}
}
