package dhcpconn

import (
	"bytes"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// zeroSum is a payload whose datagram adds up to 0xffff, so that the plain
// checksum would be 0.
func zeroSum() []byte {
	from, to := netip.MustParseAddrPort("192.168.77.1:67"), netip.MustParseAddrPort("192.168.77.115:68")
	return udp4(from, to, []byte{0, 0})[ipHeader+6 : ipHeader+8]
}

// Another implementation checks the headers.
func TestUDP4IsValidToAnotherStack(t *testing.T) {
	from, to := netip.MustParseAddrPort("192.168.77.1:67"), netip.MustParseAddrPort("192.168.77.115:68")
	for name, payload := range map[string][]byte{
		"empty":           {},
		"odd length":      []byte("odd"),
		"a usual reply":   bytes.Repeat([]byte{0x63, 0x82, 0x53}, 100),
		"all ones, carry": bytes.Repeat([]byte{0xff}, 1400),
		"sum of zero":     zeroSum(),
	} {
		t.Run(name, func(t *testing.T) {
			b := udp4(from, to, payload)
			ip := header.IPv4(b)
			if !ip.IsValid(len(b)) || !ip.IsChecksumValid() {
				t.Fatalf("IPv4 header refused: % x", b[:ipHeader])
			}
			udp := header.UDP(ip.Payload())
			src, dst := tcpip.AddrFrom4(from.Addr().As4()), tcpip.AddrFrom4(to.Addr().As4())
			if !udp.IsChecksumValid(src, dst, checksum.Checksum(udp.Payload(), 0)) {
				t.Fatalf("UDP checksum refused: % x", b[ipHeader:])
			}
			if udp.SourcePort() != 67 || udp.DestinationPort() != 68 || !bytes.Equal(udp.Payload(), payload) {
				t.Fatalf("got ports %d→%d and %d bytes", udp.SourcePort(), udp.DestinationPort(), len(udp.Payload()))
			}
			if udp.Checksum() == 0 {
				t.Fatal("a zero checksum means that there is none")
			}
		})
	}
}
