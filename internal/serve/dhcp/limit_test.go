package dhcp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/pxebox/pxebox/internal/boot/spec"
)

// Only some packets count toward the limit of the machine that they name.
func TestLimit(t *testing.T) {
	for situation, tc := range map[string]struct {
		from    string
		again   bool
		limited bool
	}{
		"a machine of the link":                 {from: "0.0.0.0", limited: true},
		"one that was decided before":           {from: "0.0.0.0", again: true},
		"a stranger, in the name of a machine":  {from: "10.9.0.66"},
		"the box's own address, as a self-test": {from: "192.168.77.1"},
	} {
		t.Run(situation, func(t *testing.T) {
			s := settings(spec.ModeServer)
			s.Allow = func(time.Time, []byte, bool) bool { return false }
			q := NewQuestion(message(dhcpv4.MessageTypeDiscover), ServerPort,
				netip.AddrPortFrom(netip.MustParseAddr(tc.from), ClientPort))
			q.Again = tc.again
			if a := Decide(t0, s, q); a.Limited != tc.limited || a.Limited && (a.Msg != nil || a.Addr.IsValid()) {
				t.Errorf("got %+v", a)
			}
		})
	}
}
