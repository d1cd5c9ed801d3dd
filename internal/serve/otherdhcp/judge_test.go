package otherdhcp

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	boxHW    = net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1}
	probeMAC = net.HardwareAddr{2, 0, 0, 0, 0, 7}
	otherHW  = net.HardwareAddr{0x52, 0x54, 0, 0, 0, 0x99}
	client   = net.HardwareAddr{0x52, 0x54, 0, 0, 0, 0x50}
	boxAddr  = netip.MustParseAddr("192.168.77.1")

	probeID = dhcpv4.TransactionID{1, 2, 3, 4}
	me      = self{
		hw: boxHW, mac: probeMAC, own: func(a netip.Addr) bool { return a == boxAddr },
		asked: func(id dhcpv4.TransactionID) bool { return id == probeID },
	}
)

func TestJudge(t *testing.T) {
	leased := dhcpv4.WithLeaseTime(uint32(time.Hour / time.Second))
	you := dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50))
	by := func(a netip.Addr) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
	}
	is := dhcpv4.WithMessageType
	to := dhcpv4.WithHwAddr
	for _, tt := range []struct {
		situation string
		sender    net.HardwareAddr
		msg       []dhcpv4.Modifier
		want      kind
		server    netip.Addr
		twin      bool
	}{
		{situation: "an offer to the probe", sender: otherHW,
			msg:  []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), to(probeMAC), you, by(rogue), leased},
			want: foreign, server: rogue},
		{situation: "an offer to the probe without a lease time", sender: otherHW,
			msg:  []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), to(probeMAC), you, by(rogue)},
			want: foreign, server: rogue},
		{situation: "an offer to the probe without a server identifier", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), to(probeMAC), you}, want: foreign, server: second},
		{situation: "an offer to the probe by a relay agent", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), to(probeMAC), you, by(rogue), leased,
				dhcpv4.WithGatewayIP(net.IPv4(192, 168, 77, 254))}, want: foreign, server: rogue},
		{situation: "a BOOTP server's reply to the probe", sender: otherHW, msg: []dhcpv4.Modifier{to(probeMAC), you},
			want: foreign, server: second},
		{situation: "a lease for another machine", sender: otherHW,
			msg:  []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), you, by(rogue), leased},
			want: foreign, server: rogue},
		{situation: "a lease for another machine from the box's own address", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), you, by(boxAddr), leased}, want: foreign,
			server: boxAddr, twin: true},
		{situation: "the box's own, sent back by a switch", sender: boxHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), you, by(boxAddr), leased}, want: nothing},
		{situation: "the box's own, by a relay agent", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), you, by(boxAddr), leased,
				dhcpv4.WithGatewayIP(net.IPv4(192, 168, 77, 254))}, want: nothing},
		{situation: "a proxyDHCP offer to a PXE client", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeOffer), to(client), by(rogue),
				dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient"))}, want: nothing},
		{situation: "a WDS server's acknowledgement of a boot request", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), you, by(rogue),
				dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient"))}, want: nothing},
		{situation: "the answer to an INFORM", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeAck), to(client), by(rogue)}, want: nothing},
		{situation: "another server refuses a client", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeNak), to(client), by(rogue)}, want: suspect, server: rogue},
		{situation: "a question, not an answer", sender: otherHW,
			msg: []dhcpv4.Modifier{is(dhcpv4.MessageTypeDiscover), to(client), you, leased,
				func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }}, want: nothing},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			m, err := dhcpv4.New(append([]dhcpv4.Modifier{func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }},
				tt.msg...)...)
			if err != nil {
				t.Fatal(err)
			}
			f := judge(me, reply{msg: m, from: second, sender: tt.sender, onLink: true})
			if f.kind != tt.want || f.kind != nothing && (f.server != tt.server || f.twin != tt.twin) {
				t.Fatalf("judged %+v; want kind %d, server %v, twin %v", f, tt.want, tt.server, tt.twin)
			}
		})
	}
}

// Any host that routers connect to this link can send a unicast, so only one
// that answers the probe counts.
func TestJudgeUnicast(t *testing.T) {
	for situation, tt := range map[string]struct {
		chaddr net.HardwareAddr
		xid    dhcpv4.TransactionID
		kind   dhcpv4.MessageType
		want   kind
	}{
		"an offer to another machine": {chaddr: client, xid: dhcpv4.TransactionID{9},
			kind: dhcpv4.MessageTypeOffer, want: nothing},
		"an offer to the probe's MAC": {chaddr: probeMAC, xid: dhcpv4.TransactionID{9},
			kind: dhcpv4.MessageTypeOffer, want: nothing},
		"another machine, the probe's xid": {chaddr: client, xid: probeID,
			kind: dhcpv4.MessageTypeOffer, want: nothing},
		"a refusal": {chaddr: client, xid: dhcpv4.TransactionID{9},
			kind: dhcpv4.MessageTypeNak, want: nothing},
		"a server answers the probe by that": {chaddr: probeMAC, xid: probeID,
			kind: dhcpv4.MessageTypeOffer, want: foreign},
	} {
		m, err := dhcpv4.New(dhcpv4.WithMessageType(tt.kind), dhcpv4.WithHwAddr(tt.chaddr),
			dhcpv4.WithTransactionID(tt.xid),
			dhcpv4.WithYourIP(net.IPv4(192, 168, 77, 50)), dhcpv4.WithLeaseTime(3600),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(rogue.AsSlice())))
		if err != nil {
			t.Fatal(err)
		}
		m.OpCode = dhcpv4.OpcodeBootReply
		if f := judge(me, reply{msg: m, from: rogue, sender: otherHW}); f.kind != tt.want {
			t.Errorf("%s: %+v", situation, f)
		}
	}
}

func TestRecent(t *testing.T) {
	var r recent
	if r.has(dhcpv4.TransactionID{}) {
		t.Error("nothing was asked, and xid 0 passes")
	}
	for i := range byte(2*discovers + 1) {
		r.add(dhcpv4.TransactionID{1, i})
	}
	if r.has(dhcpv4.TransactionID{1, 0}) || !r.has(dhcpv4.TransactionID{1, 1}) ||
		!r.has(dhcpv4.TransactionID{1, 2 * discovers}) {
		t.Errorf("kept: %v", r.ids)
	}
}

// A server whose offer lacks the end option leases addresses all the same.
func TestServerWithoutEndOption(t *testing.T) {
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithServerIP(net.IP{192, 168, 77, 3}),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IP{192, 168, 77, 3})))
	if err != nil {
		t.Fatal(err)
	}
	m.OpCode = dhcpv4.OpcodeBootReply
	b := bytes.TrimRight(m.ToBytes(), "\x00")
	if b[len(b)-1] != 255 {
		t.Fatalf("it ends with % x", b[len(b)-8:])
	}
	got, ok := read(b[:len(b)-1])
	if !ok || !got.ServerIdentifier().Equal(net.IP{192, 168, 77, 3}) {
		t.Errorf("got %v, %v", got, ok)
	}
}

func FuzzJudge(f *testing.F) {
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithHwAddr(probeMAC))
	if err != nil {
		f.Fatal(err)
	}
	m.OpCode = dhcpv4.OpcodeBootReply
	f.Add(m.ToBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := read(b)
		if !ok {
			return
		}
		if got := judge(me, reply{msg: m, from: rogue, sender: otherHW, onLink: true}); got.kind != nothing &&
			!got.server.IsValid() {
			t.Fatalf("%+v names no server", got)
		}
	})
}
