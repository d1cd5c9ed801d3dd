package dhcp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

func TestSelfTest(t *testing.T) {
	self := netip.MustParsePrefix("192.168.77.1/24")
	hw := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	inform, err := dhcpv4.NewInform(hw, self.Addr().AsSlice())
	if err != nil {
		t.Fatal(err)
	}
	discover, err := dhcpv4.NewDiscovery(hw)
	if err != nil {
		t.Fatal(err)
	}
	own, other := netip.AddrPortFrom(self.Addr(), 40000), netip.MustParseAddrPort("192.168.77.9:40000")
	for _, tt := range []struct {
		situation string
		mode      spec.Mode
		msg       *dhcpv4.DHCPv4
		from      netip.AddrPort
		answered  bool
	}{
		{situation: "from the box's own address", mode: spec.ModeServer, msg: inform, from: own, answered: true},
		{situation: "next to the site's DHCP server", mode: spec.ModeProxy, msg: inform, from: own, answered: true},
		{situation: "DHCP is off", mode: spec.ModeOff, msg: inform, from: own, answered: true},
		{situation: "its own address in the form of IPv6", mode: spec.ModeServer, msg: inform,
			from: netip.AddrPortFrom(netip.AddrFrom16(self.Addr().As16()), 40000), answered: true},
		{situation: "another machine with the box's hardware address", mode: spec.ModeServer, msg: inform, from: other},
		{situation: "a DISCOVER of the box", mode: spec.ModeServer, msg: discover, from: own},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			s := NewSettings(spec.DHCP{Mode: tt.mode}, self, []net.HardwareAddr{hw}, Pools{})
			q := NewQuestion(tt.msg, ServerPort, tt.from)
			a := Decide(time.Now(), s, q)
			if (a.Msg != nil) != tt.answered {
				t.Fatalf("got %+v", a)
			}
			if tt.answered && (a.To != tt.from || a.Msg.MessageType() != dhcpv4.MessageTypeAck ||
				a.Msg.TransactionID != tt.msg.TransactionID || a.Commit) {
				t.Errorf("got %+v", a)
			}
		})
	}
}
