package dhcpconn

import (
	"bytes"
	"net"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"golang.org/x/net/ipv4"

	"github.com/pxebox/pxebox/internal/serve/dhcp"
)

// Packets that cannot be read are returned too: the server logs them.
func TestRead(t *testing.T) {
	m := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet,
		ClientHWAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	whole := m.ToBytes()
	bootp := whole[:236]
	addr := &net.UDPAddr{IP: net.IP{192, 168, 77, 9}, Port: 68}
	var msgs []ipv4.Message
	for _, b := range [][]byte{whole, bootp, whole[:60], make([]byte, room)} {
		msgs = append(msgs, ipv4.Message{Buffers: [][]byte{append(b, make([]byte, room)...)}, N: len(b), Addr: addr})
	}
	qs, bad := read(dhcp.BootServerPort, msgs, false)
	if kept, _ := read(dhcp.BootServerPort, msgs, true); !bytes.Equal(kept[1].Raw, bootp) || qs[1].Raw != nil {
		t.Errorf("the packet that a question keeps: %x, %x", kept[1].Raw, qs[1].Raw)
	}
	if len(qs) != 2 || qs[0].Bare || !qs[1].Bare || qs[1].Port != dhcp.BootServerPort || qs[1].From != addr.AddrPort() {
		t.Errorf("questions: %+v", qs)
	}
	if len(bad) != 2 || bad[0].MAC.String() != "02:00:00:00:00:09" || bad[0].Why == "" ||
		bad[1].From != addr.AddrPort().Addr() {
		t.Errorf("malformed: %+v", bad)
	}
}
