package dhcp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// BenchmarkExchange measures all of the processor's work for one client's
// lease, except for the sockets and the disk: two packets parsed, decided and
// encoded.
func BenchmarkExchange(b *testing.B) {
	s := NewSettings(lab(spec.ModeServer, func(c *spec.DHCP) {
		c.Ranges = []spec.Range{{First: netip.MustParseAddr("10.0.0.1"), Last: netip.MustParseAddr("10.0.255.254")}}
	}), netip.MustParsePrefix("10.0.255.255/8"), nil, Pools{})
	discover := message(dhcpv4.MessageTypeDiscover, option(55, 1, 3, 6, 15)).ToBytes()
	request := message(dhcpv4.MessageTypeRequest, option(55, 1, 3, 6, 15), server(s.Self.Addr()), wish(first)).ToBytes()
	at := bytes.Index(request, append([]byte{50, 4}, first.AsSlice()...)) + 2
	now := t0
	b.ReportAllocs()
	for i := range b.N {
		now = now.Add(10 * time.Microsecond)
		for _, packet := range [][]byte{discover, request} {
			binary.BigEndian.PutUint32(packet[30:], uint32(i%60_000))
			m, err := dhcpv4.FromBytes(packet)
			if err != nil {
				b.Fatal(err)
			}
			a := Decide(now, s, NewQuestion(m, ServerPort, unset))
			if a.Msg == nil || a.Msg.MessageType() == dhcpv4.MessageTypeNak {
				b.Fatalf("%+v", a)
			}
			Encode(a.Msg, m)
			copy(request[at:], a.Msg.YourIPAddr)
		}
	}
}
