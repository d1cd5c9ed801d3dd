package dhcpload

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// The packets are correct if a third-party codec reads them.
func TestPackets(t *testing.T) {
	giaddr := netip.MustParseAddr("10.1.0.1")
	b := question(giaddr)
	asks(b, 7, [6]byte{2, 12, 0, 0, 0, 9})
	d, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if d.MessageType() != dhcpv4.MessageTypeDiscover || d.GatewayIPAddr.String() != "10.1.0.1" ||
		d.ClientHWAddr.String() != "02:0c:00:00:00:09" ||
		binary.BigEndian.Uint32(d.TransactionID[:]) != 7 || !d.IsOptionRequested(dhcpv4.OptionRouter) {
		t.Errorf("it asks: %v", d.Summary())
	}
	o, err := dhcpv4.NewReplyFromRequest(d, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer),
		dhcpv4.WithYourIP([]byte{10, 1, 2, 3}),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{192, 168, 77, 1})))
	if err != nil {
		t.Fatal(err)
	}
	if id := string(d.Options.Get(dhcpv4.OptionClientIdentifier)); id != "\x01\x02\x0c\x00\x00\x00\x09" {
		t.Errorf("it calls itself % x; perfdhcp would do so by its MAC", id)
	}
	kind, server := answer(o.ToBytes())
	if kind != offer || !slices.Equal(server, []byte{192, 168, 77, 1}) {
		t.Fatalf("it reads message %d from %v", kind, server)
	}
	takes(b, o.ToBytes(), server)
	r, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.MessageType() != dhcpv4.MessageTypeRequest || r.RequestedIPAddress().String() != "10.1.2.3" ||
		r.ServerIdentifier().String() != "192.168.77.1" ||
		r.TransactionID != d.TransactionID || r.ClientHWAddr.String() != d.ClientHWAddr.String() ||
		r.GatewayIPAddr.String() != "10.1.0.1" {
		t.Errorf("it takes: %v", r.Summary())
	}
}

func TestAnswerRefusesWhatIsNone(t *testing.T) {
	cut := question(netip.MustParseAddr("10.1.0.1"))
	cut[0] = 2
	copy(cut[length-2:], []byte{optServerID, 4})
	for situation, b := range map[string][]byte{
		"empty":                   nil,
		"a question":              question(netip.MustParseAddr("10.1.0.1")),
		"an option is cut off":    cut,
		"nothing but the options": cut[:atOptions],
	} {
		if kind, server := answer(b); kind != 0 {
			t.Errorf("%s: it reads message %d from %v", situation, kind, server)
		}
	}
}

func TestTally(t *testing.T) {
	x := make([]exchange, 5)
	set := func(i int, discovered, offered, requested, acked time.Duration) {
		x[i].discovered.Store(int64(discovered))
		x[i].offered.Store(int64(offered))
		x[i].requested.Store(int64(requested))
		x[i].acked.Store(int64(acked))
	}
	set(0, 1, 3, 3, 8)             // in time
	set(1, 1, 3, 3, 0)             // no ACK
	set(2, 1, 3, 3, 4+late)        // a late ACK
	set(3, 1, 2+late, 2+late, 2e9) // a late offer
	// The last exchange was never started.
	r := tally(x)
	if r.Discovers != 4 || r.Offers != 3 || r.Acks != 1 || !slices.Equal(r.Took, []time.Duration{7}) {
		t.Errorf("got %+v", r)
	}
}
