package pxeload

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/serve/pxe"
)

// A server must take each kind for what it is.
func TestKindsAreNetworkBoots(t *testing.T) {
	for _, k := range Kinds {
		m, err := dhcpv4.FromBytes(k.message(mac, 7, dhcpv4.MessageTypeDiscover).ToBytes())
		if err != nil {
			t.Fatal(err)
		}
		if c, boots := pxe.Classify(m); !boots || int(c.Arch) != int(k.arch) || len(c.GUID) == 0 {
			t.Errorf("%s: classified as %+v, %t", k.Name, c, boots)
		}
		if !m.IsBroadcast() || m.TransactionID != (dhcpv4.TransactionID{0, 0, 0, 7}) {
			t.Errorf("%s: %v", k.Name, m.Summary())
		}
	}
}

var mac = net.HardwareAddr{2, 0x57, 0x0a, 0, 0, 1}

// sink takes the packets that a machine sends.
type sink struct {
	net.PacketConn
	sent []*dhcpv4.DHCPv4
}

func (s *sink) WriteTo(b []byte, _ net.Addr) (int, error) {
	d, err := dhcpv4.FromBytes(b)
	s.sent = append(s.sent, d)
	return len(b), err
}

func TestMachine(t *testing.T) {
	answer := func(kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
		d, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP([]byte{10, 77, 1, 2}),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{10, 77, 0, 1})))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const s = time.Second
	type event struct {
		at     time.Duration
		answer dhcpv4.MessageType // none: the machine looks at the clock
		sent   int                // packets, in total
	}
	for _, tc := range []struct {
		situation string
		events    []event
		want      Lease
		over      bool
	}{
		{situation: "an address at once", over: true,
			events: []event{{at: 1 * s, sent: 1}, {1 * s, dhcpv4.MessageTypeOffer, 2}, {2 * s, dhcpv4.MessageTypeAck, 2}},
			want:   Lease{Addr: netip.MustParseAddr("10.77.1.2"), Took: s}},
		{situation: "it is still off", events: []event{{at: 900 * time.Millisecond, sent: 0}}},
		{situation: "the second OFFER is ignored", events: []event{
			{at: 1 * s, sent: 1}, {1 * s, dhcpv4.MessageTypeOffer, 2}, {1 * s, dhcpv4.MessageTypeOffer, 2}}},
		{situation: "an ACK that it did not ask for", events: []event{
			{at: 1 * s, sent: 1}, {1 * s, dhcpv4.MessageTypeAck, 1}}},
		{situation: "a NAK: from the beginning", events: []event{
			{at: 1 * s, sent: 1}, {1 * s, dhcpv4.MessageTypeOffer, 2}, {1 * s, dhcpv4.MessageTypeNak, 3}}},
		{situation: "silence", over: true, want: Lease{Took: 60 * s, Repeats: 3}, events: []event{
			{at: 1 * s, sent: 1}, {at: 4 * s, sent: 1}, {at: 5 * s, sent: 2}, {at: 12 * s, sent: 2}, {at: 13 * s, sent: 3},
			{at: 29 * s, sent: 4}, {at: 60 * s, sent: 4}, {at: 61 * s, sent: 4}, {at: 100 * s, sent: 4}}},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			m, conn := &machine{Kind: Kinds[0], mac: mac, xid: 1, on: s}, &sink{}
			for i, e := range tc.events {
				var err error
				if e.answer == dhcpv4.MessageTypeNone {
					_, err = m.wake(e.at, conn)
				} else {
					_, err = m.receive(e.at, answer(e.answer), conn)
				}
				if err != nil || len(conn.sent) != e.sent {
					t.Fatalf("event %d: %d packets sent, %v; want %d", i+1, len(conn.sent), err, e.sent)
				}
			}
			if m.over != tc.over || m.over && m.Lease != tc.want {
				t.Errorf("over %t, %+v; want %t, %+v", m.over, m.Lease, tc.over, tc.want)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	var leases []Lease
	for i := range 101 {
		leases = append(leases, Lease{Took: time.Duration(100 - i)})
	}
	for p, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100} {
		if got := Percentile(leases, p); got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
	if got := Percentile(nil, 0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}
